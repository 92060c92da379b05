"""What happens: is the address claimed at once, by the line, and does it answer here?"""

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from tests.corpus.servers import KEEPALIVED_LOG, Pair, states_in
from tests.corpus.setup import CONF

BY_LINE = "(line MASTER)"
"""How the daemon's log says that it heard it from the FIFO, and not from D-Bus."""
_OUR_READERS = ("keepalived", "python", "hakeeper")
"""How the names of the processes begin that may have the FIFO open."""
_AT_ONCE_S = 3.0
"""For the line, the API call and the address, from keepalived's own word MASTER on."""
_POLL_S = 0.05


@dataclass(frozen=True, kw_only=True)
class Truth:
    """Whether the address came here, at once and with all that belongs to it."""

    works: bool
    why: str


def judge(pair: Pair) -> Truth:
    """Wait until it works, or can't any more."""
    why = _beside_the_other(pair) or _alone(pair)
    if not why and (others := _other_readers(pair)):
        why = f"others read the FIFO, too, and who gets a line is chance: {others}"
    if not why and pair.peer is not None and not _is_heard(pair):
        why = "the other server does not hear us"
    return Truth(works=not why, why=why or "claimed by the line")


def _beside_the_other(pair: Pair) -> str:
    """See whether we become MASTER although the other server is; then stop that."""
    if pair.peer_process is None:
        return ""
    deadline_s = time.monotonic() + pair.setup.settle_s
    is_master = False
    while not is_master and time.monotonic() < deadline_s:
        is_master = "MASTER" in pair.states().values()
        time.sleep(_POLL_S)
    pair.peer_process.stop()
    return "both servers are MASTER" if is_master else ""


def _alone(pair: Pair) -> str:
    """Wait until nothing is lacking, and return what is, if that can't be any more."""
    deadline_s = time.monotonic() + pair.setup.settle_s
    is_master = False
    while True:
        ended = pair.ended()
        lacking = ended or _lacking(pair)
        now_s = time.monotonic()
        if not lacking or ended or now_s > deadline_s:
            return "; ".join(lacking)
        states = set(pair.states().values())
        if states == {"MASTER"} and not is_master:
            is_master, deadline_s = True, now_s + _AT_ONCE_S
        time.sleep(_POLL_S)


def _lacking(pair: Pair) -> list[str]:
    """Return what is not so yet."""
    told = {
        (entry["fields"]["kind"], entry["fields"]["instance"])
        for entry in pair.entries(pair.entries_seen)
        if entry["event"] == "role.changed"
        and entry["fields"]["role"] == "MASTER"
        and BY_LINE in entry["fields"]["reason"]
    }
    states = pair.states()
    lacking = []
    for section, name, refs in pair.followed():
        if section == "instances" and states.get(name) != "MASTER":
            lacking.append(f"{name} is {states.get(name)}")
        elif (section.removesuffix("s").upper(), name) not in told:
            lacking.append(f"no line of {name}")
        lacking += [f"{ref} is not claimed" for ref in refs if not pair.is_owned(ref)]
    return lacking or list(_unreachable(pair))


def _unreachable(pair: Pair) -> Iterator[str]:
    """Return the floating IPs that no traffic would reach here."""
    shown = json.loads(pair.server.run("ip", "-json", "address", "show"))
    here = [
        ip_address(info["local"]) for link in shown for info in link["addr_info"] if "local" in info
    ]
    for _, _, refs in pair.followed():
        for network in map(pair.floating_ip, refs):
            ip = next((ip for ip in here if ip in ip_network(network)), None)
            if ip is None:
                yield f"{network} is not here"
                continue
            pair.router.deliver(network, 2)
            if not pair.router.is_answered(str(ip)):
                yield f"{ip} does not answer"


def _other_readers(pair: Pair) -> list[str]:
    """Return who else reads the FIFO, by the names of the processes."""
    path = pair.config.get("keepalived", {}).get("fifo", "/run/hakeeper/notify.fifo")
    names = pair.server.holders(path)
    return sorted({name for name in names if not name.startswith(_OUR_READERS)})


def _is_heard(pair: Pair) -> bool:
    """Start the other server's keepalived as the lower one, and see that it stays BACKUP."""
    peer, conf = pair.peer, pair.setup.peer
    assert peer is not None
    assert conf is not None
    lower = conf.replace("priority 250", "priority 50").replace("state MASTER", "state BACKUP")
    peer.write(CONF, lower)
    seen = len(peer.read(KEEPALIVED_LOG))
    with contextlib.closing(pair.start_keepalived(peer)):
        deadline_s = time.monotonic() + pair.setup.settle_s
        heard = True
        while heard and time.monotonic() < deadline_s:
            heard = "MASTER" not in states_in(peer.read(KEEPALIVED_LOG)[seen:]).values()
            time.sleep(_POLL_S)
    peer.write(CONF, conf)
    return heard

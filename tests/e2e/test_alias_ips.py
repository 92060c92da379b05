"""A master with a floating IP and two alias IPs: all three are moved, and nothing of anybody else.

One pair for all tests of this file: each begins with everything at web-a, and ends so.
"""

import contextlib
import json
import re
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from hakeeper.core.model import Role
from hakeeper.demo.cloud import Answer, Fault, LoggedRequest, Network
from hakeeper.demo.lab import wait_until
from tests.e2e.alias_ips import SECOND, Aliases, Gateway, about, wait_for_hits
from tests.e2e.conftest import PAIR, Installed
from tests.e2e.disk import Disk
from tests.e2e.kept import Kept
from tests.e2e.machine import PATIENCE_S, POLL_S, PRIVATE, Machine
from tests.e2e.pair import API_HOST, FLOATING_IP, Pair, Site, token_of

MOVING = ("10.0.0.100", "10.0.0.101")
FOREIGN = {"web-a": "10.0.0.201", "web-b": "10.0.0.202", "old": "10.0.0.203"}
"""Alias IPs that nobody has told hakeeper of. `old` has all of MOVING at first."""
CONFIG = "/etc/hakeeper/hakeeper.yaml"
CONF = "/etc/keepalived/keepalived.conf"
_VIP = f"{FLOATING_IP}/32 dev eth0"
_ALIAS_VIPS = "\n".join(f"        {ip}/32 dev {PRIVATE}" for ip in MOVING)

_SETTINGS = f"""\
@KIND@:
  @NAME@:
    floating_ips: [web]
    alias_ips: [{", ".join(MOVING)}]
    vrrp_address: @OWN@
reconcile:
  interval: 2s
  standby_interval: 5s
"""
_TRACKING = "    track_file {\n        hakeeper\n    }\n"
"""What a group has instead of its members: step-down.md."""
_GROUP = f"""
vrrp_instance VI_2 {{
    state BACKUP
    interface {PRIVATE}
    virtual_router_id 52
    priority @PRIORITY@
    advert_int 1
    unicast_src_ip @OWN@
    unicast_peer {{
        @PEER@
    }}
    authentication {{
        auth_type PASS
        auth_pass changeme
    }}
    virtual_ipaddress {{
{_ALIAS_VIPS}
    }}
}}

vrrp_sync_group VG_1 {{
    group {{
        VI_1
        VI_2
    }}
{_TRACKING}}}
"""


def settings(machine: Machine, kind: str, name: str) -> str:
    """The text of hakeeper.yaml, with all three under one name."""
    text = _SETTINGS.replace("@KIND@", kind).replace("@NAME@", name)
    return text.replace("@OWN@", machine.private_ip)


@pytest.fixture(scope="module")
def kept(
    installed: Installed, site: Site, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Kept[Pair]]:
    """A pair for this file."""

    def boot() -> contextlib.AbstractContextManager[Pair]:
        return booted(site, tmp_path_factory.mktemp("aliases"), installed)

    kept = Kept(boot)
    yield kept
    kept.close()


@pytest.fixture
def pair(request: pytest.FixtureRequest, kept: Kept[Pair]) -> Iterator[Pair]:
    """The pair, with everything at web-a."""
    with kept.lent(request) as pair:
        request.node.stash[PAIR] = pair
        pair.begin()
        yield pair


@contextlib.contextmanager
def booted(site: Site, place: Path, installed: Installed) -> Iterator[Pair]:
    """A copy of the installed pair whose master is to have alias IPs too; web-a is on first."""
    with Pair(site, place / "pair", layers=installed.layers) as pair:
        servers = {**pair.servers, "old": pair.cloud.add_server("old", private_ips=["10.0.0.9"])}
        for name, ip in FOREIGN.items():
            given = [ip, *MOVING] if name == "old" else [ip]
            pair.cloud.set_alias_ips(servers[name], pair.network, given)
        foreign = {servers[name]: ip for name, ip in FOREIGN.items()}
        pair.aliases = Aliases(
            pair.cloud, pair.network, moving=MOVING, foreign=foreign, servers=pair.servers
        )
        for one in pair.machines:
            prepare(one, one.disk)
        try:
            for one in (pair.a, pair.b):  # so that web-b claims nothing at first
                pair.switch_on(one)
                pair.settle(pair.a)
        except BaseException:
            print(pair.report())  # noqa: T201  # pytest shows it with the failure
            raise
        yield pair


def prepare(machine: Machine, disk: Disk) -> None:
    """Write the alias IPs into both configurations of a machine that is off."""
    disk.write(CONFIG, settings(machine, "instances", "VI_1"))
    conf = (disk.root / CONF.lstrip("/")).read_text()
    assert conf.count(_VIP) == 1
    disk.write(CONF, conf.replace(_VIP, f"{_VIP}\n{_ALIAS_VIPS}"))
    disk.write("/var/www/html/index.html", machine.name + "\n")


# --- what must be true at the end of each ------------------------------------------------------


def aliases(pair: Pair) -> Aliases:
    assert pair.aliases is not None, "this file's pairs have alias IPs"
    return pair.aliases


def nobody_has_them(pair: Pair) -> bool:
    return all(holder is None for holder in aliases(pair).holders().values())


def settle(pair: Pair, master: Machine, *, health: Collection[str] = ("ok",)) -> None:
    """Let all three be with the master, by writes of its own; it says so, and finds no fault."""
    pair.settle(master)
    wait_until(
        lambda: not _unconfirmed(master, health),
        timeout_s=PATIENCE_S,
        poll_s=POLL_S,
        what=lambda: f"hakeeper of {master.name} to confirm all: {_unconfirmed(master, health)}",
    )
    told = json.loads(master.run("hakeeper", "check", "--online", "--json", check=False))["online"]
    errors = [one for one in told["findings"] if one["severity"] == "error"]
    assert (errors, told["ready_now"]) == ([], True)
    passed = json.dumps(told["passed"])
    assert all(ip in passed for ip in MOVING), passed


def _unconfirmed(machine: Machine, health: Collection[str]) -> str:
    """Return all that `hakeeper status` says; empty: all three are confirmed."""
    told = machine.status()
    (role,) = told["roles"]
    confirmed = {one["ref"] for one in role["addresses"] if one["confirmed"]}
    well = told["health"] in health and role["role"] == "MASTER"
    if well and confirmed == {"web", *MOVING}:
        return ""
    return json.dumps(told)


def fail_over(pair: Pair) -> None:
    """Stop the master's keepalived."""
    pair.a.systemctl("stop", "keepalived")
    pair.wait_for_master(pair.b)


def give_back(pair: Pair) -> None:
    """Start it again: everything returns to web-a, by its own writes alone."""
    pair.begin()
    pair.a.systemctl("start", "keepalived")
    settle(pair, pair.a)
    assert pair.writers() == {"web-a"}
    assert pair.moves() == ["web-a"]


# --- moves -------------------------------------------------------------------------------------


def test_the_first_claim_takes_all_three(pair: Pair) -> None:
    settle(pair, pair.a)

    first, second = pair.cloud.alias_writes()[:2]
    assert (first.client, first.alias_ips) == ("web-a", (FOREIGN["old"],)), "taken from its holder"
    assert first.server not in pair.servers.values()
    assert (second.client, second.server) == ("web-a", pair.servers["web-a"])
    assert second.alias_ips == (FOREIGN["web-a"], *MOVING)
    for ip in MOVING:
        pair.a.wait_for_event("address.claimed", where=about(ip))


def test_a_failover_there_and_back_takes_the_packets_along(pair: Pair, site: Site) -> None:
    with Gateway(site.private) as gateway:
        assert visits(pair, gateway) == {"web-a"}
        mark = time.time()

        fail_over(pair)
        settle(pair, pair.b)
        assert visits(pair, gateway) == {"web-b"}
        assert pair.moves() == ["web-b"]
        assert pair.writers() == {"web-b"}
        for ip in MOVING:
            pair.b.wait_for_event("address.claimed", mark, where=about(ip))

        give_back(pair)
        assert visits(pair, gateway) == {"web-a"}


def visits(pair: Pair, gateway: Gateway) -> set[str]:
    """Who answers at the alias IPs, if each packet goes to the holder that the cloud knows."""
    names = {server: name for name, server in pair.servers.items()}
    found = set()
    for ip, holder in aliases(pair).holders().items():
        assert holder is not None, f"nobody has {ip}"
        gateway.deliver(ip, via=pair.machine(names[holder]).private_ip)
        found.add(gateway.visit(ip))
    return found


def test_power_cut_of_the_master(pair: Pair) -> None:
    pair.cut_power(pair.a)
    settle(pair, pair.b)
    assert pair.moves() == ["web-b"]
    assert pair.writers() == {"web-b"}

    pair.begin()
    pair.switch_on(pair.a)
    settle(pair, pair.a)
    assert pair.moves() == ["web-a"]
    assert pair.writers() == {"web-a"}


def test_private_network_cut_and_healed(pair: Pair) -> None:
    mark, mark_s = time.time(), time.monotonic()

    with pair.private_cut(pair.a):
        pair.wait_for_master(pair.b)
        for ip in MOVING:
            pair.b.wait_for_event("address.claimed", mark, where=about(ip))
            pair.a.wait_for_event("address.drifted", mark, where=about(ip))
        assert pair.roles() == {"web-a": Role.MASTER, "web-b": Role.MASTER}, "a split brain"
    settle(pair, pair.a, health={"ok", "degraded"})  # for a minute: another one took them

    taken = aliases(pair).takings(mark_s)
    for ip in MOVING:
        assert len([each for _, each in taken if each == ip]) <= 7, "the fight is bounded"


# --- trouble, exactly between the two steps ----------------------------------------------------


@pytest.mark.mixed
def test_the_new_master_cannot_reach_the_api(pair: Pair) -> None:
    mark = time.time()

    with pair.public_cut(pair.b):
        fail_over(pair)
        pair.b.wait_for_event("api.failed", mark)
        assert aliases(pair).misplaced(pair.servers["web-a"]) == "", "nobody could tell the cloud"
    settle(pair, pair.b)

    assert pair.moves() == ["web-b"]
    assert pair.writers() == {"web-b"}
    give_back(pair)


@pytest.mark.mixed
def test_the_second_step_is_refused_for_a_while(pair: Pair) -> None:
    mark = time.time()

    with pair.cloud.faulty(replace(SECOND, status=503)) as fault:
        fail_over(pair)
        wait_for_hits(pair.cloud, fault, 3)
        pair.b.wait_for_event("claim.failed", mark, where=about(MOVING[0]))
        assert nobody_has_them(pair)
    settle(pair, pair.b)

    assert pair.moves() == ["web-b"]
    assert pair.writers() == {"web-b"}
    give_back(pair)


@pytest.mark.mixed
def test_the_answer_to_the_second_step_is_lost(pair: Pair) -> None:
    with pair.cloud.faulty(replace(SECOND, answer=Answer.RESET, commit=True, count=1)) as fault:
        fail_over(pair)
        wait_for_hits(pair.cloud, fault)
    settle(pair, pair.b)

    assert len(alias_writes(pair)) == 2, "it was read, and not sent again"
    assert pair.writers() == {"web-b"}
    give_back(pair)


def alias_writes(pair: Pair) -> list[LoggedRequest]:
    """Return those since the test began."""
    return [one for one in pair.writes() if one.is_alias_write]


@pytest.mark.mixed
def test_the_api_goes_away_between_the_steps(pair: Pair) -> None:
    mark = time.time()

    with contextlib.ExitStack() as away:
        with pair.cloud.faulty(replace(SECOND, answer=Answer.NEVER, count=1)) as second:
            fail_over(pair)
            wait_for_hits(pair.cloud, second)
            away.enter_context(pair.cloud.faulty(Fault(network=Network.REFUSE)))
        pair.b.wait_for_event("api.failed", mark)
        assert nobody_has_them(pair)
    settle(pair, pair.b)

    assert pair.moves() == ["web-b"]
    assert pair.writers() == {"web-b"}
    give_back(pair)


@pytest.mark.mixed
@pytest.mark.parametrize("outcome", ["not done", "done"])
def test_hakeeper_killed_while_the_second_step_is_under_way(pair: Pair, outcome: str) -> None:
    pid = pair.b.main_pid("hakeeper")
    done = outcome == "done"

    with pair.cloud.faulty(replace(SECOND, answer=Answer.NEVER, commit=done, count=1)) as fault:
        fail_over(pair)
        wait_for_hits(pair.cloud, fault)
        pair.b.run("systemctl", "kill", "--signal=KILL", "hakeeper")
    settle(pair, pair.b)

    assert pair.b.main_pid("hakeeper") not in {0, pid}, "systemd has started another one"
    assert len(alias_writes(pair)) == (2 if done else 3), (
        "what is to be sent is read, not remembered"
    )
    assert pair.writers() == {"web-b"}
    give_back(pair)


# --- a sync group ------------------------------------------------------------------------------


def test_alias_ips_of_a_sync_group(pair: Pair) -> None:
    before = {one.name: one.run("cat", CONF) for one in pair.machines}
    reconfigure(pair, {name: grouped(pair.machine(name), conf) for name, conf in before.items()},
                "groups", "VG_1")  # fmt: skip
    mark = time.time()

    fail_over(pair)
    settle(pair, pair.b)
    pair.b.wait_for_event("role.changed", mark, where=lambda one: one["HAKEEPER_KIND"] == "GROUP")
    for ip in MOVING:
        pair.b.wait_for_event("address.claimed", mark, where=about(ip))
    assert pair.moves() == ["web-b"]
    assert pair.writers() == {"web-b"}

    give_back(pair)
    reconfigure(pair, before, "instances", "VI_1")


def grouped(machine: Machine, conf: str) -> str:
    """A keepalived.conf in which a second instance has the alias IPs, and a group both."""
    assert conf.count(_ALIAS_VIPS) == 1
    (peer,) = re.findall(r"unicast_peer \{\s+(\S+)", conf)
    (priority,) = re.findall(r"priority (\d+)", conf)
    group = _GROUP.replace("@OWN@", machine.private_ip)
    alone = conf.replace(_ALIAS_VIPS, "").replace(_TRACKING, "")
    return alone + group.replace("@PEER@", peer).replace("@PRIORITY@", priority)


def reconfigure(pair: Pair, confs: Mapping[str, str], kind: str, name: str) -> None:
    """Give both machines another configuration, as an operator does who can afford an outage."""
    for one in pair.machines:
        one.systemctl("stop", "keepalived")
        one.write(CONF, confs[one.name])
        one.write(CONFIG, settings(one, kind, name))
        one.systemctl("restart", "hakeeper")
    for one in pair.machines:
        one.systemctl("start", "keepalived")
    settle(pair, pair.a)
    pair.begin()


# --- the judgement itself ----------------------------------------------------------------------


@pytest.mark.mixed
def test_wrong_writes_are_found(pair: Pair, kept: Kept[Pair]) -> None:
    pair.a.systemctl("stop", "hakeeper")
    a, b = (pair.servers[one.name] for one in pair.machines)

    send(pair, pair.b, b, FOREIGN["web-b"])
    assert_found(pair, "web-b sent .* while not MASTER")
    send(pair, pair.a, a, *MOVING)
    assert_found(pair, "web-a sent .* which takes 10.0.0.201 away")
    assert_found(pair, "web-a moved 10.0.0.201, which is somebody else's")
    send(pair, pair.a, a, FOREIGN["web-a"], "10.0.0.222")
    assert_found(pair, "web-a sent .* which adds what nobody has configured")
    send(pair, pair.a, b, FOREIGN["web-b"], *MOVING)
    assert_found(pair, f"web-a moved {MOVING[0]} to server {b}, which is not its own")
    assert "and should be" in aliases(pair).misplaced(a)
    kept.close()  # the log of this cloud would be judged again


def send(pair: Pair, sender: Machine, server: int, *alias_ips: str) -> None:
    """Replace a list by hand, with the machine's own token."""
    body = {"network": pair.network, "alias_ips": alias_ips}
    count = len(pair.cloud.actions())
    sender.run(
        *("curl", "--silent", "--show-error", "--fail", "--output", "/dev/null"),
        *("--header", f"Authorization: Bearer {token_of(sender.name)}"),
        *("--header", "Content-Type: application/json", "--data", json.dumps(body)),
        f"https://{API_HOST}/v1/servers/{server}/actions/change_alias_ips",
    )
    pair.cloud.wait_for(
        lambda: (
            len(pair.cloud.actions()) > count
            and all(one["status"] != "running" for one in pair.cloud.actions())
        ),
        PATIENCE_S,
    )


def assert_found(pair: Pair, pattern: str) -> None:
    wrongs = pair.wrongful_assigns()
    assert any(re.search(pattern, one) for one in wrongs), wrongs

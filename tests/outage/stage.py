"""Two nodes behind one floating address, and an outside world whose packets follow its holder."""

import contextlib
import itertools
import json
import os
import random
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hakeeper.core.model import Role
from hakeeper.demo.cloud import Fault, SimCloud
from hakeeper.demo.lab import Cable, Lab, LabSettings, Node, VrrpSettings, Way, wait_until
from hakeeper.demo.lab.daemon import is_event
from hakeeper.demo.lab.netns import Namespace
from hakeeper.demo.lab.network import INTERFACE
from hakeeper.demo.lab.process import LabProcess

ADDRESS = "203.0.113.10"
"""The lab gives its one floating IP this address."""
VRRP = {
    "fast": VrrpSettings(version=3, advert_int_s=0.1, higher_prio_send_advert=True),
    "fastest": VrrpSettings(
        version=3,
        advert_int_s=0.03,
        higher_prio_send_advert=True,
        more_globals=("max_auto_priority 99",),
    ),
    "plain": VrrpSettings(version=2, advert_int_s=1, higher_prio_send_advert=True),
}
"""As in conf/keepalived: fast-*.conf, fastest-*.conf and plain-*.conf."""
_CALM_S = 1.0
"""So long everything goes well before the death, and after it."""
_PATIENCE_S = 60.0

_SCRIPT = """\
#!/bin/bash
# notify_master, as it is found in blogs and answers: try until it works.
export HCLOUD_TOKEN={token} HCLOUD_ENDPOINT={endpoint}
for try in 1 2 3 4 5 6 7 8 9 10; do
    if hcloud floating-ip assign web {server}; then
        exit 0
    fi
    sleep 3
done
exit 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failover:
    """What the visitor saw of one."""

    outage_ms: float
    """From the last probe that was answered before the death to the first one after it."""
    reaction_ms: float
    """The part of it after the other node's keepalived had said MASTER: who assigns is in it."""
    lost: int
    """Requests, of ten a second, that were not answered within half a second."""
    jitter_ms: float
    """The longest time between two answered probes while all was well: what is mere noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """How the simulated API behaves."""

    latency_s: float
    """Of every call."""
    action_s: float = 0.0
    """How long an assign takes after it was accepted."""
    refuses_once: bool = False
    """Whether it answers the second node's first assign with 503."""


def measure(*, profile: str, by_script: bool, api: Api) -> Failover:
    """Build everything, let the master die once, and tell what the visitor saw."""
    settings = LabSettings(vrrp=VRRP[profile], interval="10s", standby_interval="60s")
    with SimCloud() as cloud, Lab(settings, cloud) as lab, contextlib.ExitStack() as stack:
        cloud.set_rules(action_s=api.action_s)
        if api.refuses_once:
            assign = r"/actions/assign$"
            cloud.fault(Fault(path=assign, client="b", status=503, count=1, delay_s=api.latency_s))
        cloud.fault(Fault(delay_s=api.latency_s))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="outage-")))
        for node in lab.nodes:
            stack.enter_context(web_server(node, folder))
            if by_script:
                _use_script(node)
            else:
                node.hakeeper.start()
        world = stack.enter_context(lab.another_host("world"))
        stack.enter_context(routes_follow(cloud, lab, world))
        first, second = lab.nodes
        lab.start_keepalived()
        lab.wait_for_master(first)
        wait_until(
            lambda: cloud.holder(lab.floating_ips["web"]) == first.server_id,
            timeout_s=_PATIENCE_S,
            what="the address to go to the first node",
        )
        if not by_script:
            first.hakeeper.wait_for_log(is_event("address.claimed"), timeout_s=_PATIENCE_S)
        client = LabProcess(
            "client",
            [sys.executable, str(Path(__file__).with_name("client.py")), ADDRESS],
            log_path=folder / "client.log",
            namespace=world,
        )
        stack.callback(client.close)
        # The measure of calm, no wait for anything; a death knows nothing of adverts.
        time.sleep(_CALM_S + random.uniform(0, settings.vrrp.advert_int_s))  # noqa: S311
        died_s = _die(lab, first)
        lab.wait_for_master(second, timeout_s=_PATIENCE_S)
        wait_until(
            lambda: cloud.holder(lab.floating_ips["web"]) == second.server_id,
            timeout_s=_PATIENCE_S,
            what="the address to go to the second node",
        )
        time.sleep(_CALM_S)  # likewise
        client.signal(signal.SIGTERM)
        client.wait(_PATIENCE_S)
        return _judge(json.loads(client.log_text()), died_s, _master_since(lab, second, died_s))


def _die(lab: Lab, node: Node) -> float:
    """Let a node be dead to all others at one blow; return when."""
    node.set_api(Way.SILENT)
    node.set_cable(Cable.CUT)
    died_s = time.monotonic()
    node.keepalived.kill_all()
    lab.witness.gone(node.name)
    return died_s


def _use_script(node: Node) -> None:
    script = node.folder / "notify-master"
    script.write_text(
        _SCRIPT.format(
            token=shlex.quote((node.folder / "token").read_text().strip()),
            endpoint=node.endpoint,
            server=f"node-{node.name}",
        )
    )
    script.chmod(0o700)
    conf = node.keepalived.own_conf
    marker = "    virtual_router_id"
    assert conf.count(marker) == 1
    conf = conf.replace(marker, f'    notify_master "{script}" root\n{marker}')
    node.keepalived.write_conf(conf)


@contextlib.contextmanager
def web_server(node: Node, folder: Path, *, on_lo: bool = True) -> Iterator[None]:
    """Have somebody who answers on the node, and with `on_lo` the address for good."""
    if on_lo:
        node.namespace.ip(f"address add {ADDRESS}/32 dev lo")
    else:
        node.namespace.run("sysctl", "-qw", "net.ipv4.ip_nonlocal_bind=1")
    server = LabProcess(
        "server",
        [sys.executable, str(Path(__file__).with_name("server.py")), ADDRESS],
        log_path=folder / f"server-{node.name}.log",
        namespace=node.namespace,
    )
    try:
        wait_until(lambda: "up" in server.log_text(), timeout_s=_PATIENCE_S, what="the web server")
        yield
    finally:
        server.close()


@contextlib.contextmanager
def routes_follow(cloud: SimCloud, lab: Lab, world: Namespace) -> Iterator[None]:
    """Route the address, in the outside world, to whichever node the cloud says owns it."""
    ips = {node.server_id: node.station.ip for node in lab.nodes}
    stop = threading.Event()
    with subprocess.Popen(
        world.inside(["ip", "-batch", "-"]), stdin=subprocess.PIPE, start_new_session=True
    ) as routes:
        assert routes.stdin is not None
        stdin = routes.stdin

        def follow() -> None:
            version, last = -1, None
            while not stop.is_set():
                version = cloud.call("wait", after_version=version, timeout_s=0.5)
                holder = cloud.holder(lab.floating_ips["web"])
                if holder != last and holder is not None:
                    stdin.write(
                        f"route replace {ADDRESS}/32 via {ips[holder]} dev {INTERFACE}\n".encode()
                    )
                    stdin.flush()
                last = holder

        thread = threading.Thread(target=follow, name="routes")
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            stdin.close()


def _master_since(lab: Lab, node: Node, died_s: float) -> float:
    """When the node's keepalived said MASTER, by the lab's own record; not before the death."""
    changes = [one for one in lab.witness.changes() if one.node == node.name]
    return next(one.at_s for one in changes if one.role is Role.MASTER and one.at_s >= died_s)


def _judge(seen: dict[str, list[tuple[float, bool]]], died_s: float, master_s: float) -> Failover:
    answered = [sent_s for sent_s, good in seen["probes"] if good]
    before = [sent_s for sent_s in answered if sent_s < died_s]
    after = [sent_s for sent_s in answered if sent_s >= died_s]
    assert before, "nothing was answered before the death"
    assert after, "nothing was answered after the death"
    calm = [late - early for early, late in itertools.pairwise(before)]
    return Failover(
        outage_ms=1000 * (after[0] - before[-1]),
        reaction_ms=1000 * (after[0] - master_s),
        lost=sum(not good for _, good in seen["requests"]),
        jitter_ms=1000 * max(calm),
    )


def unavailable() -> str | None:
    """Say why this cannot be measured here, or None."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    return Lab.available()

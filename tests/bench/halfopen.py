"""The connection to the API is dead or busy at the moment of failover: when does the assign arrive?

All of it runs in a network namespace of its own, where nftables can drop every packet of the
connections that are open while new ones work: what a NAT or a firewall that has lost its state
does, or a server that is gone. As root.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from hakeeper.demo.cloud import CloudClient, Fault, Network
from hakeeper.demo.lab.netns import Namespace
from tests.bench import rig
from tests.bench.claim import ELSEWHERE, STANDBY_INTERVAL_S, Hakeeper, Observer, Sample, Way
from tests.bench.table import markdown, ms, summary

RTT_MS = 20
REPEAT = 10
_EARLIER_S = 1.0
"""What happens to an idle connection happens so long before the line."""
_OLD_S = 6.0
"""So old at least is an idle connection that the server ends: hakeeper replaces one at once, but
does not connect more often than every five seconds."""
_BUSY_S = 1.0
_TABLE = "bench"
Spoil = Callable[[CloudClient, rig.Relay], None]


def measure(repeat: int | None) -> dict[str, Any]:
    """Measure in a namespace of its own; return the figures."""
    if os.geteuid() != 0:
        raise rig.Unavailable("network namespaces need root")
    for program in ("nft", "ss", "unshare", "nsenter"):
        if shutil.which(program) is None:
            raise rig.Unavailable(f"there is no {program}")
    argv = [sys.executable, "-m", "tests.bench.halfopen", str(repeat or REPEAT)]
    with Namespace("bench") as namespace:
        done = subprocess.run(
            namespace.inside(argv), env=rig.environment(), stdout=subprocess.PIPE, check=True
        )
    return dict(json.loads(done.stdout))


# --- inside ---------------------------------------------------------------------------------------


def drop_open(_front: CloudClient, relay: rig.Relay) -> None:
    """Drop from now on all packets of the connections that clients have open, both ways."""
    shown = _tool("ss", "-Htn", "state", "established", f"( dport = :{relay.port} )")
    ports = re.findall(r":(\d+)\s+\S+:\d+\s*$", shown, re.MULTILINE)
    if not ports:
        raise RuntimeError(f"no open connection to drop: {shown!r}")
    clients = "{ " + ", ".join(ports) + " }"
    rules = (
        f"table ip {_TABLE} {{",
        "chain cut {",
        "type filter hook input priority 0; policy accept;",
        f"tcp sport {clients} tcp dport {relay.port} drop",
        f"tcp sport {relay.port} tcp dport {clients} drop",
        "}",
        "}",
    )
    _tool("nft", "-f", "-", given="\n".join(rules) + "\n")


def close_idle(front: CloudClient, _relay: rig.Relay) -> None:
    """Have the server close what is idle, in order; then let a second pass."""
    time.sleep(_OLD_S)  # the case itself, no wait for anything
    before = front.counters()
    with front.faulty(Fault(network=Network.IDLE_CLOSE, idle_s=0.2)):
        front.wait_for(lambda: _is_shaken(front, before.connections), rig.PATIENCE_S)
    time.sleep(_EARLIER_S)  # likewise


def reset_idle(front: CloudClient, _relay: rig.Relay) -> None:
    """Have the server reset all connections; then let a second pass."""
    time.sleep(_OLD_S)  # likewise
    before = front.counters()
    front.drop_connections()
    front.wait_for(lambda: _is_shaken(front, before.connections), rig.PATIENCE_S)
    time.sleep(_EARLIER_S)  # likewise


def reset_now(front: CloudClient, _relay: rig.Relay) -> None:
    """Have the server reset all connections right before the line: the client cannot know."""
    before = front.counters()
    front.drop_connections()
    front.wait_for(lambda: _is_shaken(front, before.connections), rig.PATIENCE_S)


def _is_shaken(front: CloudClient, accepted: int) -> bool:
    """Say whether the old connections are gone: none is left, or the client made a new one."""
    now = front.counters()
    return now.open_connections == 0 or now.connections > accepted


def keep_busy(front: CloudClient, _relay: rig.Relay) -> None:
    """Let the standby's next read wait for its answer when the line comes."""
    fault = Fault(method="GET", path="/floating_ips$", answer_delay_s=_BUSY_S, count=1)
    fault_id = front.fault(fault)
    front.wait_for(lambda: front.faults()[fault_id - 1].hits, rig.PATIENCE_S)


def undisturbed(_front: CloudClient, _relay: rig.Relay) -> None:
    """Do nothing: for comparison."""


CASES: Mapping[str, Spoil] = {
    "none": undisturbed,
    "busy: the standby's read waits for its answer": keep_busy,
    "half-open: every packet is dropped, both ways": drop_open,
    "closed by the server while idle, 1 s before": close_idle,
    "reset by the server while idle, 1 s before": reset_idle,
    "reset by the server right before": reset_now,
}


def _tool(*argv: str, given: str = "") -> str:
    done = subprocess.run(argv, input=given, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout


class Spoilt:
    """A way whose connection dies right before the event."""

    def __init__(self, way: Way, spoil: Callable[[], None]) -> None:
        self.client, self.floating_ip = way.client, way.floating_ip
        self._way = way
        self._spoil = spoil

    def prepare(self) -> None:
        """Have it ready."""
        self._way.prepare()

    def fire(self) -> float | None:
        """Let the connection die, and the event happen."""
        self._spoil()
        return self._way.fire()

    def finish(self) -> float | None:
        """Wait for the end, and let packets pass again."""
        told_s = self._way.finish()
        _tool("nft", "flush", "ruleset")  # of this namespace
        return told_s


def _measure(repeat: int) -> dict[str, Any]:
    samples: dict[str, list[Sample]] = {case: [] for case in CASES}
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(rig.folder())
        cloud = stack.enter_context(rig.cloud(place / "cloud"))
        elsewhere = cloud.front.add_server(ELSEWHERE)
        web = cloud.front.add_floating_ip("web", "203.0.113.10", server=elsewhere)
        relay = stack.enter_context(rig.relay(cloud, RTT_MS))
        interval = f"{STANDBY_INTERVAL_S:g}s"
        settings = {"reconcile": {"interval": interval, "standby_interval": interval}}
        standby = stack.enter_context(
            rig.standby(place, cloud, relay, {"VI_1": ["web"]}, settings=settings)
        )
        hakeeper = Hakeeper(standby, web, elsewhere)
        observer = Observer(cloud.front)
        for turn in range(repeat):
            for case, spoil in CASES.items():
                way = Spoilt(hakeeper, partial(spoil, cloud.front, relay))
                sample = observer.sample(way)
                samples[case].append(sample)
                rig.progress(f"halfopen, {turn + 1}: {case}: {ms(sample.ms)} ms")
    return {
        "rtt_ms": RTT_MS,
        "cases": {
            case: {
                **summary([sample.ms for sample in taken]),
                "samples": [round(sample.ms, 3) for sample in taken],
                "assigns": max(
                    sum(request.is_assign for request in sample.requests) for sample in taken
                ),
            }
            for case, taken in samples.items()
        },
    }


HEAD = ("what the connection has met", "median ms", "worst ms", "events")


def tables(measured: Mapping[str, Any]) -> str:
    """Return the table: from the line to the arrival of an assign."""
    rows = (
        (case, ms(each["median"]), ms(each["max"]), each["count"])
        for case, each in measured["cases"].items()
    )
    return markdown(HEAD, rows)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_measure(int(sys.argv[1]))))

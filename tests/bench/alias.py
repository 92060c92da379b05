"""Alias IPs: how long a move takes beyond its two actions, there and back.

Two warm daemons take turns. The event is the write of keepalived's MASTER line; the end is the
moment at which the simulated cloud gives the alias IPs to the new master's server, which is at the
end of the second action. One instance has two of them.
"""

import contextlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hakeeper.core.claim.resource import SPACING_S
from tests.bench import rig
from tests.bench.table import markdown, ms, summary

ACTIONS_S = (0.0, 1.0, 5.0)
RTT_MS = 20
REPEAT = 10
"""Moves for each time of the action."""
ALIAS_IPS = ("10.0.0.100", "10.0.0.101")
FOREIGN = "10.0.0.200"


def measure(repeat: int | None) -> dict[str, Any]:
    """Measure moves in both directions; return the figures."""
    return {
        "rtt_ms": RTT_MS,
        "actions": {f"{action_s:g}": _moves(action_s, repeat or REPEAT) for action_s in ACTIONS_S},
    }


def _moves(action_s: float, count: int) -> dict[str, Any]:
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(rig.folder())
        cloud = stack.enter_context(rig.cloud(place / "cloud", action_s=action_s))
        cloud.front.set_rules(holder_at_accept=False)
        network = cloud.front.add_network("internal", "10.0.0.0/16")
        way = stack.enter_context(rig.relay(cloud, RTT_MS))
        nodes = [_standby(stack, place, cloud, way, network, number) for number in (1, 2)]
        beyond_ms, writes = [], []
        for turn in range(-1, count):  # the first one takes them from nobody
            taker, other = nodes[turn % 2], nodes[(turn + 1) % 2]
            seq = rig.last_seq(cloud.front)
            mark = taker.node.mark()
            if turn >= 0:
                other.backup()
                time.sleep(SPACING_S)  # no step of the taker's last turn delays this one
            event_s = taker.notify.role("MASTER")
            for ip in ALIAS_IPS:
                taker.node.wait_log("address.claimed", after=mark, address=ip)
            got_s = max(c.at_s for c in cloud.front.alias_moves(network) if c.new == taker.server)
            if turn >= 0:
                beyond_ms.append(1000 * (got_s - event_s - 2 * action_s))
                writes.append(len([w for w in cloud.front.alias_writes() if w.seq > seq]))
            rig.progress(f"alias: action {action_s:g} s, {turn + 1} of {count}")
    return {**summary(beyond_ms), "writes": max(writes)}


def _standby(
    stack: contextlib.ExitStack,
    place: Path,
    cloud: rig.Cloud,
    way: rig.Relay,
    network: int,
    number: int,
) -> rig.Standby:
    made = rig.Standby(place, cloud, way, {}, name=f"node-{number}")
    made.node.config["instances"] = {"VI_1": {"alias_ips": list(ALIAS_IPS)}}
    made.instances = ("VI_1",)
    foreign = [f"10.0.0.{200 + number}"]
    cloud.front.attach(made.server, network, f"10.0.0.{number + 1}", alias_ips=foreign)
    stack.callback(made.close)
    made.start()
    return made


HEAD = ("action s", "median ms beyond both", "p99 ms", "most ms", "writes a move", "moves")


def tables(measured: Mapping[str, Any]) -> str:
    """Return the table."""
    rows = [
        [
            action,
            ms(own["median"]),
            ms(own["p99"]),
            ms(own["max"]),
            str(own["writes"]),
            str(own["count"]),
        ]
        for action, own in measured["actions"].items()
    ]
    sentence = (
        f"At a round trip of {measured['rtt_ms']} ms, two alias IPs of one instance, from the"
        " MASTER line to the moment at which the cloud gives them to the new master, less the"
        " time of the two actions."
    )
    return f"{markdown(HEAD, rows)}\n{sentence}\n"

"""VRRP flaps ten times a second on two nodes: what is sent, and is the address right afterwards?

Two daemons, whose instances are MASTER and BACKUP in turn, one the opposite of the other, so that
both want the address all the time. Every half minute it ends, with either of them as MASTER in
turn; then the address has to be there. `repeat` is the seconds.

The action of an assign takes a tenth of a second, so that many a change comes in the middle of one.
"""

import bisect
import contextlib
import itertools
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from hakeeper.demo.lab.daemon import event_of
from tests.bench import procfs, rig
from tests.bench.packaged import lay_out, service
from tests.bench.table import markdown, summary

SECONDS = 600
STRETCH_S = 30.0
PERIOD_S = 0.1
"""From an edge to the next."""
_ACTION_S = 0.1
WINDOW_S = 0.95
"""hakeeper sends at least a second apart; on their way requests get nearer by some milliseconds."""
_REST_S = 5.0
"""After the address is right: so long it has to stay."""
_NAMES = "node-a", "node-b"


def most_within(times_s: Sequence[float], window_s: float) -> int:
    """Return the largest number of times in any window that is so long, its end not included."""
    ordered = sorted(times_s)
    return max(
        (bisect.bisect_left(ordered, at_s + window_s) - n for n, at_s in enumerate(ordered)),
        default=0,
    )


def _flap(nodes: Sequence[rig.Standby], seconds: float, last: int) -> tuple[int, float]:
    """Change all roles at every edge; at the end node `last` is MASTER. Return edges, and when."""
    edges = max(1, round(seconds / PERIOD_S))
    due_s = time.monotonic()
    edge_s = due_s
    for left in reversed(range(edges)):
        master = (last + left) % len(nodes)
        # Who gives it up says so first, as the better one's advert comes before its line.
        nodes[1 - master].notify.role("BACKUP")
        edge_s = nodes[master].notify.role("MASTER")
        due_s += PERIOD_S
        if left:
            time.sleep(max(0.0, due_s - time.monotonic()))
    return edges, edge_s


def _ending(
    cloud: rig.Cloud, address: int, nodes: Sequence[rig.Standby], last: int, edge_s: float
) -> dict[str, Any]:
    """Wait until the address is where it belongs, and a little longer; tell how it came there."""
    wanted = nodes[last].server
    cloud.front.wait_for(lambda: cloud.front.holder(address) == wanted, 10 * rig.PATIENCE_S)
    time.sleep(_REST_S)
    moves = cloud.front.moves(address)
    came_s = next((one.at_s for one in reversed(moves) if one.new == wanted), edge_s)
    stayed = cloud.front.holder(address) == wanted
    return {"right_ms": max(0.0, 1000 * (came_s - edge_s)), "stayed": stayed}


def measure(repeat: int | None) -> dict[str, Any]:
    """Flap for so long, in stretches with an end each."""
    seconds = SECONDS if repeat is None else repeat
    stretches = max(1, round(seconds / STRETCH_S))
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(rig.folder())
        launcher = lay_out(place)
        cloud = stack.enter_context(rig.cloud(place / "cloud", action_s=_ACTION_S))
        address = cloud.front.add_floating_ip("web", "203.0.113.10")
        direct = rig.Relay(port=cloud.port, rtt_ms=0.0, pid=cloud.pid)
        nodes = []
        for name in _NAMES:
            one = rig.Standby(place, cloud, direct, {"VI_1": ["web"]}, name=name)
            stack.callback(one.close)
            one.node.keepalived.start()
            one.node.write_config()
            stack.enter_context(service(one.node.daemon, launcher)).start()
            one.node.wait_log("address.resolved")
            one.backup()
            nodes.append(one)
        edges, endings = 0, []
        before = {one.name: asdict(procfs.memory(one.pid)) for one in nodes}
        begun_s = time.monotonic()
        for number in range(stretches):
            last = number % len(nodes)
            count, edge_s = _flap(nodes, seconds / stretches, last)
            edges += count
            endings.append(_ending(cloud, address, nodes, last, edge_s))
            rig.progress(f"flap {number + 1} of {stretches}: {endings[-1]}")
        passed_s = time.monotonic() - begun_s
        after = {one.name: asdict(procfs.memory(one.pid)) for one in nodes}
        sent = {
            name: [one.received_s for one in cloud.front.assigns(client=name)] for name in _NAMES
        }
        calls = {name: len(cloud.front.requests(client=name)) for name in _NAMES}
        contested = sum(
            event_of(entry) == "address.held_down"
            for one in nodes
            for entry in one.node.daemon.entries()
        )
        journal = {one.name: len(one.node.daemon.entries()) for one in nodes}
    return {
        "seconds": passed_s,
        "edges": edges,
        "endings": endings,
        "assigns": {name: len(times) for name, times in sent.items()},
        "most_in_window": {name: most_within(times, WINDOW_S) for name, times in sent.items()},
        "least_between_ms": {
            name: min((1000 * (b - a) for a, b in itertools.pairwise(times)), default=0.0)
            for name, times in sent.items()
        },
        "calls": calls,
        "contested": contested,
        "journal_lines": journal,
        "before": before,
        "after": after,
    }


def tables(figures: dict[str, Any]) -> str:
    """Show what each node sent, and how the stretches ended."""
    head = (
        *("node", "assigns received", f"most in any {WINDOW_S:g} s", "least between two, ms"),
        *("all API calls", "journal lines", "resident before, MiB", "after"),
        *("open files before", "after"),
    )
    rows = [
        (
            *(name, figures["assigns"][name], figures["most_in_window"][name]),
            *(f"{figures['least_between_ms'][name]:.0f}", figures["calls"][name]),
            *(figures["journal_lines"][name],),
            *(f"{figures[when][name]['rss'] / 1024:.1f}" for when in ("before", "after")),
            *(figures[when][name]["descriptors"] for when in ("before", "after")),
        )
        for name in _NAMES
    ]
    right = summary([one["right_ms"] for one in figures["endings"]])
    stayed = sum(one["stayed"] for one in figures["endings"])
    told = (
        f"{figures['edges']} edges. After the last edge of a stretch the address was right within "
        f"{right['median']:.0f} ms (median of {right['count']}), at worst {right['max']:.0f}; it "
        f"stayed so in {stayed} of them. Contested: {figures['contested']}."
    )
    return f"{markdown(head, rows)}\n{told}\n"

"""What hakeeper costs while nothing happens, in each role.

Three nodes with real keepalived and its D-Bus: one MASTER, one BACKUP, one in FAULT (its link is
down). The daemons are started as systemd starts them, and left alone. `repeat` is the seconds.
"""

import time
from collections import Counter
from dataclasses import asdict
from typing import Any

from hakeeper.core.model import Role
from hakeeper.demo.cloud import LoggedRequest
from tests.bench import pair, procfs, rig
from tests.bench.packaged import lay_out
from tests.bench.table import markdown

SECONDS = 300
_SETTLED_S = 25.0
"""After a claim hakeeper looks closely for 20 s; that is not idle."""
_INTERVAL_S, _STANDBY_S = 10, 60


def _kind(request: LoggedRequest) -> str:
    """Return what an API call was, without its ids."""
    path = "/".join("N" if part.isdigit() else part for part in request.path.split("/"))
    return f"{request.method} {path.partition('?')[0]}"


def _watch(cluster: pair.Cluster, seconds: float) -> dict[str, Any]:
    """Leave the daemons alone for so long, and count."""
    nodes = cluster.lab.nodes
    seq = rig.last_seq(cluster.front)
    before = {node.name: procfs.usage(node.hakeeper.pid) for node in nodes}
    lines = {node.name: len(node.hakeeper.entries()) for node in nodes}
    watchdogs = {name: each.watchdogs for name, each in cluster.services.items()}
    begun_s = time.monotonic()
    while (left_s := begun_s + seconds - time.monotonic()) > 0:
        rig.progress(f"idle: {left_s:.0f} s to go")
        time.sleep(min(left_s, 30.0))
    passed_s = time.monotonic() - begun_s
    figures: dict[str, Any] = {}
    for node in nodes:
        after, early = procfs.usage(node.hakeeper.pid), before[node.name]
        calls = Counter(
            _kind(one) for one in cluster.front.requests(client=node.name, after_seq=seq)
        )
        figures[pair.role_of(node)] = {
            "seconds": passed_s,
            "cpu_s": after.running_s - early.running_s,
            "cpu_ticks_s": after.ticks_s - early.ticks_s,
            "cpu_percent": 100 * (after.running_s - early.running_s) / passed_s,
            "wakeups": after.waking - early.waking,
            "wakeups_per_s": (after.waking - early.waking) / passed_s,
            "threads": after.threads,
            "memory_kib": asdict(procfs.memory(node.hakeeper.pid)),
            "calls": dict(calls),
            "calls_per_hour": {kind: 3600 * count / passed_s for kind, count in calls.items()},
            "journal_lines": len(node.hakeeper.entries()) - lines[node.name],
            "watchdogs": cluster.services[node.name].watchdogs - watchdogs[node.name],
        }
    return figures


def measure(repeat: int | None) -> dict[str, Any]:
    """Bring three nodes into the three roles, and watch them."""
    pair.require()
    with (
        rig.folder() as place,
        pair.cluster(place, lay_out(place), pair.profile("plain", nodes=3)) as cluster,
    ):
        cluster.start()
        last = cluster.lab.nodes[2]
        last.link_down()
        cluster.lab.witness.wait_for_role(
            last.name, pair.INSTANCE, {Role.FAULT}, timeout_s=rig.PATIENCE_S
        )
        time.sleep(_SETTLED_S)
        return {"roles": _watch(cluster, SECONDS if repeat is None else repeat)}


def _calls(role: str, figures: dict[str, Any]) -> str:
    """Show the API calls an hour, beside those that the interval says."""
    wanted = 3600 / (_INTERVAL_S if role == "MASTER" else _STANDBY_S)
    seen = ", ".join(
        f"{kind}: {count:.0f}" for kind, count in sorted(figures["calls_per_hour"].items())
    )
    return f"{seen or 'none'} ({wanted:.0f})"


def tables(figures: dict[str, Any]) -> str:
    """Show one line a role."""
    head = (
        *("role", "% of one core", "wake-ups a second", "resident, MiB", "Pss, MiB"),
        *("anonymous, MiB", "threads", "API calls an hour (what the interval says)"),
        *("journal lines",),
    )
    rows = []
    for role, one in figures["roles"].items():
        memory = one["memory_kib"]
        sizes = (f"{memory[name] / 1024:.1f}" for name in ("rss", "pss", "anonymous"))
        rows.append(
            (
                *(role, f"{one['cpu_percent']:.3f}", f"{one['wakeups_per_s']:.2f}", *sizes),
                *(one["threads"], _calls(role, one), one["journal_lines"]),
            )
        )
    seconds = next(iter(figures["roles"].values()))["seconds"]
    return f"{markdown(head, rows)}\nOver {seconds:.0f} s.\n"

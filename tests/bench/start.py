"""How long until hakeeper works: from exec to READY=1, and from SIGTERM to READY=1 again.

On both nodes of a pair with real keepalived, over TLS, started as systemd starts it. What the API
was asked meanwhile is counted: a restart moves no address. `repeat` is the number of each.
"""

from typing import Any

from hakeeper.demo.lab import Node
from hakeeper.demo.lab.daemon import is_event
from tests.bench import pair, procfs, rig
from tests.bench.packaged import Service, lay_out
from tests.bench.table import markdown, ms, summary

REPEAT = 20


def _measure(cluster: pair.Cluster, node: Node, service: Service, repeat: int) -> dict[str, Any]:
    """Restart a node's daemon so often; every start must find out all that it knew before."""
    role = pair.role_of(node)
    seq = rig.last_seq(cluster.front)
    moves = len(cluster.front.moves())
    stops, starts, gaps, worked = [], [], [], []
    for number in range(repeat):
        seen = len(node.hakeeper.entries())
        stopped_s, gap_s = service.restart()
        worked.append(1000 * procfs.usage(node.hakeeper.pid).running_s)
        stops.append(1000 * stopped_s)
        gaps.append(1000 * gap_s)
        starts.append(1000 * (gap_s - stopped_s))
        node.hakeeper.wait_for_log(
            is_event("address.resolved"), timeout_s=rig.PATIENCE_S, after=seen
        )
        pair.quiet(cluster, 0.5)
        rig.progress(f"start {role} {number + 1} of {repeat}: {starts[-1]:.0f} ms")
    requests = cluster.front.requests(client=node.name, after_seq=seq)
    return {
        "stop": stops,
        "start": starts,
        "gap": gaps,
        "cpu": worked,
        "calls": len(requests),
        "writes": sum(one.is_write for one in requests),
        "moves": len(cluster.front.moves()) - moves,
    }


def measure(repeat: int | None) -> dict[str, Any]:
    """Measure on the MASTER, then on the BACKUP."""
    pair.require()
    count = REPEAT if repeat is None else repeat
    figures: dict[str, Any] = {}
    with (
        rig.folder() as place,
        pair.cluster(place, lay_out(place), pair.profile("plain")) as cluster,
    ):
        cluster.start()
        pair.quiet(cluster, 0.5)
        for node, role in zip(cluster.lab.nodes, ("MASTER", "BACKUP"), strict=True):
            figures[role] = _measure(cluster, node, cluster.services[node.name], count)
    return {"roles": figures}


def tables(figures: dict[str, Any]) -> str:
    """Show the times of each role, and what was asked meanwhile."""
    head = (
        *("role", "exec → READY, ms, median", "p99", "CPU, median", "p99"),
        *("SIGTERM → exit, median", "p99", "SIGTERM → READY, median", "p99"),
        *("API calls", "writes", "moves"),
    )
    rows = []
    for role, one in figures["roles"].items():
        times = []
        for name in ("start", "cpu", "stop", "gap"):
            whole = summary(one[name])
            times += [ms(float(whole["median"])), ms(float(whole["p99"]))]
        rows.append((role, *times, one["calls"], one["writes"], one["moves"]))
    return markdown(head, rows)

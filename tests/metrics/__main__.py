"""`python -m tests.metrics`: draw the dashboard, docs/metrics.svg, from what really happens.

Two daemons on a simulated cloud, real `hakeeper metrics` beside them, and a real Prometheus that
scrapes both each second for some minutes. Roles come as lines on the FIFO, as keepalived writes
them: failovers, an address that is moved away by hand, and an API that is away for a while.
"""

import argparse
import contextlib
import json
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from hakeeper.demo.cloud import Fault, Rules, SimCloud
from tests.conf.test_prometheus import DASHBOARD
from tests.metrics.listening import Listening
from tests.metrics.picture import Span, draw, named
from tests.metrics.prometheus import Prometheus, running
from tests.support.cluster import Cluster
from tests.support.daemon_node import DaemonNode

PICTURE = Path(__file__).parents[2] / "docs" / "metrics.svg"
STEP_S = 1.0
QUIET_S = 30.0
"""How long each thing that happens is given."""
ACTION_S = 0.4
"""How long the simulated cloud takes to move an address."""


def play(cluster: Cluster, a: DaemonNode, b: DaemonNode) -> Iterator[None]:
    """Let things happen, one after the other."""
    a.backup()
    b.backup()
    yield
    a.master()
    yield
    a.backup()
    b.master()
    yield
    cluster.cloud.move(cluster.web, cluster.elsewhere)
    yield
    with cluster.cloud.faulty(Fault(status=503, code="unavailable")):
        b.backup()
        a.master()
        yield
    yield
    for _ in range(3):
        a.backup()
        b.master()
        b.backup()
        a.master()
    yield


def pictured(prometheus: Prometheus, span: Span) -> str:
    """Ask all that the dashboard asks, and draw it."""
    dashboard = json.loads(DASHBOARD.read_text())
    curves = [
        [
            named(series, target["legendFormat"])
            for target in panel["targets"]
            for series in prometheus.between(
                re.sub(r"\$\w+", ".*", target["expr"]), span.start_s, span.end_s, STEP_S
            )
        ]
        for panel in dashboard["panels"]
    ]
    at = (
        "Drawn by hakeeper's tests from the dashboard's queries, not by Grafana: real daemons on a"
        " simulated Hetzner Cloud, scraped each second by a real Prometheus"
    )
    return draw(dashboard, curves, span, at)


def main(arguments: Sequence[str] | None = None) -> int:
    """Play, and draw what was scraped."""
    parser = argparse.ArgumentParser(prog="python -m tests.metrics", description=__doc__)
    parser.add_argument("--to", type=Path, default=PICTURE)
    given = parser.parse_args(arguments)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hakeeper-")))
        cloud = stack.enter_context(SimCloud(rules=Rules(action_s=ACTION_S)))
        cluster = stack.enter_context(contextlib.closing(Cluster(cloud, folder)))
        a, b = (
            cluster.running(name, interval="5s", standby_interval="10s")
            for name in ("web-a", "web-b")
        )
        targets = {
            node.name: f"127.0.0.1:{stack.enter_context(Listening(node)).port}" for node in (a, b)
        }
        prometheus = stack.enter_context(running(folder, targets))
        start_s = time.time()
        for _ in play(cluster, a, b):
            time.sleep(QUIET_S)
        given.to.write_text(pictured(prometheus, Span(start_s, time.time())))
    return 0


if __name__ == "__main__":
    sys.exit(main())

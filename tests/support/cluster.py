"""A simulated cloud and nodes on it; each node is a real daemon.

Every cluster ends with the same questions to the simulator's log: was anything written but assigns
to the own server, was an assign resent blindly, did the token get anywhere?
"""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hakeeper.adapters.journal.events import EVENTS
from hakeeper.demo.cloud import CloudFront
from hakeeper.demo.lab.daemon import event_of
from tests.support.daemon_node import PATIENCE_S, TIMEOUT_S, DaemonNode, fields_of, leaks
from tests.support.journal_entries import fields_astray
from tests.support.request_rules import broken_rules


class Cluster:
    """One cloud with the floating IP `web`, which belongs to a server without hakeeper."""

    def __init__(self, cloud: CloudFront, folder: Path) -> None:
        self.cloud = cloud
        self.folder = folder
        self.nodes: list[DaemonNode] = []
        self.elsewhere = cloud.add_server("elsewhere")
        self.web = cloud.add_floating_ip("web", "203.0.113.10", server=self.elsewhere)
        self.alias_ips: tuple[str, ...] = ()
        """The alias IPs that configurations name."""
        self.may_print: tuple[str, ...] = ()
        """Beginnings of lines that are not log entries, where a test wants some."""

    def node(self, name: str = "node-a", **options: Any) -> DaemonNode:  # noqa: ANN401  # handed on
        """Make a node; nothing of it runs yet."""
        made = DaemonNode(name, self.folder / name, self.cloud, **options)
        self.nodes.append(made)
        return made

    def running(self, name: str = "node-a", **options: Any) -> DaemonNode:  # noqa: ANN401  # handed on
        """Make a node and start it."""
        made = self.node(name, **options)
        made.start()
        return made

    def master(self, name: str = "node-a", **options: Any) -> DaemonNode:  # noqa: ANN401  # handed on
        """Make a node that is MASTER and holds the address."""
        made = self.running(name, **options)
        made.master()
        self.wait_holder(made)
        made.wait_log("address.claimed")
        return made

    # --- the cloud -------------------------------------------------------------------------

    def wait_holder(self, node: DaemonNode, floating_ip: int | None = None) -> None:
        """Wait until the node's server has the address."""
        wanted = self.web if floating_ip is None else floating_ip
        self.cloud.wait_for(lambda: self.cloud.holder(wanted) == node.server, PATIENCE_S)

    def drop_connections(self) -> None:
        """Reset all connections to the API, and wait until that is done."""
        self.cloud.drop_connections()
        self.cloud.wait_for(lambda: self.cloud.counters().open_connections == 0, PATIENCE_S)

    def seq(self) -> int:
        """The number of the newest request."""
        return max((request.seq for request in self.cloud.requests()), default=0)

    def assigns(self, node: DaemonNode | None = None) -> int:
        """How many assigns were received."""
        return len(self.cloud.assigns(client=None if node is None else node.name))

    def wait_hits(self, fault: int, hits: int) -> None:
        """Wait until a fault has met so many requests."""
        self.cloud.wait_for(lambda: self.cloud.faults()[fault - 1].hits >= hits, PATIENCE_S)

    def wait_read(self, node: DaemonNode, *, not_before_s: float = 0.0, count: int = 1) -> None:
        """Wait until the node's reads of all holders, begun from that time on, were answered."""

        def reads() -> bool:
            found = self.cloud.requests(client=node.name, method="GET", path="/floating_ips")
            late = [r for r in found if r.received_s >= not_before_s and r.answered_s is not None]
            return len(late) >= count

        self.cloud.wait_for(reads, PATIENCE_S)

    def wait_quiet(self, node: DaemonNode) -> None:
        """Wait until it has looked at the server that holds the address, its last look for now."""
        path = f"/servers/{self.elsewhere}"

        def looked() -> bool:
            found = self.cloud.requests(client=node.name, method="GET", path=path)
            return any(request.answered_s is not None for request in found)

        self.cloud.wait_for(looked, PATIENCE_S)

    def wait_reads(self, node: DaemonNode, count: int = 2) -> None:
        """Wait for so many more reads of the holders from now on."""
        self.wait_read(node, not_before_s=time.monotonic(), count=count)

    def assigns_after(self, fault: int, node: DaemonNode) -> int:
        """How many assigns of a node came after the end of a fault."""
        ended_s = self.cloud.faults()[fault - 1].ended_s
        assert ended_s is not None
        found = self.cloud.assigns(client=node.name)
        return len([assign for assign in found if assign.received_s >= ended_s])

    # --- the end ---------------------------------------------------------------------------

    def close(self) -> None:
        """End all processes."""
        with contextlib.ExitStack() as stack:
            for node in self.nodes:
                stack.callback(node.close)

    def complaints(self) -> list[str]:
        """Everything that no test may ever bring about."""
        servers = {node.name: node.server for node in self.nodes}
        found = broken_rules(self.cloud, servers, TIMEOUT_S, set(self.alias_ips))
        for node in self.nodes:
            found += [f"{node.name}: the token is in {place}" for place in leaks(node)]
            found += [
                f"{node.name}: not a log entry: {entry['raw']}"
                for entry in node.daemon.entries()
                if "raw" in entry and not str(entry["raw"]).startswith(self.may_print or ("\0",))
            ]
            found += [
                f"{node.name}: {astray}"
                for entry in node.daemon.entries()
                if event_of(entry) in EVENTS
                for astray in fields_astray(event_of(entry), fields_of(entry))
            ]
        return found

    def report(self) -> str:
        """The story, for a failure."""
        lines = []
        for one in self.cloud.requests()[-60:]:
            body = one.body if one.is_write else ""
            lines.append(
                f"{one.received_s:.3f} {one.client} {one.method} {one.path} {one.status} {body}"
            )
        for node in self.nodes:
            lines += [f"--- log of {node.name} ---", node.daemon.log_text()[-8000:]]
        return "\n".join(lines)


FAILED = pytest.StashKey[bool]()
"""Whether a test failed; set by conftest."""


def live(cluster: Cluster, item: pytest.Item) -> Iterator[Cluster]:
    """Hand out a cluster, and hold it against the rules at its end."""
    try:
        yield cluster
    finally:
        cluster.close()
        if item.stash.get(FAILED, False):
            print(cluster.report())  # noqa: T201  # pytest shows it with the failure
    complaints = cluster.complaints()
    assert [] == complaints, "\n".join(complaints)

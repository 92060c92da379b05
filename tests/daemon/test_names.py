"""What comes before HTTP: the API's name has to be resolved, and the TLS handshake to end."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme

from hakeeper.adapters.last_check import LATE_S
from hakeeper.demo.cloud import Fault, Network, SimCloud
from tests.support.cluster import Cluster, live
from tests.support.daemon_node import DaemonNode
from tests.support.named_cloud import NAME, node_with
from tests.support.stall import Stall, claim_in_a_handshake
from tests.support.tls import server_context
from tests.support.waiting import eventually

STANDSTILLS = 12
CONNECTIONS = 2
"""One for the address's claim, and one for the reads."""


@pytest.fixture
def hosts(folder: Path) -> Path:
    """What the node has as /etc/hosts: the only place where names are looked up."""
    path = folder / "hosts"
    path.write_text(f"127.0.0.1 {NAME}\n")
    return path


@pytest.fixture
def named(folder: Path, request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A cloud that speaks HTTPS under a name."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    with SimCloud(tls=server_context(authority, NAME)) as cloud:
        yield from live(Cluster(cloud, folder), request.node)


def wait_ready(cluster: Cluster) -> None:
    """Wait until the node has the two connections that it keeps: it makes none for a while then."""
    cluster.cloud.wait_for(lambda: cluster.cloud.counters().open_connections == CONNECTIONS)


def test_a_name_that_stops_resolving_holds_nothing_up(named: Cluster, hosts: Path) -> None:
    node = node_with(named, hosts)
    node.start()
    hosts.write_text("127.0.0.1 localhost\n")
    wait_ready(named)
    named.drop_connections()
    node.master()
    node.wait_log("address.claimed")
    assert named.cloud.holder(named.web) == node.server
    assert [] == node.logged("claim.failed")
    assert [] == node.logged("api.failed")


def test_a_name_that_does_not_resolve_at_the_start_is_waited_for(
    named: Cluster, hosts: Path
) -> None:
    hosts.write_text("127.0.0.1 localhost\n")
    node = node_with(named, hosts)
    node.keepalived.start()
    node.write_config()
    node.daemon.start()
    node.master()
    node.wait_log("api.failed", error_code="dns")
    hosts.write_text(f"127.0.0.1 {NAME}\n")
    named.wait_holder(node)


def test_a_handshake_that_hangs_ends_with_the_address_ours(named: Cluster, hosts: Path) -> None:
    node = node_with(named, hosts)
    node.start()
    wait_ready(named)
    named.drop_connections()
    fault = named.cloud.fault(Fault(network=Network.HANDSHAKE_HANG))
    node.master()
    node.wait_log("claim.failed", error_code="tls")
    named.cloud.clear(fault)
    named.wait_holder(node)
    assert named.assigns_after(fault, node) <= 1


@pytest.fixture
def stall(tls_cluster: Cluster) -> Iterator[Stall]:
    """A way to the cloud that can stand still."""
    made = Stall(("127.0.0.1", urlsplit(tls_cluster.cloud.url).port or 0))
    yield made
    made.close()


def standby_behind(
    stall: Stall, cluster: Cluster, authority: trustme.CA, folder: Path
) -> DaemonNode:
    """A running node in BACKUP whose way to the cloud leads through this."""
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    node = cluster.node(interval="1s", standby_interval="1s")
    node.config["hetzner"] |= {
        "endpoint": f"https://127.0.0.1:{stall.port}/v1",
        "ca_file": str(folder / "ca.pem"),
        "timeout": "30s",
    }
    node.start()
    node.backup()
    return node


def test_no_assign_leaves_a_stalled_handshake_after_the_demotion(
    tls_cluster: Cluster, authority: trustme.CA, stall: Stall, folder: Path
) -> None:
    cluster = tls_cluster
    node = standby_behind(stall, cluster, authority, folder)
    claim_in_a_handshake(stall, node)
    node.backup()
    stall.release()
    cluster.wait_reads(node, 3)
    assert cluster.cloud.assigns() == []


def test_no_assign_leaves_a_stalled_handshake_after_a_pause(
    tls_cluster: Cluster, authority: trustme.CA, stall: Stall, folder: Path
) -> None:
    cluster = tls_cluster
    node = standby_behind(stall, cluster, authority, folder)
    claim_in_a_handshake(stall, node)
    assert 0 == node.daemon.command("pause").returncode
    stall.release()
    cluster.wait_reads(node, 3)
    assert cluster.cloud.assigns() == []
    assert 0 == node.daemon.command("resume").returncode
    cluster.wait_holder(node)


def has_read(node: DaemonNode, since_s: float) -> bool:
    """Say whether the node knows the holder by a read that was begun since then."""
    asked_s = time.monotonic()
    status = json.loads(node.daemon.command("status", "--json").stdout)
    age_s = status["roles"][0]["addresses"][0]["holder_age_s"]
    return age_s is not None and bool(asked_s - age_s > since_s)


def test_no_assign_leaves_after_a_standstill_before_the_lines_that_came_meanwhile(
    tls_cluster: Cluster, authority: trustme.CA, stall: Stall, folder: Path
) -> None:
    """The worker and the loop wake together; whoever is first, the lines are heard first."""
    cluster = tls_cluster
    node = standby_behind(stall, cluster, authority, folder)
    rightly = 0
    for _ in range(STANDSTILLS):
        stall.hold()
        stall.drop()
        before, seen = stall.received, node.mark()
        node.master()
        node.wait_log("claim.started", after=seen)
        eventually(lambda before=before: stall.received > before)  # type: ignore[misc]
        os.kill(node.daemon.pid, signal.SIGSTOP)
        stopped_s = time.monotonic()
        node.role("BACKUP")
        answered = stall.answered
        stall.release()
        # The server's half of the handshake waits for the daemon when it goes on.
        eventually(lambda answered=answered: stall.answered > answered)  # type: ignore[misc]
        eventually(lambda since_s=stopped_s: time.monotonic() > since_s + 2 * LATE_S)  # type: ignore[misc]
        # What left before the standstill was right: keepalived had said MASTER.
        rightly = len(cluster.cloud.assigns())
        seen = node.mark()
        os.kill(node.daemon.pid, signal.SIGCONT)
        node.wait_log("role.changed", after=seen, role="BACKUP")
        # What left rightly may have moved it: whoever takes it for ours claims nothing.
        cluster.cloud.move(cluster.web, cluster.elsewhere)
        since_s = time.monotonic()
        # One that left has an end that nobody knows: the next claim would begin with a read.
        eventually(lambda since_s=since_s: has_read(node, since_s))  # type: ignore[misc]
        assert rightly == len(cluster.cloud.assigns())
    assert rightly < STANDSTILLS / 2, "most of them are to be caught in the handshake"


def test_an_assign_whose_handshake_was_stalled_is_sent_if_it_is_still_wanted(
    tls_cluster: Cluster, authority: trustme.CA, stall: Stall, folder: Path
) -> None:
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    node = tls_cluster.node()
    node.config["hetzner"] |= {
        "endpoint": f"https://127.0.0.1:{stall.port}/v1",
        "ca_file": str(folder / "ca.pem"),
        "timeout": "30s",
    }
    node.start()
    stall.hold()
    stall.drop()
    before = stall.accepted
    node.master()
    eventually(lambda: stall.accepted > before)
    stall.release()
    tls_cluster.wait_holder(node)
    assert len(tls_cluster.cloud.assigns()) == 1

"""Killed and started again at any time: same role, no needless assign."""

import os

import pytest

from hakeeper.demo.cloud import Answer, Fault
from tests.support.cluster import Cluster
from tests.support.daemon_node import DaemonNode

EAGER = {"interval": "1s", "standby_interval": "1s"}
ASSIGN = "/actions/assign$"


def restart(cluster: Cluster, node: DaemonNode, role: str) -> None:
    """Start the daemon again beside the same keepalived, and wait until it has looked around."""
    seen = node.mark()
    node.start(keepalived=False)
    node.wait_log("role.changed", after=seen, role=role)
    cluster.wait_reads(node)


def test_killed_while_holding(cluster: Cluster) -> None:
    node = cluster.master(**EAGER)
    seen = node.mark()
    node.daemon.kill()
    restart(cluster, node, "MASTER")
    node.wait_log("address.confirmed", after=seen)
    assert cluster.assigns() == 1


def test_stopped_in_order_while_holding(cluster: Cluster) -> None:
    node = cluster.master(**EAGER)
    assert node.daemon.term() == 0
    restart(cluster, node, "MASTER")
    assert cluster.assigns() == 1


def test_killed_as_backup(cluster: Cluster) -> None:
    node = cluster.master(**EAGER)
    node.backup()
    node.daemon.kill()
    cluster.cloud.move(cluster.web, cluster.elsewhere)
    restart(cluster, node, "BACKUP")
    assert cluster.assigns() == 1
    assert cluster.cloud.holder(cluster.web) == cluster.elsewhere


def test_killed_while_the_assign_is_under_way_and_done(cluster: Cluster) -> None:
    node = cluster.running(**EAGER)
    fault = cluster.cloud.fault(
        Fault(method="POST", path=ASSIGN, commit=True, answer=Answer.NEVER, action_s=0.0)
    )
    node.master()
    cluster.wait_holder(node)
    node.daemon.kill()
    cluster.cloud.clear(fault)
    restart(cluster, node, "MASTER")
    assert cluster.assigns() == 1


def test_killed_while_the_assign_is_under_way_and_not_done(cluster: Cluster) -> None:
    node = cluster.running(**EAGER)
    fault = cluster.cloud.fault(Fault(method="POST", path=ASSIGN, answer=Answer.NEVER))
    node.master()
    cluster.wait_hits(fault, 1)
    node.daemon.kill()
    cluster.cloud.clear(fault)
    restart(cluster, node, "MASTER")
    cluster.wait_holder(node)
    assert cluster.assigns() == 2


def test_killed_while_the_action_runs(cluster: Cluster) -> None:
    node = cluster.running(**EAGER)
    cluster.cloud.set_rules(action_s=3)
    node.master()
    cluster.cloud.wait_for(cluster.cloud.assigns)
    node.daemon.kill()
    restart(cluster, node, "MASTER")
    cluster.wait_holder(node)
    assert len([assign for assign in cluster.cloud.assigns() if assign.status == 201]) == 1


@pytest.mark.parametrize("moment", ["line", "role", "claim", "request"])
def test_killed_at_any_moment_after_the_line(cluster: Cluster, moment: str) -> None:
    node = cluster.running(**EAGER)
    node.master()
    match moment:
        case "role":
            node.wait_log("role.changed", role="MASTER")
        case "claim":
            node.wait_log("claim.started")
        case "request":
            cluster.cloud.wait_for(cluster.cloud.assigns)
        case _:
            pass
    node.daemon.kill()
    node.start(keepalived=False)
    node.master()  # the line may have died with the pipe's only reader
    cluster.wait_holder(node)
    cluster.wait_reads(node)
    assert len([assign for assign in cluster.cloud.assigns() if assign.status == 201]) == 1


def test_lines_that_came_meanwhile_count_more_than_the_state_file(cluster: Cluster) -> None:
    node = cluster.master(**EAGER)
    node.daemon.kill()
    fd = os.open(node.fifo, os.O_RDWR | os.O_NONBLOCK)  # keepalived holds it open like this
    try:
        os.write(fd, b'INSTANCE "VI_1" FAULT 100\nINSTANCE "VI_1" BACKUP 100\n')
        cluster.cloud.move(cluster.web, cluster.elsewhere)
        restart(cluster, node, "BACKUP")
    finally:
        os.close(fd)
    assert cluster.assigns() == 1


def test_a_master_line_that_came_meanwhile_is_acted_upon(cluster: Cluster) -> None:
    node = cluster.running(**EAGER)
    node.backup()
    node.daemon.kill()
    fd = os.open(node.fifo, os.O_RDWR | os.O_NONBLOCK)
    try:
        os.write(fd, b'INSTANCE "VI_1" MASTER 100\n')
        restart(cluster, node, "MASTER")
    finally:
        os.close(fd)
    cluster.wait_holder(node)
    assert cluster.assigns() == 1


def test_the_state_of_another_keepalived_is_not_believed(cluster: Cluster) -> None:
    node = cluster.master(**EAGER)
    node.daemon.kill()
    node.keepalived.start()
    cluster.cloud.move(cluster.web, cluster.elsewhere)
    seen = node.mark()
    node.start(keepalived=False)
    cluster.wait_reads(node)
    assert node.logged("role.changed", after=seen) == []
    assert cluster.assigns() == 1


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\0", b'{"version": 1}', b"[" * 100_000])
def test_a_spoiled_state_file_is_reported_and_done_without(
    cluster: Cluster, content: bytes
) -> None:
    node = cluster.master(**EAGER)
    node.daemon.kill()
    (node.daemon.state_folder / "state.json").write_bytes(content)
    seen = node.mark()
    node.start(keepalived=False)
    node.wait_log("state.failed", after=seen)
    cluster.wait_reads(node)
    assert node.logged("role.changed", after=seen) == []
    assert cluster.assigns() == 1
    node.master()
    node.wait_log("address.confirmed", after=seen)


def test_a_state_folder_that_cannot_be_written_is_reported_once_and_survived(
    cluster: Cluster,
) -> None:
    node = cluster.node()
    (node.daemon.state_folder / "state.json.new").mkdir()
    node.start()
    node.master()
    cluster.wait_holder(node)
    node.backup()
    assert len(node.logged("state.failed")) == 1

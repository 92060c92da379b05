"""Killed and started again at any time: same role, no needless assign."""

import os

import pytest

from hakeeper.demo.cloud import Answer, Fault
from tests.daemon.world import Node, World

EAGER = {"interval": "1s", "standby_interval": "1s"}
ASSIGN = "/actions/assign$"


def restart(world: World, node: Node, role: str) -> None:
    """Start the daemon again beside the same keepalived, and wait until it has looked around."""
    seen = node.mark()
    node.start(keepalived=False)
    node.wait_log("role.changed", after=seen, role=role)
    world.wait_reads(node)


def test_killed_while_holding(world: World) -> None:
    node = world.master(**EAGER)
    seen = node.mark()
    node.daemon.kill()
    restart(world, node, "MASTER")
    node.wait_log("address.confirmed", after=seen)
    assert world.assigns() == 1


def test_stopped_in_order_while_holding(world: World) -> None:
    node = world.master(**EAGER)
    assert node.daemon.term() == 0
    restart(world, node, "MASTER")
    assert world.assigns() == 1


def test_killed_as_backup(world: World) -> None:
    node = world.master(**EAGER)
    node.backup()
    node.daemon.kill()
    world.cloud.move(world.web, world.elsewhere)
    restart(world, node, "BACKUP")
    assert world.assigns() == 1
    assert world.cloud.holder(world.web) == world.elsewhere


def test_killed_while_the_assign_is_under_way_and_done(world: World) -> None:
    node = world.running(**EAGER)
    fault = world.cloud.fault(
        Fault(method="POST", path=ASSIGN, commit=True, answer=Answer.NEVER, action_s=0.0)
    )
    node.master()
    world.wait_holder(node)
    node.daemon.kill()
    world.cloud.clear(fault)
    restart(world, node, "MASTER")
    assert world.assigns() == 1


def test_killed_while_the_assign_is_under_way_and_not_done(world: World) -> None:
    node = world.running(**EAGER)
    fault = world.cloud.fault(Fault(method="POST", path=ASSIGN, answer=Answer.NEVER))
    node.master()
    world.wait_hits(fault, 1)
    node.daemon.kill()
    world.cloud.clear(fault)
    restart(world, node, "MASTER")
    world.wait_holder(node)
    assert world.assigns() == 2


def test_killed_while_the_action_runs(world: World) -> None:
    node = world.running(**EAGER)
    world.cloud.set_rules(action_s=3)
    node.master()
    world.cloud.wait_for(world.cloud.assigns)
    node.daemon.kill()
    restart(world, node, "MASTER")
    world.wait_holder(node)
    assert len([assign for assign in world.cloud.assigns() if assign.status == 201]) == 1


@pytest.mark.parametrize("moment", ["line", "role", "claim", "request"])
def test_killed_at_any_moment_after_the_line(world: World, moment: str) -> None:
    node = world.running(**EAGER)
    node.master()
    match moment:
        case "role":
            node.wait_log("role.changed", role="MASTER")
        case "claim":
            node.wait_log("claim.started")
        case "request":
            world.cloud.wait_for(world.cloud.assigns)
        case _:
            pass
    node.daemon.kill()
    node.start(keepalived=False)
    node.master()  # the line may have died with the pipe's only reader
    world.wait_holder(node)
    world.wait_reads(node)
    assert len([assign for assign in world.cloud.assigns() if assign.status == 201]) == 1


def test_lines_that_came_meanwhile_count_more_than_the_state_file(world: World) -> None:
    node = world.master(**EAGER)
    node.daemon.kill()
    fd = os.open(node.fifo, os.O_RDWR | os.O_NONBLOCK)  # keepalived holds it open like this
    try:
        os.write(fd, b'INSTANCE "VI_1" FAULT 100\nINSTANCE "VI_1" BACKUP 100\n')
        world.cloud.move(world.web, world.elsewhere)
        restart(world, node, "BACKUP")
    finally:
        os.close(fd)
    assert world.assigns() == 1


def test_a_master_line_that_came_meanwhile_is_acted_upon(world: World) -> None:
    node = world.running(**EAGER)
    node.backup()
    node.daemon.kill()
    fd = os.open(node.fifo, os.O_RDWR | os.O_NONBLOCK)
    try:
        os.write(fd, b'INSTANCE "VI_1" MASTER 100\n')
        restart(world, node, "MASTER")
    finally:
        os.close(fd)
    world.wait_holder(node)
    assert world.assigns() == 1


def test_the_state_of_another_keepalived_is_not_believed(world: World) -> None:
    node = world.master(**EAGER)
    node.daemon.kill()
    node.keepalived.start()
    world.cloud.move(world.web, world.elsewhere)
    seen = node.mark()
    node.start(keepalived=False)
    world.wait_reads(node)
    assert node.logged("role.changed", after=seen) == []
    assert world.assigns() == 1


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\0", b'{"version": 1}', b"[" * 100_000])
def test_a_spoiled_state_file_is_reported_and_done_without(world: World, content: bytes) -> None:
    node = world.master(**EAGER)
    node.daemon.kill()
    (node.daemon.state_folder / "state.json").write_bytes(content)
    seen = node.mark()
    node.start(keepalived=False)
    node.wait_log("state.failed", after=seen)
    world.wait_reads(node)
    assert node.logged("role.changed", after=seen) == []
    assert world.assigns() == 1
    node.master()
    node.wait_log("address.confirmed", after=seen)


def test_a_state_folder_that_cannot_be_written_is_reported_once_and_survived(world: World) -> None:
    node = world.node()
    (node.daemon.state_folder / "state.json.new").mkdir()
    node.start()
    node.master()
    world.wait_holder(node)
    node.backup()
    assert len(node.logged("state.failed")) == 1

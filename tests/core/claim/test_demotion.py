"""Demotion at every moment of a claim: not one assign is sent afterwards."""

from collections.abc import Callable

import pytest

from hakeeper.core.calls import (
    FailureKind,
    Identify,
    Mutate,
    ReadActions,
)
from hakeeper.core.events import StartCall
from tests.core.driver import WEB, Node, World, one_node
from tests.core.faults import READS, failure
from tests.support.resources import LIST, read

LEAVING = ["BACKUP", "FAULT", "STOP", "DELETED", "gone", "lost"]


def before_the_server_is_known(world: World, node: Node) -> None:
    node.holding = (Identify,)
    node.start()
    node.line("VI_1", "MASTER")
    world.run_for(2.0)
    node.holding = ()


def before_the_call(_: World, node: Node) -> None:
    node.holding = READS
    node.start()
    node.line("VI_1", "MASTER")
    node.holding = ()


def in_flight(world: World, node: Node) -> None:
    node.warm()
    world.run_for(30.0)
    node.holding = (Mutate,)
    node.line("VI_1", "MASTER")
    node.holding = ()


def backing_off(world: World, node: Node) -> None:
    node.warm()
    world.cloud.fail(failure(FailureKind.TRANSIENT), Mutate)
    node.line("VI_1", "MASTER")
    world.run_for(20.0)
    world.cloud.heal()


def refused(world: World, node: Node) -> None:
    node.warm()
    world.cloud.fail(failure(FailureKind.REFUSED), Mutate)
    node.line("VI_1", "MASTER")
    world.run_for(20.0)
    world.cloud.heal()


def waiting_for_a_lock(world: World, node: Node) -> None:
    node.warm()
    world.cloud.fail(failure(FailureKind.LOCKED), Mutate)
    node.line("VI_1", "MASTER")
    world.run_for(20.0)
    world.cloud.heal()


def throttled(world: World, node: Node) -> None:
    node.warm()
    world.cloud.fail(failure(FailureKind.THROTTLED, retry_after_s=20.0), Mutate)
    node.line("VI_1", "MASTER")
    world.run_for(1.0)
    world.cloud.heal()


def acting(world: World, node: Node) -> None:
    world.cloud.nature.action_s = 5.0
    node.warm()
    node.line("VI_1", "MASTER")
    world.run_for(2.0)
    assert node.stage() == "action running"


def confirming(world: World, node: Node) -> None:
    node.warm()
    world.run_for(30.0)
    node.holding = READS
    node.line("VI_1", "MASTER")
    world.run_for(2.0)
    assert node.stage() == "reading the holder"
    world.cloud.move(WEB, 2)
    node.holding = ()


def suspecting(world: World, node: Node) -> None:
    node.warm()
    node.line("VI_1", "MASTER")
    world.run_for(60.0)
    world.cloud.move(WEB, 2)
    world.run_while(lambda: node.stage() == "held", 15.0)


def held_down(world: World, node: Node) -> None:
    node.warm()
    node.line("VI_1", "MASTER")
    for _ in range(2):
        world.run_while(lambda: node.stage() != "held", 15.0)
        world.cloud.move(WEB, 2)
        world.run_while(lambda: node.stage() == "held", 15.0)
    world.run_while(lambda: node.stage() != "hold-down", 15.0)


MOMENTS = [
    before_the_server_is_known,
    before_the_call,
    in_flight,
    backing_off,
    refused,
    waiting_for_a_lock,
    throttled,
    acting,
    confirming,
    suspecting,
    held_down,
]


def leave(node: Node, how: str) -> None:
    if how == "gone":
        node.gone()
    elif how == "lost":
        node.lose_lines()
    else:
        node.line("VI_1", how)


@pytest.mark.parametrize("how", LEAVING)
@pytest.mark.parametrize("moment", MOMENTS)
def test_no_assign_is_sent_after_a_demotion_at_any_moment(
    moment: Callable[[World, Node], None], how: str
) -> None:
    world, node = one_node()
    moment(world, node)
    sent = len(node.assigns)
    leave(node, how)
    for call in node.open_calls():
        node.release(call)
    world.cloud.heal()
    world.run_for(8000.0)
    assert sent == len(node.assigns)
    assert node.stage() == "idle"


def test_a_demotion_during_a_mere_look_abandons_nothing() -> None:
    world, node = one_node()
    node.warm()
    node.line("VI_1", "MASTER")
    world.run_for(60.0)
    node.holding = READS
    node.line("VI_1", "MASTER_RX_LOWER_PRI")
    node.line("VI_1", "BACKUP")
    assert [] == node.reports("claim.abandoned")


def test_a_late_action_of_an_older_generation_changes_nothing() -> None:
    world, node = one_node()
    acting(world, node)
    node.holding = (ReadActions,)
    world.run_for(1.5)
    [call] = node.open_calls(ReadActions)
    node.line("VI_1", "BACKUP")
    node.release(call)
    world.run_for(1.0)
    assert node.stage() == "idle"


def promoted_again(world: World, node: Node) -> None:
    in_flight(world, node)
    node.holding = (Mutate,)
    node.line("VI_1", "BACKUP")
    node.line("VI_1", "MASTER")
    node.holding = ()
    world.run_for(1.5)
    assert 1 == len(node.assigns)


@pytest.mark.parametrize("demoted_when_it_ends", [True, False])
def test_a_new_term_reads_first_if_the_old_assign_ended_unknown(
    demoted_when_it_ends: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    world, node = one_node()
    if demoted_when_it_ends:
        in_flight(world, node)
        node.line("VI_1", "BACKUP")
        node.answer(node.open_calls(Mutate)[0], failure(FailureKind.OUTCOME_UNKNOWN))
        effects = node.line("VI_1", "MASTER")
    else:
        promoted_again(world, node)
        [old] = node.open_calls(Mutate)
        effects = node.answer(old, failure(FailureKind.OUTCOME_UNKNOWN))
    assert [read(WEB)] == [e.request for e in effects if isinstance(e, StartCall)]
    world.run_for(5.0)
    assert 2 == len(node.assigns)
    assert node.stage() == "held"


def test_a_whole_backlog_is_one_decision_by_its_last_line() -> None:
    world, node = one_node()
    node.warm()
    world.run_for(30.0)
    begun_s = world.now
    node.lines(*[("VI_1", "MASTER"), ("VI_1", "BACKUP")] * 500)
    world.run_for(10.0)
    asked = [call.request for call in node.calls if call.at_s >= begun_s]
    assert [LIST] == asked, "a look who has it now, and nothing else"


def test_a_new_master_edge_does_not_wait_for_the_next_try_of_a_read_or_of_the_identity() -> None:
    world, node = one_node()
    world.cloud.fail(failure(FailureKind.AUTH))
    node.start()
    node.line("VI_1", "BACKUP")
    world.run_for(100.0)
    world.cloud.heal()
    node.line("VI_1", "MASTER")
    world.run_for(0.5)
    assert world.cloud.holder(WEB) == 1


def test_a_new_master_edge_reads_at_once_although_the_last_read_was_refused() -> None:
    world, node = one_node(holder=1)
    node.warm()
    world.run_for(59.0)
    world.cloud.fail(failure(FailureKind.AUTH), *READS)
    world.run_for(2.0)
    world.cloud.heal()
    node.line("VI_1", "MASTER")
    world.run_for(0.1)
    assert node.stage() == "held"


def test_a_flapping_role_sends_one_assign_a_second_at_most() -> None:
    world, node = one_node()
    node.warm()
    world.run_for(30.0)
    for _ in range(200):
        node.line("VI_1", "MASTER")
        world.cloud.move(WEB, 2)
        world.run_for(0.05)
        node.line("VI_1", "BACKUP")
    assert len(node.assigns) <= 11

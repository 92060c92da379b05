"""A step-down: another node takes over and claims, or all is as before; and it always ends."""

from dataclasses import replace
from itertools import pairwise

from hakeeper.core.calls import FailureKind
from hakeeper.core.events import Paused, SetStepDown, SettingsChanged, StepDownAsked, StepUpAsked
from hakeeper.core.model import Pause, StepDown, StepDownEnd, StepDownStage
from hakeeper.core.operator.step_down import CLAIM_S, LOOK_S, YIELD_S, Objection
from hakeeper.diagnosis.problems import Health
from tests.core.driver import WEB, Node, World, instance, one_node, settings
from tests.core.faults import failure

VI_1 = instance("VI_1")
ADA = StepDown(by="ada", user_id=0, reason="a new kernel", since_s=0.0, until_s=600.0)


def asked(world: World, for_s: float = 600.0) -> StepDownAsked:
    return StepDownAsked(replace(ADA, since_s=world.now, until_s=world.now + for_s))


def master() -> tuple[World, Node]:
    """A MASTER that has its address, as another read has shown."""
    world, node = one_node()
    node.warm()
    node.line("VI_1", "MASTER")
    world.run_for(30.0)
    return world, node


def yielding(for_s: float = 600.0) -> tuple[World, Node]:
    """The same, having been asked to step down."""
    world, node = master()
    node.feed(asked(world, for_s))
    return world, node


def yielded(for_s: float = 600.0) -> tuple[World, Node]:
    """Another node is MASTER a second later."""
    world, node = yielding(for_s)
    world.run_for(1.0)
    node.line("VI_1", "BACKUP")
    return world, node


def down(for_s: float = 600.0) -> tuple[World, Node]:
    """And has claimed another half a second later."""
    world, node = yielded(for_s)
    world.run_for(0.5)
    world.cloud.move(WEB, 2)
    world.run_for(3.0)
    return world, node


def events(node: Node) -> list[str]:
    return [entry.event for _, entry in node.reported if entry.event.startswith("step_down")]


def stage(node: Node) -> StepDownStage | None:
    return None if node.step_down is None else node.step_down.stage


def end(node: Node) -> str | None:
    last = node.snapshot().last_step_down
    return None if last is None else last.end


def codes(node: Node) -> list[tuple[str, Health]]:
    return [(problem.code, problem.health) for problem in node.snapshot().problems]


# --- there and back -----------------------------------------------------------------------------


def test_it_waits_for_another_master_and_for_its_claim_and_tells_how_long_each_took() -> None:
    world, node = yielding()
    assert StepDownStage.AWAITING_MASTER is stage(node)
    world.run_for(1.0)
    assert StepDownStage.AWAITING_MASTER is stage(node)
    node.line("VI_1", "BACKUP")
    assert StepDownStage.AWAITING_CLAIM is stage(node)
    world.run_for(5.0)
    assert StepDownStage.AWAITING_CLAIM is stage(node), "a read showed it here yet"
    world.cloud.move(WEB, 2)
    world.run_for(LOOK_S + 1.0)
    assert StepDownStage.DOWN is stage(node)
    picture = node.snapshot().step_down
    assert picture is not None
    assert (1.0, ("VI_1",)) == (picture.yield_s, picture.instances)
    assert picture.claim_s is not None
    assert 5.0 <= picture.claim_s <= 5.0 + LOOK_S + 0.5
    assert ["step_down.begun", "step_down.done"] == events(node)
    assert ("hakeeper.stepped_down", Health.DEGRADED) in codes(node)


def test_while_it_waits_for_the_claim_it_reads_once_a_second_and_no_longer() -> None:
    world, node = yielded()
    since_s = world.now
    world.run_for(10.0)
    at_s = [call.at_s for call in node.calls if call.at_s >= since_s]
    assert 10 <= len(at_s) <= 11
    assert all(b - a >= LOOK_S for a, b in pairwise(at_s))
    world.cloud.move(WEB, 2)
    world.run_for(3.0)
    done = len(node.calls)
    world.run_for(30.0)
    assert len(node.calls) - done <= 1


def test_an_operator_ends_it() -> None:
    world, node = down()
    node.feed(StepUpAsked("bob", 7))
    assert (None, "stepped_up") == (node.step_down, end(node))
    assert ["step_down.begun", "step_down.done", "step_down.ended"] == events(node)
    assert "hakeeper.stepped_down" not in dict(codes(node))
    node.feed(StepUpAsked("bob", 7))
    assert 3 == len(events(node)), "there is nothing to end"
    world.run_for(1.0)


def test_it_ends_by_itself_to_the_second() -> None:
    world, node = down(100.0)
    since_s = node.step_down.since_s if node.step_down else 0.0
    world.run_for(since_s + 99.9 - world.now)
    assert StepDownStage.DOWN is stage(node)
    world.run_for(0.1)
    assert (None, "expired") == (node.step_down, end(node))
    assert "step_down.expired" == events(node)[-1]


def test_asked_again_it_gets_another_end_and_keeps_what_it_knows() -> None:
    world, node = down(100.0)
    before = node.step_down
    again = replace(ADA, by="bob", user_id=7, since_s=world.now, until_s=world.now + 900.0)
    node.feed(StepDownAsked(again))
    assert before is not None
    assert replace(before, by="bob", user_id=7, until_s=again.until_s) == node.step_down
    assert "step_down.prolonged" == events(node)[-1]


def test_this_server_claims_as_ever_if_it_is_master_again() -> None:
    world, node = down()
    node.line("VI_1", "MASTER")
    assert StepDownStage.MASTER_AGAIN is stage(node)
    world.run_for(20.0)
    assert 1 == world.cloud.holder(WEB)
    assert "step_down.overtaken" == events(node)[-1]
    node.line("VI_1", "BACKUP")
    assert StepDownStage.DOWN is stage(node)
    node.line("VI_1", "MASTER")
    assert 2 == events(node).count("step_down.overtaken")


# --- nobody takes over --------------------------------------------------------------------------


def test_if_nobody_is_master_in_time_it_is_taken_back_and_nothing_has_moved() -> None:
    world, node = yielding()
    world.run_for(YIELD_S - 0.1)
    assert StepDownStage.AWAITING_MASTER is stage(node)
    sent = len(node.assigns)
    world.run_for(0.1)
    assert (None, "not_taken_over") == (node.step_down, end(node))
    assert ["step_down.begun", "step_down.failed"] == events(node)
    assert (1, sent) == (world.cloud.holder(WEB), len(node.assigns))


def test_if_nobody_claims_in_time_it_is_taken_back() -> None:
    world, node = yielded()
    world.run_for(CLAIM_S - 0.1)
    assert StepDownStage.AWAITING_CLAIM is stage(node)
    world.run_for(0.1)
    assert (None, "not_claimed") == (node.step_down, end(node))


def test_if_the_address_is_nowhere_nobody_has_claimed() -> None:
    world, node = yielded()
    world.cloud.move(WEB, None)
    world.run_for(CLAIM_S)
    assert "not_claimed" == end(node)


def test_if_this_server_is_master_again_before_the_claim_it_is_taken_back() -> None:
    world, node = yielded()
    world.run_for(2.0)
    node.line("VI_1", "MASTER")
    assert (None, "came_back") == (node.step_down, end(node))
    world.run_for(20.0)
    assert 1 == world.cloud.holder(WEB)


def test_a_role_that_is_not_known_is_not_given_up() -> None:
    world, node = yielding()
    node.gone()
    world.run_for(YIELD_S)
    assert "not_taken_over" == end(node)


def test_ends_that_are_no_failures() -> None:
    assert [StepDownEnd.STEPPED_UP, StepDownEnd.EXPIRED] == [
        each for each in StepDownEnd if not each.is_failure
    ]


# --- when it makes no sense ---------------------------------------------------------------------


def objects(node: Node, world: World) -> Objection | None:
    """What the core says, which then does nothing if it is asked all the same."""
    found = node.core.objection_to_step_down()
    before, count = node.step_down, len(events(node))
    node.feed(asked(world))
    assert (found is None) == (node.step_down != before or len(events(node)) > count)
    return found


def test_a_master_that_has_its_address_can_step_down() -> None:
    world, node = master()
    assert None is objects(node, world)


def test_a_backup_has_nothing_to_step_down_from() -> None:
    world, node = one_node()
    node.warm()
    assert Objection.NOT_MASTER is objects(node, world)


def test_not_while_paused() -> None:
    world, node = master()
    pause = Pause(by="", user_id=0, reason="", since_s=world.now, until_s=world.now + 60.0)
    node.feed(Paused(pause))
    assert Objection.PAUSED is objects(node, world)


def test_not_before_the_claim_is_confirmed() -> None:
    world, node = one_node()
    node.warm()
    node.line("VI_1", "MASTER")
    assert Objection.NOT_SETTLED is objects(node, world)


def test_not_while_another_waits() -> None:
    world, node = yielding()
    assert Objection.UNDER_WAY is objects(node, world)


def test_not_while_the_api_fails() -> None:
    world, node = master()
    world.cloud.fail(failure(FailureKind.TRANSIENT, "unreachable"))
    world.run_for(30.0)
    assert Objection.API_FAILS is objects(node, world)


# --- over runs and reloads ----------------------------------------------------------------------


def test_a_restart_goes_on_with_it_where_it_was() -> None:
    world, node = yielded()
    node.restart()
    assert StepDownStage.AWAITING_CLAIM is stage(node)
    world.cloud.move(WEB, 2)
    world.run_for(3.0)
    assert StepDownStage.DOWN is stage(node)
    node.restart()
    assert 3 == events(node).count("step_down.begun")
    picture = node.snapshot().step_down
    assert picture is not None
    assert 1.0 == picture.yield_s


def test_a_run_that_begins_after_its_end_ends_it_at_once() -> None:
    world, node = down()
    assert node.step_down is not None
    node.step_down = replace(node.step_down, until_s=world.now - 1.0)
    effects = node.restart()
    assert SetStepDown(None) in effects
    assert (1, "step_down.expired") == (events(node).count("step_down.begun"), events(node)[-1])


def test_what_a_reload_takes_away_is_not_waited_for() -> None:
    world, node = yielding()
    node.feed(SettingsChanged(settings({"VI_2": ("mail",)})))
    assert StepDownStage.DOWN is stage(node)
    world.run_for(1.0)

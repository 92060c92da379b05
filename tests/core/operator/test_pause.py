"""A pause: nothing is moved while it lasts, everything else goes on, and it always ends."""

from dataclasses import replace

import pytest

from hakeeper.core.calls import FailureKind, Mutate
from hakeeper.core.events import CancelCall, Paused, Resumed, SavePause
from hakeeper.core.model import Pause
from hakeeper.core.state import InvariantError
from hakeeper.diagnosis.problems import Health
from tests.core.driver import WEB, Node, World, one_node
from tests.core.faults import failure
from tests.core.standing import mutating, put, standing
from tests.support.resources import assign

PAUSE = Pause(by="ada", user_id=0, reason="a new kernel", since_s=0.0, until_s=1800.0)


def pause(world: World, for_s: float = 1800.0) -> Pause:
    now = world.now
    return replace(PAUSE, since_s=now, until_s=now + for_s)


def paused(for_s: float = 1800.0) -> tuple[World, Node]:
    """A BACKUP that knows who has the address, and is paused."""
    world, node = one_node()
    node.warm()
    node.feed(Paused(pause(world, for_s)))
    return world, node


def codes(node: Node) -> list[tuple[str, Health]]:
    return [(problem.code, problem.health) for problem in node.snapshot().problems]


def events(node: Node) -> list[str]:
    return [entry.event for _, entry in node.reported if "paus" in entry.event]


def test_a_new_master_leaves_the_address_where_it_is() -> None:
    world, node = paused()
    node.line("VI_1", "MASTER")
    world.run_for(600.0)
    assert (2, "MASTER", []) == (world.cloud.holder(WEB), node.role(), node.assigns)
    assert ["pause.begun", "claim.paused"] == events(node)
    assert ("address.paused", Health.BROKEN) in codes(node)
    assert ("hakeeper.paused", Health.DEGRADED) in codes(node)


def test_the_address_is_only_pending_before_it_was_late() -> None:
    _, node = paused()
    node.line("VI_1", "MASTER")
    assert ("address.paused", Health.DEGRADED) in codes(node)


def test_reads_go_on_and_an_address_that_comes_by_itself_is_confirmed() -> None:
    world, node = paused()
    node.line("VI_1", "MASTER")
    world.run_for(60.0)
    world.cloud.move(WEB, 1)
    world.run_for(30.0)
    assert ("held", []) == (node.stage(), node.assigns)
    assert [("hakeeper.paused", Health.DEGRADED)] == [
        each for each in codes(node) if "paused" in each[0]
    ]


def test_an_address_that_is_taken_away_is_reported_and_left() -> None:
    world, node = one_node()
    node.warm()
    node.line("VI_1", "MASTER")
    world.run_for(60.0)
    node.feed(Paused(pause(world)))
    world.cloud.move(WEB, 2)
    world.run_for(60.0)
    assert (2, 1) == (world.cloud.holder(WEB), len(node.assigns))
    assert node.reports("address.drifted")
    assert ["pause.begun", "claim.paused"] == events(node)


def test_what_is_due_goes_out_at_once_when_somebody_ends_the_pause() -> None:
    world, node = paused()
    node.line("VI_1", "MASTER")
    world.run_for(100.0)
    node.feed(Resumed("bob", 7))
    assert [world.now] == node.assigns
    world.run_for(5.0)
    assert 1 == world.cloud.holder(WEB)
    assert ["pause.begun", "claim.paused", "pause.ended"] == events(node)
    assert (None, None) == (node.pause, node.snapshot().pause)


def test_what_is_due_goes_out_at_once_when_its_time_is_over() -> None:
    world, node = paused(100.0)
    until_s = world.now + 100.0
    node.line("VI_1", "MASTER")
    world.run_for(200.0)
    assert [until_s] == node.assigns
    assert ["pause.begun", "claim.paused", "pause.expired"] == events(node)
    assert None is node.pause


def test_without_anything_that_is_due_it_ends_in_time_as_well() -> None:
    world, node = paused(7.0)
    world.run_for(6.9)
    assert node.snapshot().pause is not None
    world.run_for(0.1)
    assert node.snapshot().pause is None
    assert ["pause.begun", "pause.expired"] == events(node)


def test_an_assign_that_waits_to_be_sent_is_cancelled() -> None:
    world, node = one_node()
    node.warm()
    node.holding = (Mutate,)
    node.line("VI_1", "MASTER")
    [call] = node.open_calls(Mutate)
    effects = node.feed(Paused(pause(world)))
    assert CancelCall(call.id) in effects
    node.cancel(call)
    world.run_for(60.0)
    assert (2, 1) == (world.cloud.holder(WEB), len(node.asked(Mutate)))
    assert ["pause.begun", "claim.paused"] == events(node)


def test_an_assign_that_is_on_the_wire_goes_on_to_its_end() -> None:
    world, node = one_node()
    world.cloud.nature.latency_s = 0.1
    node.warm()
    world.run_for(1.0)
    node.line("VI_1", "MASTER")
    world.run_for(0.05)
    node.feed(Paused(pause(world)))
    world.run_for(10.0)
    assert (1, "held") == (world.cloud.holder(WEB), node.stage())
    assert ["pause.begun"] == events(node)


def test_a_demotion_ends_the_claim_and_a_new_one_is_told_again() -> None:
    world, node = paused()
    for role in ("MASTER", "BACKUP", "MASTER"):
        node.line("VI_1", role)
        world.run_for(20.0)
    assert ["pause.begun", "claim.paused", "claim.paused"] == events(node)
    node.line("VI_1", "BACKUP")
    node.feed(Resumed("", 0))
    world.run_for(60.0)
    assert [] == node.assigns


def test_pausing_again_replaces_time_and_reason() -> None:
    world, node = paused(100.0)
    world.run_for(50.0)
    again = replace(pause(world, 300.0), reason="it takes longer")
    assert SavePause(again) in node.feed(Paused(again))
    world.run_for(100.0)
    shown = node.snapshot().pause
    assert shown is not None
    assert ("ada", 0, "it takes longer", 100.0, 200.0) == (
        shown.by,
        shown.user_id,
        shown.reason,
        shown.age_s,
        shown.left_s,
    )
    assert ["pause.begun", "pause.begun"] == events(node)


def test_ending_no_pause_changes_nothing() -> None:
    _, node = one_node()
    node.warm()
    assert () == node.feed(Resumed("ada", 0))


def test_it_goes_on_after_a_restart() -> None:
    world, node = paused(100.0)
    node.line("VI_1", "MASTER")
    world.run_for(40.0)
    node.restart()
    world.run_for(50.0)
    assert (2, []) == (world.cloud.holder(WEB), node.assigns)
    assert ["pause.begun", "claim.paused", "pause.begun", "claim.paused"] == events(node)
    world.run_for(20.0)
    assert 1 == world.cloud.holder(WEB)


def test_one_that_was_over_before_the_restart_is_ended_and_told() -> None:
    world, node = paused(100.0)
    kept = node.pause
    world.run_for(40.0)
    node.pause = replace(kept, until_s=world.now) if kept is not None else None
    node.restart()
    assert (None, None) == (node.pause, node.snapshot().pause)
    assert ["pause.begun", "pause.expired"] == events(node)


def test_a_claim_that_backs_off_is_due_when_its_pause_is_over() -> None:
    world, node = one_node()
    node.warm()
    node.holding = (Mutate,)
    node.line("VI_1", "MASTER")
    [call] = node.open_calls(Mutate)
    node.answer(call, failure(FailureKind.REFUSED))
    node.holding = ()
    node.feed(Paused(pause(world)))
    assert ["pause.begun"] == events(node)
    world.run_for(30.0)
    assert ["pause.begun", "claim.paused"] == events(node)


def test_the_last_guard_refuses_an_assign() -> None:
    state = standing()
    state.pause = PAUSE
    address = put(state, mutating())
    with pytest.raises(InvariantError, match=r"^assign of 203\.0\.113\.1 while paused$"):
        state.start(assign(1, 1), 0.0, address)


@pytest.mark.parametrize(
    ("today_s", "since_s", "until_s"),
    [
        (1100.0, -50.0, 450.0),
        (900.0, 50.0, 550.0),
        (1000.0, 50.0, 550.0),
        (1499.0, -449.0, 51.0),
        (1600.0, -550.0, -50.0),
    ],
    ids=["a while later", "set back", "at once", "near its end", "over"],
)
def test_after_a_restart_at_most_the_whole_of_it_is_left(
    today_s: float, since_s: float, until_s: float
) -> None:
    made = Pause(by="ada", user_id=0, reason="", since_s=1000.0, until_s=1500.0)
    kept = made.taken_up(today_s, 50.0)
    assert (since_s, until_s) == (kept.since_s, kept.until_s)

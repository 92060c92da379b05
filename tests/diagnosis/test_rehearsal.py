"""A rehearsal foretells what the core then does, and leaves the core as it is."""

from collections.abc import Callable

import pytest

from hakeeper.core.calls import FailureKind, Identify, Mutate, ReadAll, ReadOne, Request
from hakeeper.core.core import Core
from hakeeper.core.decisions.claims import ResourceClaimed, ResourceConfirmed
from hakeeper.core.decisions.decision import Decision
from hakeeper.core.decisions.operator import ClaimPaused
from hakeeper.core.events import Paused
from hakeeper.diagnosis.rehearsal import Asked, Decided, Rehearsal, rehearse
from hakeeper.diagnosis.waits import WaitFor
from tests.core.apis import test_two_apis
from tests.core.driver import WEB, Node, World, instance, one_node, settings
from tests.core.faults import failure
from tests.core.keepalived.test_isolation import scene as isolated_scene
from tests.core.operator.test_pause import pause
from tests.core.pier import berth
from tests.core.robot_scene import scene as robot_scene
from tests.support.made_up_kind import BERTHS

MOST = 16
Made = tuple[World, Node]


def rehearsed(world: World, node: Node, name: str = "VI_1", most: int = MOST) -> Rehearsal:
    return rehearse(node.core, instance(name), world.now, most)


def moves(rehearsal: Rehearsal) -> list[Request]:
    asked = (step.request for step in rehearsal.steps if isinstance(step, Asked))
    return [request for request in asked if isinstance(request, Mutate)]


def decided(rehearsal: Rehearsal) -> list[Decision]:
    return [step.decision for step in rehearsal.steps if isinstance(step, Decided)]


def shape(core: Core) -> tuple[object, ...]:
    """Everything that a core remembers."""
    state = core.state
    return (
        repr(state),
        repr(state.roles.role_states),
        state.rng.getstate(),
        {name: repr(value) for name, value in vars(core).items() if name != "_throttle"},
        vars(core._throttle),
    )


def warm(world: World, node: Node) -> Made:
    node.warm()
    world.run_for(120.0)
    return world, node


def floating_ip() -> Made:
    return warm(*one_node())


def many() -> Made:
    names = tuple(f"ip{number}" for number in range(10))
    world, node = one_node(config=settings({"VI_1": names}))
    for number, name in enumerate(names):
        world.cloud.add_ip(5000 + number, name, f"203.0.113.{100 + number}/32", 2)
    return warm(world, node)


def two_steps() -> Made:
    world, node = one_node(config=settings({"VI_1": ("web", berth("north"))}))
    world.pier.give("north", 2)
    return warm(world, node)


def robot() -> Made:
    world, [node] = robot_scene()
    return world, node


def already_ours() -> Made:
    return warm(*one_node(holder=1))


@pytest.fixture(autouse=True)
def kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    test_two_apis.add(BERTHS, monkeypatch)


@pytest.mark.parametrize("made", [floating_ip, many, two_steps, robot, already_ours])
def test_what_is_foretold_comes_true(made: Callable[[], Made]) -> None:
    world, node = made()
    told = rehearsed(world, node)
    assert ((), 0) == (told.unconfirmed, told.left_out)
    node.line("VI_1", "MASTER")
    world.run_for(180.0)
    sent = [call.request for call in node.asked(Mutate)]
    assert len(moves(told)) == len(sent)
    assert set(map(str, moves(told))) == set(map(str, sent))
    ends = [each for each in decided(told) if isinstance(each, ResourceClaimed | ResourceConfirmed)]
    claimed = [*node.reports("address.claimed"), *node.reports("address.confirmed")]
    assert sorted(each.label for each in ends) == sorted(
        str(entry.fields["address"]) for entry in claimed
    )


def test_the_two_steps_come_in_their_order_with_the_reason_before_them() -> None:
    told = rehearsed(*two_steps())
    of_berth = [r.step.name for r in moves(told) if isinstance(r, Mutate) and r.resource.key != WEB]
    assert ["clear", "moor"] == of_berth
    assert isinstance(told.steps[0], Decided)
    asked = [step for step in told.steps if isinstance(step, Asked)]
    assert ("203.0.113.10",) == asked[0].labels
    assert {("203.0.113.10",), ("north",)} == {
        step.labels for step in asked if isinstance(step.request, ReadOne)
    }


@pytest.mark.parametrize("made", [floating_ip, many, two_steps, robot])
@pytest.mark.parametrize("after_s", [None, 0.0, 0.03, 5.0])
def test_the_core_stays_as_it_is_at_any_moment(
    made: Callable[[], Made], after_s: float | None
) -> None:
    world, node = made()
    if after_s is not None:
        node.line("VI_1", "MASTER")
        world.run_for(after_s)
    before, told = shape(node.core), len(world.log)
    rehearsed(world, node)
    assert before == shape(node.core)
    assert told == len(world.log)


def test_one_that_is_rehearsed_all_the_time_does_the_same_as_another() -> None:
    logs = []
    for often in (True, False):
        world, node = many()
        for turn in range(200):
            if turn == 50:
                node.line("VI_1", "MASTER")
            if often:
                rehearsed(world, node)
            world.run_for(0.1)
        logs.append([(at_s, one) for at_s, _, one in world.log])
    assert logs[0] == logs[1]


def test_a_call_under_way_is_answered_and_comes_to_its_end() -> None:
    world, node = floating_ip()
    node.holding = (Mutate,)
    node.line("VI_1", "MASTER")
    told = rehearsed(world, node)
    assert [(WaitFor.ANSWER,)] == [tuple(wait.what for wait in waits) for waits in told.waits]
    assert () == told.unconfirmed
    assert [] == moves(told)


def test_while_paused_it_comes_as_far_as_the_step() -> None:
    world, node = floating_ip()
    node.feed(Paused(pause(world)))
    told = rehearsed(world, node)
    assert ([], ("203.0.113.10",)) == (moves(told), told.unconfirmed)
    assert isinstance(decided(told)[-1], ClaimPaused)
    [[wait]] = told.why
    assert (WaitFor.PAUSE, 1800.0) == (wait.what, wait.in_s)


def test_while_isolated_nothing_is_begun() -> None:
    world, node = isolated_scene(private=())
    node.warm()
    told = rehearsed(world, node)
    assert [] == moves(told)
    assert [[WaitFor.ROLE, WaitFor.ISOLATION]] == [[w.what for w in waits] for waits in told.waits]


def test_what_was_never_read_is_not_made_up() -> None:
    world, node = one_node()
    node.holding = (ReadAll, Identify)
    node.start()
    told = rehearsed(world, node)
    assert ([], ("web",)) == (moves(told), told.unconfirmed)
    assert WaitFor.SERVER in [wait.what for wait in told.why[0]]


def test_an_address_that_does_not_exist_does_not_keep_it_going() -> None:
    world, node = one_node(config=settings({"VI_1": ("web", "typo")}))
    warm(world, node)
    told = rehearsed(world, node)
    assert (1, ("typo",)) == (len(moves(told)), told.unconfirmed)


def test_more_than_it_may_have_is_left_out() -> None:
    world, node = many()
    told = rehearsed(world, node, most=3)
    assert (3, 3, 7) == (len(told.waits), len(moves(told)), told.left_out)


def test_calls_of_others_are_left_out_with_them() -> None:
    world, node = many()
    node.holding = (Mutate,)
    node.line("VI_1", "MASTER")
    told = rehearsed(world, node, most=1)
    assert (1, ()) == (len(told.waits), told.unconfirmed)


def test_a_rehearsal_without_an_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hakeeper.diagnosis.rehearsal.MOST_TURNS", 2)
    told = rehearsed(*floating_ip())
    assert (("203.0.113.10",), 1) == (told.unconfirmed, len(moves(told)))


def test_what_fails_now_is_handed_on_since_the_rehearsal_does_not_meet_it() -> None:
    world, node = floating_ip()
    assert () == rehearsed(world, node).failing
    locked, refused = failure(FailureKind.LOCKED), failure(FailureKind.AUTH)
    world.cloud.fail(locked, Mutate)
    node.line("VI_1", "MASTER")
    world.run_for(3.0)
    assert (locked,) == rehearsed(world, node).failing
    world.cloud.heal()
    world.cloud.fail(refused)
    world.run_for(60.0)
    assert refused in rehearsed(world, node).failing
    world.cloud.heal()
    world.run_for(60.0)
    assert () == rehearsed(world, node).failing

"""Several that move with one request, in two steps, and their actions."""

from dataclasses import replace

import pytest

from hakeeper.core.answers.results import take_result
from hakeeper.core.apis.states import KindState
from hakeeper.core.calls import (
    ActionsRead,
    AllRead,
    FailureKind,
    Mutate,
    MutationAccepted,
    ReadActions,
    ReadAll,
    Step,
)
from hakeeper.core.claim.resource import Resource
from hakeeper.core.claim.stages import (
    ActionRunning,
    Claim,
    Held,
    MutateDue,
    MutateSent,
    ReadBack,
    Verify,
)
from hakeeper.core.due.reads import reading_interval_s
from hakeeper.core.events import CancelCall, Paused
from hakeeper.core.observation import Observation, Reading, Us
from hakeeper.core.operator.pause import change_pause
from hakeeper.core.state import InvariantError, State
from hakeeper.diagnosis.waits import WaitFor, waits_of
from hakeeper.kinds import ALIAS_IPS, KINDS
from hakeeper.kinds.alias_ip import resource as alias
from tests.core.due.lists import (
    DONE,
    NOW,
    OURS,
    RUNS,
    THEIRS,
    THIRD,
    A,
    B,
    C,
    answer,
    calls,
    due,
    looked_at_s,
    part,
    resources,
    show,
    state_of,
    steps,
)
from tests.core.faults import failure
from tests.core.operator.test_pause import PAUSE
from tests.core.standing import CLAIM, cloud_of, ended
from tests.support.resources import CLOUD, this_server

HALF = replace(CLAIM, releases=True)
"""That of what was taken from its holder for us."""

# --- several at once ---------------------------------------------------------------------------


def test_those_of_one_holder_go_with_one_request_and_the_others_with_another() -> None:
    state = state_of(A, B, C, rows=(OURS, (*THEIRS, A, B), (*THIRD, C)))
    due(state)
    assert [("release", "alias_ip/7/2", (A, B)), ("release", "alias_ip/7/3", (C,))] == steps(state)
    assert all(isinstance(each.stage, MutateSent) for each in resources(state))
    assert 1 == len([call for call in state.calls.values() if 2 == len(call.resources)])


def test_the_answer_concerns_all_of_them() -> None:
    state = state_of(A, B, rows=(OURS, (*THEIRS, A, B)))
    due(state)
    calls(state)
    answer(state, MutationAccepted(RUNS))
    assert all(isinstance(each.stage, ActionRunning) for each in resources(state))
    assert ReadActions(CLOUD, (77,)) in calls(state, NOW + 0.05)
    answer(state, ActionsRead((DONE,)), NOW + 0.1, ReadActions)
    assert all(isinstance(each.stage, ReadBack) for each in resources(state))


def test_the_list_that_is_read_beside_the_action_is_enough_for_the_second_step() -> None:
    state = state_of(A, B, rows=(OURS, (*THEIRS, A, B)))
    due(state)
    calls(state)
    answer(state, MutationAccepted(RUNS))
    assert [ReadActions(CLOUD, (77,)), ReadAll(ALIAS_IPS.name, (7,))] == calls(state, NOW + 0.05)
    released = AllRead(ALIAS_IPS.name, Reading((), parts=(part(OURS, THEIRS),)), (7,))
    answer(state, released, NOW + 0.1, ReadAll)
    assert [] == steps(state, NOW + 0.1)
    answer(state, ActionsRead((DONE,)), NOW + 0.11, ReadActions)
    assert [("take", "alias_ip/7/1", (A, B))] == steps(state, NOW + 0.11)


@pytest.mark.parametrize(("spent", "due_s", "is_listed"), [(390, 0.015, True), (400, 0.1, False)])
def test_a_move_takes_fewer_calls_when_half_of_the_budget_is_spent(
    spent: int, due_s: float, *, is_listed: bool
) -> None:
    state = state_of(A, rows=(OURS, (*THEIRS, A)))
    due(state)
    calls(state)
    budget = cloud_of(state).budget
    budget.spent, budget.at_s = float(spent), NOW
    answer(state, MutationAccepted(RUNS))
    assert NOW + due_s == pytest.approx(looked_at_s(resources(state)[0]))
    looks = calls(state, NOW + due_s)
    assert is_listed == (ReadAll(ALIAS_IPS.name, (7,)) in looks)


@pytest.mark.parametrize(("left", "sent"), [(59.0, True), (18.9, False), (20.0, True)])
def test_a_release_waits_until_the_budget_has_what_leads_to_the_next_step(
    left: float, *, sent: bool
) -> None:
    state = state_of(A, rows=(OURS, (*THEIRS, A)))
    due(state)
    [resource] = resources(state)
    resource.favoured, budget = True, cloud_of(state).budget
    budget.spent, budget.at_s = budget.full - left, NOW
    assert sent == bool(steps(state))


def test_what_nobody_has_needs_no_favour_however_low_the_budget_is() -> None:
    state = state_of(A, rows=(OURS, THEIRS))
    due(state)
    [resource], budget = resources(state), cloud_of(state).budget
    budget.spent, budget.at_s = budget.full - 20.0, NOW
    assert [("take", "alias_ip/7/1", (A,))] == steps(state)
    assert not resource.favoured


def test_a_list_that_was_read_before_the_action_was_looked_at_is_not() -> None:
    state = state_of(A, rows=(OURS, (*THEIRS, A)))
    due(state)
    calls(state)
    answer(state, MutationAccepted(RUNS))
    show(state, OURS, THEIRS, at_s=NOW + 0.01)
    calls(state, NOW + 0.05)
    answer(state, ActionsRead((DONE,)), NOW + 0.1, ReadActions)
    assert isinstance(resources(state)[0].stage, ReadBack)


# --- a pause between the two steps -------------------------------------------------------------


def half_moved(*ips: str) -> State:
    """Release the first of these from its holder, and be about to take what nobody has."""
    state = state_of(*ips, rows=(OURS, (*THEIRS, A)))
    resources(state)[0].stage = MutateDue(CLAIM, NOW)
    assert [("release", "alias_ip/7/2", (A,))] == steps(state)
    answer(state, MutationAccepted(DONE), NOW + 0.1)
    show(state, OURS, THEIRS, at_s=NOW + 0.2, within=(7,))
    return state


@pytest.mark.parametrize(
    ("first", "second", "goes"),
    [
        ((HALF, 99.0), (HALF, 98.0), B),
        ((HALF, 98.0), (HALF, 99.0), A),
        ((CLAIM, 97.0), (HALF, 98.0), B),
        ((replace(HALF, refused_at_s=90.0), 97.0), (HALF, 98.0), B),
        ((CLAIM, 98.0), (CLAIM, 97.0), A),
    ],
)
def test_what_we_have_taken_from_its_holder_goes_first_the_longest_ago(
    first: tuple[Claim, float], second: tuple[Claim, float], goes: str
) -> None:
    """Of two instances, whose aliases do not go together into our list; nobody has them since."""
    state = state_of(A, others=(B,), rows=(OURS, THEIRS))
    for resource, (claim, since_s) in zip(resources(state), (first, second), strict=True):
        resource.stage, resource.holder_since_s = MutateDue(claim, NOW), since_s
    assert [("take", "alias_ip/7/1", (goes,))] == steps(state)


def test_what_was_taken_from_its_holder_is_not_left_with_nobody_when_a_pause_begins() -> None:
    state = half_moved(A)
    state.pause = PAUSE
    assert [WaitFor.PAUSE] != [each.what for each in waits_of(state, resources(state)[0], NOW)]
    assert [("take", "alias_ip/7/1", (A,))] == steps(state, NOW + 0.2)


def test_the_step_that_ends_a_move_is_not_cancelled_by_a_pause() -> None:
    state = half_moved(A)
    assert [("take", "alias_ip/7/1", (A,))] == steps(state, NOW + 0.2)
    state.effects = []
    change_pause(state, Paused(PAUSE), NOW + 0.2)
    assert [] == [effect for effect in state.effects if isinstance(effect, CancelCall)]


def test_what_a_pause_holds_back_does_not_go_with_the_step_that_ends_a_move() -> None:
    state = half_moved(A, B)
    resources(state)[1].stage = MutateDue(CLAIM, NOW)
    state.pause = PAUSE
    assert [("take", "alias_ip/7/1", (A,))] == steps(state, NOW + 0.2)
    assert isinstance(resources(state)[1].stage, MutateDue)


def test_a_pause_holds_back_the_next_release_of_what_another_server_took_meanwhile() -> None:
    state = half_moved(A)
    show(state, OURS, THEIRS, (*THIRD, A), at_s=NOW + 5.0, within=(7,))
    resources(state)[0].stage = MutateDue(replace(CLAIM, releases=True), NOW)
    state.pause = PAUSE
    assert [] == steps(state, NOW + 5.0)
    state.pause = None
    assert [("release", "alias_ip/7/3", (A,))] == steps(state, NOW + 5.0)


# --- actions -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("polls", "reads"), [(29, True), (30, False)])
def test_an_action_that_takes_long_is_looked_at_alone(polls: int, *, reads: bool) -> None:
    state = state_of(A, rows=(OURS, (*THEIRS, A)))
    due(state)
    calls(state)
    answer(state, MutationAccepted(RUNS))
    [resource] = resources(state)
    assert isinstance(resource.stage, ActionRunning)
    resource.stage = replace(resource.stage, polls=polls)
    listed = [ReadAll(ALIAS_IPS.name, (7,))] if reads else []
    assert [ReadActions(CLOUD, (77,)), *listed] == calls(state, NOW + 0.05)


def test_what_happened_in_a_lane_long_ago_is_forgotten() -> None:
    kind = state_of(A).apis.kinds[ALIAS_IPS.name]
    kind.changed("one", 100.0)
    kind.changed("two", 101.0)
    kind.changed("one", 107.9)
    assert {"one": 107.9, "two": 101.0} == kind.changed_at_s
    kind.changed("one", 108.0)
    assert {"one": 108.0} == kind.changed_at_s


def test_an_unknown_outcome_concerns_all_of_them() -> None:
    state = state_of(A, B, rows=(OURS, THEIRS))
    due(state)
    calls(state)
    lost = failure(FailureKind.OUTCOME_UNKNOWN, "timeout")
    answer(state, lost, NOW + 0.1)
    assert [True, True] == [each.writes.outcome_unknown for each in resources(state)]
    assert all(isinstance(each.stage, Verify) for each in resources(state))


def test_a_step_that_was_never_sent_delays_none_of_them() -> None:
    state = state_of(A, B, rows=(OURS, THEIRS))
    due(state)
    calls(state)
    [number] = [number for number, each in state.calls.items() if each.resources]
    unsent = failure(FailureKind.TRANSIENT, "dns")
    take_result(state, ended(number, unsent, sent_at_s=None), NOW + 0.1)
    assert [float("-inf")] * 2 == [each.writes.last_sent_s for each in resources(state)]


def test_instances_do_not_share_a_request() -> None:
    state = state_of(A, others=(B,), rows=(OURS, THEIRS))
    due(state)
    assert [("take", "alias_ip/7/1", (A,))] == steps(state)
    assert isinstance(resources(state)[1].stage, MutateDue)


@pytest.mark.parametrize(
    ("kind", "together"),
    [
        (FailureKind.REFUSED, False),
        (FailureKind.ALREADY, False),
        (FailureKind.NOT_FOUND, False),
        (FailureKind.TRANSIENT, True),
        (FailureKind.LOCKED, True),
    ],
)
@pytest.mark.parametrize("refused", [0, 1])
def test_one_that_was_refused_goes_alone(
    kind: FailureKind, refused: int, *, together: bool
) -> None:
    state = state_of(A, B, rows=(OURS, THEIRS))
    due(state)
    claim = replace(CLAIM, failure=failure(kind, "its_code"))
    resources(state)[refused].stage = MutateDue(claim, NOW)
    [(_, _, moved)] = steps(state)
    assert (2 if together else 1) == len(moved)


def test_one_that_is_not_due_yet_is_not_taken_along() -> None:
    state = state_of(A, B, rows=(OURS, THEIRS))
    due(state)
    resources(state)[1].stage = MutateDue(CLAIM, NOW + 0.5)
    assert [("take", "alias_ip/7/1", (A,))] == steps(state)


def test_as_many_go_together_as_there_is_room_for() -> None:
    full = (*OURS, *(f"10.0.1.{number}" for number in range(3)))
    state = state_of(A, B, C, rows=(full, THEIRS))
    due(state)
    assert [("take", "alias_ip/7/1", (A, B))] == steps(state)


def test_one_of_another_kind_is_not_taken_along() -> None:
    state = state_of(A, B, rows=(OURS, THEIRS))
    due(state)
    kind = state.apis.kinds[ALIAS_IPS.name]
    resources(state)[1].kind = replace(kind)
    assert [("take", "alias_ip/7/1", (A,))] == steps(state)


# --- both steps --------------------------------------------------------------------------------


def test_the_second_step_follows_at_once_and_what_comes_of_it_is_ours() -> None:
    state = state_of(A, B, rows=(OURS, (*THEIRS, A, B)))
    due(state)
    calls(state)
    answer(state, MutationAccepted(None), NOW + 0.1)
    show(state, OURS, THEIRS, at_s=NOW + 0.1)
    assert [("take", "alias_ip/7/1", (A, B))] == steps(state, NOW + 0.2)
    answer(state, MutationAccepted(None), NOW + 0.3)
    show(state, (*OURS, A, B), THEIRS, at_s=NOW + 0.3)
    assert all(each.stage == Held() and each.holder == Us() for each in resources(state))


def test_the_first_step_is_looked_at_often_since_nobody_has_it_meanwhile() -> None:
    state = state_of(A, rows=(OURS, (*THEIRS, A)))
    due(state)
    calls(state)
    answer(state, MutationAccepted(RUNS), NOW)
    [resource] = resources(state)
    assert isinstance(resource.stage, ActionRunning)
    assert NOW + 0.015 == resource.stage.due_at_s
    resource.stage = replace(resource.stage, polls=200, until_s=NOW + 60.0)
    calls(state, NOW + 6.0)
    answer(state, ActionsRead((RUNS,)), NOW + 6.0, ReadActions)
    assert isinstance(resource.stage, ActionRunning)
    assert NOW + 6.0 < resource.stage.due_at_s <= NOW + 6.03


def test_the_guard_refuses_a_request_for_several_instances() -> None:
    state = state_of(A, others=(B,), rows=(OURS, THEIRS))
    step = ALIAS_IPS.next_step(found(resources(state)[0]), this_server(1))
    assert isinstance(step, Step)
    together = Mutate(alias(7, A), step, (alias(7, B),))
    with pytest.raises(InvariantError, match=r"^take of 10\.0\.0\.100, 10\.0\.0\.101 of several"):
        state.start(together, NOW, *resources(state))
    assert {} == state.calls


def found(resource: Resource) -> Observation:
    assert resource.observation is not None
    return resource.observation


def test_the_lists_of_all_kinds_add_up_where_an_api_is_read_at_its_limit() -> None:
    state = state_of(A, rows=(OURS, THEIRS))
    api, alias_ips = cloud_of(state), state.apis.kinds[ALIAS_IPS.name]
    floating_ips = KindState(KINDS["floating_ip"], api, pages=40)
    state.apis.kinds = {ALIAS_IPS.name: alias_ips, "floating_ip": floating_ips}
    assert api.budget.reading_gap_s(42) == state.reading_gap_s(api)
    assert state.reading_gap_s(api) == reading_interval_s(state, alias_ips, NOW)
    elsewhere = replace(api)
    floating_ips.api = elsewhere
    assert api.budget.reading_gap_s(2) == state.reading_gap_s(api)

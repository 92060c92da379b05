"""A list is replaced only as it was read right before; and what is in the way of that."""

from dataclasses import replace

import pytest

from hakeeper.core.calls import (
    ActionsRead,
    AllRead,
    Failure,
    FailureKind,
    Mutate,
    MutationAccepted,
    ReadActions,
    ReadAll,
    Step,
)
from hakeeper.core.claim.happenings import Demoted
from hakeeper.core.claim.resource import Resource
from hakeeper.core.claim.stages import Held, MutateDue, MutateSent, Verify
from hakeeper.core.model import ActionStatus
from hakeeper.core.observation import Other, Reading
from hakeeper.core.state import State
from hakeeper.kinds import ALIAS_IPS, KINDS
from hakeeper.kinds.alias_ip import resource as alias
from tests.core.driver import entries
from tests.core.due.lists import (
    DONE,
    NOW,
    OURS,
    RUNS,
    THEIRS,
    THIRD,
    VI,
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
from tests.core.standing import CLAIM, acting

# --- a list is replaced only as it was read right before ---------------------------------------


def test_what_waits_for_its_lane_is_read_anew_when_it_is_free() -> None:
    state = state_of(A, others=(B,), rows=(OURS, THEIRS))
    due(state)
    first, second = resources(state)
    calls(state)
    answer(state, MutationAccepted(None), NOW + 0.1)
    first.stage = Held()
    assert [ReadAll(ALIAS_IPS.name, (7,))] == calls(state, NOW + 0.1)
    assert isinstance(second.stage, Verify)
    answered = AllRead(ALIAS_IPS.name, Reading((), parts=(part((*OURS, A), THEIRS),)), (7,))
    answer(state, answered, NOW + 0.2, ReadAll)
    [taking] = [each for each in calls(state, NOW + 0.2) if isinstance(each, Mutate)]
    assert ((A,), (alias(7, B),)) == (taking.step.given, taking.resources)


@pytest.mark.parametrize(("age_s", "sent"), [(2.0, True), (2.001, False)])
def test_what_was_read_too_long_ago_is_read_anew(age_s: float, *, sent: bool) -> None:
    state = state_of(A, rows=(OURS, THEIRS))
    due(state)
    assert sent == bool(steps(state, NOW + age_s))
    assert (MutateSent if sent else Verify) is type(resources(state)[0].stage)


def test_a_step_of_ours_makes_everything_out_of_date_that_was_read_before_its_end() -> None:
    state = state_of(A, B, rows=(OURS, THEIRS))
    first, second = resources(state)
    first.stage = MutateDue(CLAIM, NOW)
    calls(state)
    answer(state, MutationAccepted(RUNS), NOW + 0.1)
    calls(state, NOW + 0.3)
    show(state, (*OURS, A), THEIRS, at_s=NOW + 0.35)
    second.stage = MutateDue(CLAIM, NOW)
    answer(state, ActionsRead((DONE,)), NOW + 0.4, ReadActions)
    assert [] == steps(state, NOW + 0.4)
    assert isinstance(resources(state)[1].stage, Verify)


def one_beside_what_was_just(move: str) -> State:
    """Move the first of two, and let a read show the world before that: it lags."""
    both = move == "release"
    state = state_of(A, B, rows=(OURS, (*THEIRS, A, B) if both else (*THEIRS, B)))
    first, second = resources(state)
    first.stage = MutateDue(CLAIM, NOW)
    assert [move] == [name for name, *_ in steps(state)]
    answer(state, MutationAccepted(RUNS), NOW + 0.1)
    calls(state, NOW + 0.3)
    answer(state, ActionsRead((DONE,)), NOW + 0.4, ReadActions)
    first.stage = Held()
    second.stage = MutateDue(CLAIM, NOW)
    lag(state, move, NOW + 0.5)
    return state


def lag(state: State, move: str, at_s: float) -> None:
    """Show the world before that; the holder of the second one has released it, too."""
    show(state, OURS, (*THEIRS, A, B) if move == "release" else THEIRS, at_s=at_s, within=(7,))


@pytest.mark.parametrize("move", ["release", "take"])
def test_a_read_that_lags_behind_our_own_step_is_no_base_for_another_one(move: str) -> None:
    state = one_beside_what_was_just(move)
    assert [] == steps(state, NOW + 0.5)
    assert Verify(CLAIM, NOW + 0.5, NOW + 0.8) == resources(state)[1].stage


@pytest.mark.parametrize("move", ["release", "take"])
@pytest.mark.parametrize(("at_s", "sent"), [(NOW + 3.3, False), (NOW + 3.4, True)])
def test_what_a_read_still_lacks_after_the_lag_was_undone_by_another(
    move: str, at_s: float, *, sent: bool
) -> None:
    state = one_beside_what_was_just(move)
    lag(state, move, at_s)
    assert sent == bool(steps(state, at_s))


def test_an_action_that_failed_has_moved_nothing() -> None:
    state = state_of(A, B, rows=(OURS, (*THEIRS, A, B)))
    first, second = resources(state)
    first.stage = MutateDue(CLAIM, NOW)
    calls(state)
    answer(state, MutationAccepted(RUNS), NOW + 0.1)
    assert {"alias_ip/7/2"} == set(first.kind.moved)
    calls(state, NOW + 0.3)
    answer(state, ActionsRead((replace(RUNS, status=ActionStatus.ERROR),)), NOW + 0.4, ReadActions)
    first.stage, second.stage = Held(), MutateDue(CLAIM, NOW)
    show(state, OURS, (*THEIRS, A, B), at_s=NOW + 0.5, within=(7,))
    assert [("release", "alias_ip/7/2", (B,))] == steps(state, NOW + 0.5)


def test_what_went_elsewhere_since_need_not_be_where_we_took_it() -> None:
    kind = state_of(A).apis.kinds[ALIAS_IPS.name]
    taken = Mutate(alias(7, A), Step("take", 1, "ours"), (alias(7, B),))
    kind.accepted(taken, NOW)
    kind.accepted(Mutate(alias(7, A), Step("release", None, "theirs")), NOW + 1.0)
    left = {lane: set(each.resources) for lane, each in kind.moved.items()}
    assert {"ours": {alias(7, B)}, "theirs": {alias(7, A)}} == left
    kind.accepted(Mutate(alias(7, A), Step("take", 1, "ours")), NOW + 2.0)
    left = {lane: set(each.resources) for lane, each in kind.moved.items()}
    assert {"ours": {alias(7, A)}, "theirs": {alias(7, A)}} == left
    kind.accepted(Mutate(alias(7, B), Step("take", 1, "third")), NOW + 4.0)
    assert {"ours", "third"} == set(kind.moved)  # the other one was 3 s ago


def test_after_a_demotion_others_may_have_undone_what_we_did() -> None:
    state = one_beside_what_was_just("take")
    first, _ = resources(state)
    assert [alias(7, A)] == [*first.kind.moved["alias_ip/7/1"].resources]
    state.happened(first, Demoted("another instance's"), NOW + 0.5)
    assert [("take", "alias_ip/7/1", (B,))] == steps(state, NOW + 0.5)


def test_what_is_accepted_after_a_demotion_is_not_remembered() -> None:
    state = state_of(A, rows=(OURS, THEIRS))
    [resource] = resources(state)
    due(state)
    calls(state)
    state.happened(resource, Demoted("another is MASTER"), NOW + 0.05)
    answer(state, MutationAccepted(RUNS), NOW + 0.1)
    assert {} == resource.kind.moved


def test_an_action_that_others_wait_for_with_nobody_having_them_is_looked_at_often() -> None:
    state = state_of(A, B, rows=(OURS, THEIRS))
    first, second = resources(state)
    first.stage = MutateDue(CLAIM, NOW)
    calls(state)
    answer(state, MutationAccepted(RUNS), NOW + 0.1)
    assert NOW + 0.3 == looked_at_s(first)
    second.stage = MutateDue(CLAIM, NOW)
    elsewhere = Resource(ALIAS_IPS.ref(C), VI, first.kind)
    elsewhere.stage = acting(due_at_s=NOW + 9.0, until_s=NOW + 99.0)  # in another lane
    state.resources[elsewhere.ref] = elsewhere
    calls(state, NOW + 0.11)
    assert NOW + 9.0 == looked_at_s(elsewhere)
    assert NOW + 0.11 + 0.015 * 1.03 == pytest.approx(looked_at_s(first))


def test_a_floating_ip_needs_no_read() -> None:
    state = state_of(A, rows=(OURS, THEIRS))
    [resource] = resources(state)
    resource.kind = replace(resource.kind, kind=KINDS["floating_ip"])
    assert resource.shows("", NOW + 1000.0)


@pytest.mark.parametrize(
    ("asked_at_s", "shown_at_s", "now", "shows"),
    [
        (100.0, 100.1, 102.1, True),
        (100.0, 100.1, 102.2, False),
        (100.0, 105.0, 107.0, True),
        # The answer waited while this process stood still: nobody knows what came meanwhile.
        (100.0, 138.0, 138.0, False),
    ],
)
def test_only_what_was_answered_a_moment_ago_is_a_base_for_a_step(
    asked_at_s: float, shown_at_s: float, now: float, *, shows: bool
) -> None:
    [resource] = resources(state_of(A))
    resource.holder_at_s, resource.shown_at_s = asked_at_s, shown_at_s
    assert shows is resource.shows("a lane", now)


def test_a_slow_list_from_before_our_own_last_step_is_no_base() -> None:
    """Another step has ended since, and nothing else is known of that one any more."""
    [resource] = resources(state_of(A))
    resource.holder_at_s, resource.shown_at_s = 100.0, 104.9
    resource.kind.changed("a lane", 100.5)
    resource.kind.changed("another lane", 104.0)
    assert not resource.shows("a lane", 105.0)


# --- obstacles ---------------------------------------------------------------------------------


def test_nothing_is_sent_while_something_is_in_the_way_and_it_is_reported_once() -> None:
    full = (*OURS, *(f"10.0.1.{number}" for number in range(5)))
    state = state_of(A, rows=(full, (*THEIRS, A)))
    due(state)
    assert [] == steps(state)
    [entry] = entries(state.effects)
    assert ("claim.refused", "no_room") == (entry.event, entry.fields["error_code"])
    [resource] = resources(state)
    assert isinstance(resource.stage, Verify)
    assert (NOW + 12.0, Other(2)) == (resource.stage.due_at_s, resource.holder)
    assert NOW + 600.0 == resource.kind.whole_from_s  # all is listed at once
    show(state, full, (*THEIRS, A), at_s=NOW + 12.0)
    assert [] == steps(state, NOW + 12.0)
    assert [] == entries(state.effects)
    show(state, OURS, (*THEIRS, A), at_s=NOW + 24.0)
    assert [("release", "alias_ip/7/2", (A,))] == steps(state, NOW + 24.0)


def test_nothing_is_taken_from_its_holder_for_which_there_will_be_no_room() -> None:
    """There is room for one: the second one would be with nobody when the first one is here."""
    full = (*OURS, *(f"10.0.1.{number}" for number in range(4)))
    state = state_of(A, B, rows=(full, (*THEIRS, A), (*THIRD, B)))
    due(state)
    assert [("release", "alias_ip/7/2", (A,))] == steps(state)
    answer(state, MutationAccepted(DONE), NOW + 0.1)
    show(state, full, THEIRS, (*THIRD, B), at_s=NOW + 0.1)
    assert [("take", "alias_ip/7/1", (A,))] == steps(state, NOW + 0.1)
    answer(state, MutationAccepted(RUNS), NOW + 0.2)
    assert [] == steps(state, NOW + 0.5)
    answer(state, ActionsRead((DONE,)), NOW + 0.6, ReadActions)
    show(state, (*full, A), THEIRS, (*THIRD, B), at_s=NOW + 0.6)
    assert [] == steps(state, NOW + 0.6)
    [entry] = [each for each in entries(state.effects) if each.event == "claim.refused"]
    assert "no_room" == entry.fields["error_code"]
    assert Other(3) == resources(state)[1].holder


@pytest.mark.parametrize(
    ("why", "sent"),
    [(None, []), (failure(FailureKind.REFUSED), [("release", "alias_ip/7/2", (A,))])],
)
def test_what_nobody_has_is_left_its_room_unless_it_is_refused(
    why: Failure | None, sent: list[tuple[str, str, tuple[str, ...]]]
) -> None:
    full = (*OURS, *(f"10.0.1.{number}" for number in range(4)))
    state = state_of(A, B, rows=(full, (*THEIRS, A)))
    due(state)
    waits = resources(state)[1]
    waits.stage = MutateDue(replace(CLAIM, failure=why), NOW + 0.5)
    assert sent == steps(state)


def test_an_obstacle_that_was_seen_long_ago_is_looked_at_again() -> None:
    state = state_of(A, rows=((*THEIRS, A),))
    due(state)
    calls(state, NOW + 10.0)
    assert [] == entries(state.effects)
    assert isinstance(resources(state)[0].stage, Verify)

"""Resources that lie in a part of the API, share a list there, and move several at once.

Alias IPs are such: the API knows lists of them by network and server.
"""

from dataclasses import replace

import pytest

from hakeeper.core.answers.results import take_result
from hakeeper.core.apis.states import KindState
from hakeeper.core.calls import (
    ActionsRead,
    AllRead,
    Failure,
    FailureKind,
    Mutate,
    MutationAccepted,
    ReadActions,
    ReadAll,
    Request,
    Step,
)
from hakeeper.core.claim.happenings import Demoted
from hakeeper.core.claim.resource import Resource
from hakeeper.core.claim.stages import ActionRunning, Held, MutateDue, MutateSent, ReadBack, Verify
from hakeeper.core.decisions.claims import Phases
from hakeeper.core.due.reads import reading_interval_s
from hakeeper.core.due.reconcile import reconcile
from hakeeper.core.events import CancelCall, Paused, StartCall
from hakeeper.core.model import Action, ActionStatus, Role, Settings
from hakeeper.core.observation import Observation, Other, Part, Reading, Us
from hakeeper.core.operator.pause import change_pause
from hakeeper.core.roles.book import RoleBook
from hakeeper.core.state import InvariantError, State
from hakeeper.diagnosis.waits import WaitFor, waits_of
from hakeeper.kinds import ALIAS_IPS, KINDS
from hakeeper.kinds.alias_ip import resource as alias
from hakeeper.kinds.json_fields import network
from tests.core.driver import entries, instance
from tests.core.faults import failure
from tests.core.odds import MOST
from tests.core.operator.test_pause import PAUSE
from tests.core.standing import CLAIM, US, acting, cloud_of, ended
from tests.support.resources import CLOUD, this_server

NOW = 100.0
VI, OTHER_VI = instance("VI_1"), instance("VI_2")
A, B, C = "10.0.0.100", "10.0.0.101", "10.0.0.102"
OURS, THEIRS, THIRD = ("1", "10.0.0.2"), ("2", "10.0.0.3"), ("3", "10.0.0.4")
RUNS = Action(id=77, status=ActionStatus.RUNNING)
DONE = Action(id=77, status=ActionStatus.SUCCESS)


def part(*rows: tuple[str, ...], key: int = 7) -> Part:
    return Part(key=key, name="internal", network=network("10.0.0.0/16"), rows=rows)


def state_of(
    *ips: str, rows: tuple[tuple[str, ...], ...] = (), others: tuple[str, ...] = ()
) -> State:
    """Make a MASTER with these alias IPs, and with others of another instance."""
    wanted = Settings(
        resources={
            VI: tuple(map(ALIAS_IPS.ref, ips)),
            OTHER_VI: tuple(map(ALIAS_IPS.ref, others)),
        },
        can_query=False,
    )
    state = State(wanted, MOST, RoleBook(wanted.resources, 0.0), KINDS)
    state.apis.use(wanted, KINDS)
    cloud_of(state).server = US
    for vrrp, refs in wanted.resources.items():
        state.roles.role_states[vrrp].role = Role.MASTER
        for ref in refs:
            state.resources[ref] = Resource(ref, vrrp, state.apis.kinds[ALIAS_IPS.name])
    if rows:
        show(state, *rows)
        state.effects = []
        state.apis.kinds[ALIAS_IPS.name].whole_from_s = NOW + 600.0
    return state


def show(
    state: State, *rows: tuple[str, ...], at_s: float = NOW, within: tuple[int, ...] = ()
) -> None:
    """Let a list be read that was asked for then."""
    listed = AllRead(ALIAS_IPS.name, Reading((), parts=(part(*rows),)), within, requests=2)
    state.start(ReadAll(ALIAS_IPS.name, within), at_s)
    take_result(state, ended(state.next_call_id - 1, listed), at_s)


def due(state: State, at_s: float = NOW) -> None:
    """Let all of them be about to be sent."""
    for resource in state.resources.values():
        resource.stage = MutateDue(CLAIM, at_s)


def calls(state: State, now: float = NOW) -> list[Request]:
    """Return what is asked for at this look."""
    state.effects = []
    reconcile(state, now)
    return [effect.request for effect in state.effects if isinstance(effect, StartCall)]


def steps(state: State, now: float = NOW) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return the steps that are sent now: name, lane and what they move."""
    return [
        (call.step.name, call.step.lane, tuple(str(each.key)[2:] for each in call.resources))
        for call in calls(state, now)
        if isinstance(call, Mutate)
    ]


def resources(state: State) -> list[Resource]:
    return list(state.resources.values())


def answer(
    state: State,
    outcome: MutationAccepted | ActionsRead | AllRead | Failure,
    now: float = NOW,
    to: type[Request] = Mutate,
) -> None:
    """Answer the last call of this type."""
    [*_, last] = [number for number, each in state.calls.items() if isinstance(each.request, to)]
    take_result(state, ended(last, outcome), now)


# --- lists ------------------------------------------------------------------------------------


def test_all_is_listed_until_it_is_known_in_which_parts_ours_are() -> None:
    state = state_of(A)
    assert [ReadAll(ALIAS_IPS.name)] == calls(state)
    state = state_of(A, rows=(OURS, (*THEIRS, A)))
    assert ReadAll(ALIAS_IPS.name, (7,)) in calls(state, NOW + 60.0)


def test_all_is_listed_as_long_as_one_of_ours_is_not_found() -> None:
    state = state_of(A, "192.168.0.1", rows=(OURS, (*THEIRS, A)))
    assert ReadAll(ALIAS_IPS.name) in calls(state, NOW + 60.0)


def test_a_list_of_a_part_says_nothing_of_what_is_elsewhere() -> None:
    state = state_of(A, "192.168.0.1", rows=(OURS, (*THEIRS, A)))
    there, unresolved = resources(state)
    show(state, OURS, THEIRS, at_s=NOW + 1.0, within=(7,))
    assert there.observation is not None
    assert (None, None) == (there.observation.server_id, unresolved.observation)
    state.effects = []
    show(state, OURS, (*THEIRS, A), at_s=NOW + 2.0, within=(8,))
    assert there.observation.server_id is None
    assert [] == entries(state.effects)


def test_a_part_that_cannot_be_listed_is_looked_for_in_the_list_of_all() -> None:
    state = state_of(A, rows=(OURS, (*THEIRS, A)))
    assert ReadAll(ALIAS_IPS.name, (7,)) in calls(state, NOW + 60.0)
    gone = failure(FailureKind.NOT_FOUND, "not_found")
    answer(state, gone, NOW + 60.1, ReadAll)
    kind = state.apis.kinds[ALIAS_IPS.name]
    assert not kind.lists_parts
    assert ReadAll(ALIAS_IPS.name) in calls(state, NOW + 120.0)
    kind.list_anew()
    assert kind.lists_parts


def test_all_is_listed_each_ten_minutes_since_parts_do_not_show_everything() -> None:
    state = state_of(A, rows=(OURS, (*THEIRS, A)))
    assert ReadAll(ALIAS_IPS.name, (7,)) in calls(state, NOW + 599.0)
    state.calls.clear()
    assert ReadAll(ALIAS_IPS.name) in calls(state, NOW + 660.0)
    state.calls.clear()
    assert ReadAll(ALIAS_IPS.name, (7,)) in calls(state, NOW + 1200.0)
    state.calls.clear()
    assert ReadAll(ALIAS_IPS.name) in calls(state, NOW + 1260.0)


def test_no_claim_that_is_under_way_waits_for_the_list_of_all() -> None:
    state = state_of(A, rows=(OURS, (*THEIRS, A)))
    state.apis.kinds[ALIAS_IPS.name].whole_from_s = NOW
    sent = CLAIM.with_phases(Phases(line_s=99.0, sent_s=99.5))
    resources(state)[0].stage = Verify(sent, NOW + 1.0, NOW + 1.0)
    assert [ReadAll(ALIAS_IPS.name, (7,))] == calls(state, NOW + 1.0)


def test_a_refusal_has_all_listed_next() -> None:
    state = state_of(A, rows=(OURS, THEIRS))
    due(state)
    calls(state)
    answer(state, failure(FailureKind.REFUSED, "invalid_input"), NOW + 0.1)
    assert NOW + 0.1 == state.apis.kinds[ALIAS_IPS.name].whole_from_s


def test_a_claim_reads_the_part_and_not_only_one() -> None:
    state = state_of(A, rows=(OURS, (*THEIRS, A)))
    resources(state)[0].stage = Verify(CLAIM, NOW + 1.0, NOW + 1.0)
    assert [ReadAll(ALIAS_IPS.name, (7,))] == calls(state, NOW + 1.0)


def test_a_list_costs_the_requests_that_it_took() -> None:
    assert 2 == state_of(A, rows=(OURS, THEIRS)).apis.kinds[ALIAS_IPS.name].pages


@pytest.mark.parametrize(("within", "cost"), [((), 2), ((7,), 1), ((7, 8), 2)])
def test_a_list_that_was_never_read_is_paid_for_as_what_it_takes_at_least(
    within: tuple[int, ...], cost: int
) -> None:
    """Those of an API that does not answer, for an hour."""
    state = state_of(A)
    budget = cloud_of(state).budget
    before = budget.left(NOW)
    state.start(ReadAll(ALIAS_IPS.name, within), NOW)
    assert before - cost == budget.left(NOW)


def test_a_whole_list_is_paid_for_as_the_last_whole_one() -> None:
    kind = state_of(A).apis.kinds[ALIAS_IPS.name]
    kind.listed((), 4)
    kind.listed((7,), 3)
    assert (4, 3) == (kind.cost_of(()), kind.cost_of((7,)))


def test_why_the_network_is_not_found_is_reported() -> None:
    state = state_of("192.168.0.1")
    show(state, OURS)
    [entry] = [each for each in entries(state.effects) if each.event == "address.unresolved"]
    assert (
        "no private network of this token's project has the address in its range" in entry.message
    )


def test_what_an_older_read_shows_is_no_base_for_a_step() -> None:
    state = state_of(A, rows=(OURS, (*THEIRS, A, B)))
    [resource] = resources(state)
    show(state, OURS, (*THEIRS, A), at_s=NOW - 1.0)
    assert resource.observation is not None
    assert ("2", "", A, B) in resource.observation.note


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


# --- actions ------------------------------------------------------------------------------------


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


# --- a list is replaced only as it was read right before ----------------------------------------


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


def looked_at_s(resource: Resource) -> float:
    """Return when its action is looked at next."""
    assert isinstance(resource.stage, ActionRunning)
    return resource.stage.due_at_s


def test_a_floating_ip_needs_no_read() -> None:
    state = state_of(A, rows=(OURS, THEIRS))
    [resource] = resources(state)
    resource.kind = replace(resource.kind, kind=KINDS["floating_ip"])
    assert resource.shows("", NOW + 1000.0)


# --- obstacles ----------------------------------------------------------------------------------


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


# --- both steps ---------------------------------------------------------------------------------


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

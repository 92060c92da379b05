"""Which calls are due as things stand, and when it wants to be asked again: each at its edge."""

from dataclasses import replace

import pytest

from hakeeper.core.calls import (
    FailureKind,
    Identify,
    Mutate,
    Quota,
    ReadActions,
    ReadServer,
    Request,
    Step,
)
from hakeeper.core.claim.stages import Claim, MutateSent, Verify
from hakeeper.core.decisions.claims import Phases
from hakeeper.core.due.reads import reading_interval_s
from hakeeper.core.due.reconcile import POLL_SPREAD_S, reconcile
from hakeeper.core.events import QueryRoles, StartCall
from hakeeper.core.model import FifoState, Role, Server, Settings
from hakeeper.core.observation import Nobody, Observation, Other, Us
from hakeeper.core.roles.book import RoleState
from hakeeper.core.state import State
from hakeeper.kinds.floating_ip import FloatingIps
from tests.core.driver import entries, instance
from tests.core.due.scene import NOW, calm, step
from tests.core.faults import failure
from tests.core.odds import MOST
from tests.core.standing import (
    CLAIM,
    HELD,
    STEP,
    VI,
    acting,
    cloud_of,
    holding_down,
    ip,
    kind_of,
    mutating,
    put,
    resource_of,
    under_way,
    verifying,
)
from tests.support.resources import CLOUD, IDENTIFY, LIST, assign, read

# --- asking keepalived -------------------------------------------------------------------------


def test_keepalived_is_asked_at_the_interval_and_one_question_at_a_time() -> None:
    state = calm(can_query=True)
    assert ([], NOW + 3.0) == step(state)
    reconcile(state, NOW + 3.0)
    assert [QueryRoles(1)] == state.effects
    assert ((1, NOW + 3.0), NOW + 3.0, NOW + 13.0, 2) == (
        state.query_asked,
        state.schedule.queried_at_s,
        state.schedule.query_at_s,
        state.next_query_id,
    )
    state.schedule.query_at_s = NOW
    kind_of(state).listed_at_s = NOW + 100.0
    assert ([], NOW + 8.0) == step(state, NOW + 7.9)
    assert [] == state.effects


@pytest.mark.parametrize(
    "fifo", [one for one in FifoState if one is not FifoState.OPEN], ids=lambda one: one.name
)
def test_keepalived_is_asked_twice_a_second_while_its_lines_cannot_be_read(fifo: FifoState) -> None:
    state = calm(can_query=True)
    state.fifo = fifo
    reconcile(state, NOW + 3.0)
    assert NOW + 3.5 == state.schedule.query_at_s


def test_a_question_without_an_answer_is_given_up_after_5_s() -> None:
    state = calm(can_query=True)
    state.query_asked, state.next_query_id = (7, NOW - 5.0), 8
    state.schedule.query_at_s = NOW
    kind_of(state).listed_at_s = NOW + 100.0
    assert ([], NOW + 5.0) == step(state)
    assert [QueryRoles(8)] == state.effects
    assert (8, NOW) == state.query_asked


def test_a_question_that_was_given_up_is_not_asked_again_before_its_time() -> None:
    state = calm(can_query=True)
    state.query_asked = (7, NOW - 5.0)
    assert ([], NOW + 3.0) == step(state)
    assert [[], None] == [state.effects, state.query_asked]


def test_without_a_way_to_ask_nothing_is_asked() -> None:
    state = calm()
    state.schedule.query_at_s = NOW - 1.0
    assert ([], NOW + 10.0) == step(state)
    assert [] == state.effects


# --- isolation and hold-downs --------------------------------------------------------------------


@pytest.mark.parametrize(("trusted_from_s", "isolated"), [(NOW, False), (NOW + 0.5, True)])
def test_isolation_ends_at_its_time(trusted_from_s: float, *, isolated: bool) -> None:
    state = calm()
    role_state = state.roles.role_states[VI]
    role_state.isolated, role_state.trusted_from_s = True, trusted_from_s
    _, wake_s = step(state)
    assert isolated is role_state.isolated
    if isolated:
        assert NOW + 0.5 == wake_s


def test_a_hold_down_ends_at_its_time_with_a_read() -> None:
    state = calm()
    address = put(state, holding_down(NOW + 5.0, look_at_s=NOW + 20.0), 1, Other(2))
    address.split_brain.hold_down_s(state.rng)
    assert ([], NOW + 5.0) == step(state)
    assert ([read(1)], NOW + 10.0) == step(state, NOW + 5.0)
    phases = Phases(line_s=NOW + 5.0)
    claim = Claim(cause="the hold-down is over", phases=phases, rival=Other(2))
    assert Verify(claim, NOW + 5.0, NOW + 5.0) == address.stage


# --- the whole API waits -----------------------------------------------------------------------


@pytest.mark.parametrize(("held_until_s", "waits"), [(NOW + 0.5, True), (NOW, False)])
def test_429_makes_every_call_wait_to_its_very_end(held_until_s: float, *, waits: bool) -> None:
    state = calm()
    put(state, mutating(NOW))
    kind_of(state).listed_at_s = NOW - 100.0
    cloud_of(state).health.held_until_s = held_until_s
    calls, wake_s = step(state)
    # One assign may look whether the 429 stands.
    assert [assign(1, 1), *([] if waits else [LIST])] == calls
    assert (NOW + 0.5 if waits else NOW + 10.0) == wake_s


def test_while_a_429_stands_one_assign_at_a_time_looks_whether_it_does() -> None:
    state = calm(2)
    for number in (1, 2):
        put(state, mutating(NOW), number)
    cloud_of(state).health.held_until_s = NOW + 20.0
    assert [assign(1, 1)] == step(state)[0]
    assert [] == step(state, NOW + 0.1)[0]


def test_an_assign_waits_for_what_the_429_says_that_one_met() -> None:
    state = calm()
    put(state, mutating(NOW))
    cloud_of(state).health.held_until_s = cloud_of(state).health.assigns_held_until_s = NOW + 20.0
    assert ([], NOW + 20.0) == step(state)
    assert assign(1, 1) in step(state, NOW + 20.0)[0]


# --- assigns -----------------------------------------------------------------------------------


def test_an_assign_goes_out_when_it_is_due_and_urgently() -> None:
    state = calm()
    address = put(state, mutating(NOW + 0.5))
    assert ([], NOW + 0.5) == step(state)
    state.effects = []
    reconcile(state, NOW + 0.5)
    [reported] = entries(state.effects)
    [call] = [effect for effect in state.effects if isinstance(effect, StartCall)]
    assert 2 == len(state.effects)
    assert ("claim.started", StartCall(1, assign(1, 1), 5.0, urgent=True)) == (reported.event, call)
    assert MutateSent(replace(CLAIM, announced=True), STEP) == address.stage
    assert NOW + 0.5 == address.writes.last_sent_s == address.writes.fresh_from_s
    assert ((address,), 0) == (state.calls[1].resources, state.calls[1].generation)


def test_no_assign_goes_out_before_we_know_who_we_are() -> None:
    state = calm()
    put(state, mutating(NOW))
    cloud_of(state).server = None
    under_way(state, IDENTIFY)
    assert ([], NOW + 10.0) == step(state)


def test_an_address_that_is_not_found_yet_holds_up_no_other_one() -> None:
    state = calm(3)
    for number in (1, 2, 3):
        put(state, mutating(NOW), number)
    resource_of(state, 1).observation = None
    put(state, mutating(NOW + 1.0), 2)
    assert ([assign(3, 1)], NOW + 1.0) == step(state)


def test_no_more_assigns_go_out_than_there_are_lanes() -> None:
    state = calm(5)
    cloud_of(state).health.max_parallel = 3
    under_way(state, assign(9, 1))
    for number in range(1, 6):
        put(state, mutating(NOW), number)
    assert [assign(1, 1), assign(2, 1)] == step(state)[0]


def test_no_second_assign_of_one_address_but_of_the_next_one() -> None:
    state = calm(2)
    for number in (1, 2):
        put(state, mutating(NOW), number)
    under_way(state, assign(1, 1))
    assert [assign(2, 1)] == step(state)[0]
    assert mutating(NOW) == resource_of(state, 1).stage


class OneStreet(FloatingIps):
    """Floating IPs of which no two may move at once."""

    def next_step(self, seen: Observation, us: Server) -> Step:
        return replace(super().next_step(seen, us), lane="street")


def test_steps_of_one_lane_wait_for_each_other_until_the_action_has_ended() -> None:
    state = calm(2)
    kind_of(state).kind = OneStreet()
    put(state, mutating(NOW), 1)
    put(state, mutating(NOW), 2)
    [sent] = step(state)[0]
    assert isinstance(sent, Mutate)
    assert (assign(1, 1).resource, "street") == (sent.resource, sent.step.lane)
    state.calls.clear()
    put(state, replace(acting(71, NOW + 5.0, NOW + 9.0), step=sent.step), 1)
    assert [] == step(state)[0]
    put(state, HELD, 1)
    assert [assign(2, 1).resource] == [
        one.resource for one in step(state)[0] if isinstance(one, Mutate)
    ]


# --- who we are --------------------------------------------------------------------------------


def test_who_we_are_is_asked_when_it_is_due_and_once() -> None:
    state = calm()
    cloud_of(state).server, cloud_of(state).cached_server_id = None, 7
    cloud_of(state).identify_from_s = NOW + 0.5
    assert ([], NOW + 0.5) == step(state)
    assert ([Identify(CLOUD, 7)], NOW + 10.0) == step(state, NOW + 0.5)
    assert ([], NOW + 10.0) == step(state, NOW + 0.5)


# --- actions -----------------------------------------------------------------------------------


def act(state: State, number: int, due_at_s: float, until_s: float = NOW + 9.0) -> None:
    put(state, acting(70 + number, due_at_s, until_s), number)


def test_actions_are_polled_when_the_first_is_due_and_the_others_come_along() -> None:
    state = calm(4)
    act(state, 1, NOW + 0.6)
    act(state, 2, NOW + 0.5)
    act(state, 3, NOW + 0.7)
    put(state, mutating(NOW + 50.0), 4)
    assert ([], NOW + 0.5) == step(state)
    assert ([ReadActions(CLOUD, (72, 71, 73))], NOW + 10.0) == step(state, NOW + 0.5)


def test_an_action_that_is_asked_for_already_is_passed_over() -> None:
    state = calm(2)
    for number in (1, 2):
        act(state, number, NOW)
    under_way(state, ReadActions(CLOUD, (71, 99)))
    assert [ReadActions(CLOUD, (72,))] == step(state)[0]


def test_an_action_that_the_budget_does_not_let_be_asked_for_is_waited_for() -> None:
    state = calm()
    state.roles.role_states[resource_of(state, 1).vrrp].since_s = NOW - 3600.0
    act(state, 1, NOW, NOW + 9.0)
    cloud_of(state).budget.spend(NOW, int(cloud_of(state).budget.full))
    cloud_of(state).budget.retry_from_s = NOW + 100.0
    calls, wake_s = step(state)
    assert [] == calls
    assert wake_s is not None
    assert NOW < wake_s <= NOW + 9.0


def test_more_than_25_actions_need_a_second_call_when_it_is_due() -> None:
    state = calm(30)
    for number in range(1, 31):
        act(state, number, NOW if number <= 25 else NOW + 0.5)
    [call], wake_s = step(state, NOW + POLL_SPREAD_S)
    assert ReadActions(CLOUD, tuple(range(71, 96))) == call
    assert NOW + 0.5 + POLL_SPREAD_S == wake_s


@pytest.mark.parametrize(("running", "pause_s"), [(24, 0.0), (25, 0.25), (75, 0.75), (200, 0.75)])
def test_the_more_actions_run_the_longer_they_are_left_alone(running: int, pause_s: float) -> None:
    state = calm(running)
    for number in range(1, running + 1):
        act(state, number, NOW + 0.2)
    assert ([], NOW + 0.2 + pause_s) == step(state)
    assert step(state, NOW + 0.2 + pause_s)[0] != []


def test_a_running_action_takes_a_lane_while_claims_go_one_by_one() -> None:
    state = calm(2)
    act(state, 1, NOW + 5.0)
    put(state, mutating(NOW), 2)
    cloud_of(state).health.max_parallel, cloud_of(state).health.one_by_one_until_s = 1, NOW + 0.1
    assert [] == step(state)[0]
    assert [assign(2, 1)] == step(state, NOW + 0.1)[0]


def test_no_assign_goes_out_before_locks_allow_it() -> None:
    state = calm()
    put(state, mutating(NOW, replace(CLAIM, refused_at_s=NOW - 9.0)))
    cloud_of(state).health.assigns_from_s = NOW + 2.0
    assert ([], NOW + 2.0) == step(state)
    assert [assign(1, 1)] == step(state, NOW + 2.0)[0]


def test_what_was_never_refused_is_kept_back_for_less_long() -> None:
    state = calm(2)
    put(state, mutating(NOW, replace(CLAIM, refused_at_s=NOW - 9.0)))
    put(state, mutating(NOW), 2)
    health = cloud_of(state).health
    health.assigns_from_s, health.first_assigns_from_s = NOW + 5.0, NOW + 1.0
    assert ([], NOW + 1.0) == step(state)
    assert ([assign(2, 1)], NOW + 5.0) == step(state, NOW + 1.0)


def test_an_action_that_lasts_too_long_is_given_up_at_its_end() -> None:
    state = calm()
    act(state, 1, NOW + 5.0, until_s=NOW + 1.0)
    assert ([], NOW + 1.0) == step(state)
    assert [read(1)] == step(state, NOW + 1.0)[0]
    assert isinstance(resource_of(state).stage, Verify)


# --- reading for claims ------------------------------------------------------------------------


def reading(state: State, number: int = 1, due_at_s: float = NOW, *, sent: bool = False) -> None:
    phases = Phases(line_s=NOW - 1.0, sent_s=NOW - 0.5 if sent else None)
    put(state, verifying(due_at_s, CLAIM.with_phases(phases)), number)


def test_one_address_is_read_by_itself_when_it_is_due() -> None:
    state = calm(2)
    reading(state, 1, NOW + 0.5)
    assert ([], NOW + 0.5) == step(state)
    assert ([read(1)], NOW + 10.0) == step(state, NOW + 0.5)


def test_two_addresses_are_read_by_a_list() -> None:
    state = calm(2)
    reading(state, 1)
    reading(state, 2)
    assert [LIST] == step(state)[0]
    assert NOW == kind_of(state).listed_at_s


def test_an_address_that_is_not_found_yet_is_read_by_a_list() -> None:
    state = calm()
    reading(state)
    resource_of(state).observation = None
    assert [LIST] == step(state)[0]


@pytest.mark.parametrize("request_", [LIST, read(1)])
@pytest.mark.parametrize(("asked_at_s", "waits"), [(NOW - 0.1, False), (NOW, True)])
def test_a_read_under_way_serves_if_it_is_new_enough(
    request_: Request, asked_at_s: float, *, waits: bool
) -> None:
    state = calm(2)
    reading(state)
    under_way(state, request_, asked_at_s)
    assert ([] if waits else [read(1)]) == step(state)[0]


@pytest.mark.parametrize("request_", [read(2), ReadServer(CLOUD, 2), IDENTIFY])
def test_a_call_under_way_for_something_else_serves_nobody(request_: Request) -> None:
    state = calm(2)
    reading(state)
    under_way(state, request_, NOW)
    assert [read(1)] == step(state)[0]


def test_a_read_of_one_serves_no_address_that_is_not_found_yet() -> None:
    state = calm()
    reading(state)
    resource_of(state).observation = None
    under_way(state, read(1), NOW)
    assert [LIST] == step(state)[0]


@pytest.mark.parametrize(
    ("holder_at_s", "reads"), [(None, True), (NOW - 0.1, True), (NOW, False), (NOW + 1.0, False)]
)
def test_while_only_our_identity_is_missing_nothing_is_read_twice(
    holder_at_s: float | None, *, reads: bool
) -> None:
    state = calm()
    reading(state)
    cloud_of(state).server = None
    under_way(state, IDENTIFY)
    resource_of(state).holder_at_s = holder_at_s
    assert ([read(1)] if reads else []) == step(state)[0]


def test_reads_wait_after_a_failed_one() -> None:
    state = calm()
    reading(state)
    cloud_of(state).reads_from_s = NOW + 2.0
    assert ([], NOW + 2.0) == step(state)
    assert [read(1)] == step(state, NOW + 2.0)[0]


@pytest.mark.parametrize(
    ("sent", "assigns", "now", "gathers"),
    [
        (True, 1, NOW, True),
        (True, 1, NOW + 0.4, True),
        (True, 1, NOW + 0.5, False),
        (True, 0, NOW, False),
        (False, 1, NOW, False),
    ],
)
def test_finished_claims_wait_half_a_second_for_others_that_are_under_way(
    *, sent: bool, assigns: int, now: float, gathers: bool
) -> None:
    state = calm(3)
    reading(state, 1, sent=sent)
    if assigns:
        under_way(state, assign(3, 1))
    calls, wake_s = step(state, now)
    assert ([] if gathers else [read(1)]) == calls
    assert (NOW + 0.5 if gathers else NOW + 10.0) == wake_s


def test_one_claim_that_has_to_know_makes_the_finished_ones_wait_no_longer() -> None:
    state = calm(3)
    reading(state, 1, sent=True)
    reading(state, 2, sent=False)
    under_way(state, assign(3, 1))
    assert [LIST] == step(state)[0]


def test_the_half_second_is_that_of_the_first_who_waits() -> None:
    state = calm(3)
    reading(state, 1, NOW - 0.5, sent=True)
    reading(state, 2, NOW, sent=True)
    under_way(state, assign(3, 1))
    assert [LIST] == step(state)[0]


def test_there_is_only_one_list_at_a_time() -> None:
    state = calm(2)
    reading(state, 1)
    reading(state, 2)
    under_way(state, LIST, NOW - 1.0)
    assert ([], None) == step(state)
    assert NOW == kind_of(state).listed_at_s


# --- reading idly ------------------------------------------------------------------------------


@pytest.mark.parametrize(("role", "interval_s"), [(Role.MASTER, 10.0), (Role.BACKUP, 60.0)])
def test_the_holders_are_listed_at_the_interval(role: Role, interval_s: float) -> None:
    state = calm(1, role)
    assert ([], NOW + interval_s) == step(state)
    assert ([LIST], NOW + 2 * interval_s) == step(state, NOW + interval_s)
    assert NOW + interval_s == kind_of(state).listed_at_s


@pytest.mark.parametrize("role", [Role.MASTER, Role.BACKUP, Role.UNKNOWN])
def test_until_a_first_list_has_come_it_is_asked_for_as_often_as_by_a_master(role: Role) -> None:
    state = calm(1, role)
    kind_of(state).is_listed = False
    assert ([], NOW + 10.0) == step(state)
    assert [LIST] == step(state, NOW + 10.0)[0]


def test_idle_reading_steps_aside_for_2_s_after_a_master_edge_but_only_for_a_master() -> None:
    state = calm()
    kind_of(state).listed_at_s = float("-inf")
    state.schedule.edge(NOW)
    assert ([], NOW + 2.0) == step(state)
    assert [LIST] == step(state, NOW + 2.0)[0]
    state = calm(1, Role.BACKUP)
    kind_of(state).listed_at_s = float("-inf")
    state.schedule.edge(NOW)
    assert [LIST] == step(state)[0]


@pytest.mark.parametrize(
    ("role", "settling", "scarce", "interval_s"),
    [
        (Role.MASTER, False, False, 10.0),
        (Role.MASTER, True, False, 2.0),
        (Role.MASTER, False, True, 60.0),
        (Role.MASTER, True, True, 60.0),
        (Role.BACKUP, True, False, 60.0),
    ],
)
def test_how_often_the_holders_are_read(
    role: Role, interval_s: float, *, settling: bool, scarce: bool
) -> None:
    state = calm(2, role)
    if settling:
        resource_of(state, 2).watch_until_s = NOW + 0.1
    if scarce:
        cloud_of(state).health.note_quota(Quota(limit_per_hour=3600, remaining=0), NOW)
    assert interval_s == reading_interval_s(state, kind_of(state), NOW)


def test_a_claim_has_settled_at_its_very_end() -> None:
    state = calm()
    resource_of(state).watch_until_s = NOW
    assert 10.0 == reading_interval_s(state, kind_of(state), NOW)


def test_an_interval_that_is_shorter_than_that_of_settling_stays() -> None:
    state = calm()
    state.settings = Settings(resources=state.settings.resources, interval_s=1.0)
    resource_of(state).watch_until_s = NOW + 5.0
    assert 1.0 == reading_interval_s(state, kind_of(state), NOW)


def test_one_master_among_others_is_enough_to_read_often() -> None:
    state = calm()
    state.roles.role_states[instance("VI_2")] = RoleState()
    assert 10.0 == reading_interval_s(state, kind_of(state), NOW)


# --- the holder of a contested address ---------------------------------------------------------


def test_the_holder_of_a_contested_address_is_looked_at_each_30_s() -> None:
    state = calm()
    address = put(state, holding_down(NOW + 200.0, look_at_s=NOW + 0.5), 1, Other(2))
    kind_of(state).listed_at_s = NOW + 100.0
    assert ([], NOW + 0.5) == step(state)
    assert ([ReadServer(CLOUD, 2)], NOW + 30.5) == step(state, NOW + 0.5)
    assert holding_down(NOW + 200.0, look_at_s=NOW + 30.5) == address.stage


def test_one_holder_of_several_addresses_is_read_once() -> None:
    state = calm(3)
    for number, holder in ((1, Other(2)), (2, Other(2)), (3, Other(3))):
        put(state, holding_down(NOW + 200.0), number, holder)
    assert [ReadServer(CLOUD, 2), ReadServer(CLOUD, 3)] == step(state)[0]
    assert [] == step(state, NOW + 1.0)[0]


@pytest.mark.parametrize("holder", [Nobody(), Us()])
def test_where_no_server_holds_it_none_is_read(holder: Nobody | Us) -> None:
    state = calm()
    put(state, holding_down(NOW + 200.0), 1, holder)
    assert ([], NOW + 10.0) == step(state)


def test_what_one_api_pursues_keeps_no_other_one_from_looking_at_its_servers() -> None:
    state = calm(2)
    elsewhere = replace(kind_of(state), api=replace(cloud_of(state)))
    put(state, verifying(), 2).kind = elsewhere
    put(state, HELD, 1, Other(2))
    assert [ReadServer(CLOUD, 2)] == step(state)[0]


# --- nothing at all ----------------------------------------------------------------------------


def test_the_earliest_time_is_when_it_wants_to_be_asked_again() -> None:
    state = calm(2, can_query=True)
    put(state, mutating(NOW + 7.0), 1)
    put(state, mutating(NOW + 2.0), 2)
    assert ([], NOW + 2.0) == step(state)


def test_while_everything_is_under_way_there_is_nothing_to_wait_for() -> None:
    state = calm()
    under_way(state, LIST)
    assert ([], None) == step(state)


def test_a_failure_of_the_api_changes_nothing_of_when_the_holders_are_read() -> None:
    state = calm()
    cloud_of(state).health.failed(failure(FailureKind.TRANSIENT), NOW, MOST)
    assert ([], NOW + 10.0) == step(state)
    assert ip(1) == resource_of(state).observation

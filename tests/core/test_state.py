"""The memory of a node and its roles, one question at a time."""

from dataclasses import replace

import pytest

from hakeeper.core.apis.budget import Use
from hakeeper.core.calls import Identify, ReadAll, ReadOne, ReadServer, Step
from hakeeper.core.claim.stages import ActionRunning, Idle, MutateDue, MutateSent
from hakeeper.core.events import CancelCall, StartCall
from hakeeper.core.model import NEVER, ApiSettings, ProcessId, Role, VrrpId, VrrpKind
from hakeeper.core.observation import Nobody, Other, Unknown, Us
from hakeeper.core.roles.book import RoleBook, RoleChange, RoleState
from hakeeper.core.roles.lines import LineState, NotifyLine
from hakeeper.core.roles.table import RoleEvent
from hakeeper.core.state import Inflight, InvariantError, Schedule
from tests.core.driver import instance
from tests.core.standing import (
    CLAIM,
    SENT,
    US,
    VI,
    cloud_of,
    kind_of,
    mutating,
    put,
    resource_of,
    standing,
    under_way,
)
from tests.support.resources import CLOUD, LIST, assign, read, step

TWO, GROUP = instance("VI_2"), VrrpId(VrrpKind.GROUP, "VI_1")


# --- the schedule ------------------------------------------------------------------------------


@pytest.mark.parametrize(("asked_at_s", "due_at_s"), [(NEVER, 5.0), (4.0, 5.0), (4.75, 5.25)])
def test_keepalived_is_asked_at_once_but_for_half_a_second_after_a_question(
    asked_at_s: float, due_at_s: float
) -> None:
    schedule = Schedule(queried_at_s=asked_at_s)
    schedule.query_soon(5.0)
    assert due_at_s == schedule.query_at_s


@pytest.mark.parametrize(
    ("edge_at_s", "forgets"), [(NEVER, True), (4.0, True), (4.1, False), (5.0, False)]
)
def test_an_edge_forgets_every_pause_but_not_one_right_after_another(
    edge_at_s: float, *, forgets: bool
) -> None:
    schedule = Schedule(edge_at_s=edge_at_s)
    assert forgets == schedule.edge(5.0)
    assert 5.0 == schedule.edge_at_s


def test_the_very_first_edge_counts_right_after_the_boot() -> None:
    assert Schedule().edge(0.25)


def test_idle_reading_steps_aside_for_an_edge_but_not_twice_in_a_row() -> None:
    schedule = Schedule()
    until_s = []
    for at_s in (100.0, 101.5, 103.9, 104.0):
        schedule.edge(at_s)
        until_s.append(schedule.aside_until_s)
    assert [102.0, 102.0, 102.0, 106.0] == until_s


def test_an_edge_lets_reads_and_questions_go_at_once() -> None:
    state = standing()
    api = cloud_of(state)
    api.reads_from_s, api.identify_from_s = 9.0, 8.0
    state.apis.try_at_once()
    assert (NEVER, NEVER) == (api.reads_from_s, api.identify_from_s)


def test_nothing_recurring_has_been_done_at_the_beginning() -> None:
    fresh, state = Schedule(), standing()
    api, kind = cloud_of(state), kind_of(state)
    assert {NEVER} == {
        kind.listed_at_s,
        kind.role_looked_at_s,
        api.reads_from_s,
        api.read_failed_at_s,
        api.identify_from_s,
        api.servers_from_s,
        fresh.query_at_s,
        fresh.queried_at_s,
        fresh.save_from_s,
        fresh.edge_at_s,
    }
    assert (0, 0, 1) == (api.read_attempt, api.identify_attempt, kind.pages)


# --- what is believed --------------------------------------------------------------------------


def test_the_holder_is_in_our_own_words() -> None:
    state = standing()
    assert (Nobody(), Us(), Other(7)) == tuple(map(cloud_of(state).holder_from, (None, 1, 7)))
    cloud_of(state).server = None
    assert Nobody() == cloud_of(state).holder_from(None)
    assert Unknown("which server this is has not been confirmed yet") == cloud_of(
        state
    ).holder_from(1)


@pytest.mark.parametrize(
    ("role", "isolated", "master"),
    [(Role.MASTER, False, True), (Role.MASTER, True, False), (Role.BACKUP, False, False)],
)
def test_master_is_who_says_so_and_can_hear(role: Role, *, isolated: bool, master: bool) -> None:
    state = standing(1, role)
    state.roles.role_states[VI].isolated = isolated
    state.roles.role_states[TWO] = RoleState(Role.BACKUP)
    assert master is state.is_master(VI)
    assert master is state.any_master()


def test_addresses_are_found_by_their_instance_and_by_their_stage() -> None:
    state = standing(3)
    put(state, mutating(), 2)
    put(state, SENT, 3)
    resource_of(state, 1).vrrp = TWO
    assert [resource_of(state, 2), resource_of(state, 3)] == state.resources_of(VI)
    assert [(resource_of(state, 2), mutating())] == list(state.in_stage(MutateDue))
    assert [(resource_of(state, 1), Idle()), (resource_of(state, 3), SENT)] == list(
        state.in_stage(MutateSent, Idle)
    )


def test_what_is_under_way_is_counted_by_kind() -> None:
    state = standing()
    api, lanes = cloud_of(state), [step(number).lane for number in (1, 2, 3)]
    assert (0, False) == (state.mutations(api), state.asked(Identify, api))
    assert [False] * 3 == [state.is_lane_taken(lane) for lane in lanes]
    under_way(state, assign(1, 1))
    under_way(state, assign(2, 1))
    under_way(state, read(3))
    assert [True, True, False] == [state.is_lane_taken(lane) for lane in lanes]
    assert 2 == state.mutations(api)
    assert (True, False) == (state.asked(ReadOne, api), state.asked(ReadAll, api))
    assert (True, False) == (state.is_asked(read(3)), state.is_asked(read(4)))


# --- starting and cancelling -------------------------------------------------------------------


def test_a_read_is_started_with_the_next_id_and_is_not_urgent() -> None:
    state = standing()
    api = cloud_of(state)
    api.settings = ApiSettings(call_timeout_s=3.0)
    state.start(LIST, 100.0)
    state.start(ReadServer(CLOUD, 2), 101.0)
    assert [
        StartCall(1, LIST, 3.0, urgent=False),
        StartCall(2, ReadServer(CLOUD, 2), 3.0, urgent=False),
    ] == state.effects
    look = ReadServer(CLOUD, 2)
    assert {1: Inflight(LIST, api, 100.0), 2: Inflight(look, api, 101.0)} == state.calls
    assert ((), 0) == (state.calls[1].resources, state.calls[1].generation)


def test_an_assign_is_started_with_its_address_and_generation_and_is_urgent() -> None:
    state = standing()
    state.roles.role_states[VI].generation = 7
    state.start(assign(1, 1), 100.0, resource_of(state))
    assert [StartCall(1, assign(1, 1), 5.0, urgent=True)] == state.effects
    assert ((resource_of(state),), 7) == (state.calls[1].resources, state.calls[1].generation)


@pytest.mark.parametrize(
    ("server_id", "role", "isolated", "message"),
    [
        (1, Role.MASTER, True, "assign of 203.0.113.1 while keepalived is isolated"),
        (1, Role.BACKUP, False, "assign of 203.0.113.1 while not MASTER"),
        (2, Role.MASTER, False, "assign of 203.0.113.1 to another server"),
    ],
)
def test_the_guard_names_what_is_wrong(
    server_id: int, role: Role, message: str, *, isolated: bool
) -> None:
    state = standing(1, role)
    state.roles.role_states[VI].isolated = isolated
    with pytest.raises(InvariantError, match=f"^{message}$"):
        state.start(assign(1, server_id), 100.0, resource_of(state))
    assert ([], {}) == (state.effects, state.calls)


def test_the_guard_names_an_address_that_is_assigned_already_and_no_other() -> None:
    state = standing(2)
    state.start(assign(1, 1), 100.0, resource_of(state, 1))
    state.start(assign(2, 1), 100.0, resource_of(state, 2))
    with pytest.raises(InvariantError, match=r"^assign of 203\.0\.113\.1 beside another one$"):
        state.start(assign(1, 1), 100.0, resource_of(state, 1))
    with pytest.raises(InvariantError, match=r"^a mutating request for no resource$"):
        state.start(assign(1, 1), 100.0)


@pytest.mark.parametrize("known", [True, False])
def test_the_guard_names_a_resource_that_is_not_the_one_of_the_request(*, known: bool) -> None:
    state = standing(1, known=known)
    with pytest.raises(InvariantError, match=r"that is another resource$"):
        state.start(assign(2, 1), 100.0, resource_of(state))
    assert {} == state.calls


def test_only_the_assigns_of_the_chosen_addresses_are_cancelled() -> None:
    state = standing(2)
    first, second = resource_of(state, 1), resource_of(state, 2)
    under_way(state, assign(1, 1), 100.0, first)
    under_way(state, assign(2, 1), 100.0, second)
    under_way(state, read(1), 100.0, first)
    under_way(state, LIST)
    state.cancel_mutations([first])
    assert [CancelCall(1)] == state.effects
    state.effects = []
    state.cancel_mutations([])
    assert [] == state.effects
    assert 4 == len(state.calls)
    assert US == cloud_of(state).server


# --- roles -------------------------------------------------------------------------------------


def line(vrrp: VrrpId, state: LineState) -> NotifyLine:
    return NotifyLine(vrrp, state, 100)


def test_a_new_book_knows_nothing_since_its_beginning() -> None:
    book = RoleBook([VI], 5.0)
    role_state = book.role_states[VI]
    assert (Role.UNKNOWN, 0, 5.0, "nothing heard yet") == (
        role_state.role,
        role_state.generation,
        role_state.since_s,
        role_state.reason,
    )
    assert (NEVER, False, 0.0) == (
        role_state.heard_at_s,
        role_state.isolated,
        role_state.trusted_from_s,
    )


def test_a_line_moves_a_role_with_its_reason_and_time() -> None:
    book = RoleBook([VI, TWO], 0.0)
    lines = [line(instance("VI_9"), LineState.MASTER), line(VI, LineState.MASTER)]
    reason = "keepalived became master (line MASTER)"
    assert [
        RoleChange(VI, Role.UNKNOWN, Role.MASTER, reason, edge=True, check=False, live=True)
    ] == book.hear(lines, 7.0, live=True)
    role_state = book.role_states[VI]
    assert (Role.MASTER, 1, 7.0, reason, 7.0) == (
        role_state.role,
        role_state.generation,
        role_state.since_s,
        role_state.reason,
        role_state.heard_at_s,
    )
    assert NEVER == book.role_states[TWO].heard_at_s


def test_a_role_that_went_away_and_came_back_has_had_an_edge() -> None:
    book = RoleBook([VI], 0.0)
    book.hear([line(VI, LineState.MASTER)], 7.0, live=True)
    lines = [line(VI, LineState.BACKUP), line(VI, LineState.MASTER)]
    [change] = book.hear(lines, 8.0, live=False)
    assert (Role.MASTER, Role.MASTER, True, False, False) == (
        change.before,
        change.after,
        change.edge,
        change.check,
        change.live,
    )
    assert (3, 8.0) == (book.role_states[VI].generation, book.role_states[VI].since_s)


def test_a_hint_among_lines_is_not_forgotten_by_those_after_it() -> None:
    book = RoleBook([VI], 0.0)
    book.hear([line(VI, LineState.MASTER)], 7.0, live=True)
    lines = [line(VI, LineState.MASTER_RX_LOWER_PRI), line(VI, LineState.MASTER_PRIORITY)]
    [change] = book.hear(lines, 8.0, live=True)
    assert (False, True) == (change.edge, change.check)
    assert [] == book.hear([line(VI, LineState.MASTER_PRIORITY)], 9.0, live=True)
    assert (1, 7.0, 8.0) == (
        book.role_states[VI].generation,
        book.role_states[VI].since_s,
        book.role_states[VI].heard_at_s,
    )


@pytest.mark.parametrize(("asked_at_s", "believed"), [(6.9, False), (7.0, False), (7.1, True)])
def test_an_answer_counts_if_it_was_asked_for_after_the_last_line(
    asked_at_s: float, *, believed: bool
) -> None:
    book = RoleBook([VI, GROUP], 0.0)
    book.hear([line(VI, LineState.BACKUP)], 7.0, live=True)
    changes = book.answered({"VI_1": Role.MASTER}, asked_at_s, 9.0)
    assert believed is bool(changes)
    assert (Role.MASTER if believed else Role.BACKUP) is book.role_states[VI].role
    assert Role.UNKNOWN is book.role_states[GROUP].role
    if believed:
        assert not changes[0].live


@pytest.mark.parametrize("word", [word for word in LineState if not word.is_hint])
@pytest.mark.parametrize("answer", [{}, {"VI_9": Role.MASTER}, {VI.name: Role.UNKNOWN}])
def test_only_a_stated_role_outdoes_a_line(answer: dict[str, Role], word: LineState) -> None:
    """A tree without the instance, and Init, state none."""
    book = RoleBook([VI], 0.0)
    book.hear([line(VI, word)], 7.0, live=True)
    before = book.roles()
    assert [] == book.answered(answer, 8.0, 9.0)
    assert before == book.roles()


def test_a_hint_leaves_an_answer_that_was_asked_for_before_it_as_good_as_it_was() -> None:
    book = RoleBook([VI], 0.0)
    book.hear([line(VI, LineState.BACKUP_PRIORITY)], 7.0, live=True)
    [change] = book.answered({VI.name: Role.MASTER}, 6.0, 9.0)
    assert Role.MASTER is change.after


def test_what_was_written_down_is_taken_over_for_the_names_that_are_there() -> None:
    book = RoleBook([VI, TWO, GROUP], 0.0)
    saved = {VI: Role.MASTER, TWO: Role.UNKNOWN, instance("VI_9"): Role.MASTER}
    [change] = book.restore(saved, 5.0)
    assert (VI, Role.MASTER, False) == (change.vrrp, change.after, change.live)
    assert {VI: Role.MASTER, TWO: Role.UNKNOWN, GROUP: Role.UNKNOWN} == book.roles()


def test_a_doubt_is_about_every_name() -> None:
    book = RoleBook([VI, TWO], 0.0)
    book.hear([line(VI, LineState.MASTER), line(TWO, LineState.STOP)], 7.0, live=True)
    [change] = book.doubt(RoleEvent.GONE, 8.0)
    assert (VI, Role.UNKNOWN, False) == (change.vrrp, change.after, change.live)
    assert Role.STOPPED is book.role_states[TWO].role


def test_names_that_stay_keep_their_belief_and_new_ones_begin() -> None:
    book = RoleBook([VI], 0.0)
    book.hear([line(VI, LineState.MASTER)], 7.0, live=True)
    book.rename([TWO, VI], 9.0)
    assert {TWO: Role.UNKNOWN, VI: Role.MASTER} == book.roles()
    assert (9.0, 7.0) == (book.role_states[TWO].since_s, book.role_states[VI].since_s)


# --- processes ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (ProcessId(1, 5, "boot"), True),
        (ProcessId(2, 5, "boot"), False),
        (ProcessId(1, 6, "boot"), False),
        (ProcessId(1, 5, "another"), False),
        (ProcessId(1, None, "boot"), False),
    ],
)
def test_a_run_is_the_same_by_pid_start_and_boot(other: ProcessId, *, same: bool) -> None:
    assert same is ProcessId(1, 5, "boot").same_run(other)


def test_without_a_start_time_no_run_is_surely_the_same() -> None:
    nameless = ProcessId(1, None, "boot")
    assert not nameless.same_run(nameless)


@pytest.mark.parametrize(
    ("holder", "polls", "use"),
    [(None, 30, Use.CLAIM), (None, 200, Use.CLAIM), (1, 1, Use.ACCEPTED)],
    ids=["the first of two", "for long", "the only one"],
)
def test_the_action_of_a_first_step_is_looked_at_though_others_are_refused(
    holder: int | None, polls: int, use: Use
) -> None:
    state = standing()
    step = Step("a step", holder, lane="a lane")
    refused = replace(CLAIM, refused_at_s=99.0)
    running = ActionRunning(refused, step, 77, until_s=110.0, due_at_s=101.0, polls=polls)
    cloud_of(state).health.assigns_work = False
    assert use is state.use_of(put(state, running), 100.0)

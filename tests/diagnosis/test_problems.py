"""Each trouble at its edge: verdict, what is known of it, since when. Words: tests/adapters."""

import string
from dataclasses import dataclass, replace
from ipaddress import ip_address

import pytest

from hakeeper.adapters.cures import (
    DEFAULT_FIFO,
    FIFO_LOST,
    TROUBLES,
    as_markdown,
    cure_of,
    fifo_cure,
    in_force,
    keepalived_conf,
)
from hakeeper.core.apis.servers import SeenServer
from hakeeper.core.calls import Failure, FailureKind, Identify, Quota, ReadAll
from hakeeper.core.claim.stages import Claim, Idle, Recheck, Stage
from hakeeper.core.decisions.claims import Phases
from hakeeper.core.model import ApiSettings, FifoState, Role, VrrpId, VrrpKind
from hakeeper.core.observation import Holder, Nobody, Other, Unknown, Us
from hakeeper.core.roles.book import RoleState
from hakeeper.core.state import State
from hakeeper.diagnosis.find_problems import problems
from hakeeper.diagnosis.problems import (
    ApiFails,
    FifoClosed,
    Health,
    HeldDown,
    Isolated,
    KeepalivedEnded,
    Pending,
    Problem,
    QuotaLow,
    ReadRefused,
    RoleUnheard,
    RoleUnknown,
    ServerUnknown,
    Unauthorized,
    Unresolved,
)
from hakeeper.diagnosis.snapshot import snapshot
from hakeeper.kinds.apis import CLOUD as CLOUD_API
from tests.core.driver import PROCESS, instance
from tests.core.faults import failure
from tests.core.odds import MOST
from tests.core.standing import (
    HELD,
    VI,
    cloud_of,
    holding_down,
    mutating,
    put,
    resource_of,
    standing,
    verifying,
)

NOW = 1000.0
OK, DEGRADED, BROKEN = Health
LONG_S = 100.0
IP1 = "ip1 = 203.0.113.1"


def well(count: int = 1, role: Role = Role.MASTER) -> State:
    """A state without a problem: all addresses held by us, or as BACKUP by server 2."""
    state = standing(count, role, can_query=True)
    state.fifo, state.fifo_detail, state.fifo_since_s = FifoState.OPEN, "listening", 0.0
    state.keepalived, state.keepalived_since_s = PROCESS, 0.0
    state.has_writer, state.writer_since_s = True, 0.0
    cloud_of(state).see(2, SeenServer("web-b", "running", NOW))
    master = role is Role.MASTER
    for number in range(1, count + 1):
        stage: Stage = HELD if master else Idle()
        address = put(state, stage, number, Us() if master else Other(2))
        address.holder_at_s, address.holder_since_s = NOW - 1.0, 0.0
    return state


def reported(state: State, now: float = NOW) -> list[tuple[Health, str]]:
    return [(p.health, p.code) for p in problems(state, now)]


def only(state: State, now: float = NOW) -> Problem:
    [problem] = problems(state, now)
    return problem


def test_a_state_without_a_problem_has_none() -> None:
    for role in (Role.MASTER, Role.BACKUP):
        assert [] == reported(well(1, role))


def test_the_numbers_of_the_verdict_are_exit_codes() -> None:
    assert (0, 1, 2) == (OK, DEGRADED, BROKEN)


# --- the API -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "code", "role", "lasted_s", "health", "trouble"),
    [
        (FailureKind.TRANSIENT, "x", Role.MASTER, 15.0, DEGRADED, "api.unreachable"),
        (FailureKind.TRANSIENT, "x", Role.MASTER, 15.1, BROKEN, "api.unreachable"),
        (FailureKind.TRANSIENT, "x", Role.BACKUP, 100.0, DEGRADED, "api.unreachable"),
        (FailureKind.OUTCOME_UNKNOWN, "x", Role.BACKUP, 1.0, DEGRADED, "api.unreachable"),
        (FailureKind.TRANSIENT, "dns", Role.MASTER, 1.0, DEGRADED, "api.unresolved"),
        (FailureKind.THROTTLED, "x", Role.MASTER, 1.0, DEGRADED, "api.throttled"),
        (FailureKind.AUTH, "unauthorized", Role.BACKUP, 0.0, BROKEN, "token.rejected"),
        (FailureKind.AUTH, "token_readonly", Role.BACKUP, 0.0, BROKEN, "token.readonly"),
        (FailureKind.LOCKED, "x", Role.MASTER, 0.0, DEGRADED, "api.unreachable"),
        (FailureKind.REFUSED, "x", Role.MASTER, 0.0, DEGRADED, "api.refused"),
    ],
)
def test_an_api_that_fails_is_a_problem(
    kind: FailureKind, code: str, role: Role, lasted_s: float, health: Health, trouble: str
) -> None:
    state = well(1, role)
    cloud_of(state).health.failed(failure(kind, code), NOW - lasted_s, MOST)
    problem = only(state)
    assert (health, trouble) == (problem.health, problem.code)
    assert (ApiFails(CLOUD_API, failure(kind, code), ""), NOW - lasted_s) == (
        problem.trouble,
        problem.since_s,
    )


def test_an_api_that_fails_is_told_by_where_it_is() -> None:
    state, why = well(), failure(FailureKind.TRANSIENT, "x")
    cloud_of(state).settings = ApiSettings(endpoint="https://api.hetzner.cloud/v1")
    cloud_of(state).health.failed(why, NOW, MOST)
    assert ApiFails(CLOUD_API, why, "https://api.hetzner.cloud/v1") == only(state).trouble


def test_a_read_that_is_refused_is_a_problem_that_says_nothing_of_the_api() -> None:
    state = well()
    refused = failure(FailureKind.REFUSED, "odd")
    cloud_of(state).health.refused(ReadAll, refused, NOW - 3.0)
    assert Problem(DEGRADED, ReadRefused(CLOUD_API, refused), NOW - 3.0) == only(state)


@pytest.mark.parametrize(("left", "listed"), [(360, False), (359, True), (0, True)])
def test_a_quota_that_is_nearly_gone_is_a_problem(left: int, *, listed: bool) -> None:
    state = well()
    cloud_of(state).health.note_quota(Quota(limit_per_hour=3600, remaining=left), NOW)
    assert ([(DEGRADED, "quota.low")] if listed else []) == reported(state)
    if listed:
        assert QuotaLow(CLOUD_API, left, 3600) == only(state).trouble


def test_calls_that_are_refused_since_the_quota_is_spent_are_told_once() -> None:
    state = well()
    cloud_of(state).health.note_quota(Quota(limit_per_hour=3600, remaining=0), NOW)
    cloud_of(state).health.failed(failure(FailureKind.THROTTLED, "x"), NOW, MOST)
    assert [(DEGRADED, "api.throttled")] == reported(state)
    cloud_of(state).health.failed(failure(FailureKind.TRANSIENT, "x"), NOW, MOST)
    assert [(DEGRADED, "api.unreachable"), (DEGRADED, "quota.low")] == reported(state)


@pytest.mark.parametrize(
    ("refused_s", "health"), [(None, DEGRADED), (15.0, DEGRADED), (15.1, BROKEN)]
)
def test_not_to_know_who_we_are_is_a_problem_with_its_cause(
    refused_s: float | None, health: Health
) -> None:
    state = well()
    cloud_of(state).server = None
    why = None if refused_s is None else failure(FailureKind.NOT_FOUND, "gone")
    if why is not None and refused_s is not None:
        cloud_of(state).health.refused(Identify, why, NOW - refused_s)
    problem = only(state)
    assert (health, ServerUnknown(CLOUD_API, why)) == (problem.health, problem.trouble)


# --- where roles come from ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fifo", "code"),
    [
        (FifoState.MISSING, "fifo.missing"),
        (FifoState.NOT_A_FIFO, "fifo.not_a_fifo"),
        (FifoState.DENIED, "fifo.denied"),
        (FifoState.BUSY, "fifo.busy"),
        (FifoState.FAILED, "fifo.failed"),
    ],
)
def test_each_way_of_a_fifo_that_is_not_open_is_a_problem(fifo: FifoState, code: str) -> None:
    state = well()
    state.fifo, state.fifo_detail, state.fifo_since_s = fifo, "a detail", NOW - LONG_S
    problem = only(state)
    assert code == problem.code
    assert Problem(DEGRADED, FifoClosed(fifo, "a detail", DEFAULT_FIFO), NOW - LONG_S) == problem


def test_a_fifo_that_was_never_opened_has_no_beginning() -> None:
    state = well()
    state.fifo, state.fifo_detail = None, "not opened yet"
    trouble = FifoClosed(None, "not opened yet", DEFAULT_FIFO)
    assert (None, trouble) == (only(state).since_s, only(state).trouble)


@pytest.mark.parametrize(("lasted_s", "health"), [(15.0, DEGRADED), (15.1, BROKEN)])
def test_without_lines_and_without_an_answer_no_failover_is_heard_of(
    lasted_s: float, health: Health
) -> None:
    state = well()
    state.query_failure = "no bus"
    state.fifo, state.fifo_since_s = FifoState.MISSING, NOW - lasted_s
    assert [(health, "fifo.missing")] == reported(state)
    state.fifo, state.has_writer, state.writer_since_s = FifoState.OPEN, False, NOW - lasted_s
    assert [(health, "fifo.no_writer")] == reported(state)


@pytest.mark.parametrize(
    ("present", "keepalived_s", "lasted_s", "listed"),
    [
        (False, LONG_S, 5.1, True),
        (False, LONG_S, 5.0, False),  # it may be about to open it
        (False, 5.0, LONG_S, False),
        (True, LONG_S, LONG_S, False),
        (None, LONG_S, LONG_S, False),
    ],
)
def test_a_keepalived_that_has_not_the_fifo_open_is_a_problem(
    present: bool | None,  # noqa: FBT001  # a case of the table above
    keepalived_s: float,
    lasted_s: float,
    listed: bool,  # noqa: FBT001
) -> None:
    state = well()
    state.has_writer, state.writer_since_s = present, NOW - lasted_s
    state.keepalived_since_s = NOW - keepalived_s
    assert ([(DEGRADED, "fifo.no_writer")] if listed else []) == reported(state)


@pytest.mark.parametrize(("lasted_s", "health"), [(15.0, DEGRADED), (15.1, BROKEN)])
def test_a_keepalived_that_does_not_run_is_a_problem(lasted_s: float, health: Health) -> None:
    state = well()
    state.keepalived, state.keepalived_since_s = None, NOW - lasted_s
    assert [(health, "keepalived.gone")] == reported(state)
    assert KeepalivedEnded("") == only(state).trouble
    state.keepalived_gone = "its main process 7 ended"
    assert KeepalivedEnded("its main process 7 ended") == only(state).trouble


def test_a_keepalived_that_was_stopped_in_order_is_no_accident() -> None:
    state = well(1, Role.STOPPED)
    state.keepalived, state.keepalived_since_s = None, NOW - LONG_S
    assert (DEGRADED, "keepalived.stopped") in reported(state)
    assert all(code != "keepalived.gone" for _, code in reported(state))


# --- roles -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("lasted_s", "health"), [(15.0, DEGRADED), (15.1, BROKEN)])
def test_a_role_that_is_unknown_is_a_problem_if_keepalived_runs(
    lasted_s: float, health: Health
) -> None:
    state = well()
    state.roles.role_states[instance("VI_2")] = RoleState()
    state.keepalived_since_s = NOW - lasted_s
    problem = only(state)
    assert (health, RoleUnknown(instance("VI_2"), "")) == (problem.health, problem.trouble)
    state.query_failure = "no bus"
    assert RoleUnknown(instance("VI_2"), "no bus") == only(state).trouble
    state.keepalived = None
    assert ["keepalived.gone"] == [code for _, code in reported(state)]


@pytest.mark.parametrize("kind", VrrpKind)
def test_a_name_that_keepalived_never_speaks_of_is_reported_with_those_that_it_does(
    kind: VrrpKind,
) -> None:
    state = well()
    state.roles.role_states[VrrpId(kind, "V1")] = RoleState()
    state.keepalived_since_s = NOW - LONG_S
    others = ("VA", "VB", "VC", "VD", "VE", "VF")
    for name in others:
        state.other_names[VrrpId(kind, name)] = None
    problem = only(state)
    trouble = RoleUnheard(
        VrrpId(kind, "V1"), was_named=False, others=others, is_surely_missing=False
    )
    assert (BROKEN, trouble) == (problem.health, problem.trouble)


def test_other_names_are_no_hint_at_once_nor_those_of_another_kind() -> None:
    state = well()
    state.roles.role_states[instance("VI_2")] = RoleState()
    state.other_names[VrrpId(VrrpKind.GROUP, "G")] = None
    state.keepalived_since_s = NOW - LONG_S
    assert ["role.unknown"] == [code for _, code in reported(state)]
    state.other_names[instance("VI_3")] = None
    state.keepalived_since_s = NOW - 5.0
    assert ["role.unknown"] == [code for _, code in reported(state)]


@pytest.mark.parametrize("role", [Role.BACKUP, Role.FAULT, Role.UNKNOWN])
def test_an_instance_that_keepalived_does_not_name_is_a_problem_in_every_role(role: Role) -> None:
    state = well(1, role)
    state.roles.role_states[VI].since_s = NOW - LONG_S
    state.other_names[instance("VI_WEB")] = None
    was_named = role is not Role.UNKNOWN
    trouble = RoleUnheard(VI, was_named=was_named, others=("VI_WEB",))
    patience_s = 5.0 + state.settings.interval_s
    state.unnamed_since_s[VI] = NOW - patience_s
    assert trouble not in [one.trouble for one in problems(state, NOW)]
    state.unnamed_since_s[VI] = NOW - patience_s - 1.0
    [problem] = [one for one in problems(state, NOW) if one.code.startswith("role.")]
    assert (trouble, NOW - patience_s - 1.0) == (problem.trouble, problem.since_s)


def test_an_address_that_the_project_has_no_more_is_not_shown_as_confirmed_here() -> None:
    state = well()
    address = resource_of(state)
    assert snapshot(state, NOW, None).roles[0].addresses[0].confirmed
    address.observation, address.unresolved_reported = None, True
    shown = snapshot(state, NOW, None).roles[0].addresses[0]
    assert (False, False) == (shown.confirmed, shown.holder_current)
    assert "address.unresolved" == only(state).code


def test_the_address_at_a_server_in_fault_is_the_worst_that_it_can_tell() -> None:
    state = well(1, Role.FAULT)
    state.roles.role_states[VI].since_s = NOW - LONG_S
    resource_of(state).holder = Us()
    resource_of(state).holder_since_s = NOW - LONG_S
    assert [(BROKEN, "address.left_here"), (DEGRADED, "role.fault")] == reported(state)


def test_fault_is_a_problem_and_a_bad_one_if_nobody_has_the_address() -> None:
    state = well(1, Role.FAULT)
    state.roles.role_states[VI].since_s = NOW - LONG_S
    assert [(DEGRADED, "role.fault")] == reported(state)
    resource_of(state).holder = Nobody()
    assert [(BROKEN, "address.nowhere"), (DEGRADED, "role.fault")] == reported(state)


@pytest.mark.parametrize(("lasted_s", "health"), [(15.0, DEGRADED), (15.1, BROKEN)])
def test_an_instance_that_is_stopped_while_keepalived_runs_is_a_problem(
    lasted_s: float, health: Health
) -> None:
    state = well(1, Role.STOPPED)
    state.roles.role_states[VI].since_s = NOW - lasted_s
    assert [(health, "role.stopped")] == reported(state)


@pytest.mark.parametrize(
    ("role", "since_s", "isolated_since_s", "health"),
    [
        (Role.MASTER, 15.0, 100.0, DEGRADED),
        (Role.MASTER, 15.1, 100.0, BROKEN),
        (Role.MASTER, 100.0, 15.0, DEGRADED),
        (Role.BACKUP, 100.0, 100.0, DEGRADED),
    ],
)
def test_to_be_isolated_is_a_problem_and_for_a_master_soon_a_bad_one(
    role: Role, since_s: float, isolated_since_s: float, health: Health
) -> None:
    state = well(1, role)
    address = put(state, Idle())
    address.holder, address.holder_at_s = Other(2), NOW
    role_state = state.roles.role_states[VI]
    missing = (ip_address("10.0.0.2"),)
    role_state.isolated, role_state.missing = True, missing
    role_state.since_s, role_state.isolated_since_s = NOW - since_s, NOW - isolated_since_s
    problem = only(state)
    assert (health, Isolated(VI, missing)) == (problem.health, problem.trouble)


def test_an_address_that_is_back_needs_a_moment_and_no_way_out() -> None:
    state = well(1, Role.BACKUP)
    state.roles.role_states[VI].isolated = True
    state.roles.role_states[VI].isolated_since_s = NOW
    assert [(DEGRADED, "vrrp_address.returning")] == reported(state)


def test_an_isolated_instance_does_not_hide_the_next_one() -> None:
    state = well(1, Role.BACKUP)
    state.roles.role_states[VI].isolated = True
    state.roles.role_states[instance("VI_2")] = RoleState(Role.FAULT)
    assert ["vrrp_address.returning", "role.fault"] == [code for _, code in reported(state)]


# --- the addresses of a master -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("was_reported", "known", "listed"),
    [(True, False, True), (True, True, False), (False, False, False)],
)
def test_a_word_that_leads_to_nothing_is_a_bad_problem_whatever_the_role(
    *, was_reported: bool, known: bool, listed: bool
) -> None:
    state = well(1, Role.BACKUP)
    address = resource_of(state)
    address.unresolved_reported, address.unresolved_why = was_reported, "why"
    if not known:
        address.observation = None
    assert ([(BROKEN, "address.unresolved")] if listed else []) == reported(state)
    if listed:
        assert Unresolved(VI, "floating IP", "ip1", "why") == only(state).trouble


@dataclass(frozen=True)
class Case:
    """How a claim stands."""

    stage: Stage
    holder: Holder
    since_s: float
    health: Health | None


def claiming(since_s: float, failed: Failure | None = None) -> Claim:
    """A claim that began so long ago, and fails for 5 s if it does."""
    phases = Phases(line_s=NOW - since_s)
    return Claim(cause="a cause", phases=phases, failure=failed, failing_since_s=NOW - 5.0)


SUSPECT = Recheck(NOW, NOW, suspect=True)


@pytest.mark.parametrize(
    "case",
    [
        Case(HELD, Other(2), 100.0, None),
        Case(SUSPECT, Us(), 100.0, None),
        Case(verifying(NOW, claiming(100.0)), Us(), 100.0, DEGRADED),
        Case(verifying(NOW, claiming(15.0)), Nobody(), 15.0, DEGRADED),
        Case(verifying(NOW, claiming(15.1)), Nobody(), 15.1, BROKEN),
        Case(verifying(NOW, claiming(15.1)), Unknown("who am I"), 15.1, BROKEN),
        Case(SUSPECT, Other(2), 15.0, DEGRADED),
        Case(SUSPECT, Other(2), 15.1, BROKEN),
    ],
)
def test_a_master_that_has_not_its_address_yet_is_a_problem(case: Case) -> None:
    state = well()
    claims = put(state, case.stage, 1, case.holder).claim is not None
    state.roles.role_states[VI].since_s = NOW - (500.0 if claims else case.since_s)
    wanted = [] if case.health is None else [(case.health, "address.pending")]
    assert wanted == reported(state)
    if wanted:
        assert NOW - case.since_s == only(state).since_s
        assert (
            Pending(IP1, None, "node1", "reading the holder", "", "floating_ip")
            == only(state).trouble
        )


def pending(failed: Failure | None = None, since_s: float = 20.0) -> State:
    """A master whose claim goes on since then, perhaps after a failure of 5 s ago."""
    state = well()
    put(state, mutating(NOW, claiming(since_s, failed)), 1, Other(2))
    return state


def test_the_headline_of_a_claim_that_fails_is_why() -> None:
    why = failure(FailureKind.REFUSED, "limit")
    trouble = Pending(IP1, why, "node1", "about to assign", "", "floating_ip")
    assert Problem(BROKEN, trouble, NOW - 20.0) == only(pending(why))


def test_a_claim_that_waits_for_the_api_says_so_once() -> None:
    state, why = pending(), failure(FailureKind.TRANSIENT, "connect_timeout")
    cloud_of(state).health.failed(why, NOW - 19.0, MOST)
    trouble = Pending(IP1, why, "node1", "about to assign", "", "floating_ip")
    assert (BROKEN, trouble) == (only(state).health, only(state).trouble)


def test_a_claim_that_waits_for_who_we_are_says_so() -> None:
    state = pending()
    cloud_of(state).server = None
    assert (
        Pending(IP1, None, None, "about to assign", "", "floating_ip")
        == problems(state, NOW)[0].trouble
    )


def test_a_blocked_address_is_a_bad_problem_whatever_the_role() -> None:
    state = well(1, Role.BACKUP)
    address = resource_of(state)
    assert address.observation is not None
    address.observation = replace(address.observation, blocked=True)
    assert [(BROKEN, "address.blocked")] == reported(state)


def test_a_contested_address_names_who_holds_it() -> None:
    state = well(2)
    for number, holder in ((1, Other(2)), (2, Other(3))):
        address = put(state, holding_down(), number, holder)
        address.split_brain.claimed(NOW - 30.0)
        address.split_brain.lost(NOW - 20.0, NOW - 25.0)
    first, second = problems(state, NOW)
    assert Problem(BROKEN, HeldDown(IP1, "web-b (id 2)"), NOW - 20.0) == first
    assert HeldDown("ip2 = 203.0.113.2", "server 3") == second.trouble


@pytest.mark.parametrize(
    ("rounds", "age_s", "pulse_age_s", "listed"),
    [
        (2, 10.0, None, True),
        (1, 300.0, None, True),
        (1, 300.1, None, False),  # it was the late write of an old master
        (2, 960.0, None, True),
        (2, 960.1, None, False),
        (2, 200.0, 60.0, True),
        (2, 200.0, 60.1, False),  # the other one has given up
    ],
)
def test_who_holds_a_contested_address_knows_of_it_too(
    rounds: int, age_s: float, pulse_age_s: float | None, *, listed: bool
) -> None:
    state = well()
    split_brain = resource_of(state).split_brain
    split_brain.claimed(NOW - age_s - 50.0)
    for number in range(rounds, 0, -1):
        split_brain.lost(NOW - age_s - number, NOW - age_s - 40.0)
        split_brain.claimed(NOW - age_s)
    if pulse_age_s is not None:
        split_brain.note_better_master(NOW - pulse_age_s)
    for address in state.resources.values():
        address.holder_at_s = NOW
    assert ([(DEGRADED, "address.disputed")] if listed else []) == reported(state)


# --- the addresses of others -------------------------------------------------------------------


def test_an_address_is_not_called_left_here_where_this_may_be_the_master() -> None:
    state = well(1, Role.UNKNOWN)
    resource_of(state).holder = Us()
    assert "address.left_here" not in [code for _, code in reported(state)]


@pytest.mark.parametrize("role", [Role.BACKUP, Role.FAULT])
@pytest.mark.parametrize(
    ("holder", "code"),
    [
        (Us(), "address.left_here"),
        (Nobody(), "address.nowhere"),
        (Other(2), None),
        (Other(3), None),
        (Other(4), "address.nowhere"),
        (Other(5), "address.nowhere"),
    ],
)
def test_who_is_not_master_knows_whether_somebody_uses_the_address(
    role: Role, holder: Holder, code: str | None
) -> None:
    state = well(1, role)
    cloud_of(state).see(4, SeenServer("web-c", "off", NOW))
    cloud_of(state).see(5, SeenServer("", "deleted", NOW))
    resource_of(state).holder = holder
    codes = [problem.code for problem in problems(state, NOW) if problem.code != "role.fault"]
    assert ([] if code is None else [code]) == codes


def test_who_does_not_know_its_role_says_nothing_of_where_the_address_should_be() -> None:
    state = well(1, Role.UNKNOWN)
    resource_of(state).holder = Us()
    assert ["role.unknown"] == [code for _, code in reported(state)]


@pytest.mark.parametrize(
    ("role_s", "seen_s", "read_s", "listed"),
    [
        (15.1, 100.0, 1.0, True),
        (15.0, 100.0, 1.0, False),  # the new master is about to claim it
        (100.0, 15.1, 1.0, True),
        (100.0, 15.0, 1.0, False),
        (100.0, 100.0, 185.1, False),  # not read lately: no fact of now
    ],
)
def test_what_may_be_over_in_a_moment_is_no_problem_of_a_backup(
    role_s: float, seen_s: float, read_s: float, *, listed: bool
) -> None:
    state = well(1, Role.BACKUP)
    state.roles.role_states[VI].since_s = NOW - role_s
    address = resource_of(state)
    address.holder, address.holder_since_s = Nobody(), NOW - seen_s
    address.holder_at_s = NOW - read_s
    assert ([(DEGRADED, "address.nowhere")] if listed else []) == reported(state)


# --- together ----------------------------------------------------------------------------------


def test_the_worst_comes_first_and_the_others_keep_their_order() -> None:
    state = well()
    state.fifo = None
    state.keepalived, state.keepalived_since_s = None, NOW
    put(state, holding_down(), 1, Other(2))
    assert [
        (BROKEN, "address.held_down"),
        (DEGRADED, "fifo.missing"),
        (DEGRADED, "keepalived.gone"),
    ] == reported(state)


def test_every_code_has_a_cure_that_can_be_filled_in() -> None:
    fields = {
        field
        for trouble in TROUBLES.values()
        for _, field, _, _ in string.Formatter().parse(trouble.cure)
        if field
    }
    values = {field: field.upper() for field in fields}
    for code in TROUBLES:
        cure = cure_of(code, **values)
        assert cure
        assert "systemctl restart keepalived" not in cure, "that fails a master over"


def test_the_table_for_the_docs_has_a_row_a_code_and_no_open_field() -> None:
    head, line, *rows = as_markdown().splitlines()
    assert ("| code | what is wrong | what to do |", "|---|---|---|") == (head, line)
    assert [f"| `{code}`" for code in TROUBLES] == [row.split(" | ")[0] for row in rows]
    assert any(FIFO_LOST in row for row in rows)


def test_a_fifo_of_another_place_is_made_by_hand_and_its_path_is_quoted() -> None:
    assert FIFO_LOST == fifo_cure("fifo.missing", DEFAULT_FIFO)
    assert (
        "mkdir -p '/my run' && mkfifo -m 0600 '/my run/f' && chown me: '/my run/f' && chmod 0600"
        " '/my run/f' && systemctl reload keepalived"
    ) == fifo_cure("fifo.missing", "/my run/f", "me")


def test_a_line_and_a_file_come_into_force_by_a_reload() -> None:
    assert "x    # in global_defs; then: systemctl reload keepalived" == keepalived_conf("x")
    assert in_force("/a.new", "/a").startswith("mv /a.new /a && systemctl reload keepalived")


def test_a_token_that_is_refused_for_the_assign_alone_is_a_trouble_of_the_address() -> None:
    why = failure(FailureKind.AUTH, "forbidden")
    assert Unauthorized(CLOUD_API, IP1, why, "") == only(pending(why)).trouble

"""Each figure and each verdict of the status picture at its edge; the stories: test_snapshot.py."""

from ipaddress import ip_address

import pytest

from core.driver import PROCESS, instance
from core.fakecloud import failure
from core.odds import MOST
from core.standing import VI, put, standing
from hakeeper.core.calls import FailureKind, Quota
from hakeeper.core.claim import Phases, Stage
from hakeeper.core.events import FifoState
from hakeeper.core.model import Mine, Nobody, Other, Owner, Role, Unknown
from hakeeper.core.roles import Belief
from hakeeper.core.snapshot import AddressPicture, Health, Problem, RolePicture, document, snapshot
from hakeeper.core.state import State

NOW = 1000.0
OK, DEGRADED, BROKEN = Health
TRANSIENT = failure(FailureKind.TRANSIENT, "its_code")


def well(count: int = 1, role: Role = Role.MASTER) -> State:
    """A state without a problem: all addresses held."""
    state = standing(count, role)
    state.fifo, state.fifo_detail = FifoState.OPEN, "listening"
    state.keepalived = PROCESS
    for number in range(1, count + 1):
        put(state, Stage.HELD, number, Mine())
    return state


def problems(state: State, now: float = NOW) -> list[tuple[Health, str]]:
    return [(p.health, p.text) for p in snapshot(state, now, None).problems]


def test_a_state_without_a_problem_shows_none() -> None:
    shown = snapshot(well(), NOW, None)
    assert (OK, ()) == (shown.health, shown.problems)


def test_the_numbers_of_the_verdict_are_exit_codes() -> None:
    assert (0, 1, 2) == (OK, DEGRADED, BROKEN)


def test_what_is_not_known_yet_is_shown_as_such() -> None:
    state = standing(1, Role.UNKNOWN, known=False)
    state.server = None
    shown = snapshot(state, NOW, None)
    assert (None, "", None) == (shown.server_id, shown.server_name, shown.keepalived_pid)
    assert ("not opened", "not opened yet") == (shown.fifo, shown.fifo_detail)
    assert ("not asked yet", None, None) == (shown.api, shown.api_age_s, shown.api_latency_s)
    assert (None, None, None) == (
        shown.quota_limit_per_hour,
        shown.quota_left,
        shown.next_look_in_s,
    )


def test_what_is_known_is_shown_with_its_age() -> None:
    state = well()
    state.api.answered_at_s, state.api.latency_s = NOW - 1.26, 0.123
    state.api.note_quota(Quota(limit_per_hour=3600, remaining=100), NOW - 0.7)
    shown = snapshot(state, NOW, NOW + 2.34)
    assert (1, "node1", 100) == (shown.server_id, shown.server_name, shown.keepalived_pid)
    assert ("open", "listening") == (shown.fifo, shown.fifo_detail)
    assert ("ok", 1.3, 0.123) == (shown.api, shown.api_age_s, shown.api_latency_s)
    assert (3600, 100, 2.3) == (
        shown.quota_limit_per_hour,
        shown.quota_left,
        shown.next_look_in_s,
    )


def test_a_look_that_is_late_is_due_now() -> None:
    assert 0.0 == snapshot(well(), NOW, NOW - 5.0).next_look_in_s


def test_an_address_is_shown_whole() -> None:
    state = well()
    address = put(state, Stage.HOLD_OFF, 1, Other(7))
    address.owner_at_s = NOW - 3.21
    address.decide("a sentence", NOW - 2.34)
    [role] = snapshot(state, NOW, None).roles
    assert (
        AddressPicture(
            ref="ip1",
            address="203.0.113.1",
            floating_ip_id=1,
            owner="7",
            owner_server_id=7,
            owner_age_s=3.2,
            stage="contested, holding off",
            decision="a sentence",
            decision_age_s=2.3,
        ),
    ) == role.addresses


def test_an_address_of_which_nothing_is_known_is_shown_so() -> None:
    state = standing(1, known=False)
    [role] = snapshot(state, NOW, None).roles
    assert (
        AddressPicture(
            ref="ip1",
            address="ip1",
            floating_ip_id=None,
            owner="unknown",
            owner_server_id=None,
            owner_age_s=None,
            stage="idle",
            decision="nothing decided yet",
            decision_age_s=None,
        ),
    ) == role.addresses


@pytest.mark.parametrize(
    ("stage", "word"),
    [
        (Stage.IDLE, "idle"),
        (Stage.READ, "reading the owner"),
        (Stage.POST, "about to assign"),
        (Stage.SENT, "assign sent"),
        (Stage.ACT, "action running"),
        (Stage.HELD, "held"),
        (Stage.HOLD_OFF, "contested, holding off"),
    ],
)
def test_each_stage_has_its_words(stage: Stage, word: str) -> None:
    state = well()
    put(state, stage)
    assert word == snapshot(state, NOW, None).roles[0].addresses[0].stage


def test_a_role_is_shown_with_its_own_addresses_only() -> None:
    state = well()
    belief = Belief(Role.BACKUP, 3, NOW - 7.77, "a reason")
    belief.missing = (ip_address("10.0.0.2"), ip_address("fd00::2"))
    state.roles.beliefs[instance("VI_2")] = belief
    first, second = snapshot(state, NOW, None).roles
    assert ("VI_1", 1, True) == (first.name, len(first.addresses), first.confirmed)
    assert (
        RolePicture(
            kind="INSTANCE",
            name="VI_2",
            role="BACKUP",
            role_age_s=7.8,
            reason="a reason",
            generation=3,
            confirmed=False,
            vrrp_missing=("10.0.0.2", "fd00::2"),
            addresses=(),
        )
        == second
    )


# --- one line ----------------------------------------------------------------------------------


def test_the_line_counts_what_is_here_of_each_role() -> None:
    state = well(3)
    put(state, Stage.HELD, 2, Other(2))
    state.roles.beliefs[instance("VI_2")] = Belief(Role.BACKUP)
    state.api.answered_at_s = NOW
    assert (
        "ok: VI_1 MASTER 2/3 here, VI_2 BACKUP 0/0 here; API ok"
        == snapshot(state, NOW, None).line()
    )


def test_the_line_names_the_worst_problem() -> None:
    state = well()
    state.keepalived = None
    put(state, Stage.HOLD_OFF, 1, Other(2))
    assert (
        "BROKEN: VI_1 MASTER 0/1 here; API not asked yet; "
        "203.0.113.1: contested, held by server 2" == snapshot(state, NOW, None).line()
    )


# --- the API -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "role", "lasted_s", "health"),
    [
        (FailureKind.TRANSIENT, Role.MASTER, 15.0, DEGRADED),
        (FailureKind.TRANSIENT, Role.MASTER, 15.1, BROKEN),
        (FailureKind.TRANSIENT, Role.BACKUP, 100.0, DEGRADED),
        (FailureKind.AUTH, Role.BACKUP, 0.0, BROKEN),
    ],
)
def test_an_api_that_fails_is_a_problem(
    kind: FailureKind, role: Role, lasted_s: float, health: Health
) -> None:
    state = well(1, role)
    state.api.failed(failure(kind, "its_code"), NOW - lasted_s, MOST)
    assert [(health, f"API: it is {kind.value} (its_code)")] == problems(state)
    assert f"failing for {lasted_s:.0f} s: its_code" == snapshot(state, NOW, None).api


def test_not_to_know_who_we_are_is_a_problem() -> None:
    state = well()
    state.server = None
    text = "which server this machine is has not been confirmed by the API yet"
    assert [(DEGRADED, text)] == problems(state)


# --- where roles come from ---------------------------------------------------------------------


def test_a_fifo_that_is_not_open_is_a_problem() -> None:
    state = well()
    state.fifo, state.fifo_detail = FifoState.DENIED, "no permission"
    assert [(DEGRADED, "FIFO: no permission")] == problems(state)


def test_no_keepalived_is_a_problem() -> None:
    state = well()
    state.keepalived = None
    assert [(DEGRADED, "no keepalived process is known")] == problems(state)


def test_a_role_that_is_unknown_is_a_problem() -> None:
    state = well()
    state.roles.beliefs[instance("VI_2")] = Belief()
    text = "VI_2: the role is unknown: nothing heard yet"
    assert [(DEGRADED, text)] == problems(state)


@pytest.mark.parametrize(
    ("role", "since_s", "deaf_since_s", "health"),
    [
        (Role.MASTER, 15.0, 100.0, DEGRADED),
        (Role.MASTER, 15.1, 100.0, BROKEN),
        (Role.MASTER, 100.0, 15.0, DEGRADED),
        (Role.BACKUP, 100.0, 100.0, DEGRADED),
    ],
)
def test_to_be_deaf_is_a_problem_and_for_a_master_soon_a_bad_one(
    role: Role, since_s: float, deaf_since_s: float, health: Health
) -> None:
    state = well(1, role)
    put(state, Stage.IDLE)
    belief = state.roles.beliefs[VI]
    belief.deaf, belief.missing = True, (ip_address("10.0.0.2"),)
    belief.since_s, belief.deaf_since_s = NOW - since_s, NOW - deaf_since_s
    text = (
        "VI_1: keepalived is deaf: 10.0.0.2 is not on this machine; nothing is claimed. "
        "Bring the address up, and have keepalived start after it"
    )
    assert [(health, text)] == problems(state)


def test_to_have_been_deaf_a_moment_ago_needs_no_way_out() -> None:
    state = well()
    put(state, Stage.IDLE)
    state.roles.beliefs[VI].deaf = True
    state.roles.beliefs[VI].deaf_since_s = NOW
    text = (
        "VI_1: keepalived was deaf until a moment ago; giving a better master time to speak; "
        "nothing is claimed"
    )
    assert [(DEGRADED, text)] == problems(state)


def test_a_deaf_instance_does_not_hide_the_next_one() -> None:
    state = well()
    other = state.roles.beliefs[instance("VI_2")] = Belief(Role.BACKUP)
    other.deaf = True
    assert [DEGRADED] == [health for health, _ in problems(state)]


# --- the addresses -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "known", "listed"), [(True, False, True), (True, True, False), (False, False, False)]
)
def test_a_word_that_leads_to_nothing_is_a_bad_problem_whatever_the_role(
    *, told: bool, known: bool, listed: bool
) -> None:
    state = well(1, Role.BACKUP)
    address = put(state, Stage.IDLE)
    address.unresolved_told = told
    if not known:
        address.floating_ip = None
    text = "ip1: leads to no floating IP of this project"
    assert ([(BROKEN, text)] if listed else []) == problems(state)


@pytest.mark.parametrize(
    ("role", "stage", "owner", "claiming", "since_s", "health"),
    [
        (Role.BACKUP, Stage.IDLE, Other(2), False, 100.0, None),
        (Role.MASTER, Stage.HELD, Other(2), False, 100.0, None),
        (Role.MASTER, Stage.READ, Mine(), False, 100.0, None),
        (Role.MASTER, Stage.READ, Mine(), True, 100.0, DEGRADED),
        (Role.MASTER, Stage.READ, Nobody(), True, 15.0, DEGRADED),
        (Role.MASTER, Stage.READ, Nobody(), True, 15.1, BROKEN),
        (Role.MASTER, Stage.READ, Unknown("who am I"), True, 15.1, BROKEN),
        (Role.MASTER, Stage.READ, Other(2), False, 15.0, DEGRADED),
        (Role.MASTER, Stage.READ, Other(2), False, 15.1, BROKEN),
    ],
)
def test_a_master_that_has_not_its_address_yet_is_a_problem(
    role: Role, stage: Stage, owner: Owner, since_s: float, health: Health | None, *, claiming: bool
) -> None:
    state = well(1, role)
    address = put(state, stage, 1, owner)
    address.phases = Phases(line_s=NOW - since_s) if claiming else None
    state.roles.beliefs[VI].since_s = NOW - (500.0 if claiming else since_s)
    text = "203.0.113.1: MASTER, but not confirmed here yet (reading the owner)"
    assert ([] if health is None else [(health, text)]) == problems(state)


def test_each_address_has_its_problem() -> None:
    state = well(2)
    put(state, Stage.HOLD_OFF, 1, Other(2))
    put(state, Stage.HOLD_OFF, 2, Nobody())
    assert [
        (BROKEN, "203.0.113.1: contested, held by server 2"),
        (BROKEN, "203.0.113.2: contested, held by nobody"),
    ] == problems(state)


def test_the_worst_comes_first_and_is_the_verdict_and_the_others_keep_their_order() -> None:
    state = well(1)
    state.fifo, state.keepalived = None, None
    put(state, Stage.HOLD_OFF, 1, Other(2))
    shown = snapshot(state, NOW, None)
    assert [BROKEN, DEGRADED, DEGRADED] == [p.health for p in shown.problems]
    assert BROKEN is shown.health
    assert shown.problems[1].text.startswith("FIFO")


def test_the_document_has_the_words_of_the_verdict_in_small_letters() -> None:
    state = well()
    state.keepalived = None
    shown = snapshot(state, NOW, None)
    assert (Problem(DEGRADED, "no keepalived process is known"),) == shown.problems
    plain = document(shown)
    assert "degraded" == plain["health"]
    assert [{"health": "degraded", "text": "no keepalived process is known"}] == plain["problems"]
    assert "not asked yet" == plain["api"]

"""Each figure of the status picture at its edge; its troubles: test_problems.py."""

from ipaddress import ip_address

import pytest

from hakeeper.core.apis.servers import SeenServer
from hakeeper.core.calls import FailureKind, Quota
from hakeeper.core.claim.last_decision import LeftAlone
from hakeeper.core.claim.stages import Idle, ReadBack, Recheck, Stage
from hakeeper.core.model import FifoState, Role
from hakeeper.core.observation import Other, Us
from hakeeper.core.roles.book import RoleState
from hakeeper.core.state import State
from hakeeper.diagnosis.problems import Health
from hakeeper.diagnosis.snapshot import AddressPicture, RolePicture, snapshot
from tests.core.driver import PROCESS, instance
from tests.core.faults import failure
from tests.core.odds import MOST
from tests.core.standing import (
    CLAIM,
    HELD,
    SENT,
    STEP,
    VI,
    acting,
    cloud_of,
    holding_down,
    mutating,
    put,
    standing,
    verifying,
)

NOW = 1000.0
OK, DEGRADED, BROKEN = Health


def well(count: int = 1, role: Role = Role.MASTER) -> State:
    """A state without a problem: all addresses held."""
    state = standing(count, role)
    state.fifo, state.fifo_detail = FifoState.OPEN, "listening"
    state.keepalived = PROCESS
    for number in range(1, count + 1):
        put(state, HELD, number, Us())
    return state


def test_a_state_without_a_problem_shows_none() -> None:
    shown = snapshot(well(), NOW, None)
    assert (OK, ()) == (shown.health, shown.problems)


def test_the_numbers_of_the_verdict_are_exit_codes() -> None:
    assert (0, 1, 2) == (OK, DEGRADED, BROKEN)


def test_what_is_not_known_yet_is_shown_as_such() -> None:
    state = standing(1, Role.UNKNOWN, known=False)
    cloud_of(state).server = None
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
    cloud_of(state).health.answered_at_s, cloud_of(state).health.latency_s = NOW - 1.26, 0.123
    cloud_of(state).health.note_quota(Quota(limit_per_hour=3600, remaining=100), NOW - 0.7)
    shown = snapshot(state, NOW, NOW + 2.34)
    assert (1, "node1", 100) == (shown.server_id, shown.server_name, shown.keepalived_pid)
    assert ("open", "listening") == (shown.fifo, shown.fifo_detail)
    assert ("ok", 1.26, 0.123) == (shown.api, shown.api_age_s, shown.api_latency_s)
    assert (3600, 100, 2.3) == (
        shown.quota_limit_per_hour,
        shown.quota_left,
        shown.next_look_in_s,
    )


def test_a_look_that_is_late_is_due_now() -> None:
    assert 0.0 == snapshot(well(), NOW, NOW - 5.0).next_look_in_s


def test_an_address_is_shown_whole() -> None:
    state = well()
    address = put(state, holding_down(NOW + 60.04), 1, Other(7))
    address.holder_at_s = NOW - 3.21
    cloud_of(state).see(7, SeenServer("web-b", "running", NOW))
    address.decide(LeftAlone("a reason"), NOW - 2.34)
    [role] = snapshot(state, NOW, None).roles
    assert (
        AddressPicture(
            ref="ip1",
            address="203.0.113.1",
            resource_kind="floating_ip",
            resource_id=1,
            chosen=False,
            holder="7",
            holder_server_id=7,
            holder_label="web-b (id 7)",
            holder_age_s=3.21,
            holder_current=True,
            confirmed=False,
            stage="hold-down",
            due_in_s=60.0,
            decision=LeftAlone("a reason"),
            decision_who="",
            decision_age_s=2.34,
        ),
    ) == role.addresses


def test_an_address_of_which_nothing_is_known_is_shown_so() -> None:
    state = standing(1, known=False)
    [role] = snapshot(state, NOW, None).roles
    assert (
        AddressPicture(
            ref="ip1",
            address="ip1",
            resource_kind="floating_ip",
            resource_id=None,
            chosen=False,
            holder="unknown",
            holder_server_id=None,
            holder_label="unknown (not read yet)",
            holder_age_s=None,
            holder_current=False,
            confirmed=False,
            stage="idle",
            due_in_s=None,
            decision=None,
            decision_who="",
            decision_age_s=None,
        ),
    ) == role.addresses


@pytest.mark.parametrize(
    ("stage", "word"),
    [
        (Idle(), "idle"),
        (verifying(), "reading the holder"),
        (mutating(), "about to assign"),
        (SENT, "assign sent"),
        (acting(), "action running"),
        (ReadBack(CLAIM, STEP, 0.0, 0.0, 0.0), "reading the holder"),
        (HELD, "held"),
        (Recheck(0.0, 0.0, suspect=True), "reading the holder"),
        (holding_down(), "hold-down"),
    ],
)
def test_each_stage_has_its_words(stage: Stage, word: str) -> None:
    state = well()
    put(state, stage)
    assert word == snapshot(state, NOW, None).roles[0].addresses[0].stage


def test_a_role_is_shown_with_its_own_addresses_only() -> None:
    state = well()
    role_state = RoleState(Role.BACKUP, 3, NOW - 7.77, "a reason")
    role_state.missing = (ip_address("10.0.0.2"), ip_address("fd00::2"))
    state.roles.role_states[instance("VI_2")] = role_state
    first, second = snapshot(state, NOW, None).roles
    assert ("VI_1", 1, True) == (first.name, len(first.addresses), first.role_confirmed)
    assert (
        RolePicture(
            kind="INSTANCE",
            name="VI_2",
            role="BACKUP",
            role_age_s=7.77,
            reason="a reason",
            generation=3,
            role_confirmed=False,
            vrrp_missing=("10.0.0.2", "fd00::2"),
            selectors=(),
            addresses=(),
        )
        == second
    )


@pytest.mark.parametrize(
    ("role", "stage", "confirmed"),
    [
        (Role.MASTER, HELD, True),
        (Role.MASTER, verifying(), False),
        (Role.BACKUP, HELD, False),
    ],
)
def test_confirmed_is_what_a_master_has_read_in_this_term(
    role: Role, stage: Stage, *, confirmed: bool
) -> None:
    state = well(1, role)
    put(state, stage, 1, Us())
    assert confirmed is snapshot(state, NOW, None).roles[0].addresses[0].confirmed


@pytest.mark.parametrize(
    ("role_age_s", "read_age_s", "current"),
    [
        (10.0, 10.0, True),
        (9.9, 10.0, False),  # read before the role changed
        (1000.0, 35.0, True),  # three intervals and a call
        (1000.0, 35.1, False),
    ],
)
def test_an_holder_is_current_if_it_was_read_in_this_term_and_lately(
    role_age_s: float, read_age_s: float, *, current: bool
) -> None:
    state = well()
    state.roles.role_states[VI].since_s = NOW - role_age_s
    put(state, HELD, 1, Us()).holder_at_s = NOW - read_age_s
    assert current is snapshot(state, NOW, None).roles[0].addresses[0].holder_current


def test_an_api_that_fails_is_shown_by_its_code_and_for_how_long() -> None:
    state = well()
    cloud_of(state).health.failed(failure(FailureKind.TRANSIENT, "its_code"), NOW - 7.04, MOST)
    shown = snapshot(state, NOW, None)
    assert ("its_code", 7.04) == (shown.api, shown.api_failing_s)

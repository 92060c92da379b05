"""What each resource waits for, and for how long."""

from dataclasses import replace

import pytest

from hakeeper.core.claim.resource import Resource
from hakeeper.core.claim.stages import Idle, ReadBack, Recheck, Stage
from hakeeper.core.model import Role
from hakeeper.core.observation import Other
from hakeeper.core.state import State
from hakeeper.diagnosis.waits import Wait, WaitFor, waits_of
from tests.core.operator.test_pause import PAUSE
from tests.core.standing import (
    CLAIM,
    HELD,
    SENT,
    STEP,
    VI,
    acting,
    cloud_of,
    holding_down,
    kind_of,
    mutating,
    put,
    standing,
    verifying,
)

NOW = 1000.0
READINGS = (
    verifying(NOW + 7.0),
    ReadBack(CLAIM, STEP, 0.0, 0.0, NOW + 7.0),
    Recheck(0.0, NOW + 7.0, suspect=True),
)


def at(stage: Stage, role: Role = Role.MASTER) -> tuple[State, Resource]:
    state = standing(role=role)
    return state, put(state, stage)


def what(state: State, resource: Resource) -> list[WaitFor]:
    return [wait.what for wait in waits_of(state, resource, NOW)]


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.MASTER])
def test_without_master_nothing_else_counts(role: Role) -> None:
    assert (Wait(WaitFor.ROLE),) == waits_of(*at(Idle(), role), NOW)


def test_an_isolated_master_waits_for_its_address_and_then_for_a_moment() -> None:
    state, resource = at(Idle())
    role_state = state.roles.role_states[VI]
    role_state.isolated, role_state.trusted_from_s = True, NOW + 3.0
    assert (Wait(WaitFor.ISOLATION, 3.0),) == waits_of(state, resource, NOW)
    role_state.missing = (object(),)  # type: ignore[assignment]  # any address
    assert (Wait(WaitFor.ISOLATION),) == waits_of(state, resource, NOW)


def test_what_is_held_waits_for_the_next_look() -> None:
    state, resource = at(HELD)
    kind_of(state).listed_at_s, kind_of(state).is_listed = NOW - 4.0, True
    assert (Wait(WaitFor.LOOK, 6.0),) == waits_of(state, resource, NOW)


def test_a_hold_down_has_its_end_and_a_keepalived_that_hangs_none() -> None:
    state, resource = at(holding_down(NOW + 30.0))
    resource.holder = Other(2)
    assert (Wait(WaitFor.HOLD_DOWN, 30.0),) == waits_of(state, resource, NOW)
    state.silent_since_s = NOW - 60.0
    assert (Wait(WaitFor.HUNG),) == waits_of(state, resource, NOW)


def test_what_is_under_way_waits_for_its_end() -> None:
    assert (Wait(WaitFor.ANSWER),) == waits_of(*at(SENT), NOW)
    assert (Wait(WaitFor.ACTION, 9.0),) == waits_of(*at(acting(until_s=NOW + 9.0)), NOW)


@pytest.mark.parametrize("stage", [mutating(NOW + 7.0), *READINGS])
def test_a_pause_between_tries_has_its_end(stage: Stage) -> None:
    assert (Wait(WaitFor.RETRY, 7.0),) == waits_of(*at(stage), NOW)


@pytest.mark.parametrize("stage", [mutating(), verifying()])
def test_without_an_identity_and_a_login_nothing_goes(stage: Stage) -> None:
    state, resource = at(stage)
    cloud_of(state).server = None
    assert [WaitFor.SERVER] == what(state, resource)
    cloud_of(state).health.shut_until_s = NOW + 600.0
    assert Wait(WaitFor.LOGIN, 600.0) in waits_of(state, resource, NOW)


def test_a_step_waits_for_the_pause_for_all_who_were_refused_and_for_the_api() -> None:
    state, resource = at(mutating())
    state.pause = replace(PAUSE, until_s=NOW + 60.0)
    health = cloud_of(state).health
    health.first_assigns_from_s, health.assigns_held_until_s = NOW + 1.0, NOW + 2.0
    health.assigns_from_s = NOW + 5.0
    assert (
        Wait(WaitFor.PAUSE, 60.0),
        Wait(WaitFor.ROUNDS, 1.0),
        Wait(WaitFor.THROTTLE, 2.0),
    ) == waits_of(state, resource, NOW)
    resource.stage = mutating(claim=replace(CLAIM, refused_at_s=NOW - 9.0))
    assert Wait(WaitFor.ROUNDS, 5.0) in waits_of(state, resource, NOW)


def test_a_read_waits_for_the_api_and_after_failures() -> None:
    state, resource = at(verifying())
    api = cloud_of(state)
    api.health.held_until_s, api.reads_from_s = NOW + 2.0, NOW + 3.0
    assert (Wait(WaitFor.THROTTLE, 2.0), Wait(WaitFor.READS, 3.0)) == waits_of(state, resource, NOW)


@pytest.mark.parametrize("stage", [mutating(claim=replace(CLAIM, refused_at_s=NOW)), verifying()])
def test_what_the_budget_does_not_have_flows_in(stage: Stage) -> None:
    state, resource = at(stage)
    cloud_of(state).budget.spend(NOW, cost=10_000)
    [wait] = waits_of(state, resource, NOW)
    assert WaitFor.BUDGET is wait.what
    assert wait.in_s is not None
    assert 0.0 < wait.in_s


def test_what_is_due_and_not_begun_waits_for_others() -> None:
    assert [WaitFor.TURN] == what(*at(mutating()))
    assert [WaitFor.ANSWER] == what(*at(verifying()))

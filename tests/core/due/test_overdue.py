"""When the budget is low, claims that wait long get the reserve of new masters."""

from dataclasses import replace

import pytest

from hakeeper.core.claim.stages import Claim, MutateDue, Stage
from hakeeper.core.decisions.claims import Phases
from hakeeper.core.state import State
from tests.core.due.scene import NOW, calm, step
from tests.core.operator.test_pause import PAUSE
from tests.core.standing import (
    CLAIM,
    HELD,
    VI,
    cloud_of,
    mutating,
    put,
    verifying,
)
from tests.support.resources import assign, read

# --- claims that wait for the budget ------------------------------------------------------------


def poor(*stages: Stage) -> State:
    """Make a MASTER whose budget holds a few calls, with floating IPs in these stages."""
    state = calm(len(stages))
    for number, stage in enumerate(stages, 1):
        put(state, stage, number)
    budget = cloud_of(state).budget
    budget.spent, budget.at_s, budget.retry_from_s = budget.full - 20.0, NOW, NOW + 9.0
    return state


def claimed(at_s: float, claim: Claim = CLAIM) -> MutateDue:
    """Be about to assign, in a claim that began then."""
    return mutating(at_s, replace(claim, phases=Phases(line_s=at_s)))


def favoured(state: State) -> list[bool]:
    return [each.favoured for each in state.resources.values()]


def test_an_address_that_is_away_draws_on_the_reserve_after_half_a_minute() -> None:
    state = poor(claimed(NOW - 29.0))
    calls, wake_s = step(state)
    assert ([], NOW + 1.0) == (calls, wake_s)
    assert [assign(1, 1)] == step(state, NOW + 1.0)[0]


def test_one_goes_in_two_minutes_and_first_what_was_never_refused() -> None:
    refused = replace(CLAIM, refused_at_s=NOW - 10.0)
    state = poor(claimed(NOW - 40.0, refused), claimed(NOW - 35.0), claimed(NOW - 50.0))
    assert [assign(2, 1)] == step(state)[0]
    assert [False, True, False] == favoured(state)
    step(state, NOW + 119.0)
    assert [False, True, False] == favoured(state)
    put(state, HELD, 2)
    put(state, claimed(NOW), 1)
    step(state, NOW + 120.0)
    assert 1 == sum(favoured(state)[::2])


@pytest.mark.parametrize("why", ["a pause", "a new role", "a budget that is not low"])
def test_the_reserve_is_not_for_what_need_not_or_may_not_have_it(why: str) -> None:
    state = poor(claimed(NOW - 100.0))
    match why:
        case "a pause":
            state.pause = PAUSE
        case "a new role":
            state.roles.role_states[VI].since_s = NOW - 5.0
        case _:
            cloud_of(state).budget.spent = 400.0
    step(state)
    assert [False] == favoured(state)


def test_a_claim_that_waits_for_its_read_may_have_it_as_well() -> None:
    phases = Phases(line_s=NOW - 31.0)
    state = poor(verifying(NOW, replace(CLAIM, phases=phases)))
    assert [read(1)] == step(state)[0]
    assert [True] == favoured(state)

"""What becomes of the end of an assign."""

from dataclasses import replace

import pytest

from hakeeper.core.answers.results import take_result
from hakeeper.core.calls import (
    FailureKind,
    MutationAccepted,
    ReadServer,
)
from hakeeper.core.claim.stages import (
    ActionRunning,
    Claim,
    MutateDue,
    Stage,
    Verify,
)
from hakeeper.core.decisions.claims import Phases
from hakeeper.core.events import ReloadToken
from hakeeper.core.model import NEVER, Action, ActionStatus
from hakeeper.core.observation import (
    Us,
)
from tests.core.answers.scene import (
    KIND,
    answer,
    assign_ends,
)
from tests.core.faults import failure
from tests.core.standing import (
    CLAIM,
    HELD,
    SENT,
    STEP,
    acting,
    cloud_of,
    ended,
    mutating,
    put,
    resource_of,
    standing,
    under_way,
    verifying,
)
from tests.support.resources import (
    CLOUD,
    assign,
)


def accepted(status: ActionStatus = ActionStatus.RUNNING) -> MutationAccepted:
    return MutationAccepted(Action(id=77, status=status))


def test_an_accepted_assign_is_watched_and_widens_the_lanes() -> None:
    state = standing()
    address = put(state, SENT)
    cloud_of(state).health.max_parallel = 3
    assert [] == assign_ends(state, accepted())
    claim = Claim(cause="a cause", phases=Phases(line_s=99.0, sent_s=100.0, accepted_s=101.0))
    assert ActionRunning(claim, STEP, 77, 111.0, 101.2, 1) == address.stage
    assert 4 == cloud_of(state).health.max_parallel


@pytest.mark.parametrize(("stage", "generation"), [(SENT, 1), (mutating(), 0)])
def test_an_assign_of_an_older_term_says_only_that_reads_before_now_are_blind(
    stage: Stage, generation: int
) -> None:
    state = standing(2)
    address, other = put(state, stage), put(state, HELD, 2)
    assign_ends(state, accepted(), generation=generation)
    assert (stage, 101.0) == (address.stage, address.writes.fresh_from_s)
    assert NEVER == other.writes.fresh_from_s


def test_an_assign_of_an_address_that_a_reload_took_away_is_over() -> None:
    state = standing()
    address = put(state, SENT)
    state.resources = {}
    take_result(state, ended(under_way(state, assign(1, 1), 100.0, address), accepted()), 101.0)
    assert SENT == address.stage


def test_a_failed_assign_is_reported_and_its_bytes_are_remembered() -> None:
    state = standing()
    address = put(state, SENT)
    assert ["claim.failed"] == assign_ends(state, failure(KIND.TRANSIENT))
    claim = replace(
        CLAIM,
        phases=Phases(line_s=99.0, sent_s=100.0),
        attempt=1,
        refused_at_s=101.0,
        failure=failure(KIND.TRANSIENT),
        failing_since_s=101.0,
        reported=frozenset({failure(KIND.TRANSIENT).code}),
    )
    assert MutateDue(claim, 101.25) == address.stage
    assert cloud_of(state).health.failure is None


@pytest.mark.parametrize(("others", "max_parallel"), [(0, 8), (1, 4)])
def test_a_lock_narrows_the_lanes_if_other_assigns_were_under_way(
    others: int, max_parallel: int
) -> None:
    state = standing(2)
    put(state, SENT)
    for _ in range(others):
        under_way(state, assign(2, 1), 100.0, resource_of(state, 2))
    assign_ends(state, failure(KIND.LOCKED))
    assert max_parallel == cloud_of(state).health.max_parallel


@pytest.mark.parametrize(
    ("accepted_s", "goes_on"), [(99.8, True), (99.9, False), (100.0, False), (100.1, True)]
)
def test_an_assign_accepted_beside_a_running_action_ends_the_going_one_by_one(
    accepted_s: float, *, goes_on: bool
) -> None:
    state = standing(2)
    put(state, SENT)
    put(state, acting(claim=CLAIM.with_phases(Phases(line_s=0.0, accepted_s=accepted_s))), 2)
    cloud_of(state).health.one_by_one_until_s = 200.0
    assign_ends(state, accepted())
    assert goes_on == (cloud_of(state).health.one_by_one_until_s == 200.0)


def test_an_address_that_is_assigned_already_is_no_lock() -> None:
    state = standing(2)
    put(state, SENT)
    under_way(state, assign(2, 1), 100.0, resource_of(state, 2))
    assert ["claim.failed"] == assign_ends(state, failure(KIND.ALREADY, "floating_ip_assigned"))
    assert (8, 0) == (cloud_of(state).health.max_parallel, cloud_of(state).health.one_by_one_s)


def test_an_address_that_was_here_all_the_time_is_no_failure() -> None:
    state = standing()
    address = put(state, SENT, 1, Us())
    assert [] == assign_ends(state, failure(KIND.ALREADY, "floating_ip_assigned"))
    assert isinstance(address.stage, Verify)


def test_a_lock_while_other_claims_of_ours_are_under_way_is_no_news() -> None:
    state = standing(2)
    put(state, SENT)
    put(state, acting(), 2)
    assert [] == assign_ends(state, failure(KIND.LOCKED, "locked"))
    assert 4 == cloud_of(state).health.max_parallel


def test_other_failures_do_not_narrow_the_lanes() -> None:
    state = standing(2)
    put(state, SENT)
    under_way(state, assign(2, 1), 100.0, resource_of(state, 2))
    assign_ends(state, failure(KIND.TRANSIENT))
    assert 8 == cloud_of(state).health.max_parallel


@pytest.mark.parametrize(
    ("kind", "stage"),
    [(KIND.OUTCOME_UNKNOWN, verifying(101.0)), (KIND.TRANSIENT, mutating())],
)
def test_an_older_assign_with_an_unknown_outcome_makes_the_new_claim_read(
    kind: FailureKind, stage: Stage
) -> None:
    state = standing()
    address = put(state, mutating())
    assert [] == assign_ends(state, failure(kind), generation=1)
    assert (stage, kind is KIND.OUTCOME_UNKNOWN) == (address.stage, address.writes.outcome_unknown)


def test_a_refused_token_is_read_again_whatever_call_it_was() -> None:
    state = standing()
    put(state, SENT)
    assert ["token.rejected"] == assign_ends(state, failure(KIND.AUTH))
    assert ReloadToken(CLOUD) in state.effects
    assert ["token.rejected"] == answer(state, ReadServer(CLOUD, 2), failure(KIND.AUTH))
    assert ReloadToken(CLOUD) in state.effects
    answer(state, ReadServer(CLOUD, 2), failure(KIND.REFUSED))
    assert ReloadToken(CLOUD) not in state.effects

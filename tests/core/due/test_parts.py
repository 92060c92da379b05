"""What is listed of resources that lie in parts of the API, and what that costs."""

import pytest

from hakeeper.core.calls import (
    FailureKind,
    ReadAll,
)
from hakeeper.core.claim.stages import Verify
from hakeeper.core.decisions.claims import Phases
from hakeeper.kinds import ALIAS_IPS
from tests.core.driver import entries
from tests.core.due.lists import (
    NOW,
    OURS,
    THEIRS,
    A,
    B,
    answer,
    calls,
    due,
    resources,
    show,
    state_of,
)
from tests.core.faults import failure
from tests.core.standing import CLAIM, cloud_of


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

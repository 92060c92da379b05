"""What is known of the API: failing since when, held until when, how many calls are left."""

import pytest

from hakeeper.core.apis.health import Health
from hakeeper.core.calls import FailureKind, Quota
from hakeeper.core.decisions.decision import Decision
from hakeeper.core.decisions.resources import ApiFailed, ServerUnidentified
from tests.core.faults import failure
from tests.core.odds import LEAST, MOST

TRANSIENT = failure(FailureKind.TRANSIENT)
THROTTLED = failure(FailureKind.THROTTLED)


def test_a_failure_lasts_from_the_first_one_to_the_next_answer() -> None:
    api = Health(most_parallel=8)
    assert api.answered(10.0) is None
    api.failed(TRANSIENT, 20.0, MOST)
    api.failed(failure(FailureKind.REFUSED), 25.0, MOST)
    assert [failure(FailureKind.REFUSED)] == [api.failure]
    assert 20.0 == api.failing_since_s
    assert 10.0 == api.answered_at_s
    assert 12.0 == api.answered(32.0)
    assert api.failure is None
    assert 32.0 == api.answered_at_s
    assert api.answered(33.0) is None


def test_a_node_that_has_just_booted_measures_a_failure_from_its_begin_as_well() -> None:
    api = Health(most_parallel=8)
    api.failed(TRANSIENT, 0.25, MOST)
    assert 1.0 == api.answered(1.25)


def test_429_without_a_time_holds_all_calls_longer_each_time_until_an_answer() -> None:
    api = Health(most_parallel=8)
    until_s = []
    for at_s in (100.0, 200.0, 300.0, 400.0, 500.0):
        api.failed(THROTTLED, at_s, MOST)
        until_s.append(api.held_until_s - at_s)
    assert [1.0, 2.0, 4.0, 8.0, 8.0] == until_s
    api.answered(600.0)
    api.failed(THROTTLED, 700.0, MOST)
    assert 701.0 == api.held_until_s


@pytest.mark.parametrize(
    ("retry_after_s", "least_s", "most_s"),
    [(None, 0.75, 1.0), (0.0, 0.75, 1.0), (5.0, 5.0, 6.0), (29.5, 29.5, 30.0), (90.0, 30.0, 30.0)],
)
def test_429_with_a_time_holds_all_calls_so_long_and_30_s_at_most(
    retry_after_s: float | None, least_s: float, most_s: float
) -> None:
    for odds, wait_s in ((LEAST, least_s), (MOST, most_s)):
        api = Health(most_parallel=8)
        api.failed(failure(FailureKind.THROTTLED, retry_after_s=retry_after_s), 100.0, odds)
        assert 100.0 + wait_s == api.held_until_s


def test_a_shorter_429_does_not_end_a_longer_one() -> None:
    api = Health(most_parallel=8)
    api.failed(failure(FailureKind.THROTTLED, retry_after_s=20.0), 100.0, LEAST)
    api.failed(THROTTLED, 101.0, LEAST)
    assert 120.0 == api.held_until_s


def test_no_other_failure_holds_the_calls() -> None:
    api = Health(most_parallel=8)
    api.failed(TRANSIENT, 0.5, MOST)
    assert api.held_until_s < 0.5
    assert 0 == api.throttled


def test_each_kind_of_decision_with_each_code_is_news_once_until_an_answer() -> None:
    api = Health(most_parallel=8)
    asked: list[tuple[type[Decision], str]] = [
        (ApiFailed, "a"),
        (ApiFailed, "b"),
        (ServerUnidentified, "a"),
        (ApiFailed, "a"),
    ]
    assert [True, True, True, False] == [api.is_news(*news) for news in asked]
    api.answered(1.0)
    assert api.is_news(ApiFailed, "a")


def test_the_bucket_refills_by_its_limit_in_an_hour_and_no_further() -> None:
    api = Health(most_parallel=8)
    assert api.quota_left(0.0) is None
    assert not api.scarce(0.0)
    api.note_quota(Quota(limit_per_hour=3600, remaining=100), 50.0)
    api.note_quota(None, 55.0)
    assert 100.0 == api.quota_left(50.0)
    assert 110.0 == api.quota_left(60.0)
    assert 3600.0 == api.quota_left(1e6)
    api.note_quota(Quota(limit_per_hour=1800, remaining=7), 60.0)
    assert 12.0 == api.quota_left(70.0)


def test_the_quota_is_scarce_under_a_tenth_of_it() -> None:
    api = Health(most_parallel=8)
    api.note_quota(Quota(limit_per_hour=3600, remaining=350), 0.0)
    assert api.scarce(0.0)
    assert api.scarce(9.9)
    assert not api.scarce(10.0)


@pytest.mark.parametrize("retry_after_s", [20.0, None])
def test_a_429_that_a_read_met_holds_no_assign(retry_after_s: float | None) -> None:
    api = Health(most_parallel=8)
    api.failed(failure(FailureKind.THROTTLED, retry_after_s=retry_after_s), 100.0, MOST)
    assert api.assigns_held_until_s < 100.0
    assert (1, 8) == (api.parallel_limit(100.5), api.parallel_limit(200.0))


def test_a_429_with_a_time_that_an_assign_met_holds_assigns_so_long() -> None:
    api = Health(most_parallel=8)
    refused = failure(FailureKind.THROTTLED, retry_after_s=20.0)
    api.failed(refused, 100.0, LEAST, assign=True)
    assert 120.0 == api.assigns_held_until_s


def test_without_a_time_assigns_try_again_soon_for_5_s_and_then_as_all_do() -> None:
    api = Health(most_parallel=8)
    waits = []
    for at_s in (100.0, 102.0, 104.9, 105.0):
        api.failed(THROTTLED, at_s, MOST, assign=True)
        waits.append(round(api.assigns_held_until_s - at_s, 3))
    assert [0.1, 0.1, 0.1, 8.0] == waits
    api.answered(200.0)
    api.failed(THROTTLED, 300.0, LEAST, assign=True)
    assert 300.05 == pytest.approx(api.assigns_held_until_s)


def test_without_a_time_all_wait_at_least_until_one_call_flows_in() -> None:
    api = Health(most_parallel=8)
    api.note_quota(Quota(limit_per_hour=300, remaining=0), 100.0)
    api.failed(THROTTLED, 100.0, LEAST)
    assert 112.0 == api.held_until_s


def test_an_accepted_assign_shows_that_no_429_stands() -> None:
    api = Health(most_parallel=8)
    api.failed(failure(FailureKind.THROTTLED, retry_after_s=20.0), 100.0, LEAST)
    assert [1, 1, 8] == [api.parallel_limit(at_s) for at_s in (100.0, 119.9, 120.0)]
    api.assign_accepted(101.0, alongside=False)
    assert api.held_until_s < 101.0


def refuse(api: Health, asked_at_s: float, now: float, *, ours: bool = True) -> None:
    first = api.assign_refused(asked_at_s, now, MOST)
    if ours:
        api.lock_met(now, first=first)


def test_locks_halve_the_lanes_down_to_one_and_each_accepted_assign_gives_one_back() -> None:
    api = Health(most_parallel=8)
    assert 8 == api.max_parallel
    halved = []
    for _ in range(4):
        refuse(api, 0.0, 1.0)
        halved.append(api.max_parallel)
    assert [4, 2, 1, 1] == halved
    for _ in range(9):
        api.assign_accepted(1.0 + 2.0, alongside=False)
        halved.append(api.max_parallel)
    assert [2, 3, 4, 5, 6, 7, 8, 8, 8] == halved[4:]


def test_no_lane_comes_back_while_claims_go_one_by_one() -> None:
    api = Health(most_parallel=8)
    refuse(api, 0.0, 1.0)
    api.assign_accepted(2.9, alongside=False)
    assert 4 == api.max_parallel


def test_claims_go_one_by_one_for_longer_with_every_lock_that_may_be_ours() -> None:
    api = Health(most_parallel=8)
    pauses = []
    for now in (10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0):
        refuse(api, now, now)
        api.assign_accepted(now, alongside=False)
        pauses.append(api.one_by_one_until_s - now)
    assert [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0] == pauses


def test_an_assign_accepted_beside_a_running_action_shows_that_our_actions_lock_nothing() -> None:
    api = Health(most_parallel=8)
    for now in (1.0, 2.0, 3.0):
        refuse(api, now, now)
    api.assign_accepted(3.1, alongside=True)
    assert (2, True) == (api.max_parallel, api.one_by_one_until_s < 3.1)
    refuse(api, 4.0, 4.0)
    assert 6.0 == api.one_by_one_until_s


def test_each_further_round_that_is_refused_holds_all_assigns_for_longer() -> None:
    api = Health(most_parallel=8)
    waits = []
    for now in (1.0, 2.0, 3.0, 4.0, 100.0, 200.0, 300.0, 400.0):
        refuse(api, now, now)
        waits.append(api.assigns_from_s - now)
    assert [float("-inf"), *map(pytest.approx, (0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0))] == waits


@pytest.mark.parametrize(("of_one", "longest_s"), [(True, 1.0), (False, 5.0)])
def test_what_was_never_refused_waits_a_second_at_most_for_others_that_are_locked(
    longest_s: float, *, of_one: bool
) -> None:
    api = Health(most_parallel=8)
    waits = []
    for now in (1.0, 2.0, 3.0, 4.0, 100.0, 200.0, 300.0):
        api.assign_refused(now, now, MOST, of_one=of_one)
        waits.append(api.rounds_until_s(float("-inf")) - now)
    all_wait = (0.2, 0.4, 0.8, 1.6, 3.2, 5.0)
    expected = [pytest.approx(min(longest_s, each)) for each in all_wait]
    assert [float("-inf"), *expected] == waits
    assert 305.0 == api.rounds_until_s(299.0)
    api.forget_refused_rounds()
    assert float("-inf") == api.rounds_until_s(float("-inf")) == api.rounds_until_s(299.0)


def test_what_was_sent_before_a_refusal_came_is_of_the_same_round() -> None:
    api = Health(most_parallel=8)
    for answered_s in (1.0, 1.1, 1.2):
        refuse(api, 0.9, answered_s)
    assert (1, float("-inf")) == (api.refused_rounds, api.assigns_from_s)
    refuse(api, 1.0, 1.3)
    assert (2, 1.5) == (api.refused_rounds, api.assigns_from_s)


def test_an_accepted_assign_ends_what_refusals_have_held() -> None:
    api = Health(most_parallel=8)
    refuse(api, 1.0, 1.0)
    refuse(api, 2.0, 2.0)
    api.assign_accepted(2.1, alongside=False)
    assert (0, float("-inf")) == (api.refused_rounds, api.assigns_from_s)


def test_the_first_answer_of_an_api_that_failed_ends_what_refusals_have_held() -> None:
    api = Health(most_parallel=8)
    refuse(api, 1.0, 1.0)
    refuse(api, 2.0, 2.0)
    api.answered(2.1)
    assert 2 == api.refused_rounds
    api.failed(TRANSIENT, 3.0, MOST)
    api.answered(4.0)
    assert 0 == api.refused_rounds

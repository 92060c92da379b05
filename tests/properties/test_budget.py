"""The health of the API: however it answers, we wait 30 s at most and never lose all lanes."""

from collections.abc import Callable
from random import Random
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hakeeper.core.apis.budget import SHARE, Budget, Use
from hakeeper.core.apis.health import ONE_BY_ONE_S, RESERVE, Health
from hakeeper.core.calls import Failure, FailureKind, Quota
from hakeeper.core.limits.backoff import READ_AGAIN
from hakeeper.core.limits.patience import LONGEST_WAIT_S
from tests.properties.steady import steady

Step: TypeAlias = Callable[[Health, float, Random], float | None]

MAX_PARALLEL = 8
QUOTAS = st.builds(
    Quota, limit_per_hour=st.integers(0, 10**18), remaining=st.integers(0, 10**18)
) | st.builds(Quota, limit_per_hour=st.just(3600), remaining=st.integers(0, 3600))
FAILURES = st.builds(
    Failure,
    kind=st.sampled_from(FailureKind) | st.just(FailureKind.THROTTLED),
    code=st.sampled_from(["", "rate_limit_exceeded", "dns"]),
    message=st.just(""),
    retry_after_s=st.none() | st.floats(0, allow_nan=False) | st.floats(0, 60),
)


def failing(failure: Failure) -> Step:
    return lambda api, now, rng: api.failed(failure, now, rng)


def noting(quota: Quota | None) -> Step:
    return lambda api, now, _rng: api.note_quota(quota, now)


def refuse(api: Health, now: float, rng: Random, *, ours: bool) -> None:
    first = api.assign_refused(now, now, rng)
    if ours:
        api.lock_met(now, first=first)


STEPS = st.one_of(
    FAILURES.map(failing),
    st.none().map(lambda _: lambda api, now, _rng: api.answered(now)),
    (st.none() | QUOTAS).map(noting),
    st.booleans().map(lambda ours: lambda api, now, rng: refuse(api, now, rng, ours=ours)),
)
PAUSES_S = st.just(0.0) | st.floats(0, 20) | st.floats(0, 4000)
TIMED = st.lists(st.tuples(PAUSES_S, STEPS), max_size=30)


@steady(200)
@given(TIMED, st.floats(0, 1e9), st.integers())
def test_no_answer_makes_us_wait_more_than_thirty_seconds_or_lose_the_last_lane(
    steps: list[tuple[float, Step]], now: float, seed: int
) -> None:
    api, rng = Health(most_parallel=MAX_PARALLEL), Random(seed)  # noqa: S311 - not for secrets
    held_until_s = api.held_until_s
    for pause_s, step in steps:
        now += pause_s
        step(api, now, rng)
        assert api.held_until_s <= now + LONGEST_WAIT_S
        assert api.held_until_s >= held_until_s
        assert 1 <= api.max_parallel <= MAX_PARALLEL
        assert api.assigns_from_s <= now + READ_AGAIN.cap_s
        check_quota(api, now)
        held_until_s = api.held_until_s


def check_quota(api: Health, now: float) -> None:
    left, later = api.quota_left(now), api.quota_left(now + 1000.0)
    if api.quota is None:
        assert left is None
        assert not api.scarce(now)
        return
    assert left is not None
    assert later is not None
    assert 0 <= left <= float(api.quota.limit_per_hour)  # beyond 2**53 an int is none
    assert left <= later
    assert (left < RESERVE * api.quota.limit_per_hour) == api.scarce(now)
    assert api.quota_left(now + 3600.0) == pytest.approx(api.quota.limit_per_hour)


@steady(200)
@given(st.none() | st.floats(0, 1e6), st.integers(0, 20), st.integers())
def test_a_429_makes_us_wait_as_long_as_it_says_up_to_thirty_seconds(
    retry_after_s: float | None, before: int, seed: int
) -> None:
    failure = Failure(kind=FailureKind.THROTTLED, code="", message="", retry_after_s=retry_after_s)
    api, rng = Health(most_parallel=MAX_PARALLEL), Random(seed)  # noqa: S311 - not for secrets
    for _ in range(before):
        api.failed(failure, 0.0, rng)
    api.failed(failure, 100.0, rng)
    waits_s = api.held_until_s - 100.0
    assert min(retry_after_s or 0.0, LONGEST_WAIT_S) <= waits_s <= LONGEST_WAIT_S
    assert waits_s >= 0.75


@steady()
@given(FAILURES.filter(lambda f: f.kind is not FailureKind.THROTTLED), st.integers())
def test_nothing_but_a_429_makes_all_calls_wait(failure: Failure, seed: int) -> None:
    api = Health(most_parallel=MAX_PARALLEL)
    api.failed(failure, 100.0, Random(seed))  # noqa: S311 - not for secrets
    assert float("-inf") == api.held_until_s


@steady()
@given(st.lists(FAILURES, min_size=1, max_size=10), st.floats(0, 1000))
def test_how_long_it_failed_is_counted_from_the_first_failure(
    failures: list[Failure], pause_s: float
) -> None:
    api, rng = Health(most_parallel=MAX_PARALLEL), Random(1)  # noqa: S311 - not for secrets
    now = 10.0
    for failure in failures:
        api.failed(failure, now, rng)
        now += pause_s
    assert now - 10.0 == api.answered(now)
    assert api.answered(now) is None


@steady()
@given(st.lists(st.booleans(), max_size=60))
def test_lanes_halve_at_a_lock_and_come_back_one_by_one(locks: list[bool]) -> None:
    api, expected, now = Health(most_parallel=MAX_PARALLEL), 8, 0.0
    for lock in locks:
        now += ONE_BY_ONE_S[1]
        if lock:
            refuse(api, now, Random(1), ours=True)  # noqa: S311 - not for secrets
        else:
            api.assign_accepted(now, alongside=False)
        expected = max(1, expected // 2) if lock else min(8, expected + 1)
        assert expected == api.max_parallel


USES = st.sampled_from(Use)
SPENDING = st.lists(
    st.tuples(st.floats(0, 20) | st.floats(0, 4000), USES, st.integers(1, 20), st.booleans()),
    max_size=200,
)


@steady(200)
@given(SPENDING, st.integers(0, 10**6))
def test_no_hour_sees_more_than_half_of_the_quota(
    wishes: list[tuple[float, Use, int, bool]], limit_per_hour: int
) -> None:
    budget, now = Budget(), 1000.0
    budget.note_limit(limit_per_hour, now)
    spent: list[tuple[float, int]] = []
    most = 0
    for pause_s, use, cost, reading in wishes:
        now += pause_s
        if not budget.allows(use, now):
            from_s = budget.from_s(use, now)
            assert from_s > now
            assert budget.allows(use, from_s)
            continue
        budget.spend(now, cost, reading=reading)
        spent.append((now, cost))
        most = max(most, cost)
        hour = sum(count for at_s, count in spent if at_s > now - 3600.0)
        assert hour <= SHARE * budget.limit_per_hour + most
        assert budget.left(now) <= budget.full


@steady(100)
@given(st.integers(0, 10**12), st.integers(0, 10**12), st.integers(0, 50))
def test_another_limit_leaves_the_same_part_of_the_bucket(
    first: int, second: int, spent: int
) -> None:
    budget = Budget()
    budget.note_limit(first, 10.0)
    budget.spend(10.0, spent)
    part = budget.left(10.0) / budget.full
    budget.note_limit(second, 10.0)
    assert part == pytest.approx(budget.left(10.0) / budget.full)

"""Waits between tries: within their bounds at any attempt."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hakeeper.core.limits import backoff
from hakeeper.core.limits.backoff import Backoff
from tests.properties.steady import steady

SHIPPED = {name: b for name, b in vars(backoff).items() if isinstance(b, Backoff)}
ATTEMPTS = st.one_of(st.integers(0, 40), st.integers(0, 10**12))
SECONDS = st.floats(0.001, 3600.0)
SCHEDULES = st.one_of(
    st.sampled_from(list(SHIPPED.values())),
    st.builds(
        Backoff, base_s=SECONDS, cap_s=SECONDS, factor=st.floats(1.0, 10.0), floor=st.floats(0, 1)
    ),
)


class Extreme(Random):
    """Chance that always draws the end of the range."""

    def __init__(self, *, upper: bool) -> None:
        super().__init__(0)
        self._upper = upper

    def uniform(self, a: float, b: float) -> float:
        return b if self._upper else a


def longest_s(schedule: Backoff, attempt: int) -> float:
    return schedule.delay_s(attempt, Extreme(upper=True))


def shortest_s(schedule: Backoff, attempt: int) -> float:
    return schedule.delay_s(attempt, Extreme(upper=False))


@steady(200)
@given(SCHEDULES, ATTEMPTS, st.integers())
def test_every_wait_is_between_its_floor_and_the_full_one_and_never_above_the_cap(
    schedule: Backoff, attempt: int, seed: int
) -> None:
    delay_s = schedule.delay_s(attempt, Random(seed))  # noqa: S311 - not for secrets
    full_s = longest_s(schedule, attempt)
    assert schedule.floor * full_s <= delay_s <= full_s
    assert 0 <= delay_s <= schedule.cap_s
    assert schedule.floor * full_s == pytest.approx(shortest_s(schedule, attempt))


@steady(200)
@given(SCHEDULES, ATTEMPTS, ATTEMPTS)
def test_a_later_try_never_has_a_shorter_longest_wait(
    schedule: Backoff, one: int, other: int
) -> None:
    assert longest_s(schedule, min(one, other)) <= longest_s(schedule, max(one, other))


@steady(200)
@given(SCHEDULES, st.integers(0, 29))
def test_each_wait_is_the_factor_times_the_one_before_up_to_the_cap(
    schedule: Backoff, attempt: int
) -> None:
    full_s = min(schedule.base_s, schedule.cap_s)
    for _ in range(attempt):
        full_s = min(full_s * schedule.factor, schedule.cap_s)
    assert full_s == pytest.approx(longest_s(schedule, attempt))


@pytest.mark.parametrize("name", SHIPPED)
def test_every_schedule_that_is_used_reaches_its_cap(name: str) -> None:
    assert len(SHIPPED) >= 5
    assert longest_s(SHIPPED[name], 30) == SHIPPED[name].cap_s
    assert SHIPPED[name].cap_s <= 12.0
    assert SHIPPED[name].floor >= 0.5

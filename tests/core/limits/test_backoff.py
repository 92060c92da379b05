"""How long is waited before the next try: the figures, at both ends of the jitter."""

import pytest

from hakeeper.core.limits.backoff import (
    ACTION_POLL,
    EAGER,
    READ_AGAIN,
    RETRY,
    SLOW,
    THROTTLE,
    UNSEEN,
    Backoff,
)
from tests.core.odds import LEAST, MOST


@pytest.mark.parametrize(
    ("schedule", "full_s", "floor"),
    [
        (RETRY, [0.25, 0.5, 1.0, 2.0, 4.0, 6.0, 6.0], 0.5),
        (READ_AGAIN, [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0], 0.5),
        (SLOW, [12.0, 12.0], 0.65),
        (THROTTLE, [1.0, 2.0, 4.0, 8.0, 8.0], 0.75),
        (UNSEEN, [4.0, 8.0, 8.0], 0.75),
        (EAGER, [0.1, 0.1], 0.5),
        (ACTION_POLL, [0.2, 0.28, 0.392, 0.5488, 0.76832, 1.0, 1.0], 0.9),
    ],
)
def test_each_schedule_grows_to_its_cap_and_draws_from_its_upper_part(
    schedule: Backoff, full_s: list[float], floor: float
) -> None:
    attempts = range(len(full_s))
    most_s = [schedule.delay_s(attempt, MOST) for attempt in attempts]
    least_s = [schedule.delay_s(attempt, LEAST) for attempt in attempts]
    assert pytest.approx(full_s) == most_s
    assert pytest.approx([s * floor for s in full_s]) == least_s


def test_a_schedule_without_figures_of_its_own_doubles_and_halves() -> None:
    plain = Backoff(base_s=3.0, cap_s=100.0)
    assert [3.0, 6.0, 12.0] == [plain.delay_s(n, MOST) for n in range(3)]
    assert [1.5, 3.0, 6.0] == [plain.delay_s(n, LEAST) for n in range(3)]


def test_no_number_of_failures_is_too_large() -> None:
    assert 6.0 == RETRY.delay_s(10**12, MOST)


def test_a_schedule_says_what_it_waits_at_first_and_at_most() -> None:
    assert "0.12 to 0.25 s, growing up to 6 s" == str(RETRY)
    assert "7.8 to 12 s" == str(SLOW)

"""The figures of a contest: what bounds a fight over one address."""

from collections.abc import Callable
from random import Random
from typing import TypeAlias

from hypothesis import given
from hypothesis import strategies as st

from hakeeper.core.contest import MEMORY_S, PULSE_FRESH_S, QUICK_LOSS_S, Contest, hold_off_s
from properties.steady import steady

LEAST_S, LONG_S, LONGEST_S = 30.0, 630.0, 900.001
"""Half a minute, ten and a half, a quarter of an hour: what docs/dev/design.md promises."""

Step: TypeAlias = Callable[[Contest, float], object]


def lost(contest: Contest, now: float) -> bool:
    return contest.lost(now, now)


MOVES: tuple[Step, ...] = (Contest.claimed, lost, Contest.moved_by_others)
STEPS: st.SearchStrategy[Step] = st.sampled_from((*MOVES, Contest.pulse))
PAUSES_S = st.floats(0, 20) | st.floats(0, 400) | st.floats(0, 3 * MEMORY_S)
STORIES = st.lists(st.tuples(PAUSES_S, STEPS), max_size=40)


def chance(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - not for secrets


@steady(200)
@given(st.integers(0, 10**6), st.integers(), st.integers())
def test_more_moves_never_mean_a_shorter_least_wait(moves: int, seed: int, other: int) -> None:
    wait_s = hold_off_s(moves, chance(seed))
    assert LEAST_S <= wait_s <= LONGEST_S
    assert wait_s <= 1.5 * hold_off_s(moves + 1, chance(other))
    if moves > 3:
        assert wait_s >= LONG_S


@steady(300)
@given(STORIES, st.integers())
def test_every_wait_is_within_the_bounds_of_the_design(
    story: list[tuple[float, Step]], seed: int
) -> None:
    contest, now, moves = Contest(), 0.0, 0
    held_off: int | None = None
    last_move_s = float("-inf")
    for pause_s, step in story:
        now += pause_s
        step(contest, now)
        if step in MOVES:
            if now - last_move_s > MEMORY_S:
                moves, held_off = 0, None
            moves, last_move_s = moves + 1, now
        assert moves == contest.moves
        wait_s = contest.hold_off_s(chance(seed))
        held_off = moves if held_off is None else held_off
        assert LEAST_S <= wait_s <= LONGEST_S
        if moves > held_off + 3:
            assert wait_s >= LONG_S


@steady(300)
@given(STORIES)
def test_the_second_quick_loss_without_half_an_hour_of_peace_is_contested_and_no_first_one(
    story: list[tuple[float, Step]],
) -> None:
    contest, now = Contest(), 0.0
    claimed_s: float | None = None
    moved_s, quick = float("-inf"), 0
    for pause_s, step in story:
        now += pause_s
        contested = step(contest, now)
        if step not in MOVES:
            continue
        quick = 0 if now - moved_s > MEMORY_S else quick
        moved_s = now
        if step is Contest.claimed:
            claimed_s = now
        if step is lost:
            quick += claimed_s is not None and now - claimed_s <= QUICK_LOSS_S
            claimed_s = None
            assert contested is (quick >= 2)


@steady()
@given(STORIES)
def test_a_pulse_is_fresh_for_a_quarter_of_a_minute(story: list[tuple[float, Step]]) -> None:
    contest, now, pulsed_s = Contest(), 0.0, float("-inf")
    for pause_s, step in story:
        now += pause_s
        step(contest, now)
        if step is Contest.pulse:
            pulsed_s = now
        assert (now - pulsed_s <= PULSE_FRESH_S) == contest.pulsed(now)


@steady()
@given(st.lists(st.booleans(), max_size=20), st.floats(0, MEMORY_S))
def test_a_dispute_is_told_once(asks: list[bool], pause_s: float) -> None:
    contest = Contest()
    contest.claimed(0.0)
    told = 0
    for index, ask in enumerate(asks):
        if ask:
            told += contest.is_news()
        contest.moved_by_others(index * pause_s / len(asks))
    assert told == any(asks)

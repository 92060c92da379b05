"""The figures of a contest: what bounds a fight over one address."""

from collections.abc import Callable
from random import Random
from typing import TypeAlias

from hypothesis import given
from hypothesis import strategies as st

from hakeeper.core.limits.splitbrain import (
    BETTER_MASTER_S,
    MEMORY_S,
    QUICK_LOSS_S,
    SplitBrain,
    hold_down_s,
)
from tests.properties.steady import steady

LEAST_S, LONG_S, LONGEST_S = 30.0, 630.0, 900.001
"""Half a minute, ten and a half, a quarter of an hour: what docs/dev/design.md promises."""

Step: TypeAlias = Callable[[SplitBrain, float], object]


def lost(split_brain: SplitBrain, now: float) -> bool:
    return split_brain.lost(now, now)


MOVES: tuple[Step, ...] = (SplitBrain.claimed, lost, SplitBrain.moved_by_others)
STEPS: st.SearchStrategy[Step] = st.sampled_from((*MOVES, SplitBrain.note_better_master))
PAUSES_S = st.floats(0, 20) | st.floats(0, 400) | st.floats(0, 3 * MEMORY_S)
STORIES = st.lists(st.tuples(PAUSES_S, STEPS), max_size=40)


def chance(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - not for secrets


@steady(200)
@given(st.integers(0, 10**6), st.integers(), st.integers())
def test_more_moves_never_mean_a_shorter_least_wait(moves: int, seed: int, other: int) -> None:
    wait_s = hold_down_s(moves, chance(seed))
    assert LEAST_S <= wait_s <= LONGEST_S
    assert wait_s <= 1.5 * hold_down_s(moves + 1, chance(other))
    if moves > 3:
        assert wait_s >= LONG_S


@steady(300)
@given(STORIES, st.integers())
def test_every_wait_is_within_the_bounds_of_the_design(
    story: list[tuple[float, Step]], seed: int
) -> None:
    split_brain, now, moves = SplitBrain(), 0.0, 0
    held_off: int | None = None
    last_move_s = float("-inf")
    for pause_s, step in story:
        now += pause_s
        step(split_brain, now)
        if step in MOVES:
            if now - last_move_s > MEMORY_S:
                moves, held_off = 0, None
            moves, last_move_s = moves + 1, now
        assert moves == split_brain.moves
        wait_s = split_brain.hold_down_s(chance(seed))
        held_off = moves if held_off is None else held_off
        assert LEAST_S <= wait_s <= LONGEST_S
        if moves > held_off + 3:
            assert wait_s >= LONG_S


@steady(300)
@given(STORIES)
def test_the_second_quick_loss_without_half_an_hour_of_peace_is_contested_and_no_first_one(
    story: list[tuple[float, Step]],
) -> None:
    split_brain, now = SplitBrain(), 0.0
    claimed_s: float | None = None
    moved_s, quick = float("-inf"), 0
    for pause_s, step in story:
        now += pause_s
        contested = step(split_brain, now)
        if step not in MOVES:
            continue
        quick = 0 if now - moved_s > MEMORY_S else quick
        moved_s = now
        if step is SplitBrain.claimed:
            claimed_s = now
        if step is lost:
            quick += claimed_s is not None and now - claimed_s <= QUICK_LOSS_S
            claimed_s = None
            assert contested is (quick >= 2)


@steady()
@given(STORIES)
def test_a_better_master_is_fresh_for_a_quarter_of_a_minute(
    story: list[tuple[float, Step]],
) -> None:
    split_brain, now, pulsed_s = SplitBrain(), 0.0, float("-inf")
    for pause_s, step in story:
        now += pause_s
        step(split_brain, now)
        if step is SplitBrain.note_better_master:
            pulsed_s = now
        assert (now - pulsed_s <= BETTER_MASTER_S) == split_brain.is_better_master(now)


@steady()
@given(st.lists(st.booleans(), max_size=20), st.floats(0, MEMORY_S))
def test_a_dispute_is_reported_once(asks: list[bool], pause_s: float) -> None:
    split_brain = SplitBrain()
    split_brain.claimed(0.0)
    reported = 0
    for index, ask in enumerate(asks):
        if ask:
            reported += split_brain.is_news()
        split_brain.moved_by_others(index * pause_s / len(asks))
    assert reported == any(asks)

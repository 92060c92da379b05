"""The figures of a contest: what bounds a fight over one address."""

from collections.abc import Callable
from random import Random
from typing import TypeAlias

from hypothesis import given
from hypothesis import strategies as st

from hakeeper.core.contest import MEMORY_S, PULSE_FRESH_S, QUICK_LOSS_S, Contest, hold_off_s
from properties.steady import steady

LEAST_S, LATE_S, LONGEST_S = 180.0, 660.0, 1980.0
"""3 minutes, 11 minutes and 33 minutes: what docs/design.md promises."""

Step: TypeAlias = Callable[[Contest, float], object]
MOVES: tuple[Step, ...] = (Contest.claimed, Contest.lost, Contest.moved_by_others)
STEPS: st.SearchStrategy[Step] = st.sampled_from((*MOVES, Contest.pulse)) | st.integers(1, 4).map(
    lambda server_id: lambda contest, _now: contest.held_by(server_id)
)
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
    if moves > 4:
        assert wait_s >= LATE_S


@steady(300)
@given(STORIES, st.integers())
def test_every_wait_is_within_the_bounds_of_the_design(
    story: list[tuple[float, Step]], seed: int
) -> None:
    contest, now, moves = Contest(), 0.0, 0
    last_move_s = began_s = float("-inf")
    for pause_s, step in story:
        now += pause_s
        step(contest, now)
        if step in MOVES:
            if now - last_move_s > MEMORY_S:
                moves, began_s = 0, now
            moves, last_move_s = moves + 1, now
        assert moves == contest.moves
        assert len(contest.others) <= 2
        wait_s = contest.hold_off_s(chance(seed))
        assert LEAST_S <= wait_s <= LONGEST_S
        if moves > 4 or last_move_s - began_s > 60.0:
            assert wait_s >= LATE_S


@steady(300)
@given(STORIES)
def test_the_second_quick_loss_in_two_hours_is_contested_and_the_first_among_two_is_not(
    story: list[tuple[float, Step]],
) -> None:
    contest, now = Contest(), 0.0
    claimed_s: float | None = None
    losses: list[float] = []
    for pause_s, step in story:
        now += pause_s
        crowd = len(contest.others) > 1
        contested = step(contest, now)
        if step is Contest.claimed:
            claimed_s = now
        if step is not Contest.lost:
            continue
        disputed = bool(losses) and now - losses[-1] <= MEMORY_S
        losses = losses if disputed else []
        if disputed or (claimed_s is not None and now - claimed_s <= QUICK_LOSS_S):
            losses.append(now)
        claimed_s = None
        if len(losses) >= 2:
            assert contested
        elif not losses or not crowd:
            assert not contested


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

"""The bookkeeping of a fight for one address: what counts, until when, and how long to hold off.

The stories of whole nodes are in tests/core_hours; here is each figure at its edge.
"""

import pytest

from hakeeper.core.limits.splitbrain import MEMORY_S, SplitBrain, hold_down_s
from tests.core.odds import LEAST, MOST


@pytest.mark.parametrize(
    ("moves", "least_s", "most_s"),
    [
        (0, 30.0, 43.0),
        (1, 60.0, 86.0),
        (2, 120.0, 171.0),
        (3, 240.0, 343.0),
        (4, 630.0, 900.0),
        (10**9, 630.0, 900.0),
    ],
)
def test_the_hold_down_doubles_with_the_moves_up_to_a_quarter_of_an_hour(
    moves: int, least_s: float, most_s: float
) -> None:
    assert least_s == hold_down_s(moves, LEAST)
    assert most_s == round(hold_down_s(moves, MOST))


@pytest.mark.parametrize(
    ("mine_after_s", "quick"), [(0.0, True), (60.0, True), (60.1, False), (-5.0, True)]
)
def test_a_loss_is_quick_if_it_may_have_been_within_a_minute_of_our_claim(
    mine_after_s: float, *, quick: bool
) -> None:
    split_brain = SplitBrain()
    split_brain.claimed(100.0)
    assert not split_brain.lost(190.0, 100.0 + mine_after_s)
    split_brain.claimed(200.0)
    assert quick is split_brain.lost(200.5, 200.2)


def test_a_loss_without_a_claim_of_ours_is_no_quick_one() -> None:
    split_brain = SplitBrain()
    split_brain.claimed(0.0)
    split_brain.lost(61.0, 60.5)
    assert not split_brain.lost(62.0, 61.5)
    assert not split_brain.lost(63.0, 62.5)
    assert 0 == split_brain.losses


def test_once_contested_every_loss_is_a_reason_to_hold_down_until_half_an_hour_of_peace() -> None:
    split_brain = SplitBrain()
    split_brain.claimed(0.0)
    assert not split_brain.lost(1.0, 0.0)
    split_brain.claimed(10.0)
    assert split_brain.lost(11.0, 10.0)
    split_brain.claimed(1000.0)
    assert split_brain.lost(1500.0, 1490.0)
    split_brain.claimed(1500.0 + MEMORY_S)
    assert split_brain.lost(1500.0 + 2 * MEMORY_S, 3000.0)
    assert not split_brain.lost(1500.1 + 3 * MEMORY_S, 5000.0)


def test_a_loss_that_was_counted_is_not_quick_again() -> None:
    split_brain = SplitBrain()
    split_brain.claimed(0.0)
    split_brain.lost(1.0, 0.5)
    assert split_brain.claimed_at is None


def test_a_claim_that_no_read_showed_is_a_quick_loss_once_and_only_in_a_fight() -> None:
    split_brain = SplitBrain()
    split_brain.claimed(0.0)
    assert not split_brain.lost(90.0, 80.0)
    split_brain.never_seen(91.0)
    split_brain.never_seen(92.0)
    assert 1 == split_brain.losses
    split_brain.claimed(95.0)
    assert split_brain.lost(130.0, 125.0)
    split_brain.claimed(131.0 + MEMORY_S)
    assert not split_brain.hidden


def test_moves_that_no_read_showed_make_the_hold_downs_of_a_later_fight_longer() -> None:
    split_brain = SplitBrain()
    split_brain.never_seen(0.0)
    split_brain.claimed(1.0)
    assert (0, 1) == (split_brain.losses, split_brain.moves)
    assert not split_brain.lost(2.0, 1.0)
    split_brain.claimed(3.0)
    assert split_brain.lost(4.0, 3.0)
    assert 120.0 == split_brain.hold_down_s(LEAST)


@pytest.mark.parametrize(("pause_s", "moves"), [(1800.0, 3), (1800.1, 1)])
def test_moves_are_counted_until_half_an_hour_of_peace(pause_s: float, moves: int) -> None:
    split_brain = SplitBrain()
    split_brain.claimed(10.0)
    split_brain.moved_by_others(20.0)
    split_brain.moved_by_others(20.0 + pause_s)
    assert moves == split_brain.moves
    assert 20.0 + pause_s == split_brain.moved_at


def test_after_half_an_hour_of_peace_a_fight_is_news_and_begins_with_a_short_hold_down() -> None:
    split_brain = SplitBrain()
    split_brain.claimed(10.0)
    assert [True, False] == [split_brain.is_news(), split_brain.is_news()]
    assert 30.0 == split_brain.hold_down_s(LEAST)
    split_brain.claimed(20.0)
    assert not split_brain.is_news()
    assert 60.0 == split_brain.hold_down_s(LEAST)
    split_brain.claimed(20.1 + MEMORY_S)
    assert split_brain.is_news()
    assert 30.0 == split_brain.hold_down_s(LEAST)


@pytest.mark.parametrize(("at_s", "fresh"), [(50.0, True), (65.0, True), (65.1, False)])
def test_a_better_master_counts_for_15_s(at_s: float, *, fresh: bool) -> None:
    split_brain = SplitBrain()
    assert not split_brain.is_better_master(0.0)
    split_brain.note_better_master(50.0)
    assert fresh is split_brain.is_better_master(at_s)


def test_what_needs_no_hold_down_is_five_claims_at_once_and_then_one_in_10_s() -> None:
    split_brain = SplitBrain()
    assert [0.0, 0.0, 0.0, 0.0, 0.0] == [split_brain.free_claim_wait_s(100.0) for _ in range(5)]
    assert split_brain.free_claim_wait_s(101.0) == 9.0
    assert split_brain.free_claim_wait_s(112.0) == 8.0
    assert split_brain.free_claim_wait_s(200.0) == 0.0
    assert [0.0, 0.0, 0.0, 0.0, 10.0] == [split_brain.free_claim_wait_s(200.0) for _ in range(5)]


def test_a_fresh_history_knows_of_nothing_even_right_after_the_boot() -> None:
    split_brain = SplitBrain()
    assert not split_brain.lost(0.5, float("-inf"))
    assert 0 == split_brain.losses
    assert 1 == split_brain.moves
    assert not SplitBrain().is_better_master(0.5)

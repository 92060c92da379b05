"""The bookkeeping of a fight for one address: what counts, until when, and how long to hold off.

The stories of whole nodes are in test_contest.py; here is each figure at its edge.
"""

import pytest

from core.odds import LEAST, MOST
from hakeeper.core.contest import MEMORY_S, Contest, hold_off_s


@pytest.mark.parametrize(
    ("moves", "least_s", "most_s"),
    [
        (0, 180.0, 270.0),
        (4, 180.0, 270.0),
        (5, 660.0, 990.0),
        (7, 660.0, 990.0),
        (8, 1320.0, 1980.0),
        (10**9, 1320.0, 1980.0),
    ],
)
def test_the_hold_off_grows_in_three_steps(moves: int, least_s: float, most_s: float) -> None:
    assert least_s == hold_off_s(moves, LEAST)
    assert most_s == hold_off_s(moves, MOST)


@pytest.mark.parametrize(("after_s", "quick"), [(0.0, True), (60.0, True), (60.1, False)])
def test_a_loss_is_quick_within_a_minute_of_our_claim(after_s: float, *, quick: bool) -> None:
    contest = Contest()
    contest.claimed(100.0)
    assert not contest.lost(100.0 + after_s)
    contest.claimed(200.0)
    assert quick is contest.lost(200.5)


def test_a_loss_without_a_claim_of_ours_is_no_quick_one() -> None:
    contest = Contest()
    contest.claimed(0.0)
    contest.lost(61.0)
    assert not contest.lost(62.0)
    assert not contest.lost(63.0)
    assert 0 == contest.losses


def test_within_a_dispute_every_loss_counts_and_makes_it_last_two_hours_more() -> None:
    contest = Contest()
    contest.claimed(0.0)
    assert not contest.lost(1.0)
    assert contest.lost(1.0 + MEMORY_S)
    assert contest.lost(1.0 + 2 * MEMORY_S)
    assert not contest.lost(1.1 + 3 * MEMORY_S)


def test_a_loss_that_was_counted_is_not_quick_again() -> None:
    contest = Contest()
    contest.claimed(0.0)
    contest.lost(1.0)
    assert contest.claimed_at is None


@pytest.mark.parametrize(("pause_s", "moves"), [(7200.0, 3), (7200.1, 1)])
def test_moves_are_counted_until_two_hours_of_peace(pause_s: float, moves: int) -> None:
    contest = Contest()
    contest.claimed(10.0)
    contest.moved_by_others(20.0)
    contest.moved_by_others(20.0 + pause_s)
    assert moves == contest.moves
    assert 20.0 + pause_s == contest.moved_at


def test_after_two_hours_of_peace_only_the_last_holder_and_nothing_told_is_remembered() -> None:
    contest = Contest()
    contest.claimed(10.0)
    contest.held_by(2)
    contest.held_by(3)
    assert [True, False] == [contest.is_news(), contest.is_news()]
    contest.claimed(20.0)
    assert [2, 3] == list(contest.others)
    assert not contest.is_news()
    contest.claimed(20.1 + MEMORY_S)
    assert [3] == list(contest.others)
    assert contest.is_news()


def test_the_only_holder_is_remembered_over_a_time_of_peace() -> None:
    contest = Contest()
    contest.held_by(2)
    contest.claimed(10.0)
    assert [2] == list(contest.others)


def test_a_slow_loss_is_not_contested_however_many_were_seen_to_hold_it() -> None:
    contest = Contest()
    contest.claimed(0.0)
    for server_id in (2, 3):
        contest.held_by(server_id)
    contest.claimed(1000.0)
    assert not contest.lost(1061.0)


def test_the_two_latest_other_holders_are_remembered_each_once() -> None:
    contest = Contest()
    for server_id in (2, 2, 3, 2, 4):
        contest.held_by(server_id)
    assert (3, 4) == contest.others


@pytest.mark.parametrize(("at_s", "fresh"), [(50.0, True), (65.0, True), (65.1, False)])
def test_a_pulse_counts_for_15_s(at_s: float, *, fresh: bool) -> None:
    contest = Contest()
    assert not contest.pulsed(0.0)
    contest.pulse(50.0)
    assert fresh is contest.pulsed(at_s)


def test_a_pulse_allows_five_claims_at_once_and_then_one_in_10_s() -> None:
    contest = Contest()
    assert [0.0, 0.0, 0.0, 0.0, 0.0] == [contest.turn_s(100.0) for _ in range(5)]
    assert contest.turn_s(101.0) == 9.0
    assert contest.turn_s(112.0) == 8.0
    assert contest.turn_s(200.0) == 0.0
    assert [0.0, 0.0, 0.0, 0.0, 10.0] == [contest.turn_s(200.0) for _ in range(5)]


@pytest.mark.parametrize(
    ("last_move_s", "others", "least_s"),
    [
        (70.0, (2,), 180.0),
        (70.1, (2,), 660.0),
        (11.0, (2, 3), 660.0),
        (11.0, (), 180.0),
    ],
)
def test_the_early_turn_is_for_the_first_minute_and_not_in_a_crowd(
    last_move_s: float, others: tuple[int, ...], least_s: float
) -> None:
    contest = Contest()
    contest.claimed(10.0)
    contest.moved_by_others(last_move_s)
    for server_id in others:
        contest.held_by(server_id)
    assert least_s == contest.hold_off_s(LEAST)


def test_many_moves_make_the_hold_off_longest_however_early_they_come() -> None:
    contest = Contest()
    for at_s in range(8):
        contest.moved_by_others(10.0 + at_s)
    assert 1320.0 == contest.hold_off_s(LEAST)


@pytest.mark.parametrize(("begun_s", "contested"), [(60.0, False), (60.1, True)])
def test_among_three_one_loss_is_enough_when_the_dispute_is_over_a_minute_old(
    begun_s: float, *, contested: bool
) -> None:
    contest = Contest()
    contest.held_by(2)
    contest.held_by(3)
    contest.claimed(0.0)
    contest.held_by(2)
    contest.held_by(3)
    contest.claimed(begun_s - 1.0)
    assert contested is contest.lost(begun_s)


def test_a_fresh_history_knows_of_nothing_even_right_after_the_boot() -> None:
    contest = Contest()
    assert not contest.lost(0.5)
    assert 0 == contest.losses
    assert 1 == contest.moves
    assert not Contest().pulsed(0.5)

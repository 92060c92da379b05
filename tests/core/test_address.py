"""One address, step by step: stage, due time, what is told and decided after each step.

The stories are in the other files; here every figure and every field is seen at its edge.
"""

from ipaddress import ip_network

import pytest

from hakeeper.core.address import Address
from hakeeper.core.calls import Failure, FailureKind
from hakeeper.core.claim import LAG_S, SUSPECT_S, Phases, Stage
from hakeeper.core.events import Report
from hakeeper.core.model import (
    Action,
    ActionStatus,
    ByName,
    FloatingIp,
    Holder,
    Nobody,
    Other,
    Unknown,
    Us,
    VrrpId,
    VrrpKind,
)
from tests.core.driver import chance
from tests.core.fakecloud import failure
from tests.core.odds import LEAST, MOST

VI = VrrpId(VrrpKind.INSTANCE, "VI_1")
WEB = FloatingIp(id=4711, name="web", network=ip_network("203.0.113.10/32"), server_id=None)
NEVER = float("-inf")
TWO, THREE = Other(2), Other(3)
RUNNING = Action(id=77, status=ActionStatus.RUNNING)
SUCCESS = Action(id=77, status=ActionStatus.SUCCESS)


def made() -> Address:
    return Address(ByName("web"), VI, WEB)


def events(reports: list[Report]) -> list[str]:
    return [report.event for report in reports]


def claiming(now: float = 100.0, holder: Holder = TWO) -> Address:
    """An address whose assign is under way since `now`."""
    address = made()
    address.holder, address.holder_at_s = holder, now - 1.0
    address.begin(now, "a cause", read_first=False)
    address.sending(now)
    return address


def held(now: float = 100.0) -> Address:
    """An address that was claimed and confirmed at `now`."""
    address = claiming(now)
    address.accepted(SUCCESS, now, now, MOST)
    address.observe(Us(), now, now, MOST)
    assert address.stage is Stage.HELD
    return address


def contested(now: float = 100.0, holder: Other = TWO) -> Address:
    """An address that is left with `holder` since `now`."""
    address = held(now - 10.0)
    for _ in range(2):
        lose(address, now, holder)
        if address.stage is Stage.POST:
            address.sending(now)
            address.accepted(SUCCESS, now, now, MOST)
            address.observe(Us(), now, now, MOST)
    assert address.stage is Stage.HOLD_DOWN
    return address


def lose(address: Address, now: float, holder: Holder = TWO) -> list[Report]:
    """Let two reads say that somebody else has it, so late that they cannot lag any more."""
    address.written_at_s = now - LAG_S
    return [
        *address.observe(holder, now, now, LEAST),
        *address.observe(holder, now, now, LEAST),
    ]


# --- before and at the beginning ---------------------------------------------------------------


def test_a_new_address_knows_nothing_and_waits_for_nothing() -> None:
    fresh = made()
    assert (Stage.IDLE, Unknown("not read yet"), None) == (
        fresh.stage,
        fresh.holder,
        fresh.holder_at_s,
    )
    assert ("nothing decided yet", None, "") == (fresh.decision, fresh.decided_at_s, fresh.cause)
    assert (NEVER, NEVER, NEVER, NEVER) == (
        fresh.fresh_from_s,
        fresh.last_sent_s,
        fresh.watch_until_s,
        fresh.hold_down_until_s,
    )
    assert (False, False, False) == (
        fresh.outcome_unknown,
        fresh.suspect,
        fresh.unresolved_reported,
    )
    assert (0, 0, 0.0) == (fresh.attempt, fresh.polls, fresh.look_gap_s)


def test_its_label_is_the_configured_word_until_it_is_found() -> None:
    assert "web" == Address(ByName("web"), VI).label
    assert "203.0.113.10" == made().label


def test_a_claim_that_need_not_read_posts_at_once() -> None:
    address = made()
    address.begin(0.25, "a cause", read_first=False)
    assert (Stage.POST, 0.25) == (address.stage, address.due_at_s)
    assert ("a cause: assigning it to this server", 0.25) == (
        address.decision,
        address.decided_at_s,
    )
    assert Phases(line_s=0.25) == address.phases


def test_a_claim_says_that_it_is_started_when_its_first_assign_is_sent() -> None:
    address = made()
    address.holder = TWO
    address.begin(100.0, "a cause", read_first=False)
    [started] = address.sending(101.0)
    assert "claim.started" == started.event
    assert ("2", "a cause") == (started.fields["holder"], started.fields["reason"])
    address.failed(failure(FailureKind.TRANSIENT), 102.0, MOST)
    assert [] == address.sending(103.0)
    address.begin(200.0, "another", read_first=False)
    assert ["claim.started"] == events(address.sending(200.0))


def test_an_assign_of_which_nothing_was_sent_delays_nothing() -> None:
    address = claiming(100.0)
    address.failed(failure(FailureKind.CANCELLED), 100.3, MOST)
    assert 101.0 == address.assign_from_s()
    address.never_sent(99.0)  # the end of an older one
    assert 101.0 == address.assign_from_s()
    address.never_sent(100.0)
    assert 100.3 == address.assign_from_s()


def test_an_address_is_favoured_at_two_edges_at_once_and_then_once_in_ten_minutes() -> None:
    address = made()
    favoured = []
    for at_s in (1000.0, 1001.0, 1002.0, 1599.0, 1600.0, 1601.0, 2200.0, 9000.0, 9001.0, 9002.0):
        address.edge(at_s)
        favoured.append(address.favoured)
    assert [True, True, False, False, True, False, True, True, True, False] == favoured
    address.favoured = True
    address.stop(9003.0, "demoted")
    assert not address.favoured


@pytest.mark.parametrize("outcome_unknown", [False, True])
def test_a_claim_that_has_to_read_first_reads_now(*, outcome_unknown: bool) -> None:
    address = made()
    address.outcome_unknown = outcome_unknown
    address.begin(100.0, "a cause", read_first=not outcome_unknown)
    assert (Stage.READ, 100.0, 100.0) == (address.stage, address.due_at_s, address.read_after_s)
    assert ("a cause: reading the holder", 100.0) == (address.decision, address.decided_at_s)


def test_a_claim_begins_without_anything_of_the_claim_before() -> None:
    address = contested(100.0)
    address.end_hold_down(400.0)
    address.failed(failure(FailureKind.TRANSIENT), 400.0, MOST)
    address.action_id, address.suspect = 5, True
    address.begin(500.0, "a cause", read_first=True)
    assert [0, None, False, None] == [
        address.attempt,
        address.action_id,
        address.suspect,
        address.rival,
    ]
    assert set() == address.reported
    assert NEVER == address.hold_down_until_s
    assert "a cause" == address.cause


def test_a_second_assign_waits_a_second_after_the_first() -> None:
    address = claiming(100.0)
    address.begin(100.25, "again", read_first=False)
    assert (Stage.POST, 101.0) == (address.stage, address.assign_from_s())
    address.begin(101.5, "again", read_first=False)
    assert 101.5 == address.assign_from_s()


def test_a_new_term_forgets_the_old_fight() -> None:
    address = contested(100.0)
    address.hinted_at_s = 100.0
    address.new_term()
    assert (0, False) == (address.split_brain.moves, address.split_brain.reported)
    assert (NEVER, NEVER) == (address.hinted_at_s, address.hold_down_until_s)


def test_a_demotion_ends_everything_and_tells_of_a_claim_that_it_ends() -> None:
    address = claiming(100.0)
    address.accepted(RUNNING, 100.0, 100.0, MOST)
    address.suspect = True
    [abandoned] = address.stop(101.0, "a reason")
    assert ("claim.abandoned", "a reason") == (abandoned.event, abandoned.fields["reason"])
    assert (Stage.IDLE, None, None, False) == (
        address.stage,
        address.phases,
        address.action_id,
        address.suspect,
    )
    assert ("leaving it alone: a reason", 101.0) == (address.decision, address.decided_at_s)


def test_a_demotion_of_who_holds_it_tells_nothing_and_ends_the_close_look() -> None:
    address = held(100.0)
    assert 120.0 == address.watch_until_s
    assert [] == address.stop(101.0, "a reason")
    assert NEVER == address.watch_until_s


# --- isolated for a while ------------------------------------------------------------------------


@pytest.mark.parametrize(("now", "held_down"), [(129.0, True), (130.0, False), (131.0, False)])
def test_a_hold_down_goes_on_after_isolation_until_it_is_over(
    now: float, *, held_down: bool
) -> None:
    address = contested(100.0)
    address.stop(110.0, "isolated")
    assert 130.0 == address.hold_down_until_s
    address.resume(now, "hears")
    if held_down:
        assert (Stage.HOLD_DOWN, 130.0) == (address.stage, address.due_at_s)
        assert "hears, but contested: server 2 keeps it" == address.decision
    else:
        assert (Stage.READ, "hears: reading the holder") == (address.stage, address.decision)


def test_a_hold_down_is_over_if_meanwhile_nobody_holds_it() -> None:
    address = contested(100.0)
    address.stop(110.0, "isolated")
    address.holder = Nobody()
    address.resume(120.0, "hears")
    assert Stage.READ is address.stage


def test_there_is_no_hold_down_to_go_on_with_once_it_was_confirmed_ours() -> None:
    address = contested(100.0)
    address.observe(Us(), 101.0, 101.0, LEAST)
    assert NEVER == address.hold_down_until_s


# --- what a read says --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked_at_s", "believed"), [(98.5, False), (99.0, True), (99.5, True)], ids=str
)
def test_a_read_begun_before_the_last_one_that_was_believed_is_old(
    asked_at_s: float, *, believed: bool
) -> None:
    address = made()
    address.observe(TWO, 99.0, 99.5, MOST)
    address.observe(THREE, asked_at_s, 100.0, MOST)
    assert (THREE if believed else TWO) == address.holder
    assert max(99.0, asked_at_s) == address.holder_at_s


@pytest.mark.parametrize(("asked_at_s", "believed"), [(99.9, False), (100.0, True)], ids=str)
def test_a_read_begun_before_our_assign_went_out_is_blind(
    asked_at_s: float, *, believed: bool
) -> None:
    address = claiming(100.0)
    address.stop(100.5, "demoted")
    address.observe(THREE, asked_at_s, 101.0, MOST)
    assert (THREE if believed else TWO) == address.holder


def test_while_an_assign_is_under_way_no_read_counts() -> None:
    address = claiming(100.0)
    assert [] == address.observe(Us(), 100.5, 101.0, MOST)
    assert (TWO, Stage.SENT) == (address.holder, address.stage)


def test_an_unknown_holder_is_kept_but_decides_nothing() -> None:
    address = claiming(100.0)
    address.note_unknown_outcome(101.0)
    assert [] == address.observe(Unknown("who am I"), 102.0, 102.0, MOST)
    assert (Unknown("who am I"), 102.0) == (address.holder, address.holder_at_s)
    assert (Stage.READ, True) == (address.stage, address.outcome_unknown)


def test_a_read_ends_the_doubt_about_the_last_assign() -> None:
    address = claiming(100.0)
    address.stop(100.0, "demoted")
    address.note_unknown_outcome(101.0)
    assert Stage.IDLE is address.stage
    address.observe(THREE, 102.0, 102.0, MOST)
    assert not address.outcome_unknown


@pytest.mark.parametrize(("asked_at_s", "stage"), [(99.9, Stage.READ), (100.0, Stage.POST)])
def test_a_claim_waits_for_a_read_that_is_begun_after_it(asked_at_s: float, stage: Stage) -> None:
    address = made()
    address.begin(100.0, "a cause", read_first=True)
    reports = address.observe(TWO, asked_at_s, 101.0, MOST)
    assert stage is address.stage
    assert [] == reports
    assert "a cause" == address.cause


def test_an_assign_that_waits_is_not_needed_when_a_read_says_ours() -> None:
    address = made()
    address.begin(100.0, "a cause", read_first=False)
    assert [] == address.observe(TWO, 100.1, 100.2, MOST)
    assert Stage.POST is address.stage
    [confirmed] = address.observe(Us(), 100.3, 100.4, MOST)
    assert ("address.confirmed", "a cause") == (confirmed.event, confirmed.fields["reason"])
    assert ("a cause: it is ours already", 100.4) == (address.decision, address.decided_at_s)
    assert (Stage.HELD, 120.4, None) == (address.stage, address.watch_until_s, address.phases)
    assert 0 == address.split_brain.moves


def test_a_confirmed_claim_tells_its_attempts_and_its_times_and_starts_afresh() -> None:
    address = claiming(100.0)
    address.failed(failure(FailureKind.TRANSIENT), 101.0, MOST)
    address.sending(102.0)
    address.accepted(RUNNING, 102.5, 103.0, MOST)
    address.action_seen(SUCCESS, 104.0, MOST)
    [claimed] = address.observe(Us(), 104.0, 105.0, MOST)
    assert {
        "instance": "VI_1",
        "kind": "INSTANCE",
        "address": "203.0.113.10",
        "holder": "us",
        "reason": "a cause",
        "attempt": 2,
        "sent_ms": 2500.0,
        "accepted_ms": 3000.0,
        "finished_ms": 4000.0,
        "confirmed_ms": 5000.0,
    } == claimed.fields
    assert ("a cause: claimed and confirmed", 105.0) == (address.decision, address.decided_at_s)
    assert (0, set(), 125.0) == (address.attempt, address.reported, address.watch_until_s)
    assert (1, 105.0) == (address.split_brain.moves, address.split_brain.claimed_at)


def test_the_first_bytes_of_a_claim_are_what_counts_as_sent() -> None:
    address = claiming(100.0)
    address.note_sent(None, 100.5)
    assert not address.is_sent()
    address.note_sent(101.0, 101.5)
    address.note_sent(103.0, 103.5)
    address.accepted(SUCCESS, None, 104.0, MOST)
    assert address.phases is not None
    assert 101.0 == address.phases.sent_s


def test_an_assign_that_was_accepted_without_a_time_was_sent_by_then() -> None:
    address = claiming(100.0)
    address.accepted(SUCCESS, None, 101.0, MOST)
    assert Phases(line_s=100.0, sent_s=101.0, accepted_s=101.0, finished_s=101.0) == address.phases


def test_an_assign_that_outlives_its_claim_has_phases_of_its_own() -> None:
    address = held(100.0)
    address.accepted(RUNNING, 101.0, 102.0, MOST)
    assert Phases(line_s=102.0, sent_s=101.0, accepted_s=102.0) == address.phases


def test_a_second_try_of_the_same_claim_is_not_told_as_a_start() -> None:
    address = claiming(100.0)
    address.note_sent(100.0, 100.0)
    address.failed(failure(FailureKind.LOCKED), 101.0, LEAST)
    assert [] == address.observe(TWO, 101.0, 101.5, LEAST)
    assert Stage.POST is address.stage


# --- drift and the second look -----------------------------------------------------------------


def test_one_read_that_says_lost_asks_for_a_second_one_a_moment_later() -> None:
    address = held(100.0)
    assert [] == address.observe(TWO, 150.0, 150.5, LEAST)
    assert (Stage.READ, 150.8, 150.5) == (address.stage, address.due_at_s, address.read_after_s)
    assert address.suspect
    assert [] == address.observe(Us(), 151.0, 151.5, LEAST)
    assert (Stage.HELD, False) == (address.stage, address.suspect)


def test_a_suspicion_that_was_refuted_needs_two_more_reads_the_next_time() -> None:
    address = held(100.0)
    address.observe(TWO, 150.0, 150.0, LEAST)
    address.observe(Us(), 151.0, 151.0, LEAST)
    assert [] == address.observe(TWO, 160.0, 160.0, LEAST)
    assert ["address.drifted"] == events(address.observe(TWO, 161.0, 161.0, LEAST))


def test_two_reads_that_agree_are_drift_and_the_claim_begins_at_once() -> None:
    address = held(100.0)
    [drifted] = lose(address, 200.0)
    assert ("address.drifted", "2") == (drifted.event, drifted.fields["holder"])
    assert "drift" == address.cause
    assert (Stage.POST, 200.0, False) == (address.stage, address.due_at_s, address.suspect)


def test_an_address_that_nobody_has_was_not_taken_by_anybody() -> None:
    address = held(100.0)
    assert ["address.drifted"] == events(lose(address, 101.0, Nobody()))
    assert (1, 0) == (address.split_brain.moves, address.split_brain.losses)


def test_the_holder_of_before_is_believed_only_when_reads_cannot_lag_any_more() -> None:
    address = made()
    address.holder = TWO
    address.begin(100.0, "a cause", read_first=False)
    address.sending(100.0)
    address.accepted(SUCCESS, 100.0, 100.1, LEAST)
    address.observe(Us(), 100.1, 100.2, LEAST)
    address.observe(TWO, 100.5, 100.6, LEAST)
    assert (Stage.READ, 100.1 + LAG_S) == (address.stage, address.due_at_s)
    assert [] == address.observe(TWO, 102.0, 102.1, LEAST)  # read for another address
    assert (Stage.READ, 100.1 + LAG_S) == (address.stage, address.due_at_s)
    address.observe(Us(), 103.2, 103.2, LEAST)
    address.observe(THREE, 103.5, 103.6, LEAST)
    assert (Stage.READ, 103.6 + SUSPECT_S) == (address.stage, address.due_at_s)


@pytest.mark.parametrize(("holder", "hidden"), [(TWO, True), (Nobody(), False)])
def test_an_assign_that_no_read_shows_may_be_a_move_of_somebody_else(
    holder: Holder, *, hidden: bool
) -> None:
    address = claiming(100.0)
    address.accepted(SUCCESS, 100.0, 101.0, LEAST)
    address.observe(holder, 150.0, 150.0, LEAST)
    assert (Stage.POST, hidden) == (address.stage, address.split_brain.hidden)


def test_an_assign_that_succeeded_but_is_not_seen_is_looked_for_and_then_sent_again() -> None:
    address = claiming(100.0)
    address.accepted(SUCCESS, 100.0, 101.0, LEAST)
    assert [] == address.observe(TWO, 101.0, 101.0, LEAST)
    assert (Stage.READ, 101.1, False) == (address.stage, address.due_at_s, address.suspect)
    assert [] == address.observe(TWO, 101.1, 101.1, LEAST)
    assert pytest.approx(101.3) == address.due_at_s
    address.observe(TWO, 103.9, 103.9, MOST)
    assert (Stage.READ, 104.0) == (address.stage, address.due_at_s)
    [unknown] = address.observe(TWO, 104.0, 104.0, MOST)
    assert "claim.unknown" == unknown.event
    assert "the assign succeeded, but server 2 has it still; assigning again" in unknown.message
    assert (Stage.POST, 104.0, 1) == (address.stage, address.due_at_s, address.attempt)
    assert (0, 0, 104.0) == (
        address.split_brain.moves,
        address.split_brain.losses,
        address.refused_at_s,
    )
    address.sending(104.0)
    address.accepted(SUCCESS, 104.0, 104.0, LEAST)
    assert 110.0 == address.action_until_s
    address.observe(TWO, 110.0, 110.0, LEAST)
    assert Stage.POST is address.stage


# --- contested ---------------------------------------------------------------------------------


def test_the_sixth_claim_that_a_better_master_allows_waits_and_says_so() -> None:
    address = held(100.0)
    reported = []
    for at_s in (100.0, 100.0, 101.0, 102.0, 103.0, 104.0, 105.0):
        address.hinted(at_s, "a hint")
        address.observe(Us(), at_s, at_s, MOST)
        lose(address, at_s)
        reported.append((address.cause, address.due_at_s))
        address.sending(at_s)
        address.accepted(SUCCESS, at_s, at_s, MOST)
        address.observe(Us(), at_s, at_s, MOST)
    # The first is no business of a pulse: only the second loss makes it contested.
    assert ["drift"] * 6 == [cause for cause, _ in reported[:6]]
    assert ("drift, after a pause of 5 s", 110.0) == reported[6]


def test_the_second_quick_loss_leaves_it_there_and_says_for_how_long() -> None:
    address = held(90.0)
    lose(address, 95.0)
    address.sending(95.0)
    address.accepted(SUCCESS, 95.0, 95.0, MOST)
    address.observe(Us(), 95.0, 95.0, MOST)
    drifted, reported = lose(address, 100.0)
    assert ("address.drifted", "address.held_down") == (drifted.event, reported.event)
    assert ("2", 30.0) == (reported.fields["holder"], reported.fields["delay_s"])
    assert (Stage.HOLD_DOWN, 130.0, 130.0) == (
        address.stage,
        address.due_at_s,
        address.hold_down_until_s,
    )
    assert (100.0, NEVER, None) == (
        address.holder_due_at_s,
        address.watch_until_s,
        address.phases,
    )
    assert "contested: server 2 keeps taking it; next try in 30 s" == address.decision
    assert 100.0 == address.decided_at_s


def test_the_better_master_does_not_hold_down() -> None:
    address = held(90.0)
    lose(address, 95.0)
    address.sending(95.0)
    address.accepted(SUCCESS, 95.0, 95.0, MOST)
    address.observe(Us(), 95.0, 95.0, MOST)
    address.hinted(99.0, "a hint")
    assert ["address.drifted"] == events(lose(address, 100.0))


def test_a_dispute_is_reported_once() -> None:
    address = contested(100.0)
    assert [] == address.observe(THREE, 150.0, 150.0, LEAST)
    assert (Stage.HOLD_DOWN, 210.0) == (address.stage, address.due_at_s)
    assert 5 == address.split_brain.moves


def test_a_holder_that_stays_changes_nothing() -> None:
    address = contested(100.0)
    assert [] == address.observe(TWO, 150.0, 150.0, LEAST)
    assert (130.0, 4) == (address.due_at_s, address.split_brain.moves)


def test_a_holder_seen_after_nobody_knew_changes_nothing() -> None:
    address = contested(100.0)
    address.observe(Unknown("who am I"), 140.0, 140.0, LEAST)
    assert [] == address.observe(THREE, 150.0, 150.0, LEAST)
    assert (130.0, 4) == (address.due_at_s, address.split_brain.moves)


def test_a_contested_address_that_nobody_holds_is_claimed() -> None:
    address = contested(100.0)
    assert [] == address.observe(Nobody(), 150.0, 150.0, LEAST)
    assert "contested, but nobody holds it" == address.cause
    assert (Stage.POST, 150.0) == (address.stage, address.due_at_s)


@pytest.mark.parametrize("nobody", [True, False])
def test_the_sixth_claim_in_a_row_of_what_nobody_can_use_waits(*, nobody: bool) -> None:
    address = contested(100.0)
    for _ in range(5):
        address.split_brain.free_claim_wait_s(150.0)
    if nobody:
        address.observe(Nobody(), 150.0, 150.0, LEAST)
    else:
        address.holder_seen("off", 150.0)
    assert (Stage.POST, 160.0) == (address.stage, address.due_at_s)
    assert address.cause.endswith(", after a pause of 10 s")


def test_a_contested_address_that_came_back_is_ours() -> None:
    address = contested(100.0)
    [confirmed] = address.observe(Us(), 150.0, 150.5, LEAST)
    assert "contested, but it came back" == confirmed.fields["reason"]
    assert (Stage.HELD, 5, 170.5) == (
        address.stage,
        address.split_brain.moves,
        address.watch_until_s,
    )


def test_a_contested_address_whose_holder_does_not_run_is_claimed_without_another_read() -> None:
    address = contested(100.0)
    address.holder_seen("off", 150.0)
    assert "contested, but the holder's server is off" == address.cause
    assert (Stage.POST, 150.0) == (address.stage, address.due_at_s)


def test_a_hint_ends_a_hold_down() -> None:
    address = contested(100.0)
    address.hinted(150.0, "a hint")
    assert "a hint" == address.cause
    assert Stage.POST is address.stage


@pytest.mark.parametrize(
    ("holder", "stage", "moves"),
    [(TWO, Stage.POST, 4), (THREE, Stage.HOLD_DOWN, 5), (Nobody(), Stage.POST, 4)],
)
def test_a_turn_reads_first_and_is_given_up_to_whoever_took_it_meanwhile(
    holder: Holder, stage: Stage, moves: int
) -> None:
    address = contested(100.0)
    address.end_hold_down(280.0)
    assert (Stage.READ, 280.0) == (address.stage, address.due_at_s)
    assert "the hold-down is over: reading the holder" == address.decision
    address.observe(holder, 280.0, 280.5, LEAST)
    assert (stage, moves) == (address.stage, address.split_brain.moves)
    assert (stage is Stage.POST) == (address.phases is not None), "given up, nothing is pursued"


def test_a_turn_has_no_rival_if_nobody_is_known_to_hold_it() -> None:
    address = contested(100.0)
    address.holder = Unknown("who am I")
    address.end_hold_down(280.0)
    address.observe(THREE, 280.0, 280.5, LEAST)
    assert Stage.POST is address.stage


# --- hints while held --------------------------------------------------------------------------


def test_hints_are_heeded_2_4_8_and_then_10_s_apart() -> None:
    address = held(100.0)
    heeded = []
    for tenth in range(2000, 2500):
        now = tenth / 10
        address.hinted(now, "a hint")
        if address.stage is Stage.READ:
            heeded.append(now)
            address.observe(Us(), now, now, LEAST)
    assert [200.0, 202.0, 206.0, 214.0, 224.0, 234.0, 244.0] == heeded


@pytest.mark.parametrize(("pause_s", "gap_s"), [(60.0, 4.0), (60.1, 2.0)])
def test_after_a_minute_without_a_hint_the_next_one_is_the_first(
    pause_s: float, gap_s: float
) -> None:
    address = held(100.0)
    address.hinted(200.0, "a hint")
    address.observe(Us(), 200.0, 200.0, LEAST)
    address.hinted(200.0 + pause_s, "a hint")
    assert gap_s == address.look_gap_s
    assert "a hint" == address.cause
    assert 200.0 + pause_s == address.hinted_at_s == address.looked_at_s


def test_the_very_first_hint_right_after_the_boot_is_heeded() -> None:
    address = held(0.5)
    address.hinted(0.75, "a hint")
    assert (Stage.READ, 0.75) == (address.stage, address.due_at_s)


def test_a_hint_during_a_claim_only_counts_as_a_better_master() -> None:
    address = claiming(100.0)
    address.hinted(101.0, "a hint")
    assert (Stage.SENT, "a cause") == (address.stage, address.cause)
    assert address.split_brain.is_better_master(101.0)


# --- the action --------------------------------------------------------------------------------


def test_an_accepted_action_is_polled_ever_slower_for_10_s() -> None:
    address = claiming(100.0)
    address.polls = 9
    assert [] == address.accepted(RUNNING, 100.0, 101.0, MOST)
    assert (Stage.ACT, 77, 111.0) == (address.stage, address.action_id, address.action_until_s)
    waits_s = [address.due_at_s - 101.0]
    for _ in range(3):
        address.action_seen(RUNNING, 200.0, MOST)
        waits_s.append(address.due_at_s - 200.0)
    assert pytest.approx([0.2, 0.28, 0.392, 0.5488]) == waits_s


def test_a_poll_that_fails_makes_the_next_one_later() -> None:
    address = claiming(100.0)
    address.accepted(RUNNING, 100.0, 100.0, MOST)
    waits_s = []
    for _ in range(3):
        address.action_unread(200.0, MOST)
        waits_s.append(address.due_at_s - 200.0)
    assert [0.5, 1.0, 2.0] == waits_s


def test_an_action_that_succeeded_is_followed_by_a_read() -> None:
    address = claiming(100.0)
    address.accepted(RUNNING, 100.0, 100.5, MOST)
    address.action_seen(SUCCESS, 102.0, MOST)
    assert (Stage.READ, 102.0, 102.0) == (address.stage, address.due_at_s, address.read_after_s)
    assert address.phases is not None
    assert 102.0 == address.phases.finished_s


@pytest.mark.parametrize(("code", "reported"), [("ip_gone", "ip_gone"), ("", "action_failed")])
def test_an_action_that_failed_is_followed_by_a_read_and_told(code: str, reported: str) -> None:
    address = claiming(100.0)
    ended = Action(id=77, status=ActionStatus.ERROR, error_code=code, error_message="no way")
    [report] = address.accepted(ended, 100.0, 102.0, LEAST)
    assert ("claim.failed", reported) == (report.event, report.fields["error_code"])
    assert "the action failed: no way" in report.message
    assert (Stage.READ, None) == (address.stage, address.action_id)


def test_an_action_without_an_end_is_reported_once_and_given_up_for_a_read() -> None:
    address = claiming(100.0)
    address.accepted(RUNNING, 100.0, 100.0, MOST)
    [report] = address.action_lost(110.0)
    assert "claim.unknown" == report.event
    assert "the action has no end in sight; reading the holder instead" == report.fields["reason"]
    assert (Stage.READ, 110.0, None) == (address.stage, address.due_at_s, address.action_id)
    assert {"action_overdue"} == address.reported
    assert [] == address.action_lost(120.0)


# --- failures ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "stage", "waits_s"),
    [
        (FailureKind.THROTTLED, Stage.POST, [0.0, 0.0, 0.0]),
        (FailureKind.CANCELLED, Stage.POST, [0.0, 0.0, 0.0]),
        (FailureKind.TRANSIENT, Stage.POST, [0.25, 0.5, 1.0]),
        (FailureKind.OUTCOME_UNKNOWN, Stage.READ, [0.2, 0.4, 0.8]),
        (FailureKind.LOCKED, Stage.READ, [0.2, 0.4, 0.8]),
        (FailureKind.NOT_FOUND, Stage.READ, [12.0, 12.0, 12.0]),
        (FailureKind.AUTH, Stage.POST, [12.0, 12.0, 12.0]),
        (FailureKind.REFUSED, Stage.POST, [12.0, 12.0, 12.0]),
    ],
)
def test_each_class_of_failure_is_followed_by_its_own_step_after_its_own_wait(
    kind: FailureKind, stage: Stage, waits_s: list[float]
) -> None:
    address = claiming(100.0)
    seen = []
    for now in (200.0, 300.0, 400.0):
        address.sending(now - 10.0)
        address.action_id = 5
        address.failed(failure(kind, "its_code"), now, MOST)
        seen.append(address.due_at_s - now)
        assert [stage, None] == [address.stage, address.action_id]
    assert pytest.approx(waits_s) == seen
    assert (kind is FailureKind.NOT_FOUND) == (address.floating_ip is None)
    assert (kind is FailureKind.OUTCOME_UNKNOWN) == address.outcome_unknown
    assert (400.0 if kind is FailureKind.OUTCOME_UNKNOWN else 390.0) == address.fresh_from_s
    if stage is Stage.READ:
        assert 400.0 == address.read_after_s


def test_each_code_is_reported_once_in_a_claim_and_decided_each_time() -> None:
    address = claiming(100.0)
    reported = []
    for code in ("a", "b", "a"):
        reported += events(address.failed(failure(FailureKind.TRANSIENT, code), 101.0, MOST))
    assert ["claim.failed", "claim.failed"] == reported
    assert ("a cause: a, retrying", 101.0) == (address.decision, address.decided_at_s)


def test_a_cancelled_assign_is_nothing_to_tell() -> None:
    address = claiming(100.0)
    assert [] == address.failed(failure(FailureKind.CANCELLED), 101.0, MOST)
    assert "a cause: assigning it to this server" == address.decision
    assert set() == address.reported


@pytest.mark.parametrize("stage", Stage)
def test_an_unknown_outcome_of_an_older_term_makes_a_claim_read_but_ends_no_other_stage(
    stage: Stage,
) -> None:
    address = claiming(100.0)
    address.stage, address.due_at_s = stage, 150.0
    address.note_unknown_outcome(101.0)
    reads = stage in {Stage.SENT, Stage.POST}
    assert (Stage.READ if reads else stage) is address.stage
    assert (101.0 if reads else 150.0) == address.due_at_s
    assert (True, 101.0) == (address.outcome_unknown, address.fresh_from_s)


@pytest.mark.parametrize(
    ("sent_s", "due_at_s", "soon_s"),
    [(100.0, 200.0, 110.5), (109.9, 200.0, 110.5), (100.0, 110.1, 110.1)],
)
def test_a_claim_that_waits_goes_out_within_half_a_second_when_the_api_works_again(
    sent_s: float, due_at_s: float, soon_s: float
) -> None:
    address = claiming(sent_s)
    address.failed(failure(FailureKind.TRANSIENT), sent_s, MOST)
    address.due_at_s = due_at_s
    address.retry_soon(110.0, MOST)
    assert soon_s == address.due_at_s


def test_it_goes_out_at_once_at_the_other_end_of_chance() -> None:
    address = claiming(100.0)
    address.failed(failure(FailureKind.TRANSIENT), 100.0, MOST)
    address.due_at_s = 200.0
    address.retry_soon(110.0, LEAST)
    assert 110.0 == address.due_at_s
    address.retry_soon(105.0, chance(1))
    assert 105.0 <= address.due_at_s <= 105.5


def test_the_words_of_a_failure_are_those_of_the_api() -> None:
    address = claiming(100.0)
    refused = Failure(kind=FailureKind.REFUSED, code="c", message="m", http_status=422)
    [report] = address.failed(refused, 101.0, MOST)
    assert ("claim.refused", 422, "c") == (
        report.event,
        report.fields["http_status"],
        report.fields["error_code"],
    )

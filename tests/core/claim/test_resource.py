"""What is remembered of one resource from one claim to the next: which reads count, how often what.

The moves of its claim are in test_moves.py.
"""

import pytest

from hakeeper.core.claim.happenings import Accepted, Hinted, Master, Seen, Sending
from hakeeper.core.claim.resource import Resource, Writes
from hakeeper.core.claim.stages import Held, Idle, MutateDue, MutateSent, Recheck, Stage, Verify
from hakeeper.core.claim.table import take
from hakeeper.core.limits.pace import Hints
from hakeeper.core.limits.splitbrain import SplitBrain
from hakeeper.core.model import NEVER, Action, ActionStatus
from hakeeper.core.observation import Holder, Unknown
from hakeeper.kinds.floating_ip import by_name
from tests.core.claim.moves import (
    CLAIM,
    KIND,
    NOBODY,
    NOW,
    STEP,
    THREE,
    TWO,
    TWO_STEPS,
    US,
    VI,
    WEB,
    lost_once,
)
from tests.core.odds import LEAST, MOST

SUCCESS = Action(id=77, status=ActionStatus.SUCCESS)


def made(stage: Stage | None = None) -> Resource:
    resource = Resource(by_name("web"), VI, KIND, WEB)
    resource.stage = resource.stage if stage is None else stage
    return resource


def reads(resource: Resource, holder: Holder, now: float, times: int = 1) -> None:
    """Let as many reads that began just now show the holder."""
    for _ in range(times):
        before = resource.holder
        assert resource.see(holder, now, now)
        take(resource, Seen(holder, before, now), now, LEAST)


def assigns(resource: Resource, now: float) -> None:
    """Send the assign that is due, and have it done and confirmed in no time."""
    take(resource, Sending(STEP), now, MOST)
    take(resource, Accepted(SUCCESS, now), now, MOST)
    reads(resource, US, now)
    assert Held() == resource.stage


# --- at first -------------------------------------------------------------------------------------


def test_a_new_address_knows_nothing_and_waits_for_nothing() -> None:
    fresh = made()
    assert (Idle(), Unknown("not read yet"), None) == (
        fresh.stage,
        fresh.holder,
        fresh.holder_at_s,
    )
    assert (None, None) == (fresh.decision, fresh.decided_at_s)
    never = (fresh.left_at_s, fresh.watch_until_s, fresh.ours_at_s, fresh.refused_at_s)
    assert (NEVER,) * 4 == never
    before = (NEVER, NEVER, False)
    assert Writes(NEVER, NEVER, False, before, (), NEVER, False) == fresh.writes  # noqa: FBT003  # all of them
    assert (None, False, False) == (fresh.claim, fresh.favoured, fresh.is_suspect)


def test_its_label_is_as_configured_until_it_is_found() -> None:
    assert "web" == Resource(by_name("web"), VI, KIND).label
    assert "203.0.113.10" == made().label


# --- our assigns ----------------------------------------------------------------------------------


def test_a_second_assign_waits_a_second_after_the_first() -> None:
    resource = made()
    resource.writes.sending(TWO, 100.0)
    assert 101.0 == resource.mutate_from_s(100.25)
    assert 101.5 == resource.mutate_from_s(101.5)


def test_an_assign_of_which_nothing_was_sent_delays_nothing() -> None:
    resource = made()
    resource.writes.sending(TWO, 100.0)
    resource.writes.never_sent(99.0)  # the end of an older one
    assert (100.0, 100.0) == (resource.writes.last_sent_s, resource.writes.done_s)
    resource.writes.never_sent(100.0)
    assert (NEVER, NEVER) == (resource.writes.last_sent_s, resource.writes.done_s)
    assert 100.3 == resource.mutate_from_s(100.3)


def test_what_was_sent_and_done_before_counts_again_if_nothing_was_sent() -> None:
    writes = Writes(last_sent_s=50.0, done_s=51.0)
    writes.sending(TWO, 100.0)
    writes.never_sent(100.0)
    assert (50.0, 51.0, 100.0) == (writes.last_sent_s, writes.done_s, writes.fresh_from_s)


@pytest.mark.parametrize(("holder", "from_s"), [(NOBODY, 100.2), (TWO, 101.0)])
def test_the_second_step_of_a_move_follows_at_once_and_another_first_one_does_not(
    holder: Holder, from_s: float
) -> None:
    resource = made()
    resource.kind = TWO_STEPS
    resource.writes.sending(TWO, 100.0)
    resource.writes.goes_on, resource.holder = True, holder
    assert from_s == resource.mutate_from_s(100.2)
    resource.writes.sending(holder, 100.2)
    assert 101.2 == resource.mutate_from_s(100.3)
    resource.writes.never_sent(100.2)
    assert max(100.3, from_s) == resource.mutate_from_s(100.3)


def test_who_had_it_before_each_of_two_steps_is_remembered() -> None:
    one, both = Writes(taken_from=(TWO,)), Writes(taken_from=(TWO,), goes_on=True)
    one.sending(THREE, 100.0)
    assert (THREE,) == one.taken_from
    both.sending(NOBODY, 101.0)
    assert (TWO, NOBODY) == both.taken_from
    assert not both.goes_on


def test_an_address_is_favoured_at_two_edges_at_once_and_then_once_in_ten_minutes() -> None:
    resource = made()
    favoured = []
    for at_s in (1000.0, 1001.0, 1002.0, 1599.0, 1600.0, 1601.0, 2200.0, 9000.0, 9001.0, 9002.0):
        resource.edge(at_s)
        favoured.append(resource.favoured)
    assert [True, True, False, False, True, False, True, True, True, False] == favoured


def test_a_new_term_forgets_the_old_split_brain_and_its_hints() -> None:
    resource = made()
    lost_once(resource)
    resource.hint(100.0)
    resource.new_term()
    assert (SplitBrain(), Hints()) == (resource.split_brain, resource.hints)


# --- which reads count ----------------------------------------------------------------------------


@pytest.mark.parametrize(("asked_at_s", "believed"), [(98.5, False), (99.0, True), (99.5, True)])
def test_a_read_begun_before_the_last_one_that_was_believed_is_old(
    asked_at_s: float, *, believed: bool
) -> None:
    resource = made()
    assert resource.see(TWO, 99.0, 99.5)
    assert believed == resource.see(THREE, asked_at_s, 100.0)
    assert (THREE if believed else TWO) == resource.holder
    assert max(99.0, asked_at_s) == resource.holder_at_s
    assert (100.0 if believed else 99.5) == resource.holder_since_s


@pytest.mark.parametrize(("asked_at_s", "believed"), [(99.9, False), (100.0, True)])
def test_a_read_begun_before_our_assign_went_out_is_blind(
    asked_at_s: float, *, believed: bool
) -> None:
    resource = made()
    resource.writes.sending(TWO, 100.0)
    assert believed == resource.see(THREE, asked_at_s, 101.0)
    assert (THREE if believed else Unknown("not read yet")) == resource.holder


def test_while_an_assign_is_under_way_no_read_counts() -> None:
    resource = made(MutateSent(CLAIM, STEP))
    assert not resource.see(US, 100.5, 101.0)
    assert Unknown("not read yet") == resource.holder


def test_an_unknown_holder_is_kept_but_decides_nothing() -> None:
    resource = made(Verify(CLAIM, NOW, NOW))
    resource.writes.lose_track(101.0)
    assert not resource.see(Unknown("who am I"), 102.0, 102.0)
    assert (Unknown("who am I"), 102.0, None) == (
        resource.holder,
        resource.holder_at_s,
        resource.holder_since_s,
    )
    assert resource.writes.outcome_unknown


def test_a_read_ends_the_doubt_about_the_last_assign() -> None:
    resource = made()
    resource.writes.lose_track(101.0)
    assert (True, 101.0) == (resource.writes.outcome_unknown, resource.writes.fresh_from_s)
    assert resource.see(THREE, 102.0, 102.0)
    assert not resource.writes.outcome_unknown
    assert NEVER == resource.ours_at_s


def test_since_when_a_holder_has_it_and_when_it_was_last_ours_is_remembered() -> None:
    resource = made()
    for asked_at_s in (100.0, 110.0, 120.0):
        resource.see(US, asked_at_s, asked_at_s + 0.5)
    assert (100.5, 120.0) == (resource.holder_since_s, resource.ours_at_s)
    resource.see(TWO, 130.0, 130.5)
    assert (130.5, 120.0) == (resource.holder_since_s, resource.ours_at_s)


# --- how often ------------------------------------------------------------------------------------


def test_hints_are_heeded_2_4_8_and_then_10_s_apart() -> None:
    resource = made(Held())
    heeded = []
    for tenth in range(2000, 2500):
        now = tenth / 10
        resource.hint(now)
        take(resource, Hinted("a hint"), now, LEAST)
        if resource.stage != Held():
            heeded.append(now)
            reads(resource, US, now)
    assert [200.0, 202.0, 206.0, 214.0, 224.0, 234.0, 244.0] == heeded


@pytest.mark.parametrize(("pause_s", "gap_s"), [(60.0, 4.0), (60.1, 2.0)])
def test_after_a_minute_without_a_hint_the_next_one_is_the_first(
    pause_s: float, gap_s: float
) -> None:
    resource = made()
    for now in (200.0, 200.0 + pause_s):
        resource.hint(now)
        assert resource.hints.looks(now)
    assert Hints(now, now, gap_s) == resource.hints


def test_the_very_first_hint_right_after_the_boot_is_heeded() -> None:
    resource = made(Held())
    resource.hint(0.75)
    assert resource.hints.looks(0.75)
    assert resource.split_brain.is_better_master(0.75)


def test_the_seventh_claim_that_a_better_master_allows_waits_and_says_so() -> None:
    resource = made()
    take(resource, Master("a line", read_first=False), 90.0, MOST)
    assigns(resource, 90.0)
    claims = []
    for now in (100.0, 100.0, 101.0, 102.0, 103.0, 104.0, 105.0):
        resource.hint(now)
        resource.writes.done_s = now - 3.0  # reads cannot lag any more
        reads(resource, TWO, now, times=2)
        assert isinstance(resource.stage, MutateDue)
        claims.append((resource.stage.claim.cause, resource.stage.due_at_s))
        assigns(resource, now)
    # The first loss is no free claim: only the second one makes it contested.
    assert ["drift"] * 6 == [cause for cause, _ in claims[:6]]
    assert ("drift, after a pause of 5 s", 110.0) == claims[6]


def test_the_holder_of_before_is_believed_only_when_reads_cannot_lag_any_more() -> None:
    resource = made()
    resource.holder = TWO
    take(resource, Master("a line", read_first=False), 100.0, MOST)
    assigns(resource, 100.0)
    suspect = Recheck(103.0, 103.0, suspect=True, since_s=100.5)
    for now in (100.5, 102.9):  # the second one is made for another address
        reads(resource, TWO, now)
        assert suspect == resource.stage
    reads(resource, TWO, 103.0)
    assert isinstance(resource.stage, MutateDue)

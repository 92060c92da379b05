"""The moves of `claim/rules.py` when a read shows the holder while a claim waits for it."""

from dataclasses import replace

from hakeeper.core.calls import Step
from hakeeper.core.claim.last_decision import Claimed, NotShown, OursAlready, TakenAgain, WillAssign
from hakeeper.core.claim.resource import Resource
from hakeeper.core.claim.stages import Held, HoldDown, MutateDue, ReadBack, Verify
from hakeeper.core.decisions.claims import ClaimUnseen, ResourceClaimed, ResourceConfirmed
from tests.core.claim.moves import (
    CLAIM,
    FINISHED,
    NOBODY,
    NOW,
    OF,
    OLD,
    SENT,
    STEP,
    THREE,
    TWO,
    US,
    Move,
    both,
    claimed,
    confirmed,
    contested,
    held_down,
    lost_at,
    seen,
)
from tests.core.odds import LEAST

CONFIRMED = ResourceConfirmed(*OF, "a cause")
VERIFY = Verify(CLAIM, NOW, NOW)
RIVALLED = replace(CLAIM, rival=TWO)
HALF = replace(CLAIM, releases=True)
UNSEEN = replace(
    CLAIM,
    phases=replace(FINISHED.phases, finished_s=None),
    attempt=1,
    refused_at_s=NOW,
    reported=frozenset({"unseen"}),
)


RELEASE = Step("release", None, lane="a lane")
"""Of a kind that takes a resource from its holder first."""


def _read_back(until_s: float, polls: int = 0) -> ReadBack:
    return ReadBack(FINISHED, STEP, until_s, after_s=NOW, due_at_s=NOW, polls=polls)


def _lost_the_role(resource: Resource) -> None:
    resource.left_at_s = 98.5


MOVES = (
    Move("too old", VERIFY, seen(US, asked_at_s=99.9), to=VERIFY),
    Move(
        "ours",
        VERIFY,
        seen(US),
        to=Held(),
        says=CONFIRMED,
        latest=OursAlready("a cause"),
        leaves=confirmed,
    ),
    Move(
        "ours by an assign",
        Verify(replace(SENT, attempt=2), NOW, NOW),
        seen(US),
        to=Held(),
        says=ResourceClaimed(*OF, "a cause", 2, replace(SENT.phases, confirmed_s=NOW)),
        latest=Claimed("a cause"),
        leaves=claimed,
    ),
    Move("another's", VERIFY, seen(TWO), to=MutateDue(CLAIM, NOW)),
    *(
        Move(f"{holder} after a release", stage, seen(holder), to=MutateDue(after, NOW))
        for stage in (Verify(HALF, NOW, NOW), MutateDue(HALF, NOW))
        for holder, after in ((TWO, CLAIM), (NOBODY, HALF))
    ),
    *(
        Move(
            f"{holder} after a hold-down",
            Verify(RIVALLED, NOW, NOW),
            seen(holder),
            to=MutateDue(RIVALLED, NOW),
        )
        for holder in (TWO, NOBODY)
    ),
    Move(
        "a third one's after a hold-down",
        Verify(RIVALLED, NOW, NOW),
        seen(THREE),
        given=contested,
        to=HoldDown(160.0, look_at_s=NOW),
        latest=TakenAgain(THREE, 60.0),
        leaves=both(lambda a: a.split_brain.moved_by_others(NOW), held_down),
        rng=LEAST,
    ),
    Move("another's", MutateDue(OLD, 101.0), seen(TWO), to=MutateDue(OLD, 101.0)),
    Move(
        "ours",
        MutateDue(CLAIM, 101.0),
        seen(US),
        to=Held(),
        says=CONFIRMED,
        latest=OursAlready("a cause"),
        leaves=confirmed,
    ),
    Move(
        "ours, by a read from before the claim",
        MutateDue(CLAIM, 101.0),
        seen(US, asked_at_s=98.9),
        to=VERIFY,
    ),
    Move(
        "ours, by a read from before this server lost the role",
        MutateDue(CLAIM, 101.0),
        seen(US, asked_at_s=98.4),
        given=_lost_the_role,
        to=MutateDue(CLAIM, 101.0),
    ),
    Move(
        "ours, by a read from then on",
        MutateDue(CLAIM, 101.0),
        seen(US, asked_at_s=99.0),
        to=Held(),
        says=CONFIRMED,
        latest=OursAlready("a cause"),
        leaves=confirmed,
    ),
    Move(
        "ours again, by a read that may lag behind its loss",
        VERIFY,
        seen(US),
        given=lost_at(97.1),
        to=Verify(CLAIM, NOW, 100.3),
    ),
    Move(
        "ours again, by a read that does not",
        VERIFY,
        seen(US),
        given=lost_at(97.0),
        to=Held(),
        says=CONFIRMED,
        latest=OursAlready("a cause"),
        leaves=confirmed,
    ),
    Move(
        "ours already, by a read that may lag behind its loss",
        MutateDue(CLAIM, 101.0),
        seen(US),
        given=lost_at(97.1),
        to=MutateDue(CLAIM, 101.0),
    ),
    Move(
        "ours by an assign, though it was lost a moment ago",
        Verify(SENT, NOW, NOW),
        seen(US),
        given=lost_at(97.1),
        to=Held(),
        says=ResourceClaimed(*OF, "a cause", 0, replace(SENT.phases, confirmed_s=NOW)),
        latest=Claimed("a cause"),
        leaves=claimed,
    ),
    Move(
        "ours, after a release: that was before it",
        replace(_read_back(103.0), step=RELEASE),
        seen(US),
        to=replace(_read_back(103.0, 1), step=RELEASE, due_at_s=100.2),
    ),
    Move(
        "ours, after a release: somebody has given it to us",
        replace(_read_back(NOW), step=RELEASE),
        seen(US),
        to=Held(),
        says=ResourceClaimed(*OF, "a cause", 0, replace(FINISHED.phases, confirmed_s=NOW)),
        latest=Claimed("a cause"),
        leaves=claimed,
    ),
    Move("too old", _read_back(NOW), seen(TWO, asked_at_s=99.9), to=_read_back(NOW)),
    Move(
        "ours",
        _read_back(NOW),
        seen(US),
        to=Held(),
        says=ResourceClaimed(*OF, "a cause", 0, replace(FINISHED.phases, confirmed_s=NOW)),
        latest=Claimed("a cause"),
        leaves=claimed,
    ),
    *(
        Move(
            f"lags, poll {polls}",
            _read_back(103.0, polls),
            seen(TWO),
            to=replace(_read_back(103.0, polls + 1), due_at_s=due_at_s),
        )
        for polls, due_at_s in ((0, 100.2), (1, 100.4), (4, 103.0))
    ),
    Move(
        "lags, of a second try",
        replace(_read_back(103.0), claim=replace(FINISHED, attempt=1)),
        seen(TWO),
        to=ReadBack(replace(FINISHED, attempt=1), STEP, 103.0, NOW, 100.4, polls=1),
    ),
    Move(
        "the first of two steps is done",
        replace(_read_back(103.0), step=RELEASE, claim=replace(FINISHED, refused_at_s=98.0)),
        seen(NOBODY),
        to=MutateDue(FINISHED.with_phases(UNSEEN.phases), NOW),
        latest=WillAssign("a cause"),
        leaves=lambda a: setattr(a.writes, "goes_on", True),
    ),
    Move(
        "the first of two steps lags",
        replace(_read_back(103.0), step=RELEASE),
        seen(TWO),
        to=replace(_read_back(103.0, 1), step=RELEASE, due_at_s=100.2),
    ),
    Move(
        "unseen",
        _read_back(NOW),
        seen(TWO),
        to=MutateDue(UNSEEN, NOW),
        says=ClaimUnseen(*OF, TWO, "server 2"),
        latest=NotShown("a cause", TWO),
        leaves=lambda a: a.split_brain.never_seen(NOW),
    ),
    Move(
        "unseen once more, and nobody's",
        replace(_read_back(NOW), claim=replace(UNSEEN, phases=FINISHED.phases)),
        seen(NOBODY),
        to=MutateDue(replace(UNSEEN, attempt=2), NOW),
        latest=NotShown("a cause", NOBODY),
    ),
)

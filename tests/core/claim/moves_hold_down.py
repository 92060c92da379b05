"""The moves of `claim/rules.py` into a hold-down and out of it."""

from dataclasses import replace

from hakeeper.core.claim.happenings import (
    Happening,
    Hinted,
    HoldDownOver,
    HolderAsked,
    HolderDown,
    Hung,
)
from hakeeper.core.claim.last_decision import (
    LeftWhileHung,
    OursAlready,
    TakenAgain,
    WillAssign,
    WillRead,
)
from hakeeper.core.claim.stages import Held, HoldDown, MutateDue, Verify
from hakeeper.core.decisions.claims import ResourceConfirmed
from hakeeper.core.model import NEVER
from hakeeper.core.observation import Unknown
from tests.core.claim.moves import (
    CLAIM,
    HOLD_DOWN,
    NOBODY,
    NOW,
    OF,
    SUSPECT,
    THREE,
    TWO,
    US,
    Move,
    both,
    claim,
    confirmed,
    contested,
    five_free_claims,
    free_claim,
    held_down,
    in_two_steps,
    lost_at,
    outcome_unknown,
    seen,
)
from tests.core.odds import LEAST

FREE = "nobody holds it"
OFF = "the holder's server is off"
BACK = "it came back"
PAUSED = "{}, after a pause of 10 s"


def _free(cause: str, what: Happening, name: str) -> tuple[Move, ...]:
    """Claim at once, but not again and again."""
    paused = PAUSED.format(cause)
    return (
        Move(
            name,
            HOLD_DOWN,
            what,
            to=MutateDue(claim(cause), NOW),
            latest=WillAssign(cause),
            leaves=free_claim,
        ),
        Move(
            f"{name}, again and again",
            HOLD_DOWN,
            what,
            given=five_free_claims,
            to=MutateDue(claim(paused), 110.0),
            latest=WillAssign(paused),
            leaves=free_claim,
        ),
    )


def _unread(cause: str, what: Happening) -> Move:
    return Move(
        "the last outcome is unknown",
        HOLD_DOWN,
        what,
        given=both(outcome_unknown, lambda a: a.split_brain.free_claims.take(0.0)),
        to=Verify(claim(cause), NOW, NOW),
        latest=WillRead(cause),
        leaves=free_claim if isinstance(what, HolderDown) else lambda _: None,
    )


MOVES = (
    Move(
        "ours",
        HOLD_DOWN,
        seen(US),
        to=Held(),
        says=ResourceConfirmed(*OF, BACK),
        latest=OursAlready(BACK),
        leaves=both(lambda a: a.split_brain.moved_by_others(NOW), confirmed),
    ),
    Move(
        "ours, by a read that may lag behind its loss",
        HOLD_DOWN,
        seen(US),
        given=lost_at(97.1),
        to=HOLD_DOWN,
    ),
    Move(
        "ours, and it was contested",
        HOLD_DOWN,
        seen(US),
        given=held_down,
        to=Held(),
        says=ResourceConfirmed(*OF, f"contested, but {BACK}"),
        latest=OursAlready(f"contested, but {BACK}"),
        leaves=both(lambda a: a.split_brain.moved_by_others(NOW), confirmed),
    ),
    *_free(FREE, seen(NOBODY), "nobody's"),
    Move(
        "nobody's for a moment, between two steps",
        HOLD_DOWN,
        seen(NOBODY),
        given=both(in_two_steps, lambda r: setattr(r, "holder_since_s", 95.1)),
        to=HOLD_DOWN,
    ),
    Move(
        "nobody's for longer than a move takes",
        HOLD_DOWN,
        seen(NOBODY),
        given=both(in_two_steps, lambda r: setattr(r, "holder_since_s", 95.0)),
        to=Verify(claim(FREE), NOW, NOW),
        latest=WillRead(FREE),
        leaves=free_claim,
    ),
    Move("as before", SUSPECT, seen(TWO), to=SUSPECT),
    Move(
        "a third one's, and nobody knew before",
        HOLD_DOWN,
        seen(THREE, before=Unknown("not read yet")),
        to=HOLD_DOWN,
    ),
    *(
        Move(
            f"a third one's, {before.suspect}",
            before,
            seen(THREE),
            given=contested,
            to=HoldDown(160.0, look_at_s=NOW, suspect=before.suspect),
            latest=TakenAgain(THREE, 60.0),
            leaves=both(lambda a: a.split_brain.moved_by_others(NOW), held_down),
            rng=LEAST,
        )
        for before in (HOLD_DOWN, SUSPECT)
    ),
    *(
        Move(
            f"a third one's while keepalived hangs, {before.suspect}",
            before,
            seen(THREE),
            to=HoldDown(NOW, look_at_s=NOW, suspect=before.suspect),
            latest=LeftWhileHung(THREE),
            leaves=both(
                lambda a: a.split_brain.moved_by_others(NOW),
                lambda a: setattr(a, "watch_until_s", NEVER),
            ),
        )
        for before in (HOLD_DOWN, SUSPECT)
    ),
    Move(
        "a claim",
        MutateDue(CLAIM, NOW),
        Hung(),
        to=HoldDown(NOW, look_at_s=NOW),
        latest=LeftWhileHung(TWO),
        leaves=lambda a: setattr(a, "watch_until_s", NEVER),
    ),
    Move(
        "over",
        HOLD_DOWN,
        HoldDownOver(),
        given=held_down,
        to=Verify(replace(claim("the hold-down is over"), rival=TWO), NOW, NOW),
        latest=WillRead("the hold-down is over"),
    ),
    Move(
        "over, and keepalived had hung",
        HOLD_DOWN,
        HoldDownOver(),
        to=Verify(claim("keepalived answers again"), NOW, NOW),
        latest=WillRead("keepalived answers again"),
    ),
    Move(
        "over, and nobody had it",
        HOLD_DOWN,
        HoldDownOver(),
        holder=NOBODY,
        to=Verify(claim("keepalived answers again"), NOW, NOW),
        latest=WillRead("keepalived answers again"),
    ),
    Move("asked", SUSPECT, HolderAsked(150.0), to=replace(SUSPECT, look_at_s=150.0)),
    *_free(OFF, HolderDown("off"), "off"),
    _unread(OFF, HolderDown("off")),
    Move(
        "the better master",
        SUSPECT,
        Hinted("a hint"),
        to=MutateDue(claim("a hint"), NOW),
        latest=WillAssign("a hint"),
    ),
    _unread("a hint", Hinted("a hint")),
)

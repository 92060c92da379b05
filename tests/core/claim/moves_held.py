"""The moves of `claim/rules.py` out of `Held` and `Recheck`."""

from collections.abc import Callable
from dataclasses import replace

from hakeeper.core.claim.happenings import Hinted
from hakeeper.core.claim.last_decision import TakenAgain, WillAssign, WillRead
from hakeeper.core.claim.resource import Resource
from hakeeper.core.claim.stages import Held, HoldDown, MutateDue, Recheck, Verify
from hakeeper.core.decisions.claims import ResourceDrifted, ResourceHeldDown
from hakeeper.core.observation import Holder
from tests.core.claim.moves import (
    NOBODY,
    NOW,
    OF,
    THREE,
    TWO,
    US,
    Move,
    both,
    claim,
    five_free_claims,
    free_claim,
    held_down,
    in_two_steps,
    lost,
    lost_at,
    lost_once,
    seen,
)


def _taken_from_two(done_s: float) -> Callable[[Resource], None]:
    def given(resource: Resource) -> None:
        resource.writes.taken_from, resource.writes.done_s = (TWO,), done_s

    return given


def _moved_in_two_steps(resource: Resource) -> None:
    resource.writes.taken_from, resource.writes.done_s = (TWO, NOBODY), 99.0


def _suspected(holder: Holder, done_s: float, after_s: float, due_at_s: float) -> Move:
    """A first read says that it is not ours; it was taken from server 2 by an assign done then."""
    return Move(
        f"{holder}, assigned at {done_s}",
        Held(),
        seen(holder, before=US),
        given=_taken_from_two(done_s),
        to=Recheck(after_s, due_at_s, suspect=True, since_s=NOW),
    )


DRIFTED, HINT = ResourceDrifted(*OF, TWO, "server 2"), Recheck(NOW, NOW, suspect=False)
LOST = Recheck(NOW, NOW, suspect=True)
DRIFT = WillAssign("drift")
READ_FIRST = WillRead("drift")
WAIT_S = 30.0 * (1.0 + 3 / 7)
HELD_DOWN = TakenAgain(TWO, WAIT_S)
MOVES = (
    Move("ours", Held(), seen(US), to=Held()),
    Move(
        "its holder before the first of two steps",
        Held(),
        seen(TWO, before=US),
        given=_moved_in_two_steps,
        to=Recheck(102.0, 102.0, suspect=True, since_s=NOW),
    ),
    _suspected(THREE, 99.0, NOW, 100.3),
    _suspected(NOBODY, 99.0, NOW, 100.3),
    _suspected(TWO, 99.0, 102.0, 102.0),
    _suspected(TWO, 97.25, 100.25, 100.3),
    _suspected(TWO, 96.0, NOW, 100.3),
    Move("too old", LOST, seen(TWO, asked_at_s=99.9), to=LOST),
    Move("ours after all", LOST, seen(US), to=Held()),
    Move("ours, as before the hint", HINT, seen(US), to=Held()),
    Move(
        "not ours, after a hint",
        HINT,
        seen(TWO, before=US),
        to=Recheck(NOW, 100.3, suspect=True, since_s=NOW),
    ),
    Move(
        "lost",
        LOST,
        seen(TWO),
        to=MutateDue(claim("drift"), NOW),
        says=DRIFTED,
        latest=DRIFT,
        leaves=lost,
    ),
    Move(
        "lost to nobody",
        LOST,
        seen(NOBODY),
        to=MutateDue(claim("drift"), NOW),
        says=ResourceDrifted(*OF, NOBODY, "nobody"),
        latest=DRIFT,
        leaves=both(lost_at(NOW), free_claim),
    ),
    Move(
        "nobody's for a moment, between two steps: looks soon, not all the time",
        replace(LOST, since_s=99.0),
        seen(NOBODY),
        given=in_two_steps,
        to=Recheck(NOW, 101.0, suspect=True, since_s=99.0),
    ),
    Move(
        "nobody's, and looks again when no move would take longer",
        replace(LOST, since_s=95.1),
        seen(NOBODY),
        given=in_two_steps,
        to=Recheck(NOW, 100.1, suspect=True, since_s=95.1),
    ),
    Move(
        "nobody's for longer than a move takes",
        replace(LOST, since_s=95.0),
        seen(NOBODY),
        given=in_two_steps,
        to=Verify(claim("drift"), NOW, NOW),
        says=ResourceDrifted(*OF, NOBODY, "nobody"),
        latest=READ_FIRST,
        leaves=both(lost_at(NOW), free_claim),
    ),
    Move(
        "another's, and it moves in two steps",
        replace(LOST, since_s=NOW),
        seen(TWO),
        given=in_two_steps,
        to=Verify(claim("drift"), NOW, NOW),
        says=DRIFTED,
        latest=READ_FIRST,
        leaves=lost,
    ),
    Move(
        "lost twice",
        LOST,
        seen(TWO),
        given=lost_once,
        to=HoldDown(NOW + WAIT_S, look_at_s=NOW, suspect=True),
        says=(DRIFTED, ResourceHeldDown(*OF, TWO, "server 2", WAIT_S)),
        latest=HELD_DOWN,
        leaves=both(lost, held_down),
    ),
    Move(
        "lost twice, and that is in the journal",
        LOST,
        seen(TWO),
        given=both(lost_once, lambda a: a.split_brain.is_news()),
        to=HoldDown(NOW + WAIT_S, look_at_s=NOW, suspect=True),
        says=DRIFTED,
        latest=HELD_DOWN,
        leaves=both(lost, held_down),
    ),
    Move(
        "lost twice by the better master",
        LOST,
        seen(TWO),
        given=both(lost_once, lambda a: a.split_brain.note_better_master(99.0)),
        to=MutateDue(claim("drift"), NOW),
        says=DRIFTED,
        latest=DRIFT,
        leaves=both(lost, free_claim),
    ),
    Move(
        "lost again and again by the better master",
        LOST,
        seen(TWO),
        given=both(lost_once, five_free_claims, lambda a: a.split_brain.note_better_master(99.0)),
        to=MutateDue(claim("drift, after a pause of 10 s"), 110.0),
        says=DRIFTED,
        latest=WillAssign("drift, after a pause of 10 s"),
        leaves=both(lost, free_claim),
    ),
    Move(
        "time to look",
        Held(),
        Hinted("a hint"),
        to=Recheck(NOW, NOW, suspect=False),
        leaves=lambda a: a.hints.looks(NOW),
    ),
    Move(
        "looked a moment ago",
        Held(),
        Hinted("a hint"),
        given=lambda a: a.hints.looks(99.0),
        to=Held(),
    ),
)

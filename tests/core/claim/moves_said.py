"""The moves of `claim/rules.py` when keepalived says MASTER, or does not any more."""

from dataclasses import replace

from hakeeper.core.claim.happenings import Demoted, Master, Returned
from hakeeper.core.claim.last_decision import LeftAlone, StillHeldDown, WillAssign, WillRead
from hakeeper.core.claim.stages import HoldDown, Idle, MutateDue, Stage, Verify
from hakeeper.core.decisions.claims import ClaimAbandoned
from hakeeper.core.observation import Holder
from tests.core.claim.moves import (
    EVERY_STAGE,
    HOLD_DOWN,
    NOBODY,
    NOW,
    OF,
    SUSPECT,
    TWO,
    Move,
    claim,
    dropped,
    moving,
    outcome_unknown,
)


def _begun(stage: Stage) -> tuple[Move, ...]:
    """Begin a claim in this stage, without anything of the one before."""
    begun, latest = claim("a line"), WillRead("a line")
    at_once = WillAssign("a line")
    send, read = Master("a line", read_first=False), Master("a line", read_first=True, pause_s=2.5)
    return (
        Move("at once", stage, send, to=MutateDue(begun, NOW), latest=at_once),
        Move(
            "after a pause",
            stage,
            replace(send, pause_s=2.5),
            to=MutateDue(begun, 102.5),
            latest=at_once,
        ),
        Move("with a read", stage, read, to=Verify(begun, NOW, 102.5), latest=latest),
        Move(
            "with a read, since it is being moved",
            stage,
            send,
            given=moving,
            to=Verify(begun, NOW, NOW),
            latest=latest,
        ),
        Move(
            "at once, since nothing is newer than a new master",
            stage,
            replace(send, is_edge=True),
            given=moving,
            to=MutateDue(replace(begun, is_edge=True), NOW),
            latest=at_once,
        ),
        Move(
            "with a read, since the last outcome is unknown",
            stage,
            send,
            given=outcome_unknown,
            to=Verify(begun, NOW, NOW),
            latest=latest,
        ),
    )


def _stopped(stage: Stage) -> tuple[Move, ...]:
    """End what is pursued in this stage; of a hold-down the rest is remembered."""
    pursued = hasattr(stage, "claim")
    says = ClaimAbandoned(*OF, "a reason") if pursued else ()
    rest = HOLD_DOWN if stage in (HOLD_DOWN, Idle(HOLD_DOWN)) else None
    latest = LeftAlone("a reason")
    return (
        Move(
            "demoted",
            stage,
            Demoted("a reason"),
            to=Idle(rest),
            says=says,
            latest=latest,
            leaves=dropped,
        ),
        Move(
            "another term",
            stage,
            Demoted("a reason", new_term=True),
            to=Idle(),
            says=says,
            latest=latest,
            leaves=dropped,
        ),
    )


def _returned(name: str, hold_down: HoldDown | None, holder: Holder, to: Stage | None) -> Move:
    """MASTER counts again; `to`: None if a claim begins."""
    return Move(
        name,
        Idle(hold_down),
        Returned("back"),
        holder=holder,
        to=Verify(claim("back"), NOW, NOW) if to is None else to,
        latest=WillRead("back") if to is None else StillHeldDown("back", TWO),
    )


MOVES = (
    *(move for stage in EVERY_STAGE for move in _begun(stage)),
    *(move for stage in EVERY_STAGE for move in _stopped(stage)),
    _returned("without a hold-down", None, TWO, None),
    _returned("in a hold-down", SUSPECT, TWO, HOLD_DOWN),
    _returned("at its end", replace(HOLD_DOWN, until_s=NOW), TWO, None),
    _returned("in a hold-down, but nobody has it", HOLD_DOWN, NOBODY, None),
)

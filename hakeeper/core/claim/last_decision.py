"""What was decided last for a resource, typed and without a sentence, for `hakeeper status`.

Unlike those of `decisions/`, these are no entries of the journal: each takes the place of
the one before. `cause`: what the claim at hand began with. `who`: a holder, whose name may be
learnt later than the decision is taken.
"""

from dataclasses import dataclass
from typing import TypeAlias

from hakeeper.core.observation import Holder


@dataclass(frozen=True, slots=True)
class WillRead:
    """The holder is to be read first."""

    cause: str


@dataclass(frozen=True, slots=True)
class WillAssign:
    """It is to be assigned to this server."""

    cause: str


@dataclass(frozen=True, slots=True)
class AssignSent:
    """The assign is in flight."""

    cause: str


@dataclass(frozen=True, slots=True)
class ActionRuns:
    """The assign was accepted; its action runs."""

    cause: str


@dataclass(frozen=True, slots=True)
class WillReadBack:
    """The assign is done; a read must show it."""

    cause: str


@dataclass(frozen=True, slots=True)
class OursAlready:
    """A read shows it as ours, and nothing was sent."""

    cause: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """The assign is done, and a read shows it."""

    cause: str


@dataclass(frozen=True, slots=True)
class NotShown:
    """The assign succeeded, but reads still name `who`: it is sent again."""

    cause: str
    who: Holder


@dataclass(frozen=True, slots=True)
class Retrying:
    """A step failed with this code; it is tried again."""

    cause: str
    code: str


@dataclass(frozen=True, slots=True)
class StillHeldDown:
    """`who` keeps it: the hold-down goes on."""

    cause: str
    who: Holder


@dataclass(frozen=True, slots=True)
class TakenAgain:
    """`who` took it again and again: a hold-down of so many seconds begins."""

    who: Holder
    wait_s: float


@dataclass(frozen=True, slots=True)
class LeftWhileHung:
    """`who` keeps it, since keepalived hangs here."""

    who: Holder


@dataclass(frozen=True, slots=True)
class LeftWhilePaused:
    """It is due, and waits for the end of the pause."""

    cause: str


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """Nothing is claimed here."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotInProject:
    """There is none of this name; `noun` is that of its kind."""

    noun: str
    name: str


LastDecision: TypeAlias = (
    WillRead
    | WillAssign
    | AssignSent
    | ActionRuns
    | WillReadBack
    | OursAlready
    | Claimed
    | NotShown
    | Retrying
    | StillHeldDown
    | TakenAgain
    | LeftWhileHung
    | LeftWhilePaused
    | LeftAlone
    | NotInProject
)


def holder_in(decision: LastDecision | None) -> Holder | None:
    """Return the holder that a decision names; None: it names none."""
    match decision:
        case NotShown() | StillHeldDown() | TakenAgain() | LeftWhileHung():
            return decision.who
        case _:
            return None

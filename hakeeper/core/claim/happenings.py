"""What can happen to a claim: the rows of the claim table."""

from dataclasses import dataclass
from typing import TypeAlias

from hakeeper.core.calls import Failure, Step
from hakeeper.core.model import Action, Pause
from hakeeper.core.observation import Holder


@dataclass(frozen=True, slots=True)
class Master:
    """MASTER counts from now on, or somebody wants it claimed anew.

    `is_edge`: keepalived says so for the first time, and so this is newer than all that is under
    way.
    """

    cause: str
    read_first: bool
    pause_s: float = 0.0
    is_edge: bool = False


@dataclass(frozen=True, slots=True)
class Returned:
    """MASTER counts again: keepalived is not isolated any more."""

    cause: str


@dataclass(frozen=True, slots=True)
class Demoted:
    """MASTER does not count any more; `new_term`: it is another MASTER than before."""

    reason: str
    new_term: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """A read shows the holder; it was begun at `asked_at_s`. `before`: the holder until now."""

    holder: Holder
    before: Holder
    asked_at_s: float


@dataclass(frozen=True, slots=True)
class Hinted:
    """keepalived says something that may mean that the holder changed, though the role did not."""

    cause: str


@dataclass(frozen=True, slots=True)
class Sending:
    """A step goes out."""

    step: Step


@dataclass(frozen=True, slots=True)
class Accepted:
    """It was accepted. `action` None: this API answers when the work is done."""

    action: Action | None
    sent_s: float | None


@dataclass(frozen=True, slots=True)
class Failed:
    """The assign failed. Not `reported`: it is expected, and no news for people."""

    failure: Failure
    sent_s: float | None = None
    reported: bool = True


@dataclass(frozen=True, slots=True)
class LostTrack:
    """The outcome of an assign, be it one of an older term, is unknown, or what was read is old.

    A read is to tell, after a pause.
    """

    pause_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ActionSeen:
    """The state of our action was read; it was asked for at `asked_at_s`, if it was."""

    action: Action
    asked_at_s: float | None = None


@dataclass(frozen=True, slots=True)
class ActionUnread:
    """It could not be read."""


@dataclass(frozen=True, slots=True)
class Awaited:
    """Something that nobody has waits for the end of our action."""


@dataclass(frozen=True, slots=True)
class ActionLost:
    """It runs for too long, or the API no longer knows it."""


@dataclass(frozen=True, slots=True)
class ApiWorks:
    """The API works again: the pause that was meant for its failure need not be sat out."""


@dataclass(frozen=True, slots=True)
class Moving:
    """A read shows that it is just being moved, by whomever: who has it is not settled yet."""


@dataclass(frozen=True, slots=True)
class NotFound:
    """The list of all resources does not have it."""


@dataclass(frozen=True, slots=True)
class Hung:
    """keepalived hangs: the holder keeps it until there is a sign of life."""


@dataclass(frozen=True, slots=True)
class Halted:
    """A step is due, and hakeeper is paused."""

    pause: Pause


@dataclass(frozen=True, slots=True)
class HoldDownOver:
    """The time of the hold-down has passed."""


@dataclass(frozen=True, slots=True)
class HolderAsked:
    """The API is asked whether the holder's server runs; it is asked again at `again_at_s`."""

    again_at_s: float


@dataclass(frozen=True, slots=True)
class HolderDown:
    """The holder's server does not run: its `status` says so."""

    status: str


Happening: TypeAlias = (
    Master
    | Returned
    | Demoted
    | Seen
    | Hinted
    | Sending
    | Accepted
    | Failed
    | LostTrack
    | ActionSeen
    | ActionUnread
    | Awaited
    | ActionLost
    | ApiWorks
    | Moving
    | NotFound
    | Hung
    | Halted
    | HoldDownOver
    | HolderAsked
    | HolderDown
)

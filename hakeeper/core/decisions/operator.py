"""What the journal hears of operators' requests: a pause, a step-down, a take by hand."""

from dataclasses import dataclass

from hakeeper.core.decisions.base import OfResource
from hakeeper.core.model import Pause, StepDown, StepDownEnd
from hakeeper.core.observation import Holder


@dataclass(frozen=True, slots=True)
class PauseBegun:
    """A pause is in force, for so many seconds yet. `kept`: it was when this run began."""

    pause: Pause
    left_s: float
    kept: bool


@dataclass(frozen=True, slots=True)
class PauseEnded:
    """Somebody ended it before its time; see `Pause` for who."""

    pause: Pause
    by: str
    user_id: int
    lasted_s: float


@dataclass(frozen=True, slots=True)
class PauseExpired:
    """Its time is over; perhaps since before this run began."""

    pause: Pause


@dataclass(frozen=True, slots=True)
class ClaimPaused(OfResource):
    """A step is due, and is not taken because of the pause; once for each claim."""

    holder: Holder
    holder_name: str
    cause: str
    pause: Pause


@dataclass(frozen=True, slots=True)
class StepDownBegun:
    """A step-down is in force, for so many seconds yet. `kept`: it was when this run began."""

    step_down: StepDown
    left_s: float
    kept: bool


@dataclass(frozen=True, slots=True)
class StepDownDone:
    """Other servers have all addresses; the step-down knows how long that took."""

    step_down: StepDown


@dataclass(frozen=True, slots=True)
class StepDownProlonged:
    """Somebody asked for another end of it, so many seconds from now."""

    step_down: StepDown
    left_s: float


@dataclass(frozen=True, slots=True)
class StepDownOvertaken:
    """This server is MASTER again, though it stepped down: no better node is left."""

    step_down: StepDown


@dataclass(frozen=True, slots=True)
class SteppedUp:
    """Somebody ended it before its time; see `StepDown` for who."""

    step_down: StepDown
    by: str
    user_id: int
    lasted_s: float


@dataclass(frozen=True, slots=True)
class StepDownExpired:
    """Its time is over; perhaps since before this run began."""

    step_down: StepDown


@dataclass(frozen=True, slots=True)
class StepDownFailed:
    """It was taken back after so many seconds; `end` says why."""

    step_down: StepDown
    end: StepDownEnd
    lasted_s: float


@dataclass(frozen=True, slots=True)
class TakeBegun(OfResource):
    """An operator wants it claimed without waiting; see `Pause` for who."""

    holder: Holder
    holder_name: str
    by: str
    user_id: int

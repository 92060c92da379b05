"""What the journal hears of a pause; see `decision.py`."""

from dataclasses import dataclass

from hakeeper.core.decisions.base import OfResource
from hakeeper.core.model import Pause
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

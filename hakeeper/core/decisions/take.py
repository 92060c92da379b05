"""What the journal hears of a take by hand; see `decision.py`."""

from dataclasses import dataclass

from hakeeper.core.decisions.base import OfResource
from hakeeper.core.observation import Holder


@dataclass(frozen=True, slots=True)
class TakeBegun(OfResource):
    """An operator wants it claimed without waiting; see `Pause` for who."""

    holder: Holder
    holder_name: str
    by: str
    user_id: int

"""The story of a world, as far as hakeeper tells it."""

from collections.abc import Callable, Iterable

from hakeeper.adapters.journal.wording import entry_of
from hakeeper.core.calls import CallResult, Failure
from hakeeper.core.events import Effect, Event, KeepalivedGone, LinesLost, Report


def narrate(
    tell: Callable[[str], None], node: int, events: Iterable[Event], effects: tuple[Effect, ...]
) -> None:
    """Tell what one hakeeper heard and said."""
    where = f"node {node + 1}: "
    for event in events:
        if isinstance(event, CallResult) and isinstance(event.outcome, Failure):
            tell(f"{where}call {event.call_id} failed: {event.outcome.code}")
        elif isinstance(event, KeepalivedGone | LinesLost):
            tell(f"{where}hakeeper hears: {event}")
    for effect in effects:
        if isinstance(effect, Report):
            entry = entry_of(effect)
            tell(f"{where}hakeeper: {entry.event}: {entry.message}")

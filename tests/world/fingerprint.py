"""One number for all that happened in a world: the same on every machine and in every process."""

from struct import Struct
from typing import get_args
from zlib import crc32

from hakeeper.core.calls import Request
from hakeeper.core.events import (
    Event,
    Paused,
    Report,
    Resumed,
    StartCall,
    StepDownAsked,
    StepUpAsked,
    Taken,
)
from hakeeper.simulate.node import Node
from hakeeper.simulate.observer import Batch, Observer

_MARK = Struct("<HdHQ").pack
_LATER = (Paused, Resumed, StepDownAsked, StepUpAsked, Taken)
"""Events that came when worlds had numbers already."""
_FIRST = (each for each in get_args(Event) if each not in _LATER)
_NUMBERS = {e: i for i, e in enumerate((type(None), *_FIRST, *get_args(Request), *_LATER))}


class Fingerprint(Observer):
    """The number, as it grows."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.digest = 0

    def took_in(self, node: Node, event: Event, reports: tuple[Report, ...]) -> None:
        """Add an event, and how much was reported of it."""
        self._mix(node, node.clock(), event, len(reports))

    def handled(self, node: Node, batch: Batch) -> None:
        """Add the end of a batch, how much came of it, and the calls that are begun."""
        self._mix(node, batch.at_s, None, len(batch.effects))
        for effect in batch.effects:
            if isinstance(effect, StartCall):
                self._mix(node, batch.at_s, effect.request, effect.call_id)

    def _mix(self, node: Node, now: float, what: Event | Request | None, number: int) -> None:
        self.digest = crc32(_MARK(node.index, now, _NUMBERS[type(what)], number), self.digest)

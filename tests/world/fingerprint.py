"""One number for all that happened in a world: the same on every machine and in every process."""

from struct import Struct
from typing import get_args
from zlib import crc32

from hakeeper.core.calls import Request
from hakeeper.core.events import Event

_MARK = Struct("<HdHQ").pack
_NUMBERS = {each: i for i, each in enumerate((type(None), *get_args(Event), *get_args(Request)))}


class Fingerprint:
    """The number, as it grows."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.digest = 0

    def mix(self, node: int, now: float, what: Event | Request | None, number: int) -> None:
        """Add an event that was taken in, a request that was made, or the end of a batch.

        And a number that goes with it.
        """
        self.digest = crc32(_MARK(node, now, _NUMBERS[type(what)], number), self.digest)

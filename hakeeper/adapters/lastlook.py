"""The last look before an assign's first byte: may what was decided then still be sent?

Between the decision and the first byte a worker may have to connect, or wait for its turn, or the
process or the whole machine may stand still. Lines of keepalived that came meanwhile must be heard
first; and after a standstill nothing that was decided before it counts, whether lines came or not.
"""

import time
from collections.abc import Callable
from typing import Protocol

LATE_S = 0.02
"""What leaves within this time of its decision is not looked at again."""
STILL_S = 1.5
"""The loop turns every second; one that has not for so long stood still, or is held up."""


def boottime_s() -> float:
    """Return seconds by the clock that goes on while the machine is suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Lines(Protocol):
    """The FIFO, as far as other threads may look at it."""

    def has_news(self) -> bool:
        """Say whether lines wait that nobody has looked at."""

    def has_waiting(self) -> bool:
        """Say whether lines wait that are not acted upon and written down."""


class LastLook:
    """Knows when the loop last turned; asked by the workers that are about to send."""

    def __init__(self, lines: Lines, clock: Callable[[], float] = boottime_s) -> None:
        """Look at these lines; `lines` may be replaced."""
        self.lines = lines
        self._clock = clock
        self._stood_still_at_s = float("-inf")
        self.turned_at_s = clock()
        """When the turn of now began: what is decided in it is as old as this."""

    def turn(self) -> None:
        """Note that the loop begins a turn: it is about to hear what waits."""
        now = self._clock()
        if now - self.turned_at_s > STILL_S:
            self._stood_still_at_s = now
        self.turned_at_s = now

    def objection(self, decided_at_s: float) -> str | None:
        """Say why what was decided in the turn that began then may not be sent; from any thread."""
        now = self._clock()
        if now - decided_at_s <= LATE_S:
            return None
        turned_at_s = self.turned_at_s
        if now - turned_at_s > STILL_S or decided_at_s < self._stood_still_at_s:
            return "the process or the machine stood still after it was decided"
        try:
            # In the turn of the decision itself, the lines that led to it are still there.
            is_of_this_turn = decided_at_s >= turned_at_s
            waits = self.lines.has_news() if is_of_this_turn else self.lines.has_waiting()
        except OSError:  # closed at this very moment, for another one
            waits = True
        return "lines came after it was decided" if waits else None

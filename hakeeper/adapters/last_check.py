"""The last check before the first byte of an assign: is its decision still current?

Between the decision and the first byte, a worker may have to connect or to wait, or the process or
the whole machine may be suspended. Lines that keepalived wrote meanwhile must be handled first.
After a suspension every earlier decision is outdated, whether lines came or not.
"""

import time
from collections.abc import Callable
from typing import Protocol

LATE_S = 0.02
"""An assign that leaves within this time of its decision is not checked again."""
STILL_S = 1.5
"""The loop turns every second; if it takes longer than this, it was suspended or blocked."""


def boottime_s() -> float:
    """Return the time of the clock that also runs while the machine is suspended, in seconds."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Lines(Protocol):
    """The parts of the FIFO that other threads may use."""

    def has_news(self) -> bool:
        """Say whether lines wait that the loop has not read."""

    def has_waiting(self) -> bool:
        """Say whether lines wait whose consequences are not saved yet."""


class LastCheck:
    """Knows when the loop last turned; workers ask it right before they send."""

    def __init__(self, lines: Lines, clock: Callable[[], float] = boottime_s) -> None:
        self._lines = lines
        self._clock = clock
        self._suspended_until_s = float("-inf")
        self.turned_at_s = clock()
        """When the current turn began, which is the time of all decisions in it."""

    def turn(self) -> None:
        """Note that the loop begins a turn, in which it reads the lines that wait."""
        now = self._clock()
        if now - self.turned_at_s > STILL_S:
            self._suspended_until_s = now
        self.turned_at_s = now

    def objection(self, decided_at_s: float) -> str | None:
        """Say why a decision from the turn that began then is outdated, else None; any thread."""
        now = self._clock()
        if now - decided_at_s <= LATE_S:
            return None
        turned_at_s = self.turned_at_s
        if now - turned_at_s > STILL_S or decided_at_s < self._suspended_until_s:
            return "the process or the machine was suspended after the decision"
        try:
            # During the turn of the decision, the lines that led to it are still in the pipe.
            is_of_this_turn = decided_at_s >= turned_at_s
            waits = self._lines.has_news() if is_of_this_turn else self._lines.has_waiting()
            if not waits and self.turned_at_s != turned_at_s:
                # The loop began another turn meanwhile: what it has read is not acted upon yet.
                waits = self._lines.has_waiting()
        except OSError:  # it is just being closed and replaced
            waits = True
        return "keepalived wrote lines after the decision" if waits else None

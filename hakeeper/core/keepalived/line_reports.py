"""What the journal hears of lines that are bad or lost: a few of them, and the number of the rest.

A count that was held back is reported when its time is over, even if no other line comes.
"""

from dataclasses import dataclass

from hakeeper.core.decisions.decision import Decision
from hakeeper.core.decisions.keepalived import FifoOverflowed, LineRejected, LinesRejected
from hakeeper.core.events import LinesRead
from hakeeper.core.model import NEVER

SHOWN = 5
"""How many bad lines of one batch are shown; the rest is counted."""
GAP_S = 10.0
"""Between two batches whose bad lines are shown, and between two overflows that are reported."""


@dataclass(slots=True)
class _Count:
    """What was not reported yet, and when the last was."""

    reported_at_s: float = NEVER
    unreported: int = 0

    def is_due(self, now: float) -> bool:
        return now - self.reported_at_s >= GAP_S

    def take(self, now: float) -> int:
        self.reported_at_s, unreported, self.unreported = now, self.unreported, 0
        return unreported

    def next_at_s(self) -> float:
        return self.reported_at_s + GAP_S if self.unreported else float("inf")


class LineReports:
    """The counts of one run."""

    def __init__(self) -> None:
        """Begin with nothing to report."""
        self._bad = _Count()
        self._lost = _Count()
        self._why_lost = ""

    def bad(self, event: LinesRead, now: float) -> list[Decision]:
        """Count the bad lines of a batch; return what to report now."""
        count = len(event.bad_lines) + event.more_bad_lines
        self._bad.unreported += count
        if count == 0 or not self._bad.is_due(now):
            return []
        shown = event.bad_lines[:SHOWN]
        self._bad.unreported -= len(shown)
        return [*map(LineRejected, shown), *self._report_bad(now)]

    def lost(self, reason: str, now: float) -> list[Decision]:
        """Count an overflow; return what to report now."""
        self._lost.unreported += 1
        self._why_lost = reason
        return self._report_lost(now) if self._lost.is_due(now) else []

    def overdue(self, now: float) -> list[Decision]:
        """Return what was held back, once its time is over."""
        found: list[Decision] = []
        if self._bad.next_at_s() <= now:
            found += self._report_bad(now)
        if self._lost.next_at_s() <= now:
            found += self._report_lost(now)
        return found

    def next_at_s(self) -> float:
        """Return when something is overdue; infinity if nothing is held back."""
        return min(self._bad.next_at_s(), self._lost.next_at_s())

    def _report_bad(self, now: float) -> list[Decision]:
        count = self._bad.take(now)
        return [LinesRejected(count)] if count else []

    def _report_lost(self, now: float) -> list[Decision]:
        return [FifoOverflowed(self._why_lost, self._lost.take(now))]

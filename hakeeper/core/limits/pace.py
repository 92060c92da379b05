"""How fast things may come: so many at once and then one in each span, or ever more slowly."""

from dataclasses import dataclass

from hakeeper.core.model import NEVER


@dataclass(slots=True, kw_only=True)
class Pace:
    """A token bucket of `burst` that gains one in `every_s`; full at first."""

    every_s: float
    burst: int
    next_s: float = NEVER
    """When the next one would be due, had all of them been evenly spread."""

    def due_s(self, now: float) -> float:
        """Return when the next one may go; not later than `now` if it may go at once."""
        return max(self.next_s, now - (self.burst - 1) * self.every_s)

    def take(self, now: float) -> float:
        """Take the next one; return how long it has to wait."""
        due_s = self.due_s(now)
        self.next_s = due_s + self.every_s
        return max(0.0, due_s - now)

    def takes(self, now: float) -> bool:
        """Take the next one if it may go at once; say whether it may."""
        if self.due_s(now) > now:
            return False
        self.take(now)
        return True


def doubled(gap_s: float, within_s: tuple[float, float]) -> float:
    """Return the gap after this one: twice as long, from the first figure up to the second."""
    first_s, longest_s = within_s
    return min(longest_s, max(first_s, gap_s * 2))


LOOK_S = (2.0, 10.0)
"""Looks that the same thing asks for again and again are this far apart: the first figure, doubled
each time, up to the second. MASTER_RX_LOWER_PRI repeats with every advert of the lesser master."""
LULL_S = 60.0
"""So long without being asked, and the next time counts as the first."""


@dataclass(slots=True)
class Hints:
    """The hints of one instance that the holder may have changed, and the looks they led to."""

    hinted_at_s: float = NEVER
    looked_at_s: float = NEVER
    gap_s: float = 0.0

    def hint(self, now: float) -> None:
        """Take a hint in."""
        if now - self.hinted_at_s > LULL_S:
            self.gap_s = 0.0
        self.hinted_at_s = now

    def looks(self, now: float) -> bool:
        """Take a look if it is time for one; say whether it is."""
        if now < self.looked_at_s + self.gap_s:
            return False
        self.looked_at_s = now
        self.gap_s = doubled(self.gap_s, LOOK_S)
        return True


@dataclass(slots=True)
class Returns:
    """The looks at the holder for a MASTER that no line said.

    A FIFO that overflows without end makes one of every answer of D-Bus.
    """

    at_s: float = NEVER
    """The last look, be it still to come."""
    gap_s: float = 0.0

    def pause_s(self, now: float) -> float:
        """Take a look; return how long it has to wait."""
        if self.at_s > now:
            return self.at_s - now  # that one is still to come
        if now - self.at_s > LULL_S:
            self.gap_s = 0.0
        self.at_s = max(now, self.at_s + self.gap_s)
        self.gap_s = doubled(self.gap_s, LOOK_S)
        return self.at_s - now

"""How fast things may come: so many at once and then one in each span, or ever more slowly."""

from dataclasses import dataclass


@dataclass(slots=True, kw_only=True)
class Pace:
    """A token bucket of `burst` that gains one in `every_s`; full at first."""

    every_s: float
    burst: int
    next_s: float = float("-inf")
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

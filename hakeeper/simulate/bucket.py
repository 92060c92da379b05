"""What an API grants in an hour: a bucket that is full at first, and refills evenly."""

from hakeeper.simulate.agenda import Agenda

SCARCE = 0.15
"""The part of the quota under which nodes may read less often: theirs is a tenth, seen late."""


class Bucket:
    """The requests that may be made by now."""

    def __init__(self, limit_per_hour: int, agenda: Agenda) -> None:
        """Begin with all of an hour."""
        self.limit = float(limit_per_hour)
        self.tokens = self.limit
        self._agenda = agenda
        self._at_s = agenda.now

    def take(self, count: int) -> int:
        """Take so many; return how many there were, at most so many."""
        self._refill()
        taken = min(count, int(self.tokens)) if self.tokens < count else count
        self.tokens -= taken
        return taken

    def eat(self, share: float) -> None:
        """Let another tool use up this share of what is left."""
        self._refill()
        self.tokens *= 1.0 - share

    def fill(self, tokens: float) -> None:
        """Let so much be left of it."""
        self.tokens, self._at_s = tokens, self._agenda.now

    def is_scarce(self) -> bool:
        """Say whether little is left."""
        left = self.tokens + (self._agenda.now - self._at_s) * self.limit / 3600.0
        return left < SCARCE * self.limit

    def _refill(self) -> None:
        now = self._agenda.now
        self.tokens = min(self.limit, self.tokens + (now - self._at_s) * self.limit / 3600.0)
        self._at_s = now

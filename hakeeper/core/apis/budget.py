"""What this node may spend: half of the project's hourly quota, failures and flapping included.

A token bucket. It holds `BURST` of that half and refills by the rest in an hour, so no hour sees
more than the half. Each use may draw it down to its own floor and no further: what was refused may
only spend the top of it, and the first claim of a new MASTER edge all of it.
"""

import enum
from dataclasses import dataclass, field

from hakeeper.core.model import NEVER

SHARE = 0.5
"""The part of the project's quota that one node may spend: the other node has the other half."""
USUAL_LIMIT_PER_HOUR = 3600
"""What an API grants, until it says otherwise."""
BURST = 4 / 9
"""The part of an hour's budget that may be spent at once; the rest flows in."""
IDLE_SHARE = 0.6
"""The part of what flows in that reading takes, however many pages a list has; the rest is for one
retry after another, so that a list of many pages does not keep them waiting."""
_LIMITS = (40, 10**9)
"""Limits outside of these are taken for the nearest one."""
_ROUNDING = 1e-6
"""So much less than needed is enough: time is a float."""


class Use(enum.Enum):
    """What a call is for; the value is the part of the full bucket that it leaves untouched."""

    EDGE = 0.0
    """The first claim of a new MASTER edge; reading at its intervals, which never empties it."""
    CLAIM = 3 / 8
    """A claim that was not refused yet, or while others come through; finding out who we are."""
    ACCEPTED = 1 / 2
    """What was refused and is accepted at last: if it comes to its end, so may all others."""
    RETRY = 3 / 4
    """What was refused, what follows from a role that flaps, closer looks."""


@dataclass(slots=True)
class Turn:
    """Whose the retry that flows in is, while its step waits for a read."""

    owner: object = None
    until_s: float = NEVER

    def begin(self, owner: object, until_s: float) -> None:
        """It is this one's until then."""
        self.owner, self.until_s = owner, until_s

    def end(self, owner: object) -> None:
        """It has taken its step, if it was this one's."""
        if self.owner is owner:
            self.owner, self.until_s = None, NEVER

    def taken_until_s(self, by: object) -> float:
        """Return from when on it may be that of this one, or None's for no claim at all."""
        return NEVER if self.owner is by else self.until_s


@dataclass(slots=True)
class Budget:
    """The bucket of one node."""

    limit_per_hour: int = USUAL_LIMIT_PER_HOUR
    """Of the whole project."""
    kept_per_hour: int = 0
    """Of these, so many are only for the claims of new MASTER edges."""
    spent: float = 0.0
    """How far the bucket is from full, at `at_s`."""
    at_s: float = 0.0
    retry_from_s: float = NEVER
    """When the next retry may go in any case, out of what flows in."""
    turn: Turn = field(default_factory=Turn)
    """Whose that one is."""

    @property
    def full(self) -> float:
        """Return how many calls the full bucket holds."""
        return self.limit_per_hour * SHARE * BURST

    @property
    def per_second(self) -> float:
        """Return how many calls flow in each second."""
        return self.limit_per_hour * SHARE * (1.0 - BURST) / 3600.0

    @property
    def retry_every_s(self) -> float:
        """Return the time between two retries that live on what flows in."""
        return 1.0 / ((1.0 - IDLE_SHARE) * self.per_second)

    def reading_gap_s(self, pages: int) -> float:
        """Return the least time between two readings of a list of so many pages."""
        return pages / (IDLE_SHARE * self.per_second)

    def left(self, now: float) -> float:
        """Return how many calls the bucket holds."""
        flown_in = max(0.0, now - self.at_s) * self.per_second
        return self.full - max(0.0, self.spent - flown_in)

    def note_limit(self, limit_per_hour: int, now: float) -> None:
        """Hear what the API grants: as much of the new bucket is spent as of the old one."""
        least, most = _LIMITS
        limit_per_hour = min(most, max(least, limit_per_hour))
        if limit_per_hour == self.limit_per_hour:
            return
        gone = 1.0 - self.left(now) / self.full
        self.limit_per_hour, self.at_s = limit_per_hour, now
        self.spent = gone * self.full

    def from_s(
        self,
        use: Use,
        now: float,
        spare: int = 0,
        ahead: int = 0,
        taken_until_s: float = NEVER,
    ) -> float:
        """Return from when on a call may go; not later than `now` if it may go at once.

        `spare`: so many calls at least are to be left, since this one makes others needful.
        `ahead`: it may not go before so many other calls for the same use could go as well.
        `taken_until_s`: the retry that flows in is another's until then.
        """
        from_s = self._filled_s(use, now, spare, ahead)
        if use in (Use.RETRY, Use.ACCEPTED):
            filled_s = self._filled_s(Use.CLAIM, now, ahead=ahead)
            from_s = min(from_s, max(self.retry_from_s, filled_s, taken_until_s))
        return from_s

    def _filled_s(self, use: Use, now: float, spare: int = 0, ahead: int = 0) -> float:
        kept = 0.0 if use is Use.EDGE else self.kept_per_hour * SHARE
        floor = kept or use.value * self.full
        needed = min(self.full, 1 + ahead + max(spare, floor))
        lacking = needed - self.left(now)
        return now if lacking <= _ROUNDING else now + lacking / self.per_second

    def holds(self, use: Use, now: float) -> bool:
        """Say whether it holds a call for this, without what flows in."""
        return self._filled_s(use, now) <= now

    def is_low(self, now: float) -> bool:
        """Say whether retries live on what flows in."""
        return not self.holds(Use.RETRY, now)

    def is_half_spent(self, now: float) -> bool:
        """Say whether what can be done with fewer calls should be."""
        return not self.holds(Use.ACCEPTED, now)

    def allows(self, use: Use, now: float) -> bool:
        """Say whether a call for this may go now."""
        return self.from_s(use, now) <= now

    def spend(self, now: float, cost: int = 1, *, reading: bool = False) -> None:
        """Take a call out of the bucket; `reading`: a list."""
        self.spent = self.full - self.left(now) + cost
        self.at_s = now
        if not reading:
            self.retry_from_s = now + self.retry_every_s

"""A bound on the journal: so many entries of one kind about one thing, and then only some.

A role that flaps twenty times a second must not fill the disk. As soon as there is room again, the
newest entry that was held back is reported, with the number of the others.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from hakeeper.core.decisions.base import OfResource, OfVrrp
from hakeeper.core.decisions.decision import Decision
from hakeeper.core.events import Report
from hakeeper.core.limits.pace import Pace
from hakeeper.core.model import VrrpId

BURST = 60
"""So many entries of one kind about one thing at once."""
EVERY_S = 5.0
"""And one more in this time."""
KEYS_LIMIT = 4096
"""Far more than an hour of trouble has; those that are not needed any more are forgotten."""

_Key: TypeAlias = tuple[type[Decision], VrrpId | None, str]


@dataclass(slots=True, kw_only=True)
class _Bucket(Pace):
    """The pace of one kind about one thing, and what it held back."""

    newest: Decision | None = None
    held: int = 0


class Throttle:
    """The buckets of one run."""

    def __init__(self) -> None:
        """Begin with room for all."""
        self._buckets: dict[_Key, _Bucket] = {}
        self._next_at_s = float("inf")

    def passed(self, decisions: Iterable[Decision], now: float) -> list[Report]:
        """Return those that may be reported now, after those that were held back and now may."""
        found = self._released(now)
        for decision in decisions:
            bucket = self._bucket(decision, now)
            if bucket.takes(now):
                found.append(Report(decision, bucket.held))
                bucket.newest, bucket.held = None, 0
            else:
                bucket.held += bucket.newest is not None
                bucket.newest = decision
                self._next_at_s = min(self._next_at_s, bucket.next_s)
        return found

    def next_at_s(self) -> float:
        """Return when something that was held back may be reported; infinity if nothing was."""
        return self._next_at_s

    def _bucket(self, decision: Decision, now: float) -> _Bucket:
        key = _about(decision)
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= KEYS_LIMIT:
                self._buckets = {k: b for k, b in self._buckets.items() if b.next_s > now}
            bucket = self._buckets[key] = _Bucket(every_s=EVERY_S, burst=BURST)
        return bucket

    def _released(self, now: float) -> list[Report]:
        if now < self._next_at_s:
            return []
        found: list[Report] = []
        self._next_at_s = float("inf")
        for bucket in self._buckets.values():
            if bucket.newest is None:
                continue
            if bucket.takes(now):
                found.append(Report(bucket.newest, bucket.held))
                bucket.newest, bucket.held = None, 0
            else:
                self._next_at_s = min(self._next_at_s, bucket.next_s)
        return found


def _about(decision: Decision) -> _Key:
    match decision:
        case OfResource(vrrp, label):
            return type(decision), vrrp, label
        case OfVrrp(vrrp):
            return type(decision), vrrp, ""
        case _:
            return type(decision), None, ""

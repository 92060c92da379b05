"""The health of the API as seen from here: failing since when, throttled, quota, lanes."""

from dataclasses import dataclass, field
from random import Random

from hakeeper.core.backoff import THROTTLE
from hakeeper.core.calls import Failure, FailureKind, Quota

LANES = 8
"""The most assigns in flight at once, over all addresses."""
RESERVE = 0.1
"""The part of the hourly quota that idle reading leaves to failovers and other tools."""
LONGEST_WAIT_S = 30.0
"""The longest that a 429 can make us wait, whatever it asks for."""


@dataclass(slots=True)
class Api:
    """What we know of the API, apart from its data."""

    failure: Failure | None = None
    """The failure that persists; None while the last call was answered."""
    failing_since_s: float = 0.0
    answered_at_s: float | None = None
    held_until_s: float = float("-inf")
    throttled: int = 0
    quota: Quota | None = None
    quota_at_s: float = 0.0
    lanes: int = LANES
    latency_s: float | None = None
    reported: set[tuple[str, str]] = field(default_factory=set)
    """What is in the journal since the last answer: kinds of event with codes of failures."""

    def answered(self, now: float) -> float | None:
        """Note an answer; return how long the API had been failing, None if it had not."""
        self.answered_at_s = now
        self.throttled = 0
        failing, self.failure = self.failure, None
        self.reported.clear()
        return None if failing is None else now - self.failing_since_s

    def failed(self, failure: Failure, now: float, rng: Random) -> None:
        """Note a failure."""
        if self.failure is None:
            self.failing_since_s = now
        self.failure = failure
        if failure.kind is FailureKind.THROTTLED:
            wait_s = THROTTLE.delay_s(self.throttled, rng)
            if failure.retry_after_s is not None:
                wait_s = max(wait_s, failure.retry_after_s + rng.uniform(0.0, 1.0))
            self.throttled += 1
            self.held_until_s = max(self.held_until_s, now + min(wait_s, LONGEST_WAIT_S))

    def is_news(self, event: str, code: str) -> bool:
        """Say whether the journal has not been told this since the last answer; note that it is."""
        news = (event, code) not in self.reported
        self.reported.add((event, code))
        return news

    def note_quota(self, quota: Quota | None, now: float) -> None:
        """Keep the newest RateLimit headers."""
        if quota is not None:
            self.quota, self.quota_at_s = quota, now

    def quota_left(self, now: float) -> float | None:
        """Estimate the calls left in the bucket, which refills by limit/3600 a second."""
        if self.quota is None:
            return None
        refilled = (now - self.quota_at_s) * self.quota.limit_per_hour / 3600.0
        return min(float(self.quota.limit_per_hour), self.quota.remaining + refilled)

    def scarce(self, now: float) -> bool:
        """Say whether idle reading should spare the quota."""
        left = self.quota_left(now)
        return (
            left is not None
            and self.quota is not None
            and (left < RESERVE * self.quota.limit_per_hour)
        )

    def lock_met(self) -> None:
        """A lock answered several parallel assigns: fewer at once."""
        self.lanes = max(1, self.lanes // 2)

    def lane_free(self) -> None:
        """An assign was accepted: one more at once."""
        self.lanes = min(LANES, self.lanes + 1)

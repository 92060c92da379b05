"""The health of the API as seen from here: failing since when, throttled, quota, lanes."""

from dataclasses import dataclass, field
from random import Random

from hakeeper.core.backoff import READ_AGAIN, THROTTLE
from hakeeper.core.calls import Failure, FailureKind, Quota, Request

LANES = 8
"""The most assigns in flight at once, over all addresses."""
RESERVE = 0.1
"""The part of the hourly quota that idle reading leaves to failovers and other tools."""
ONE_BY_ONE_S = (2.0, 60.0)
"""So long after a lock that may have been our own doing, a claim waits for the others' actions: the
first figure, doubled with every further such lock, up to the second."""
LONGEST_WAIT_S = 30.0
"""The longest that a 429 can make us wait, whatever it asks for."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What Hetzner answers to one type of request, for itself; the API works nevertheless."""

    failure: Failure
    since_s: float


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
    locks: int = 0
    """Rounds of assigns that locks refused since one was accepted."""
    locked_at_s: float = float("-inf")
    assigns_from_s: float = float("-inf")
    """No assign goes out before this, since a lock has refused more than one round."""
    one_by_one_until_s: float = float("-inf")
    """Until then a running action takes a lane: it may be what locks the server."""
    one_by_one_s: float = 0.0
    latency_s: float | None = None
    reported: set[tuple[str, str]] = field(default_factory=set)
    """What is in the journal since the last answer: kinds of event with codes of failures."""
    refusals: dict[type[Request], Refusal] = field(default_factory=dict)
    """By type of request, those that are refused now: that says nothing of the API's health."""

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

    def refused(self, request: type[Request], failure: Failure, now: float) -> bool:
        """Note that one type of request is refused; say whether that is news."""
        known = self.refusals.get(request)
        news = known is None or known.failure.code != failure.code
        since_s = now if known is None else known.since_s
        self.refusals[request] = Refusal(failure, since_s)
        return news

    def granted(self, request: type[Request]) -> None:
        """A request of this type was answered."""
        self.refusals.pop(request, None)

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

    def lock_met(self, asked_at_s: float, now: float, rng: Random, *, ours: bool) -> None:
        """A lock refused an assign; `ours`: another claim of ours may have caused it.

        Nobody knows whether Hetzner locks the address or the server. If it is the server, then
        fewer at once get on faster, and many that try again on their own would empty the quota
        before the lock ends.
        """
        if ours:
            self.lanes = max(1, self.lanes // 2)
        if asked_at_s < self.locked_at_s:
            return  # of the same round
        if ours:
            first_s, longest_s = ONE_BY_ONE_S
            self.one_by_one_s = min(longest_s, max(first_s, self.one_by_one_s * 2))
            self.one_by_one_until_s = now + self.one_by_one_s
        self.locks += 1
        self.locked_at_s = now
        if self.locks > 1:
            self.assigns_from_s = now + READ_AGAIN.delay_s(self.locks - 2, rng)

    def unlocked(self, now: float, *, alongside: bool) -> None:
        """An assign was accepted: one more at once, unless they go one by one.

        `alongside`: another action of ours was running, so our actions do not lock the server.
        """
        self.forget_locks()
        if alongside:
            self.one_by_one_until_s = float("-inf")
            self.one_by_one_s = 0.0
        if now >= self.one_by_one_until_s:
            self.lanes = min(LANES, self.lanes + 1)

    def forget_locks(self) -> None:
        """Let the next assign go out at once."""
        self.locks = 0
        self.assigns_from_s = float("-inf")

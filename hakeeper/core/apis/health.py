"""The health of an API as seen from here: failing since when, throttled, quota, how many calls."""

from dataclasses import dataclass, field
from math import inf
from random import Random

from hakeeper.core.calls import Failure, FailureKind, Quota, Request
from hakeeper.core.decisions.decision import Decision
from hakeeper.core.limits.backoff import EAGER, EAGER_FOR_S
from hakeeper.core.limits.pace import doubled
from hakeeper.core.limits.patience import USUAL, Patience
from hakeeper.core.model import NEVER

RESERVE = 0.1
"""The part of the hourly quota that idle reading leaves to failovers and other tools."""
ONE_BY_ONE_S = (2.0, 60.0)
"""So long after a lock that may have been our own doing, a claim waits for the others' actions: the
first figure, doubled with every further such lock, up to the second."""

FIRST_TRY_S = 1.0
"""While locks refuse one assign after another, what was not tried yet waits this long at most."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the API answers to one type of request, for itself; it works nevertheless."""

    failure: Failure
    since_s: float


@dataclass(slots=True, kw_only=True)
class Health:
    """What we know of an API, apart from its data."""

    most_parallel: int
    """The most mutating requests in flight at once, over all resources."""
    patience: Patience = USUAL
    """How the API wants to be waited for."""
    failure: Failure | None = None
    """The failure that persists; None while the last call was answered."""
    failing_since_s: float = 0.0
    answered_at_s: float | None = None
    held_until_s: float = NEVER
    """Until then no call goes out, since one met a 429; assigns have a time of their own."""
    assigns_held_until_s: float = NEVER
    shut_until_s: float = NEVER
    """Until then nothing at all goes out, since the API refused our login."""
    is_let_in: bool = False
    """Whether the API has answered since it last refused our login, or since the start."""
    refused_logins_s: tuple[float, float] = (NEVER, NEVER)
    """When the API refused our login: the last time but one, and the last time."""
    throttled: int = 0
    throttled_since_s: float = 0.0
    quota: Quota | None = None
    quota_at_s: float = 0.0
    max_parallel: int = field(init=False)
    """How many at once it bears now."""
    refused_rounds: int = 0
    """Rounds of assigns that were refused or failed since one was accepted."""
    refused_at_s: float = NEVER
    assigns_from_s: float = NEVER
    """No assign goes out before this, since more than one round was refused."""
    first_assigns_from_s: float = NEVER
    """The same for what was never refused itself: what locks others need not lock it."""
    assigns_work: bool = True
    """Whether the last claim that was begun or watched was confirmed, not refused."""
    one_by_one_until_s: float = NEVER
    """Until then a running action counts as one of them: it may be what locks the server."""
    one_by_one_s: float = 0.0
    latency_s: float | None = None
    reported: set[tuple[type[Decision], str]] = field(default_factory=set)
    """What is in the journal since the last answer: kinds of decision with codes of failures."""
    refusals: dict[type[Request], Refusal] = field(default_factory=dict)
    """By type of request, those that are refused now: that says nothing of the API's health."""

    def __post_init__(self) -> None:
        """Begin with as many at once as are allowed."""
        self.max_parallel = self.most_parallel

    def answered(self, now: float) -> float | None:
        """Note an answer; return how long the API had been failing, None if it had not."""
        self.answered_at_s = now
        self.is_let_in = True
        self.throttled = 0
        failing, self.failure = self.failure, None
        self.reported.clear()
        if failing is not None:
            self.forget_refused_rounds()
        return None if failing is None else now - self.failing_since_s

    def failed(self, failure: Failure, now: float, rng: Random, *, assign: bool = False) -> None:
        """Note a failure; `assign`: an assign met it."""
        if self.failure is None:
            self.failing_since_s = now
        self.failure = failure
        if failure.kind is FailureKind.THROTTLED:
            self._throttled(failure.retry_after_s, now, rng, assign=assign)

    def _throttled(
        self, retry_after_s: float | None, now: float, rng: Random, *, assign: bool
    ) -> None:
        """429: all calls wait, but an assign may try whether it is let through.

        Without a time to wait we compete with whoever uses up the quota, so the next try is soon.
        """
        wait_s = self.patience.throttle.delay_s(self.throttled, rng)
        if retry_after_s is not None:
            wait_s = max(wait_s, retry_after_s + rng.uniform(0.0, 1.0))
        elif self.quota is not None:
            wait_s = max(wait_s, 3600.0 / max(1, self.quota.limit_per_hour))
        until_s = now + min(wait_s, self.patience.longest_wait_s)
        self.throttled_since_s = self.throttled_since_s if self.throttled else now
        self.throttled += 1
        self.held_until_s = max(self.held_until_s, until_s)
        if not assign:
            return
        if retry_after_s is None and now - self.throttled_since_s < EAGER_FOR_S:
            until_s = now + EAGER.delay_s(0, rng)
        self.assigns_held_until_s = max(self.assigns_held_until_s, until_s)

    def login_refused(self, now: float) -> None:
        """The API refused our login: ask nothing for a while, and then one thing."""
        self.is_let_in = False
        self.shut_until_s = now + self.patience.login_wait_s
        self.refused_logins_s = (self.refused_logins_s[1], now)

    def may_log_in(self) -> None:
        """Try our login again: an operator may have put it right.

        Not a third time in the time in which so many block us.
        """
        self.shut_until_s = self.refused_logins_s[0] + self.patience.login_wait_s

    @property
    def is_careful(self) -> bool:
        """Whether several calls at once could be several refused logins, which block us."""
        return self.patience.login_wait_s > 0.0 and not self.is_let_in

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

    def is_news(self, kind: type[Decision], code: str) -> bool:
        """Say whether this has not been reported since the last answer; note that it is."""
        news = (kind, code) not in self.reported
        self.reported.add((kind, code))
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

    def assign_refused(
        self, asked_at_s: float, now: float, rng: Random, *, of_one: bool = False
    ) -> bool:
        """An assign was refused, or failed; say whether that begins another round.

        Many that try again on their own would empty the quota before the trouble ends: so the more
        rounds fail, the longer all wait for the next one. `of_one`: it says nothing of others, and
        so the first try of each of them does not wait for long.
        """
        self.assigns_work = False
        if asked_at_s < self.refused_at_s:
            return False  # of the same round
        self.refused_rounds += 1
        self.refused_at_s = now
        if self.refused_rounds > 1:
            pause = self.patience.read_again
            self.assigns_from_s = now + pause.delay_s(self.refused_rounds - 2, rng)
            longest_s = FIRST_TRY_S if of_one else inf
            self.first_assigns_from_s = min(self.assigns_from_s, now + longest_s)
        return True

    def lock_met(self, now: float, *, first: bool) -> None:
        """A lock that another claim of ours may have caused refused an assign.

        Nobody knows whether the API locks the resource or the server. If it is the server, then
        fewer at once get on faster. `first` of its round.
        """
        self.max_parallel = max(1, self.max_parallel // 2)
        if first:
            self.one_by_one_s = doubled(self.one_by_one_s, ONE_BY_ONE_S)
            self.one_by_one_until_s = now + self.one_by_one_s

    def assign_accepted(self, now: float, *, alongside: bool) -> None:
        """An assign was accepted: one more at once, unless they go one by one.

        `alongside`: another action of ours was running, so our actions do not lock the server.
        """
        self.forget_refused_rounds()
        self.held_until_s = NEVER
        if alongside:
            self.one_by_one_until_s = NEVER
            self.one_by_one_s = 0.0
        if now >= self.one_by_one_until_s:
            self.max_parallel = min(self.most_parallel, self.max_parallel + 1)

    def parallel_limit(self, now: float) -> int:
        """Return how many assigns may be under way: one while a 429 stands, to see if it does."""
        return 1 if now < self.held_until_s or self.is_careful else self.max_parallel

    def rounds_until_s(self, refused_at_s: float) -> float:
        """Return until when the rounds keep back what was last refused then, or never."""
        return self.assigns_from_s if refused_at_s > NEVER else self.first_assigns_from_s

    def forget_refused_rounds(self) -> None:
        """Let the next assign go out at once."""
        self.refused_rounds = 0
        self.assigns_from_s = self.first_assigns_from_s = NEVER

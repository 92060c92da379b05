"""The fate of one call, decided exactly once.

Three threads can end a call: the worker that performs it, the watcher at the deadline, and whoever
cancels it. The guard is where they meet. Its lock makes `may this be sent?` and `it was sent` one
step, so a call that was cancelled or ran out of time can never send a byte afterwards.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from hakeeper.adapters.hetzner.attempt import Attempt
from hakeeper.adapters.hetzner.errors import (
    CODE_OF_PHASE,
    LocalFailureError,
    Phase,
    for_effect,
)
from hakeeper.adapters.hetzner.listing import FIRST_PAGE, Listing, PageOf
from hakeeper.core.calls import Answer, Failure, FailureKind, Mutate, Quota
from hakeeper.core.events import StartCall

_LONGEST_WAIT_S = 3600.0


@dataclass(frozen=True, slots=True)
class Answered:
    """What the newest HTTP answer of a call said beside its body."""

    status: int
    correlation_id: str
    quota: Quota | None
    retry_after_s: float | None

    @property
    def remaining(self) -> int:
        """Return the calls that are left by this answer; -1: it did not say."""
        return -1 if self.quota is None else self.quota.remaining


def read_head(status: int, headers: Mapping[str, str]) -> Answered:
    """Read status and headers; `headers` must ignore case. Garbage counts as absent.

    RateLimit-Reset is the time at which the bucket is full again, hours away, so it says nothing
    about the wait for one request.
    """
    limit = _digits(headers.get("RateLimit-Limit"))
    remaining = _digits(headers.get("RateLimit-Remaining"))
    quota = None
    if limit is not None and remaining is not None:
        quota = Quota(limit_per_hour=limit, remaining=remaining)
    wait_s = _digits(headers.get("Retry-After"))
    return Answered(
        status=status,
        correlation_id=_word(headers.get("X-Correlation-Id")),
        quota=quota,
        retry_after_s=None if wait_s is None else min(float(wait_s), _LONGEST_WAIT_S),
    )


def _digits(value: str | None) -> int | None:
    text = (value or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None  # noqa: PLR2004  # 18 digits fit in 64 bits


def _word(value: str | None) -> str:
    text = value or ""
    return text if text.isascii() and text.isprintable() and len(text) <= 100 else ""  # noqa: PLR2004  # theirs have 16


def no_objection() -> str | None:
    """Let everything be sent."""
    return None


class CallGuard(Attempt):
    """Holds what the worker, the watcher and the canceller of one call must agree on."""

    def __init__(
        self,
        call: StartCall,
        clock: Callable[[], float],
        objection: Callable[[], str | None] = no_objection,
    ) -> None:
        """Start the call's clock: `timeout_s` runs from now, waiting in the queue included.

        `objection` is asked right before the first byte of what would change something.
        """
        super().__init__(call.timeout_s, clock)
        self.call = call
        self._objection = objection
        self.changes_something = isinstance(call.request, Mutate)
        self.answered: Answered | None = None
        self.page = FIRST_PAGE
        """Of a list, the page to read."""
        self.listing = Listing(call.request)
        """Of a list, its pages."""
        self.whole = self
        """The guard of the call, of which this one may guard only a page."""
        self.parts: set[CallGuard] = set()
        """Those of further pages that are being read, or wait for it."""
        self.left = threading.Event()
        """Set when the first request was handed to the kernel, or none will be."""
        self._sent_at_s: float | None = None

    def part(self, page: PageOf, key: int) -> "CallGuard":
        """Make the guard of a further page, which ends when this one does; `key` is its id."""
        made = CallGuard(replace(self.call, call_id=key), self._clock)
        made.page, made.whole, made.deadline_s = page, self, self.deadline_s
        self.parts.add(made)
        return made

    def note_answer(self, part: "CallGuard") -> None:
        """Take over what the newest answer said of the quota: it goes down with every one."""
        newest = part.answered
        if newest is not None and (
            self.answered is None or newest.remaining <= self.answered.remaining
        ):
            self.answered = newest

    @property
    def sent_at_s(self) -> float | None:
        """Monotonic time of the first byte sent; None if none was."""
        return self._sent_at_s

    def permit_send(self, method: str) -> None:
        """Give leave to send one request now; CallEndedError or RuntimeError if there is none.

        LocalFailureError: it was decided too long ago, and has to be decided again.

        A call that changes something is one request, so a second one would be somebody below us
        sending it again; and a call that only reads has no business sending anything but GET.
        """
        with self._lock:
            self._go_on()
            if method != ("POST" if self.changes_something else "GET"):
                raise RuntimeError(f"a {method} was about to be sent for {self.call.request}")
            if self.changes_something and self._sent_at_s is not None:
                raise RuntimeError("a request that changes something was about to be sent again")
            objection = self._objection() if self.changes_something else None
            if objection is not None:
                raise LocalFailureError(FailureKind.CANCELLED, "outdated", objection)
            self._phase = Phase.SENT
            if self._sent_at_s is None:
                self._sent_at_s = self._clock()

    def end(self, outcome: Answer | Failure) -> Answer | Failure | None:
        """End the call as the worker found it; None if it had already ended."""
        with self._lock:
            return self._end(outcome)

    def cancel(self) -> Failure | None:
        """End the call if nothing was sent for it; else change nothing and return None."""
        with self._lock:
            if self._sent_at_s is not None or self.ended_at_s is not None:
                return None
            self._interrupt()
            message = "cancelled before it was sent"
            failure = Failure(kind=FailureKind.CANCELLED, code="cancelled", message=message)
            self._end(failure)
            return failure

    def expire(self) -> Failure | None:
        """End the call because its time is over; None if it had already ended."""
        with self._lock:
            if self.ended_at_s is not None:
                return None
            self._interrupt()
            failure = self._out_of_time()
            self._end(failure)
            return failure

    def abandon(self) -> Failure | None:
        """End the call because we stop, sent or not; None if it had already ended."""
        with self._lock:
            if self.ended_at_s is not None:
                return None
            self._interrupt()
            kind = FailureKind.CANCELLED if self._sent_at_s is None else self.lost_kind()
            failure = Failure(kind=kind, code="closed", message="we are stopping")
            self._end(failure)
            return failure

    def out_of_time(self) -> Failure:
        """Describe a call whose time ran out, without ending it."""
        with self._lock:
            return self._out_of_time()

    def lost_kind(self) -> FailureKind:
        """The class of a failure that left no answer."""
        if self._sent_at_s is None:
            return FailureKind.TRANSIENT
        return for_effect(FailureKind.OUTCOME_UNKNOWN, changes_something=self.changes_something)

    def _out_of_time(self) -> Failure:
        return Failure(
            kind=self.lost_kind(),
            code=CODE_OF_PHASE[self._phase],
            message=f"no answer within {self.call.timeout_s:g} s: still {self._phase.value}",
        )

    def _end(self, outcome: Answer | Failure) -> Answer | Failure | None:
        if self.ended_at_s is not None:
            return None
        self.ended_at_s = self._clock()
        self.left.set()
        return outcome

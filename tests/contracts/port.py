"""What a story may do with a port, whichever it is, and what every result must satisfy."""

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from hakeeper.core.calls import (
    Answer,
    CallResult,
    Failure,
    FailureKind,
    Identify,
    Mutate,
    Quota,
    ReadActions,
    ReadServer,
    Request,
)
from hakeeper.core.events import StartCall
from hakeeper.core.model import Action, ActionStatus
from hakeeper.simulate.faults.kinds import Kind
from tests.support.resources import CLOUD, LIST, read

ME, OTHER, STRANGER = 1, 2, 999
"""The servers of the project; the calls are made in the name of the first."""
IP = 1
LONG_S = 20.0
"""The deadline of calls that are answered."""
SHORT_S = 0.3
"""The deadline of calls that run into it unsent."""
SENT_S = 0.8
"""The deadline of calls that run into it after they were sent: a busy machine needs a while."""
FIRST, SECOND = 0.6, 0.9
"""Two values of a fault (see `kinds.Fault`): what a kind makes of each, its story says."""
ZONE = "eu-central"
READS: tuple[Request, ...] = (
    Identify(CLOUD),
    LIST,
    read(IP),
    ReadActions(CLOUD, (1,)),
    ReadServer(CLOUD, OTHER),
)
_EARLY_S = 0.02
"""A timeout of the kernel may be this much ahead of our clock."""

Shown: TypeAlias = type[Request] | type[Answer] | FailureKind | Kind
Told: TypeAlias = tuple[FailureKind, str, int | None]
"""Of a failure: its class, its code, the HTTP status."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A call as it was started; `at_s` by the clock of the port."""

    request: Request
    at_s: float
    timeout_s: float


class Calls(ABC):
    """Calls to an API, and what is wrong with it."""

    late_s: float
    """So much later than its deadline a call may end."""
    tells_quota = True
    """Whether answers say what is left of the quota."""

    def __init__(self) -> None:
        self.seen: set[Shown] = set()
        """What really occurred: requests, answers, classes of failure, kinds of fault."""
        self._asked: dict[int, Asked] = {}
        self._results: list[CallResult] = []

    # --- trouble ---------------------------------------------------------------------------------

    @abstractmethod
    def fault(self, kind: Kind, value: float = FIRST) -> AbstractContextManager[None]:
        """Let every call be struck by this fault, for a while."""

    # --- calls -----------------------------------------------------------------------------------

    @abstractmethod
    def now(self) -> float:
        """Return the port's own time."""

    @abstractmethod
    def until(self, holds: Callable[[], bool], what: str) -> None:
        """Let time pass until it holds."""

    @abstractmethod
    def cancel(self, call_id: int) -> None:
        """Cancel a call."""

    @abstractmethod
    def is_sent(self, call_id: int) -> bool:
        """Say whether the first byte of a call is out."""

    @abstractmethod
    def _start(self, call: StartCall) -> None: ...

    @abstractmethod
    def close(self) -> None:
        """End everything."""

    def start(self, request: Request, timeout_s: float = LONG_S) -> int:
        """Start a call and return its id."""
        call_id = len(self._asked) + 1
        self._asked[call_id] = Asked(request, self.now(), timeout_s)
        self._start(StartCall(call_id, request, timeout_s, urgent=isinstance(request, Mutate)))
        return call_id

    def result(self, call_id: int) -> CallResult:
        """Wait for the result of a call; it must be the only one."""
        self.until(lambda: bool(self._of(call_id)), f"a result of call {call_id}")
        result, *more = self._of(call_id)
        assert not more, more
        self._note(self._asked[call_id], result)
        return result

    def call(self, request: Request, timeout_s: float = LONG_S) -> CallResult:
        """Make a call and return its result."""
        return self.result(self.start(request, timeout_s))

    def answer(self, request: Request) -> Answer:
        """Make a call that must be answered."""
        outcome = self.call(request).outcome
        assert not isinstance(outcome, Failure), outcome
        return outcome

    def failure(self, request: Request, timeout_s: float = LONG_S) -> Told:
        """Make a call that must fail."""
        return told(self.call(request, timeout_s))

    def missed_deadline(self, request: Request, timeout_s: float) -> CallResult:
        """Make a call that must end at its deadline, not before and not after."""
        call_id = self.start(request, timeout_s)
        result, asked = self.result(call_id), self._asked[call_id]
        assert asked.at_s + timeout_s - _EARLY_S <= result.finished_at_s
        return result

    # --- what holds for every result -------------------------------------------------------------

    def _of(self, call_id: int) -> list[CallResult]:
        return [result for result in list(self._results) if result.call_id == call_id]

    def _note(self, asked: Asked, result: CallResult) -> None:
        self.seen.add(type(asked.request))
        outcome, sent = result.outcome, result.sent_at_s is not None
        assert asked.at_s <= (result.sent_at_s or asked.at_s) <= result.finished_at_s
        assert result.finished_at_s <= asked.at_s + asked.timeout_s + self.late_s
        assert result.quota is None or sent
        if not isinstance(outcome, Failure):
            self.seen.add(type(outcome))
            assert sent
            assert (result.quota is not None) == self.tells_quota
            return
        self.seen.add(outcome.kind)
        assert outcome.message
        told_quota = self.tells_quota and outcome.http_status is not None
        assert told_quota == (result.quota is not None)
        assert outcome.retry_after_s is None or outcome.kind is FailureKind.THROTTLED
        if outcome.kind is FailureKind.OUTCOME_UNKNOWN:
            assert sent
            assert isinstance(asked.request, Mutate)
        if not sent:
            assert outcome.kind in (FailureKind.TRANSIENT, FailureKind.CANCELLED)
        assert outcome.kind is not FailureKind.CANCELLED or not sent

    def finish(self) -> None:
        """See that each call has exactly one result, also after some more time."""
        self.settle()
        ended = sorted(result.call_id for result in self._results)
        assert list(self._asked) == ended

    @abstractmethod
    def settle(self) -> None:
        """Let everything happen that may still happen."""


class Port(Calls):
    """A project with the servers ME (running), OTHER and STRANGER, no address, and calls to it."""

    # --- the project -----------------------------------------------------------------------------

    @abstractmethod
    def add_ip(self, floating_ip_id: int, holder: int | None) -> None:
        """Add an address; it is called `ip-ID`."""

    @abstractmethod
    def holder(self, floating_ip_id: int) -> int | None:
        """Return who has it in truth."""

    @abstractmethod
    def move(self, floating_ip_id: int, holder: int | None) -> None:
        """Let somebody else change the holder."""

    @abstractmethod
    def set_status(self, server_id: int, status: str) -> None:
        """Switch a server on or off."""

    @abstractmethod
    def remove_server(self, server_id: int) -> None:
        """Delete a server that owns nothing."""

    @abstractmethod
    def set_quota(self, limit_per_hour: int, remaining: int) -> None:
        """Set the project's bucket."""

    @abstractmethod
    def rules(
        self, *, action_s: float = 0.0, holder_at_accept: bool = True, lock_servers: bool = False
    ) -> None:
        """Say how this cloud behaves where the documents leave it open."""

    @abstractmethod
    def land(self) -> None:
        """Let the newest assign that still wanders, or its copy, reach the cloud."""

    def warm(self) -> None:
        """Make sure that there is a connection."""
        self.answer(ReadServer(CLOUD, ME))


def told(result: CallResult) -> Told:
    """Say how a call failed."""
    assert isinstance(result.outcome, Failure), result.outcome
    return result.outcome.kind, result.outcome.code, result.outcome.http_status


def retry_after_s(result: CallResult) -> float | None:
    """Return what a 429 says about the time to wait."""
    assert isinstance(result.outcome, Failure), result.outcome
    return result.outcome.retry_after_s


def left(result: CallResult) -> int:
    """Return how many calls are left in the bucket."""
    assert isinstance(result.quota, Quota), result
    return result.quota.remaining


def action_of(answer: Answer) -> Action:
    """Return the one action of an answer to an assign, or about one action."""
    action = getattr(answer, "action", None) or getattr(answer, "actions", (None,))[0]
    assert isinstance(action, Action), answer
    return action


def status_of(port: Port, action: Action) -> ActionStatus:
    """Read what has become of an action."""
    return action_of(port.answer(ReadActions(CLOUD, (action.id,)))).status


Story: TypeAlias = Callable[[Any], None]
"""Takes a port, or one with more to it."""
P = TypeVar("P", bound=Calls)


def shows(*members: Shown) -> Callable[[Callable[[P], None]], Callable[[P], None]]:
    """Mark a story: after it, all of this must have occurred in the port that told it."""

    def mark(story: Callable[[P], None]) -> Callable[[P], None]:
        @functools.wraps(story)
        def tell(port: P) -> None:
            story(port)
            port.finish()
            unseen = {str(member) for member in set(members) - port.seen}
            assert not unseen, f"did not occur: {unseen}"

        tell.shows = frozenset(members)  # type: ignore[attr-defined]
        return tell

    return mark

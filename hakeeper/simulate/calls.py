"""One node's way to the API: connections, deadlines, and what the fault does to calls.

It keeps the promises of the shipped pool: one result for each call, at its deadline at the latest,
nothing resent, nothing sent that was cancelled before, and the request's fate stated truthfully as
not sent, unknown or answered.
"""

import enum
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING

from hakeeper.core.calls import (
    Answer,
    CallResult,
    Failure,
    FailureKind,
    Identify,
    Mutate,
    Quota,
    Request,
)
from hakeeper.core.events import StartCall
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.cloud import WorldCloud
from hakeeper.simulate.clouds import Clouds
from hakeeper.simulate.endings import lost, transient, unreadable
from hakeeper.simulate.faults.call import CallFault
from hakeeper.simulate.faults.kinds import Kind
from hakeeper.simulate.observer import Observer
from hakeeper.simulate.project import failure

if TYPE_CHECKING:
    from hakeeper.simulate.node import Node

WARM_S = 75.0
"""A connection that was used less long ago than this needs no handshake."""
HANDSHAKES = 2.0
"""Round trips before the first byte on a cold connection."""
LATEST_LANDING_S = 120.0
"""How long a request may wander before it lands."""

NOT_SENT = {
    Kind.REFUSED: "connection_refused",
    Kind.OUTAGE: "connection_refused",
    Kind.DNS: "dns",
    Kind.TLS: "tls",
    Kind.BLACKHOLE: "connect_timeout",
}
"""These end a call before a byte is sent: a connection that was there is lost as well."""
LAG_S = 2.0
"""The longest that a reading may lag behind without harm; as long in most cases."""
READ_ONLY = failure(FailureKind.AUTH, "token_readonly", 401)
AN_HOUR = 0.85
"""A 429 of more value than this asks for an hour."""
OFTEN = 0.75
"""Below this value a fault answers in the first of two ways, above in the second."""


class CallStep(enum.Enum):
    """How far a call has come."""

    BEGUN = "begun"
    SHAKING_HANDS = "shaking hands"
    SENT = "sent"
    ANSWERED = "answered"


@dataclass(slots=True, eq=False)
class Call:
    """A call under way."""

    id: int
    request: Request
    cloud: WorldCloud
    started_at: float
    deadline_at: float
    fault: CallFault | None
    sent_at_s: float | None = None
    """By the node's own clock."""
    unsent_code: str = "deadline"
    """What its deadline is called as long as nothing is sent."""
    done: bool = False


class Caller:
    """The calls of one run of one node; `deliver` takes their results."""

    def __init__(
        self,
        node: "Node",
        deliver: Callable[[CallResult], None],
        agenda: Agenda,
        clouds: Clouds,
        observers: Observer,
    ) -> None:
        """Call in the name of this node's server; `observers` hear which faults strike."""
        self._node = node
        self._agenda = agenda
        self._clouds = clouds
        self._observers = observers
        self._deliver = deliver
        self._calls: dict[int, Call] = {}
        self._waiting: list[Call] = []
        self._answered_at = float("-inf")
        self.closed = False

    def open_calls(self) -> Iterator[Call]:
        """Iterate over the calls that have no result yet."""
        return iter(self._calls.values())

    def start(self, effect: StartCall) -> None:
        """Begin a call."""
        now = self._agenda.now
        self._reach(CallStep.BEGUN, effect.request)
        fault = None
        cloud = self._clouds.asked(effect.request)
        if isinstance(effect.request, Identify) and not cloud.kind.api.says_who_we_are:
            self._look_here(Call(effect.call_id, effect.request, cloud, now, inf, None))
            return
        for each in cloud.faults.calls:
            if each.strikes(self._node.index):
                fault = each
                self._observers.call_struck(each.kind)
                break
        call = Call(effect.call_id, effect.request, cloud, now, now + effect.timeout_s, fault)
        self._calls[call.id] = call
        kind = None if fault is None else fault.kind
        often = fault is not None and fault.value < OFTEN  # then it is a new connection
        latency_s = _latency_s(call)
        if kind in NOT_SENT:
            assert fault is not None and kind is not None  # noqa: S101, PT018  # for mypy
            call.unsent_code = NOT_SENT[kind]
            delay_s = fault.value * 6.0 if kind is Kind.DNS else latency_s
            ends_at = min(call.deadline_at, now + delay_s)
            if kind is Kind.BLACKHOLE:
                ends_at = call.deadline_at
            self._agenda.at(ends_at, self._end, call, transient(call.unsent_code))
        elif self._is_warm(call.request, now) and not (kind is Kind.SLOW and often):
            self._send(call)
        else:
            self._reach(CallStep.SHAKING_HANDS, call.request)
            call.unsent_code = "tls"
            send_at = now + HANDSHAKES * latency_s
            self._agenda.at(min(send_at, call.deadline_at), self._send, call)

    def _look_here(self, call: Call) -> None:
        """Answer from what the machine knows of itself: the API is not asked."""
        self._calls[call.id] = call
        outcome = call.cloud.answer(call.request, self._node.server_id)
        self._agenda.after(0.0, self._end, call, outcome)

    def _is_warm(self, request: Request, now: float) -> bool:
        """Say whether a connection is ready; one that is to be hung in is not."""
        shakes = CallStep.SHAKING_HANDS in self._node.at_assign_step and isinstance(request, Mutate)
        return now - self._answered_at < WARM_S and not shakes

    def _reach(self, step: CallStep, request: Request) -> None:
        """Let happen what is to happen at this step of an assign."""
        if isinstance(request, Mutate) and step in self._node.at_assign_step:
            self._node.at_assign_step.pop(step)()

    def cancel(self, call_id: int) -> None:
        """Stop it if no byte of it is out."""
        call = self._calls.get(call_id)
        if call is not None and call.sent_at_s is None and not call.done:
            self._end(call, failure(FailureKind.CANCELLED, "cancelled"))

    def close(self) -> None:
        """Forget all: what is out is out, and nobody hears of it."""
        self.closed = True
        self._calls.clear()

    def thaw(self) -> None:
        """Go on after a hang: what waited to be sent is sent unless it was cancelled or late."""
        waiting, self._waiting = self._waiting, []
        for call in waiting:
            self._send(call)

    def clock_jumped(self) -> None:
        """End the calls whose deadline has passed by the node's own clock."""
        now = self._agenda.now
        for call in list(self._calls.values()):
            if call.deadline_at <= now:
                self._deadline(call)

    def shorten(self, by_s: float) -> None:
        """Let every deadline be so much nearer."""
        for call in self._calls.values():
            call.deadline_at -= by_s

    def _send(self, call: Call) -> None:
        if call.done or self.closed:
            return
        if self._node.hung:
            self._waiting.append(call)
            return
        now = self._agenda.now
        if now >= call.deadline_at:
            self._end(call, transient(call.unsent_code))
            return
        call.sent_at_s = now + self._node.ahead_s
        if isinstance(call.request, Mutate):
            self._observers.assign_sent(self._node, call.request)
            self._reach(CallStep.SENT, call.request)
        fault, half_s = call.fault, _latency_s(call) / 2
        kind = None if fault is None else fault.kind
        if kind is Kind.LATE_LANDING and fault is not None:
            self._agenda.after(fault.rng.uniform(0.0, LATEST_LANDING_S), self._execute, call)
            self._agenda.at(call.deadline_at, self._deadline, call)
        elif kind in (Kind.LOST_REQUEST, Kind.HALF_OPEN):
            self._agenda.at(call.deadline_at, self._deadline, call)
        else:
            self._agenda.after(half_s, self._arrive, call, half_s)
            if kind is Kind.DUPLICATED and fault is not None:
                self._agenda.after(fault.rng.uniform(0.0, 5.0), self._execute, call)
            if now + 2 * half_s > call.deadline_at:
                self._agenda.at(call.deadline_at, self._deadline, call)

    def _execute(self, call: Call, *, whole: bool = True, lag_s: float = 0.0) -> Answer | Failure:
        """Let the cloud do it; its own refusals come first."""
        if isinstance(call.request, Identify) and self._node.wrong_identities:
            return self._node.wrong_identities[-1]
        cloud, step = call.cloud, isinstance(call.request, Mutate)
        # Of a list whose first page is lost the others are not asked for.
        if not cloud.project.take_token(cloud.cost(call.request) if whole else 1, step=step):
            return cloud.project.throttled(step=step)
        return cloud.answer(call.request, self._node.server_id, lag_s)

    def _arrive(self, call: Call, half_s: float) -> None:
        kind = None if call.fault is None else call.fault.kind
        if kind is not None and call.fault is not None:
            outcome = self._struck(call, kind, call.fault)
        else:
            outcome = self._execute(call)
        if outcome is None:
            self._agenda.at(call.deadline_at, self._deadline, call)
            return
        takes_s = call.cloud.answer_takes_s(outcome)
        answered_at = self._agenda.now + half_s + takes_s
        if takes_s and answered_at > call.deadline_at:
            self._agenda.at(call.deadline_at, self._deadline, call)
        else:
            self._agenda.at(answered_at, self._end, call, outcome, _headers(call, outcome))

    def _struck(  # noqa: PLR0911  # one for each kind
        self, call: Call, kind: Kind, fault: CallFault
    ) -> Answer | Failure | None:
        """Do what this kind of fault does to a request that arrived; None: no answer ever."""
        often = fault.value < OFTEN
        match kind:
            case Kind.ERROR_5XX:
                code, status = ("server_error", 500) if often else (call.cloud.unavailable, 503)
                return _refuse(call, failure(FailureKind.TRANSIENT, code, status))
            case Kind.GATEWAY:
                code, status = ("bad_gateway", 502) if often else ("timeout", 504)
                return _refuse(call, lost(call.request, code, status))
            case Kind.THROTTLED:
                step = isinstance(call.request, Mutate)
                refusal = _refuse(call, call.cloud.project.throttled(step=step))
                if refusal.retry_after_s is not None:  # this API always says how long
                    return refusal
                if fault.value > AN_HOUR:
                    return replace(refusal, retry_after_s=3600.0)
                if fault.value > 0.3:  # noqa: PLR2004
                    return replace(refusal, retry_after_s=float(int(fault.value * 40.0)))
                return refusal
            case Kind.LOCKED:
                return _refuse(call, call.cloud.locked)
            case Kind.UNAUTHORIZED:
                refused = call.cloud.refuse_login(self._node.server_id)
                return _deny(call, refused)
            case Kind.READ_ONLY if isinstance(call.request, Mutate):
                return _deny(call, READ_ONLY)
            case Kind.LOST_ANSWER:
                self._execute(call, whole=False)
                return lost(call.request, "connection_closed", None)
            case Kind.MALFORMED:
                return unreadable(call.request, self._execute(call, whole=False))
            case Kind.LAGGING:
                return self._execute(call, lag_s=min(LAG_S, LAG_S * 2.0 * fault.value))
            case Kind.SLOW_DRIP:
                self._execute(call, whole=False)
                return None
            case _:
                return self._execute(call)

    def _deadline(self, call: Call) -> None:
        sent = call.sent_at_s is not None
        self._end(
            call, lost(call.request, "deadline", None) if sent else transient(call.unsent_code)
        )

    def _end(self, call: Call, outcome: Answer | Failure, quota: Quota | None = None) -> None:
        if call.done or self.closed:
            return
        self._reach(CallStep.ANSWERED, call.request)
        call.done = True
        del self._calls[call.id]
        now = self._agenda.now
        # The shipped pool closes a connection that lost an answer, and uses its last one first.
        lost = isinstance(outcome, Failure) and outcome.http_status is None
        self._answered_at = float("-inf") if lost else now
        self._deliver(
            CallResult(
                call_id=call.id,
                outcome=outcome,
                sent_at_s=call.sent_at_s,
                finished_at_s=now + self._node.ahead_s,
                quota=quota,
            )
        )


def _latency_s(call: Call) -> float:
    latency_s, fault = call.cloud.nature.latency_s, call.fault
    if fault is not None and fault.kind is Kind.SLOW:
        latency_s += fault.value * 4.0
    return latency_s


def _headers(call: Call, outcome: Answer | Failure) -> Quota | None:
    """Return what the answer says of the quota; None: there is no answer."""
    if not call.cloud.nature.tells_quota:
        return None
    if isinstance(outcome, Failure):
        if outcome.http_status is None:
            return None
        if outcome.kind is FailureKind.THROTTLED:
            return replace(call.cloud.project.quota(), remaining=0)
    return call.cloud.project.quota()


def _refuse(call: Call, outcome: Failure) -> Failure:
    """Let a call be answered by a fault; it counts as any other."""
    call.cloud.project.take_token(step=isinstance(call.request, Mutate))
    return outcome


def _deny(call: Call, refused: Failure) -> Failure:
    """Let the API look at the token, which it does after the quota."""
    step = isinstance(call.request, Mutate)
    if not call.cloud.project.take_token(step=step):
        return call.cloud.project.throttled(step=step)
    return refused

"""Worker threads that make the calls: bounded, on warm connections, each call to its deadline.

`start` only queues. Of the idle workers that have a connection, the one that was used last takes
the next call: its connection is the one most surely alive. As many as are wanted keep theirs warm
while they wait. Urgent calls pass the queue, and one worker is always left to them.

A watcher thread ends calls at their deadline whatever the worker does. A worker that does not come
back even then is replaced, up to a bound. libc's resolver, which nothing can stop, has its own.
"""

import functools
import itertools
import threading
import time
from collections import deque
from collections.abc import Callable

from hakeeper.adapters.hetzner.access import Access
from hakeeper.adapters.hetzner.call_guard import CallGuard
from hakeeper.adapters.hetzner.listing import Page
from hakeeper.adapters.hetzner.options import HetznerOptions
from hakeeper.adapters.hetzner.outcome import tidy
from hakeeper.adapters.hetzner.session import SessionMaker
from hakeeper.adapters.hetzner.worker import Worker, join
from hakeeper.core.calls import Answer, CallResult, Failure, FailureKind
from hakeeper.core.events import StartCall

WORKERS = 8
"""Calls at once; the core sends no more assigns than that at once."""
QUEUE_LIMIT = 2000
"""Calls that wait. More is a fault of ours: one event claims hundreds at most."""
STUCK_GRACE_S = 0.25
"""So long a worker may take to come back after the end of its call."""


class HetznerPool:
    """Makes API calls; each call started ends in exactly one `deliver(CallResult)`.

    `deliver` is called from worker threads and the watcher, must be quick and must not raise.
    Construction raises what `read_secret` and `make_session` raise, OSError for a bad CA file.
    """

    def __init__(  # noqa: PLR0913  # all but two by keyword
        self,
        options: HetznerOptions,
        make_session: SessionMaker,
        *,
        read_secret: Callable[[], str],
        redact: Callable[[str], str],
        deliver: Callable[[CallResult], None],
        clock: Callable[[], float] = time.monotonic,
        objection: Callable[[float], str | None] = lambda _: None,
        workers: int = WORKERS,
        warm: int = 0,
        noun: str = "token",
    ) -> None:
        """Make the sessions and start the threads, so that no claim has to.

        `objection` is asked from a worker's thread right before something that changes something is
        sent, with the time given to `start`; a reason not to ends the call unsent, as `outdated`.
        `warm`: see `keep_warm`. `noun`: what people call the secret.
        """
        self._access = Access(options, read_secret, noun)
        self._make_session = make_session
        self._redact = redact
        self._deliver = deliver
        self._clock = clock
        self._objection = objection
        self._size = workers
        self._warm = warm
        self._changed = threading.Condition()
        self._urgent: dict[int, CallGuard] = {}
        self._reads: dict[int, CallGuard] = {}
        self._guards: dict[int, CallGuard] = {}
        self._idle: list[Worker] = []
        self._busy: dict[Worker, CallGuard] = {}
        self._stuck: set[Worker] = set()
        self._leaving: list[CallGuard] = []
        """Urgent calls that were given to a connected worker since the last `let_leave`."""
        self._outbox: deque[CallResult] = deque()
        self._part_keys = itertools.count(-1, -1)
        """Ids of the further pages of lists; no call has a negative one."""
        self._is_closed = False
        self._next_look_s = float("inf")
        for _ in range(workers):
            worker = self._new_worker()
            worker.prepare()
            self._idle.append(worker)
        self._spread_warmth()
        self._access.route.resolver.begin()
        for worker in self._idle:
            worker.thread.start()
        self._watcher = threading.Thread(target=self._watch, name="hetzner-watcher", daemon=True)
        self._watcher.start()

    def start(self, call: StartCall, decided_at_s: float = 0.0) -> None:
        """Queue a call. Never blocks for long, never raises."""
        guard = CallGuard(call, self._clock, functools.partial(self._objection, decided_at_s))
        with self._changed:
            is_closed = self._is_closed
            refusal = self._refusal()
            if refusal is None:
                self._queue(guard)
            elif not is_closed:
                self._post(guard, refusal)
        if is_closed and refusal is not None:  # the watcher, who delivers else, is gone
            self._deliver(self._result(guard, refusal))

    def let_leave(self, limit_s: float) -> None:
        """Wait until the urgent calls that were started have been sent, but not longer than this.

        Python runs one thread at a time: who went on at once would hold up what he started.
        """
        with self._changed:
            leaving, self._leaving = self._leaving, []
        until_s = self._clock() + limit_s
        for guard in leaving:
            guard.left.wait(max(0.0, until_s - self._clock()))

    def cancel(self, call_id: int) -> None:
        """End a call of which no byte was sent; else, or if it is unknown, do nothing."""
        with self._changed:
            guard = self._guards.get(call_id)
            failure = None if guard is None else guard.cancel()
            if guard is not None and failure is not None:
                self._forget(guard)
                self._post(guard, failure)

    def keep_warm(self, count: int) -> None:
        """Keep so many connections open from now on; those of others stay until they end."""
        with self._changed:
            self._warm = count
            self._spread_warmth()

    def reload_secret(self) -> None:
        """Read the secret again before the next call; connections stay as they are."""
        self._access.forget_secret()

    def reload(self) -> None:
        """Read the secret and the CA file again; OSError: nothing changes.

        A connection that is not vouched for by the authorities of now is made anew.
        """
        self._access.trust.renew()
        self._access.forget_secret()
        with self._changed:
            for each in self._idle:
                each.look()

    def succeed(self, other: "HetznerPool") -> None:
        """Know what another pool knows of the way to the same endpoint."""
        self._access.route.learn(other._access.route)  # noqa: SLF001  # one of us

    def close(self) -> None:
        """End every call, send nothing more, and stop the threads; takes under a second."""
        with self._changed:
            if self._is_closed:
                return
            self._is_closed = True
            workers = [*self._idle, *self._busy]
            for guard in list(self._guards.values()):
                failure = guard.abandon()
                self._forget(guard)
                if failure is not None:
                    self._post(guard, failure)
            for worker in workers:
                worker.dismiss()
            self._changed.notify_all()
        resolver = self._access.route.resolver
        resolver.close()
        join((self._watcher, *(worker.thread for worker in workers), resolver.thread))

    # --- under the lock -----------------------------------------------------------------------

    def _refusal(self) -> Failure | None:
        if self._is_closed:
            return Failure(kind=FailureKind.CANCELLED, code="closed", message="we are stopping")
        if len(self._urgent) + len(self._reads) >= QUEUE_LIMIT:
            return Failure(
                kind=FailureKind.TRANSIENT,
                code="queue_full",
                message=f"{QUEUE_LIMIT} calls are waiting already",
            )
        if len(self._idle) + len(self._busy) == len(self._stuck):
            return Failure(
                kind=FailureKind.TRANSIENT,
                code="workers_stuck",
                message=f"all {len(self._stuck)} workers hang",
            )
        return None

    def _queue(self, guard: CallGuard) -> None:
        call = guard.call
        self._guards[call.call_id] = guard
        (self._urgent if call.urgent else self._reads)[call.call_id] = guard
        self._dispatch()
        if guard.deadline_s < self._next_look_s:
            self._changed.notify_all()

    def _new_worker(self) -> Worker:
        return Worker(self._access, self._make_session, self._worker_done)

    def _spread_warmth(self) -> None:
        workers = [w for w in (*self._idle, *self._busy) if w not in self._stuck]
        # The last ones: they are the next to be used.
        for place, worker in enumerate(reversed(workers)):
            worker.keep_warm(wanted=place < self._warm)

    def _dispatch(self) -> None:
        while self._idle and (guard := self._next()) is not None:
            worker = next((w for w in reversed(self._idle) if w.is_connected), self._idle[-1])
            self._idle.remove(worker)
            self._busy[worker] = guard
            if guard.call.urgent and worker.is_connected:
                self._leaving.append(guard)
            worker.give(guard)

    def _next(self) -> CallGuard | None:
        if self._urgent:
            return self._urgent.pop(next(iter(self._urgent)))
        keep = 1 if self._size > 1 else 0
        if self._reads and len(self._idle) > keep:
            return self._reads.pop(next(iter(self._reads)))
        return None

    def _end(self, guard: CallGuard, outcome: Answer | Page | Failure) -> Answer | Failure | None:
        """Take in what a worker brought; return how the call ended, None if it did not by this."""
        whole = guard.whole
        whole.parts.discard(guard)
        if whole.ended_at_s is not None:
            return None
        whole.note_answer(guard)
        if isinstance(outcome, Page):
            whole.listing.take(outcome)
            for page in whole.listing.due():
                part = whole.part(page, next(self._part_keys))
                self._reads[part.call.call_id] = part
            read = whole.listing.whole()
            if read is None:
                return None
            outcome = read
        ended = whole.end(outcome)
        self._forget(whole)
        return ended

    def _forget(self, guard: CallGuard) -> None:
        for part in guard.parts:
            part.stop()
            self._reads.pop(part.call.call_id, None)
        guard.parts.clear()
        call_id = guard.call.call_id
        self._guards.pop(call_id, None)
        self._urgent.pop(call_id, None)
        self._reads.pop(call_id, None)

    def _post(self, guard: CallGuard, outcome: Answer | Failure) -> None:
        self._outbox.append(self._result(guard, outcome))
        self._changed.notify_all()

    def _result(self, guard: CallGuard, outcome: Answer | Failure) -> CallResult:
        return CallResult(
            call_id=guard.call.call_id,
            outcome=tidy(outcome, guard.answered, self._redact),
            sent_at_s=guard.sent_at_s,
            finished_at_s=self._clock() if guard.ended_at_s is None else guard.ended_at_s,
            quota=None if guard.answered is None else guard.answered.quota,
        )

    # --- on the threads -----------------------------------------------------------------------

    def _worker_done(
        self, worker: Worker, guard: CallGuard, outcome: Answer | Page | Failure
    ) -> bool:
        """Take a worker back, then deliver; False tells the worker to leave.

        In this order, so that a claim which this result brings about finds the worker idle.
        """
        with self._changed:
            ended = self._end(guard, outcome)
            self._busy.pop(worker)
            self._stuck.discard(worker)
            working = len(self._idle) + len(self._busy) - len(self._stuck)
            stays = not self._is_closed and working < self._size
            if stays:
                self._idle.append(worker)
                self._dispatch()
            if not worker.is_connected:  # then those of others may be doubted now
                for each in self._idle:
                    each.look()
        if ended is not None:
            self._deliver(self._result(guard.whole, ended))
        return stays

    def _watch(self) -> None:
        while True:
            with self._changed:
                self._end_overdue()
                self._replace_stuck()
                self._next_look_s = self._when_to_look()
                if not self._outbox:
                    if self._is_closed:
                        return
                    wait_s = self._next_look_s - self._clock()
                    self._changed.wait(None if wait_s == float("inf") else max(wait_s, 0))
                results = list(self._outbox)
                self._outbox.clear()
            for result in results:
                self._deliver(result)

    def _end_overdue(self) -> None:
        now = self._clock()
        for guard in [g for g in self._guards.values() if g.deadline_s <= now]:
            failure = guard.expire()
            self._forget(guard)
            if failure is not None:
                self._post(guard, failure)

    def _replace_stuck(self) -> None:
        now = self._clock()
        for worker, guard in list(self._busy.items()):
            ended = guard.ended_at_s
            if worker in self._stuck or ended is None or ended + STUCK_GRACE_S > now:
                continue
            self._stuck.add(worker)
            if len(self._stuck) <= self._size and not self._is_closed:
                self._replace()

    def _replace(self) -> None:
        worker = self._new_worker()
        try:
            worker.thread.start()
        except RuntimeError:  # no more threads for this process: the same as too many stuck ones
            worker.close()
            return
        self._idle.insert(0, worker)
        self._spread_warmth()
        self._dispatch()

    def _when_to_look(self) -> float:
        deadlines = [guard.deadline_s for guard in self._guards.values()]
        returns = [
            guard.ended_at_s + STUCK_GRACE_S
            for worker, guard in self._busy.items()
            if guard.ended_at_s is not None and worker not in self._stuck
        ]
        return min((*deadlines, *returns), default=float("inf"))

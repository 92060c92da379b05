"""One worker thread with its own session, and its own connection that it keeps warm.

While no call is to be made, the worker waits for the next one and for the end of its connection.
Where that end comes (the API closes what was idle, the network forgot us) it connects anew at once,
so that a claim need not; a call that comes meanwhile waits no longer than if it had to connect.
"""

import os
import select
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from queue import Empty, SimpleQueue

from hakeeper.adapters.hetzner.access import Access, SecretUnreadableError
from hakeeper.adapters.hetzner.attempt import Attempt
from hakeeper.adapters.hetzner.call_guard import CallGuard
from hakeeper.adapters.hetzner.connection import Connection
from hakeeper.adapters.hetzner.errors import CallEndedError, TransportError
from hakeeper.adapters.hetzner.listing import Page
from hakeeper.adapters.hetzner.outcome import failure_of
from hakeeper.adapters.hetzner.session import Session, SessionMaker
from hakeeper.adapters.hetzner.transport import Transport
from hakeeper.core.calls import Answer, Failure, FailureKind

CONNECT_S = 2.5
"""The longest that connecting ahead of any call may take, once there is an address; a lost SYN is
sent again after a second."""
CLOSE_TIMEOUT_S = 0.8
"""The longest that closing waits for threads."""
GAPS_S = (5.0, 60.0)
"""Between two such tries at least; doubled with every one that fails, up to the second figure."""


class Worker:
    """Performs one call at a time; a session is not safe to share between threads."""

    def __init__(
        self,
        access: Access,
        make_session: SessionMaker,
        done: Callable[["Worker", CallGuard, Answer | Page | Failure], bool],
    ) -> None:
        """Make an idle worker; `thread` is not started yet.

        `done` takes the end of a call, or a page of a list, in the worker's thread, and says
        whether to stay.
        """
        self._access = access
        self._connection = Connection(access.route, access.trust)
        self._transport = Transport(access.options.address, self._connection)
        self._session: Session | None = None
        self._secret = ""
        """The one that the session was made with."""
        self._make_session = make_session
        self._done = done
        self._inbox: SimpleQueue[CallGuard | None] = SimpleQueue()
        self._wake_lock = threading.Lock()
        self._wake_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._is_closed = False
        self._keeps_warm = False
        self._is_dismissed = False
        self._attempt: Attempt | None = None
        self._connect_from_s = float("-inf")
        self._lacks_address = False
        self._gap_s = GAPS_S[0]
        self.thread = threading.Thread(target=self._run, name="hetzner-worker", daemon=True)

    @property
    def is_connected(self) -> bool:
        """Whether it has a connection; the other end may have closed it since."""
        return self._connection.is_open

    def prepare(self) -> None:
        """Make the session now, before the first call needs it. Not while a call is under way."""
        self._current_session()

    # --- from any thread ---------------------------------------------------------------------

    def give(self, guard: CallGuard) -> None:
        """Hand over the next call."""
        self._inbox.put(guard)
        self.look()

    def keep_warm(self, *, wanted: bool) -> None:
        """Say whether it is to have a connection while it waits."""
        self._keeps_warm = wanted
        self.look()

    def look(self) -> None:
        """Have it look at its connection as soon as it has no call."""
        with self._wake_lock:
            if not self._is_closed:
                os.eventfd_write(self._wake_fd, 1)

    def dismiss(self) -> None:
        """Tell the worker to end after the call that it may have."""
        self._is_dismissed = True
        attempt = self._attempt
        if attempt is not None:
            attempt.stop()
        self._inbox.put(None)
        self.look()

    def close(self) -> None:
        """Let go of everything; for the worker itself at its end, or if it never began."""
        self._connection.close()
        with self._wake_lock:
            if not self._is_closed:
                self._is_closed = True
                os.close(self._wake_fd)

    # --- the worker's thread -----------------------------------------------------------------

    def _run(self) -> None:
        try:
            while (guard := self._next()) is not None:
                if not self._done(self, guard, self._outcome(guard)):
                    break
        finally:
            self.close()

    def _next(self) -> CallGuard | None:
        """Wait for the next call, and keep the connection warm meanwhile."""
        while True:
            with suppress(Empty):
                return self._inbox.get_nowait()
            self._wait(self._look_after_connection())

    def _wait(self, wait_s: float | None) -> None:
        poll = select.poll()
        poll.register(self._wake_fd, select.POLLIN)
        if self.is_connected:
            poll.register(self._connection.fileno(), select.POLLIN)
        poll.poll(None if wait_s is None else wait_s * 1000)
        with suppress(BlockingIOError):
            os.eventfd_read(self._wake_fd)

    def _look_after_connection(self) -> float | None:
        """Have a connection, if one is wanted; return the seconds until the next try."""
        # One that a call made counts as a try, too.
        made_at_s = self._connection.made_at_s
        self._connect_from_s = max(self._connect_from_s, made_at_s + GAPS_S[0])
        self._connection.look()
        if self.is_connected or not self._keeps_warm:
            self._lacks_address = False
            return None
        has_address = bool(self._access.route.targets())
        if has_address and self._lacks_address:
            self._lacks_address = False
            self._connect_from_s = float("-inf")
        wait_s = self._connect_from_s - time.monotonic()
        if wait_s > 0:
            return wait_s
        if has_address:
            self._connect()
            return 0.0
        # However long the resolver takes: it wakes this worker.
        self._lacks_address = True
        self._access.route.resolver.ask(self.look)
        return self._pause()

    def _pause(self) -> float:
        """Let a pause follow a try that failed, each longer than the last."""
        self._gap_s = min(GAPS_S[1], self._gap_s * 2)
        self._connect_from_s = time.monotonic() + self._gap_s
        return self._gap_s

    def _connect(self) -> None:
        """Connect ahead of any call. Why it failed is for the call to say that needs it."""
        attempt = self._attempt = Attempt(CONNECT_S, time.monotonic)
        if self._is_dismissed:
            return
        try:
            self._connection.ready(attempt)
        except (TransportError, CallEndedError, OSError):
            self._connection.drop(attempt)
            self._pause()
        else:
            attempt.unwatch()
            self._gap_s = GAPS_S[0]
            self._connect_from_s = time.monotonic() + self._gap_s
        finally:
            self._attempt = None

    def _outcome(self, guard: CallGuard) -> Answer | Page | Failure:
        self._transport.guard = guard
        try:
            return self._current_session().perform(guard)
        except CallEndedError:
            return guard.out_of_time()
        except SecretUnreadableError as error:
            return Failure(kind=FailureKind.AUTH, code=error.code, message=str(error))
        except Exception as error:  # noqa: BLE001  # whatever happened, a call has one end
            return failure_of(error, guard)
        finally:
            self._transport.guard = None

    def _current_session(self) -> Session:
        """Return one with the newest secret; another secret leaves the connection as it is."""
        secret = self._access.secret()
        if self._session is None or secret != self._secret:
            self._session = self._make_session(secret, self._transport)
            self._secret = secret
        return self._session


def join(threads: Iterable[threading.Thread]) -> None:
    """Wait for threads together; one that hangs in the resolver is left to the process's end."""
    deadline_s = time.monotonic() + CLOSE_TIMEOUT_S
    for thread in threads:
        if thread is not threading.current_thread():
            thread.join(max(deadline_s - time.monotonic(), 0))

"""One worker thread with its own client and its own warm connection."""

import threading
from collections.abc import Callable
from queue import SimpleQueue

from hakeeper.adapters.hetzner.api import perform
from hakeeper.adapters.hetzner.clients import Clients, TokenUnreadableError
from hakeeper.adapters.hetzner.errors import CallEndedError
from hakeeper.adapters.hetzner.guard import CallGuard
from hakeeper.adapters.hetzner.identify import Identity
from hakeeper.adapters.hetzner.outcome import failure_of
from hakeeper.core.calls import Answer, Failure, FailureKind


class Worker:
    """Performs one call at a time; a client is not safe to share between threads (requests)."""

    def __init__(
        self,
        clients: Clients,
        identity: Identity,
        done: Callable[["Worker", CallGuard, Answer | Failure], bool],
    ) -> None:
        """Make an idle worker; `thread` is not started yet."""
        self._own = clients.make()
        self._identity = identity
        self._done = done
        self._inbox: SimpleQueue[CallGuard | None] = SimpleQueue()
        self.thread = threading.Thread(target=self._run, name="hetzner-worker", daemon=True)

    def prepare(self) -> None:
        """Make the client now, before the first call needs it. Not while a call is under way."""
        self._own.client()

    def give(self, guard: CallGuard) -> None:
        """Hand over the next call."""
        self._inbox.put(guard)

    def dismiss(self) -> None:
        """Tell the worker to end after the call that it may have."""
        self._inbox.put(None)

    def _run(self) -> None:
        try:
            while (guard := self._inbox.get()) is not None:
                if not self._done(self, guard, self._outcome(guard)):
                    break
        finally:
            self._own.transport.close()

    def _outcome(self, guard: CallGuard) -> Answer | Failure:
        self._own.transport.guard = guard
        try:
            return perform(self._own.client(), guard, self._identity)
        except CallEndedError:
            return guard.out_of_time()
        except TokenUnreadableError as error:
            return Failure(kind=FailureKind.AUTH, code="token_unreadable", message=str(error))
        except Exception as error:  # noqa: BLE001  # whatever happened, a call has one end
            return failure_of(error, guard)
        finally:
            self._own.transport.guard = None

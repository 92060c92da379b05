"""SIGTERM, SIGINT and SIGHUP as a descriptor for the event loop.

The handlers are set once and never changed: a signal that arrives during a change is lost, or makes
the interpreter print a warning. To defer signals, they are blocked (sigprocmask(2)).
"""

import contextlib
import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType

_READ_BYTES = 64
_NUMBERS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the signals since the last `take` ask for."""

    stop: bool
    reload: bool


class Signals:
    """Collects signals; `fd` becomes readable when one arrives.

    Create it on the main thread, before any other thread is started. The handlers only set flags,
    so many signals at once cause a single reload.
    """

    def __init__(self) -> None:
        self._receiver, self._sender = socket.socketpair()
        for end in (self._receiver, self._sender):
            end.settimeout(0.0)
        self._stop = False
        self._reload = False
        signal.set_wakeup_fd(self._sender.fileno(), warn_on_full_buffer=False)
        for number in _NUMBERS:
            signal.signal(number, self._note)
        # The parent process may have blocked them, and the mask is inherited.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _NUMBERS)

    @property
    def fd(self) -> int:
        """The descriptor to watch for reading."""
        return self._receiver.fileno()

    def take(self) -> Wanted:
        """Return what is wanted, and reset it."""
        with contextlib.suppress(OSError):  # nothing left to read; only the flags matter
            while self._receiver.recv(_READ_BYTES):
                pass
        wanted = Wanted(self._stop, self._reload)
        self._reload = False
        return wanted

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Block the signals within this context; threads started in it never receive them.

        Only the main thread may handle them, and none after `close`.
        """
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _NUMBERS)
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def close(self) -> None:
        """Block the signals from now on, so that they do not disturb the shutdown.

        The handlers alone are not enough: at exit the interpreter restores the default actions,
        and a second SIGTERM would then kill the process instead of letting it exit with code 0.
        """
        signal.pthread_sigmask(signal.SIG_BLOCK, _NUMBERS)
        signal.set_wakeup_fd(-1)
        self._receiver.close()
        self._sender.close()

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self._reload = True
        else:
            self._stop = True

"""SIGTERM, SIGINT and SIGHUP as something to wait for beside everything else.

The handlers are set once and stay: a signal that comes while one is swapped for another is lost, or
is complained of by the interpreter. Who wants none for a while blocks them (sigprocmask(2)).
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
    """What the signals since the last look ask for."""

    stop: bool
    reload: bool


class Signals:
    """Collects signals; `fd` becomes readable when one came.

    To be made on the main thread, before any other is started. The handlers only set flags: a storm
    of signals costs one reload, not many.
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
        # Whoever started us may have blocked them, and that is inherited.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _NUMBERS)

    @property
    def fd(self) -> int:
        """What to watch for reading."""
        return self._receiver.fileno()

    def take(self) -> Wanted:
        """Return what is wanted, once."""
        with contextlib.suppress(OSError):  # all is read; what counts are the flags
            while self._receiver.recv(_READ_BYTES):
                pass
        wanted = Wanted(self._stop, self._reload)
        self._reload = False
        return wanted

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Let them wait meanwhile; threads that are started in here never get one.

        Only the main thread can take them, and after `close` nobody must.
        """
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _NUMBERS)
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def close(self) -> None:
        """Block them from now on, so that the end is not disturbed.

        Not merely noted: the interpreter's own end puts the default action back in the place of
        every handler, and then a second SIGTERM would turn exit code 0 into a death by signal.
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

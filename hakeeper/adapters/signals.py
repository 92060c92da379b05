"""SIGTERM, SIGINT and SIGHUP as something to wait for beside everything else."""

import signal
import socket
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
    """Collects signals; `fd` becomes readable when one came. To be made on the main thread.

    The handlers only set flags: a storm of signals costs one reload, not many.
    """

    def __init__(self) -> None:
        self._receiver, self._sender = socket.socketpair()
        for end in (self._receiver, self._sender):
            end.settimeout(0.0)
        self._stop = False
        self._reload = False
        self._old_fd = signal.set_wakeup_fd(self._sender.fileno(), warn_on_full_buffer=False)
        for number in _NUMBERS:
            signal.signal(number, self._note)

    @property
    def fd(self) -> int:
        """What to watch for reading."""
        return self._receiver.fileno()

    def take(self) -> Wanted:
        """Return what is wanted, once."""
        try:
            while self._receiver.recv(_READ_BYTES):
                pass
        except BlockingIOError:
            pass
        wanted = Wanted(self._stop, self._reload)
        self._reload = False
        return wanted

    def close(self) -> None:
        """Ignore signals from now on, so that the end is not disturbed.

        Not merely noted: the interpreter's own end puts the default action back in the place of
        every handler, and then a second SIGTERM would turn exit code 0 into a death by signal.
        """
        for number in _NUMBERS:
            signal.signal(number, signal.SIG_IGN)
        signal.set_wakeup_fd(self._old_fd)
        self._receiver.close()
        self._sender.close()

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self._reload = True
        else:
            self._stop = True

"""The signals of a daemon that runs in the process of the tests."""

import contextlib
import signal
from collections.abc import Iterator

from hakeeper.adapters.signals import Signals

_NUMBERS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@contextlib.contextmanager
def lent_signals() -> Iterator[Signals]:
    """Give what collects signals; afterwards this process takes them as before.

    `Signals.close` leaves them blocked, since the process is about to end; here they would stay
    blocked in all programs that later tests start.
    """
    handlers = {number: signal.getsignal(number) for number in _NUMBERS}
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    signals = Signals()
    try:
        yield signals
    finally:
        signals.close()
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)

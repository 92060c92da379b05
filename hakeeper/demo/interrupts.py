"""Ctrl-C and SIGTERM, noticed only where nothing can be left half made.

An exception out of a signal handler can come between making a process and noting it down; so the
handler only takes a note, and whoever waits asks for it.
"""

import signal
from types import FrameType, TracebackType
from typing import Self

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_INSISTENCE = 3


class Interrupted(BaseException):  # like KeyboardInterrupt: no error, and not Exception
    """The viewer has seen enough."""


class Interrupts:
    """A context manager; while it lasts, the signals are noted and not acted upon."""

    def __init__(self) -> None:
        self.caught: signal.Signals | None = None
        self._count = 0
        self._before: dict[signal.Signals, signal._HANDLER] = {}

    def __enter__(self) -> Self:
        for number in SIGNALS:
            before = signal.getsignal(number)
            if before is not signal.SIG_IGN:  # nohup(1) means it
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def _note(self, number: int, frame: FrameType | None) -> None:
        del frame
        self.caught = self.caught or signal.Signals(number)
        self._count += 1
        if self._count >= _INSISTENCE:  # something hangs, and somebody insists
            raise Interrupted

    def check(self) -> None:
        """Raise Interrupted if a signal has come."""
        if self.caught is not None:
            raise Interrupted

    @property
    def exit_code(self) -> int:
        """128 and the signal's number, as shells count."""
        return 128 + (self.caught or signal.SIGINT)

"""Ctrl-C and SIGTERM, handled only where nothing is half done.

An exception from a signal handler could come between starting a process and recording it. So the
handler only notes the signal, and the code that waits checks for it.
"""

import signal
from types import FrameType, TracebackType
from typing import Self

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_INSISTENCE = 3


class Interrupted(BaseException):  # like KeyboardInterrupt, not an Exception
    """The viewer has interrupted the demo."""


class Interrupts:
    """A context manager in which signals are only noted."""

    def __init__(self) -> None:
        self.caught: signal.Signals | None = None
        self._count = 0
        self._before: dict[signal.Signals, signal._HANDLER] = {}

    def __enter__(self) -> Self:
        for number in SIGNALS:
            before = signal.getsignal(number)
            if before is not signal.SIG_IGN:  # set by nohup(1), so respect it
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
        if self._count >= _INSISTENCE:  # something hangs, and the viewer insists
            raise Interrupted

    def check(self) -> None:
        """Raise Interrupted if a signal has arrived."""
        if self.caught is not None:
            raise Interrupted

    @property
    def exit_code(self) -> int:
        """128 plus the signal's number, as in shells."""
        return 128 + (self.caught or signal.SIGINT)

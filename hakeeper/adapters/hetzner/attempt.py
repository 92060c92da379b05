"""The time that something over a connection may take, and the way to stop it."""

import threading
from collections.abc import Callable

from hakeeper.adapters.hetzner.errors import CallEndedError, Phase


class Attempt:
    """One try at something that may hang anywhere; it can be ended by another thread."""

    def __init__(self, timeout_s: float, clock: Callable[[], float]) -> None:
        """Start the clock (monotonic seconds): `timeout_s` runs from now."""
        self.started_at_s = clock()
        self.deadline_s = self.started_at_s + timeout_s
        self.ended_at_s: float | None = None
        self._clock = clock
        self._lock = threading.Lock()
        self._phase = Phase.QUEUED
        self._interrupts: Callable[[], None] | None = None

    def remaining_s(self) -> float:
        """Seconds left, always positive; CallEndedError when there are none."""
        left = self.deadline_s - self._clock()
        if left <= 0 or self.ended_at_s is not None:
            raise CallEndedError
        return left

    def now_s(self) -> float:
        """Return the time by its clock."""
        return self._clock()

    def enter(self, phase: Phase) -> None:
        """Say how far it has come; CallEndedError if it need not go on."""
        with self._lock:
            self._go_on()
            self._phase = phase

    def watch(self, interrupt: Callable[[], None]) -> None:
        """Have this called, by whatever thread, when the attempt ends early."""
        with self._lock:
            self._go_on()
            self._interrupts = interrupt

    def unwatch(self) -> None:
        """Call it no more. To be called before closing what it uses: a number is used again."""
        with self._lock:
            self._interrupts = None

    def stop(self) -> None:
        """End it, wherever it hangs; what it waits for fails at once."""
        with self._lock:
            if self.ended_at_s is None:
                self._interrupt()
                self.ended_at_s = self._clock()

    def _go_on(self) -> None:
        if self.ended_at_s is not None or self._clock() >= self.deadline_s:
            raise CallEndedError

    def _interrupt(self) -> None:
        if self._interrupts is not None:
            self._interrupts()

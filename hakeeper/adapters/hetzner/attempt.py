"""The time that something over a connection may take, and the socket to stop it by."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress

from hakeeper.adapters.hetzner.errors import CallEndedError, Phase


class Attempt:
    """One try at something that may hang anywhere; it can be ended by another thread."""

    def __init__(self, timeout_s: float, clock: Callable[[], float]) -> None:
        """Start the clock (monotonic seconds): `timeout_s` runs from now."""
        self.deadline_s = clock() + timeout_s
        self.ended_at_s: float | None = None
        self._clock = clock
        self._lock = threading.Lock()
        self._phase = Phase.QUEUED
        self._socket: socket.socket | None = None

    def remaining_s(self) -> float:
        """Seconds left, always positive; CallEndedError when there are none."""
        left = self.deadline_s - self._clock()
        if left <= 0 or self.ended_at_s is not None:
            raise CallEndedError
        return left

    def enter(self, phase: Phase) -> None:
        """Say how far it has come; CallEndedError if it need not go on."""
        with self._lock:
            self._go_on()
            self._phase = phase

    def watch(self, sock: socket.socket) -> None:
        """Have this socket shut down when this ends early; the worker still closes it."""
        with self._lock:
            self._go_on()
            self._socket = sock

    def unwatch(self) -> None:
        """Let go of the socket. To be called before closing it: its number may be used again."""
        with self._lock:
            self._socket = None

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
        if self._socket is None:
            return
        with suppress(OSError):  # not connected, or already gone: then there is nothing to stop
            # The method of the plain socket: SSLSocket's own would drop its TLS state under
            # the feet of the worker that uses it.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

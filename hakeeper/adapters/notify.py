"""sd_notify(3): readiness, status and watchdog for systemd.

Nothing here can stop the daemon: without $NOTIFY_SOCKET every call does nothing, and an error is
handed out once and counted. systemd's socket is open to every user, and whoever fills its queue
must not have us killed: what matters waits a moment for room, and what could not be sent is sent
again by `look`. Sent with a socket of our own, since libsystemd's blocks, and with the
interpreter's lock held: that would stop every thread.
"""

import contextlib
import errno
import os
import select
import socket
import time
from collections.abc import Callable, Mapping
from typing import Final

STATUS_LIMIT_BYTES = 512
"""systemctl shows the status on one line; more than this nobody reads there."""
ROOM_S: Final = 0.05
"""How long readiness and a beat wait for room: under a flood it comes within some milliseconds."""
RETRY_S: Final = 1.0
"""What could not be sent is tried again after this."""
_STATE, _STATUS, _BEAT = "state", "status", "beat"
"""What is owed until it was sent, each in its newest form, in this order."""


class Notifier:
    """Tells systemd how we are.

    `redact` is applied to every status. `on_error` hears of the first error after a success.
    """

    def __init__(
        self,
        *,
        redact: Callable[[str], str],
        on_error: Callable[[str], None],
    ) -> None:
        self._redact = redact
        self._on_error = on_error
        self._address = os.environ.get("NOTIFY_SOCKET", "")
        self._socket: socket.socket | None = None
        self._owed: dict[str, tuple[str, ...]] = {}
        self._look_at_s = 0.0
        self._failing = False
        self.errors = 0

    def ready(self, status: str = "") -> None:
        """The service is up, or a reload is finished."""
        lines = self._status_lines(status)
        if self._send(_STATE, "READY=1", *lines):
            self._owed.pop(_STATUS, None)
        elif lines:  # apart: it may be outdated when the other is sent
            self._owed[_STATE], self._owed[_STATUS] = ("READY=1",), lines

    def status(self, text: str) -> None:
        """Show one line in `systemctl status`."""
        self._send(_STATUS, *self._status_lines(text), room_s=0.0)

    def reloading(self) -> None:
        """A reload begins; `ready` ends it.

        The time stamp is what Type=notify-reload (systemd 253) demands; older ones ignore it.
        """
        now_usec = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._send(_STATE, "RELOADING=1", f"MONOTONIC_USEC={now_usec}")

    def stopping(self) -> None:
        """The service goes down in order; systemd shows the last status of a dead one, too."""
        self._send(_STATE, "STOPPING=1", "STATUS=stopped")

    def watchdog(self) -> None:
        """Say that the loop makes progress; to be called by the loop alone."""
        self._send(_BEAT, "WATCHDOG=1")

    def watchdog_trigger(self) -> None:
        """Have systemd act as if the watchdog had run out: an invariant is broken."""
        self._send(_BEAT, "WATCHDOG=trigger")

    def look(self) -> None:
        """Send again what could not be sent, about once a second; to be called every turn."""
        if not self._owed or time.monotonic() < self._look_at_s:
            return
        for what in (_STATE, _STATUS, _BEAT):
            lines = self._owed.get(what)
            if lines is not None and not self._send(what, *lines):
                return

    def close(self) -> None:
        """Give the descriptor back."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _status_lines(self, text: str) -> tuple[str, ...]:
        return (f"STATUS={status_line(self._redact(text))}",) if text else ()

    def _send(self, what: str, *lines: str, room_s: float = ROOM_S) -> bool:
        """Send it, or owe it; say whether it was sent, or there is nobody to tell."""
        if not self._address or not lines:
            return True
        try:
            self._put("\n".join(lines).encode(), room_s)
        except OSError as error:
            self._owed[what] = lines
            self._look_at_s = time.monotonic() + RETRY_S
            self.errors += 1
            if not self._failing:
                self._failing = True
                reason = error.strerror or error
                self._on_error(
                    f"cannot tell systemd how it is: NOTIFY_SOCKET={self._address}: {reason}"
                )
            return False
        self._owed.pop(what, None)
        self._failing = False
        return True

    def _put(self, message: bytes, room_s: float) -> None:
        """Send one datagram; OSError where systemd does not listen, or there is no room in time."""
        if self._socket is None:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        name = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        # Each time, since another socket may lie at the path. Connected, poll(2) speaks of the
        # queue at the other end.
        self._socket.connect(name)
        poll = select.poll()
        poll.register(self._socket, select.POLLOUT)
        until_s = time.monotonic() + room_s
        while True:
            poll.poll(max(0.0, until_s - time.monotonic()) * 1000)
            with contextlib.suppress(BlockingIOError):  # somebody else was quicker
                self._socket.send(message)
                return
            if time.monotonic() >= until_s:
                raise BlockingIOError(errno.EAGAIN, "its queue is full")


def status_line(text: str) -> str:
    """Make one printable line of bounded length."""
    flat = " ".join(text.split())
    clean = "".join(c if c.isprintable() else "?" for c in flat)
    raw = clean.encode()
    if len(raw) <= STATUS_LIMIT_BYTES:
        return clean
    return raw[: STATUS_LIMIT_BYTES - 3].decode(errors="ignore") + "…"


def watchdog_interval_s(environ: Mapping[str, str] = os.environ) -> float | None:
    """Say how often `watchdog` has to be called: half of the time that systemd grants.

    None where systemd wants no watchdog from this process (sd_watchdog_enabled(3)).
    """
    granted = environ.get("WATCHDOG_USEC", "")
    wanted_of = environ.get("WATCHDOG_PID", "")
    if wanted_of and wanted_of != str(os.getpid()):
        return None
    if not (granted.isascii() and granted.isdigit()) or int(granted) == 0:
        return None
    return int(granted) / 2 / 1_000_000

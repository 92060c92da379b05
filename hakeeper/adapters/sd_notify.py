"""sd_notify(3): readiness, status and watchdog for systemd.

Nothing here can stop the daemon: without $NOTIFY_SOCKET every call does nothing, and errors are
reported once and counted. Every user can write to systemd's socket, and a user who fills its queue
must not get us killed. So important messages wait briefly for room, and `look` sends again what
could not be sent. libsystemd is not used: it blocks while it holds Python's global lock, which
would stop all threads.
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
"""systemctl shows the status on one line; this is more than enough."""
ROOM_S: Final = 0.05
"""How long readiness and watchdog messages wait for room, which takes milliseconds in a flood."""
RETRY_S: Final = 1.0
"""How long to wait before sending again."""
_STATE, _STATUS, _WATCHDOG = "state", "status", "watchdog"
"""The kinds of messages; of each, the newest unsent one is kept and sent again, in this order."""


class Notifier:
    """Sends our state to systemd.

    `redact` is applied to every status. `on_error` is called for the first error after a success.
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
        self._unsent: dict[str, tuple[str, ...]] = {}
        self._look_at_s = 0.0
        self._failing = False
        self.errors = 0

    def ready(self, status: str = "") -> None:
        """The service is up, or a reload is finished."""
        lines = self._status_lines(status)
        if self._send(_STATE, "READY=1", *lines):
            self._unsent.pop(_STATUS, None)
        elif lines:  # separately: the status may be outdated when READY=1 is sent
            self._unsent[_STATE], self._unsent[_STATUS] = ("READY=1",), lines

    def status(self, text: str) -> None:
        """Show one line in `systemctl status`."""
        self._send(_STATUS, *self._status_lines(text), room_s=0.0)

    def reloading(self) -> None:
        """A reload begins; `ready` ends it.

        Type=notify-reload (systemd 253) requires the time stamp; older versions ignore it.
        """
        now_usec = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._send(_STATE, "RELOADING=1", f"MONOTONIC_USEC={now_usec}")

    def stopping(self) -> None:
        """The service stops; systemd shows the last status of a stopped service, too."""
        self._send(_STATE, "STOPPING=1", "STATUS=stopped")

    def watchdog(self) -> None:
        """Report that the loop makes progress; only the loop may call this."""
        self._send(_WATCHDOG, "WATCHDOG=1")

    def watchdog_trigger(self) -> None:
        """Make systemd act as on a watchdog timeout: an invariant is broken."""
        self._send(_WATCHDOG, "WATCHDOG=trigger")

    def look(self) -> None:
        """Send unsent messages again, about once a second; call it in every turn."""
        if not self._unsent or time.monotonic() < self._look_at_s:
            return
        for what in (_STATE, _STATUS, _WATCHDOG):
            lines = self._unsent.get(what)
            if lines is not None and not self._send(what, *lines):
                return

    def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _status_lines(self, text: str) -> tuple[str, ...]:
        return (f"STATUS={status_line(self._redact(text))}",) if text else ()

    def _send(self, what: str, *lines: str, room_s: float = ROOM_S) -> bool:
        """Send a message, or keep it as unsent; True: it was sent, or there is no NOTIFY_SOCKET."""
        if not self._address or not lines:
            return True
        try:
            self._put("\n".join(lines).encode(), room_s)
        except OSError as error:
            self._unsent[what] = lines
            self._look_at_s = time.monotonic() + RETRY_S
            self.errors += 1
            if not self._failing:
                self._failing = True
                reason = error.strerror or error
                self._on_error(f"cannot notify systemd: NOTIFY_SOCKET={self._address}: {reason}")
            return False
        self._unsent.pop(what, None)
        self._failing = False
        return True

    def _put(self, message: bytes, room_s: float) -> None:
        """Send one datagram; OSError: systemd does not listen, or its queue stays full."""
        if self._socket is None:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        name = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        # Connect each time: the socket at the path may have been replaced. On a connected socket,
        # poll(2) reports whether the receiver's queue has room.
        self._socket.connect(name)
        poll = select.poll()
        poll.register(self._socket, select.POLLOUT)
        until_s = time.monotonic() + room_s
        while True:
            poll.poll(max(0.0, until_s - time.monotonic()) * 1000)
            with contextlib.suppress(BlockingIOError):  # another sender took the room
                self._socket.send(message)
                return
            if time.monotonic() >= until_s:
                raise BlockingIOError(errno.EAGAIN, "its queue is full")


class Watchdog:
    """Reports the loop's progress in time, for as long as `look` is called in every turn."""

    def __init__(self, notifier: Notifier, interval_s: float | None) -> None:
        """`interval_s` None: systemd expects no reports."""
        self._notifier = notifier
        self._interval_s = interval_s
        self.due_at_s = float("inf") if interval_s is None else 0.0
        """When the next report is due (monotonic seconds)."""

    def look(self, now: float, early_s: float) -> None:
        """Report if that is due, or will be this soon: nobody has to wake up for it alone then."""
        if self._interval_s is not None and now + early_s >= self.due_at_s:
            self.due_at_s = now + self._interval_s
            self._notifier.watchdog()


def status_line(text: str) -> str:
    """Return the text as one printable line of limited length."""
    flat = " ".join(text.split())
    clean = "".join(c if c.isprintable() else "?" for c in flat)
    raw = clean.encode()
    if len(raw) <= STATUS_LIMIT_BYTES:
        return clean
    return raw[: STATUS_LIMIT_BYTES - 3].decode(errors="ignore") + "…"


def watchdog_interval_s(environ: Mapping[str, str] = os.environ) -> float | None:
    """Return how often to call `watchdog`: every half of systemd's timeout.

    None: systemd expects no watchdog messages from this process (sd_watchdog_enabled(3)).
    """
    timeout_usec = environ.get("WATCHDOG_USEC", "")
    pid = environ.get("WATCHDOG_PID", "")
    if pid and pid != str(os.getpid()):
        return None
    if not (timeout_usec.isascii() and timeout_usec.isdigit()) or int(timeout_usec) == 0:
        return None
    return int(timeout_usec) / 2 / 1_000_000

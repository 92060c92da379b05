"""sd_notify(3): readiness, status and watchdog for systemd, through systemd-python.

Nothing here can stop the daemon: without $NOTIFY_SOCKET every call does nothing, and an error is
handed out once and counted. systemd-python holds Python's interpreter lock while it sends on a
blocking socket, so a probe asks for room in systemd's queue first.
"""

import errno
import os
import select
import socket
import time
from collections.abc import Callable, Mapping

from systemd.daemon import notify

STATUS_LIMIT_BYTES = 512
"""systemctl shows the status on one line; more than this nobody reads there."""


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
        self._failing = False
        self.errors = 0

    def ready(self, status: str = "") -> None:
        """The service is up, or a reload is finished."""
        self._send("READY=1", *self._status_lines(status))

    def status(self, text: str) -> None:
        """Show one line in `systemctl status`."""
        self._send(*self._status_lines(text))

    def reloading(self) -> None:
        """A reload begins; `ready` ends it.

        The time stamp is what Type=notify-reload (systemd 253) demands; older ones ignore it.
        """
        now_usec = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._send("RELOADING=1", f"MONOTONIC_USEC={now_usec}")

    def stopping(self) -> None:
        """The service goes down in order; systemd shows the last status of a dead one, too."""
        self._send("STOPPING=1", "STATUS=stopped")

    def watchdog(self) -> None:
        """Say that the loop makes progress; to be called by the loop alone."""
        self._send("WATCHDOG=1")

    def watchdog_trigger(self) -> None:
        """Have systemd act as if the watchdog had run out: an invariant is broken."""
        self._send("WATCHDOG=trigger")

    def _status_lines(self, text: str) -> tuple[str, ...]:
        return (f"STATUS={status_line(self._redact(text))}",) if text else ()

    def _send(self, *lines: str) -> None:
        if not self._address or not lines:
            return
        try:
            _check_room(self._address)
            notify("\n".join(lines))
        except OSError as error:
            self.errors += 1
            if not self._failing:
                self._failing = True
                reason = error.strerror or error
                self._on_error(
                    f"cannot tell systemd how it is: NOTIFY_SOCKET={self._address}: {reason}"
                )
        else:
            self._failing = False


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


def _check_room(address: str) -> None:
    """Raise OSError where systemd does not listen, or would block us."""
    name = "\0" + address[1:] if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as probe:
        probe.connect(name)
        poll = select.poll()
        poll.register(probe, select.POLLOUT)
        if not poll.poll(0):
            raise BlockingIOError(errno.EAGAIN, "its queue is full")

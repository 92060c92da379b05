"""The daemon's side of hooks: one datagram, sent without waiting, or counted as lost."""

import socket
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from hakeeper.adapters.hooks import CURE
from hakeeper.adapters.hooks.moments import Moments
from hakeeper.adapters.hooks.notice import Notice
from hakeeper.config.hooks import HooksConfig
from hakeeper.core.events import Report
from hakeeper.core.model import VrrpId


class HookSender:
    """Tells the hooks' service of what has a command in the configuration in force.

    `configured` returns that; `on_loss` hears why a hook is not run, and how many were not since
    it was last called: with the first one, and when the service can be reached again.
    """

    def __init__(
        self,
        path: Path,
        configured: Callable[[], Mapping[VrrpId, HooksConfig]],
        *,
        redact: Callable[[str], str],
        on_loss: Callable[[str, int], None],
    ) -> None:
        """Take the path of the socket; nothing is opened before there is something to send."""
        self._path = str(path)
        self._configured = configured
        self._redact = redact
        self._on_loss = on_loss
        self._moments = Moments()
        self._socket: socket.socket | None = None
        self._lost: int | None = None
        """How many were lost since this was last told; None while all is well."""

    def tell(self, report: Report) -> None:
        """Send what a command is to be run for. Never waits; raises nothing of the system's."""
        notice = self._moments.of(report)
        if notice is None:
            return
        hooks = self._configured().get(notice.vrrp)
        if hooks is None or hooks.command(notice.moment) is None:
            return
        try:
            self._send(notice)
        except OSError as error:
            self._note_loss(notice, error)
        else:
            self._note_success()

    def close(self) -> None:
        """Let go of the socket."""
        if self._socket is not None:
            self._socket.close()

    def _send(self, notice: Notice) -> None:
        if self._socket is None:
            kind = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
            self._socket = socket.socket(socket.AF_UNIX, kind)
        message, reason = self._redact(notice.message), self._redact(notice.reason)
        safe = replace(notice, message=message, reason=reason)
        self._socket.sendto(safe.encoded(), self._path)

    def _note_loss(self, notice: Notice, error: OSError) -> None:
        if self._lost is not None:
            self._lost += 1
            return
        self._lost = 0
        what = f"{notice.vrrp}: {notice.moment.value} is not run"
        why = f"{self._path}: {error.strerror or error}"
        self._on_loss(f"{what}: {why}; no failover needs it; to mend it: {CURE}", 1)

    def _note_success(self) -> None:
        if self._lost:
            self._on_loss(f"hooks are run again; {self._lost} more were not", self._lost)
        self._lost = None

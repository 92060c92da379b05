"""One accepted TCP connection: reading, writing, waiting, and the ways to break it."""

import contextlib
import enum
import os
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable

from hakeeper.demo.cloud.wire import BadRequestError, HttpRequest, RequestReader

HANDSHAKE_LIMIT_S = 10.0
_CHUNK_BYTES = 16 * 1024
_NO_LINGER = struct.pack("ii", 1, 0)
"""SO_LINGER with a time of zero: closing sends RST (socket(7))."""


class _Woken(enum.Enum):
    SOCKET = enum.auto()
    FLAGS = enum.auto()
    TIME = enum.auto()


class Connection:
    """Used by one thread, except for `wake`, `abort` and the flags, which any thread may use."""

    def __init__(self, number: int, sock: socket.socket) -> None:
        """Take over an accepted socket."""
        self.number = number
        self.source: str = _source(sock)
        """The address of the client's end; empty if it left before it was accepted."""
        self.clients: set[str] = set()
        """Names of the clients that have sent requests over it."""
        self.frozen_by: int | None = None
        """The fault that froze it: nothing is read or written until it is dropped."""
        self.dropped = False
        """Set to make its thread reset it as soon as possible."""
        self._sock = sock
        self._reader = RequestReader()
        self._guard = threading.Lock()
        self._closed = False
        self._wake_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    # --- from any thread ------------------------------------------------------------------------

    def wake(self) -> None:
        """Make the thread check the flags again."""
        with self._guard:
            if not self._closed:
                os.eventfd_write(self._wake_fd, 1)

    def drop(self) -> None:
        """Reset it."""
        self.dropped = True
        self.wake()

    def abort(self) -> None:
        """Close it even if its thread is blocked in a system call."""
        self.drop()
        with self._guard, contextlib.suppress(OSError):
            if not self._closed:
                self._sock.shutdown(socket.SHUT_RDWR)

    # --- from its own thread --------------------------------------------------------------------

    def encrypt(self, context: ssl.SSLContext) -> bool:
        """Do the TLS handshake; False if it fails."""
        self._sock.settimeout(HANDSHAKE_LIMIT_S)
        try:
            encrypted = context.wrap_socket(
                self._sock, server_side=True, do_handshake_on_connect=False
            )
        except (OSError, ValueError):
            return False
        with self._guard:
            self._sock = encrypted
        try:
            encrypted.do_handshake()
            encrypted.settimeout(None)
        except (OSError, ValueError):
            return False
        return True

    def read_request(self, idle_limit_s: Callable[[], float | None]) -> HttpRequest | None:
        """Wait for the next request; None: there will be none.

        `idle_limit_s` returns how long the connection may be silent; None: without limit.
        """
        since_s = time.monotonic()
        while not self.dropped:
            try:
                request = self._reader.take()
            except BadRequestError:
                return None
            if request is not None:
                return request
            limit_s = idle_limit_s()
            deadline_s = None if limit_s is None else since_s + limit_s
            woken = self._wait(deadline_s, select.POLLIN if self.frozen_by is None else 0)
            if woken is _Woken.TIME or (woken is _Woken.SOCKET and not self._receive()):
                return None
        return None

    def _receive(self) -> bool:
        if self.frozen_by is not None:
            return False
        try:
            data = self._sock.recv(_CHUNK_BYTES)
        except OSError:
            return False
        self._reader.feed(data)
        return bool(data)

    def pause(self, duration_s: float) -> None:
        """Wait, even if the client leaves meanwhile."""
        deadline_s = time.monotonic() + duration_s
        while duration_s > 0 and not self.dropped:
            if self._wait(deadline_s, None) is _Woken.TIME:
                return

    def hold(self, until: Callable[[], bool]) -> None:
        """Stay silent until `until` is true or the client has left."""
        while not self.dropped and not until():
            if self._wait(None, 0) is _Woken.SOCKET:
                return

    def send(self, data: bytes, drip_s: float = 0.0) -> bool:
        """Write all data; False if the connection broke or is frozen."""
        size = 1 if drip_s else _CHUNK_BYTES
        for start in range(0, len(data), size):
            if drip_s and start:
                self.pause(drip_s)
            if not self._send_some(data[start : start + size]):
                return False
        return True

    def _send_some(self, data: bytes) -> bool:
        while self.frozen_by is None and not self.dropped:
            if self._wait(None, select.POLLOUT) is not _Woken.SOCKET:
                continue
            try:
                self._sock.sendall(data)
            except OSError:
                return False
            return True
        self.hold(lambda: False)
        return False

    def close(self, *, reset: bool = False) -> None:
        """Close it, on request with RST instead of FIN."""
        with self._guard:
            if self._closed:
                return
            self._closed = True
            os.close(self._wake_fd)
            with contextlib.suppress(OSError):
                if reset or self.dropped:
                    self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
                else:
                    self._sock.shutdown(socket.SHUT_WR)
            self._sock.close()

    def _wait(self, deadline_s: float | None, events: int | None) -> _Woken:
        """Wait for the flags, the time or the socket; `events` None ignores the socket.

        A client that leaves counts as SOCKET with any `events`.
        """
        if (
            events == select.POLLIN
            and isinstance(self._sock, ssl.SSLSocket)
            and self._sock.pending()
        ):
            return _Woken.SOCKET
        poller = select.poll()
        poller.register(self._wake_fd, select.POLLIN)
        if events is not None:
            poller.register(self._sock, events | select.POLLRDHUP)
        rest_s = None if deadline_s is None else max(0.0, deadline_s - time.monotonic())
        ready = dict(poller.poll(None if rest_s is None else rest_s * 1000))
        if self._wake_fd in ready:
            os.eventfd_read(self._wake_fd)
            return _Woken.FLAGS
        return _Woken.SOCKET if ready else _Woken.TIME


def _source(sock: socket.socket) -> str:
    try:
        return str(sock.getpeername()[0])
    except OSError:
        return ""

"""A listening port with one thread per connection, which can be closed and opened again."""

import os
import select
import socket
import ssl
import threading
from collections.abc import Callable

from hakeeper.demo.cloud.connection import Connection

_BACKLOG = 1024
_JOIN_LIMIT_S = 5.0


class Listener:
    """Accepts connections and runs `serve` for each in its own thread.

    `gate` is called before TLS and decides whether a connection may continue; it may block.
    `on_change` is called when a connection comes or goes.
    """

    def __init__(
        self,
        address: tuple[str, int],
        serve: Callable[[Connection], None],
        *,
        tls: ssl.SSLContext | None = None,
        gate: Callable[[Connection], bool] | None = None,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        """Bind at once (port 0: any), so that the address is known; accepts after `start`."""
        self.tls = tls
        self.accepted = 0
        self._serve = serve
        self._gate = gate
        self._on_change = on_change
        self._family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        # Never listens: it reserves the port while the listening socket is closed.
        self._placeholder = self._bind(address)
        self.host, self.port = self._placeholder.getsockname()[:2]
        self._wake_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._state = threading.Condition()
        self._wanted = True
        self._stopping = False
        self._listening = False
        self._connections: dict[int, tuple[Connection, threading.Thread]] = {}
        self._thread = threading.Thread(target=self._accept_all, name="sim-cloud-accept")

    def _bind(self, address: tuple[str, int]) -> socket.socket:
        sock = socket.socket(self._family, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(address)
        except OSError:
            sock.close()
            raise
        return sock

    def start(self) -> None:
        """Begin to accept."""
        self._thread.start()
        self.set_open(wanted=True)

    def set_open(self, *, wanted: bool) -> None:
        """Open or close the port; returns when that is done."""
        with self._state:
            if self._stopping:
                return
            self._wanted = wanted
            os.eventfd_write(self._wake_fd, 1)
            self._state.wait_for(lambda: self._listening == wanted or self._stopping)

    def connections(self) -> list[Connection]:
        """Return the connections that are open now."""
        with self._state:
            return [connection for connection, _ in self._connections.values()]

    def stop(self) -> None:
        """Close everything and wait for the threads."""
        with self._state:
            self._stopping = True
            self._state.notify_all()
            os.eventfd_write(self._wake_fd, 1)
        self._thread.join(_JOIN_LIMIT_S)
        with self._state:
            left = list(self._connections.values())
        for connection, _ in left:
            connection.abort()
        for _, thread in left:
            thread.join(_JOIN_LIMIT_S)
        self._placeholder.close()
        os.close(self._wake_fd)

    def _accept_all(self) -> None:
        while not self._stopping:
            if not self._wanted:
                self._tell(listening=False)
                self._accept_until_woken(None)
                continue
            with self._bind((self.host, self.port)) as sock:
                sock.listen(_BACKLOG)
                self._tell(listening=True)
                while self._accepting():
                    self._accept_until_woken(sock)

    def _accepting(self) -> bool:
        return self._wanted and not self._stopping

    def _tell(self, *, listening: bool) -> None:
        with self._state:
            self._listening = listening
            self._state.notify_all()

    def _accept_until_woken(self, sock: socket.socket | None) -> None:
        poller = select.poll()
        poller.register(self._wake_fd, select.POLLIN)
        if sock is not None:
            poller.register(sock, select.POLLIN)
        ready = dict(poller.poll())
        if self._wake_fd in ready:
            os.eventfd_read(self._wake_fd)
        elif sock is not None:
            self._begin(sock.accept()[0])

    def _begin(self, sock: socket.socket) -> None:
        with self._state:
            self.accepted += 1
            connection = Connection(self.accepted, sock)
            thread = threading.Thread(
                target=self._run, args=(connection,), name=f"sim-cloud-{self.accepted}"
            )
            self._connections[connection.number] = (connection, thread)
        self._on_change()
        thread.start()

    def _run(self, connection: Connection) -> None:
        try:
            if self._gate is not None and not self._gate(connection):
                return
            if self.tls is not None and not connection.encrypt(self.tls):
                return
            self._serve(connection)
        finally:
            connection.close()
            with self._state:
                self._connections.pop(connection.number, None)
            self._on_change()

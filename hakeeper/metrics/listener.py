"""Serves the metrics over HTTP, to this machine alone: on a loopback address or a unix socket.

Whoever is slow, silent or greedy is cut off: a connection has a deadline as a whole, and only so
many are open at once. The others wait for their turn, so that nobody can keep a scrape away for
long. The daemon is asked once a second at most, however many scrape.
"""

import contextlib
import ipaddress
import os
import re
import socket
import stat
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import h11

DEADLINE_S: Final = 2.0
"""Of a connection, from being accepted to the last byte of the answer."""
CONNECTIONS: Final = 32
BACKLOG: Final = 64
REQUEST_LIMIT_BYTES: Final = 8192
KEPT_S: Final = 1.0
"""So long the same text is handed out."""
SCRAPED: Final = "/metrics"
HIGHEST_PORT: Final = 65535
_WITH_PORT: Final = re.compile(r"\[?(?P<host>[^\[\]]+)\]?:(?P<port>[0-9]{1,5})")
_READ_BYTES: Final = 4096

Render: TypeAlias = Callable[[], bytes]
"""It may raise `CannotTell`."""


class CannotTell(Exception):  # noqa: N818  # an answer, not a mistake
    """It is not known how things are; why. The scrape fails, so that no value stands for it."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen: a unix socket's `path`, or a loopback `ip` and its `port`."""

    path: Path | None = None
    ip: str = ""
    port: int = 0


def address(text: str) -> Address:
    """Read `127.0.0.1:PORT`, `[::1]:PORT`, `localhost:PORT` or `unix:PATH`; raises ValueError."""
    if text.startswith("unix:"):
        path = Path(text.removeprefix("unix:"))
        if not path.is_absolute():
            raise ValueError(f"{text!r} has no absolute path; expected such as unix:/run/NAME.sock")
        return Address(path=path)
    parts = _WITH_PORT.fullmatch(text)
    if parts is None or int(parts["port"]) > HIGHEST_PORT:
        raise ValueError(f"{text!r} names no port; expected such as 127.0.0.1:9939 or unix:PATH")
    name = parts["host"]
    try:
        ip = ipaddress.ip_address("127.0.0.1" if name == "localhost" else name)
    except ValueError:
        raise ValueError(
            f"{name!r} is no address; expected 127.0.0.1, [::1] or unix:PATH"
        ) from None
    if not ip.is_loopback:
        way_out = "use 127.0.0.1 or unix:PATH, and a proxy in front that checks who asks"
        raise ValueError(
            f"{name} can be reached by others, and metrics have no password; {way_out}"
        )
    return Address(ip=str(ip), port=int(parts["port"]))


def listen(at: Address) -> socket.socket:
    """Return a socket that listens; raises OSError. A unix socket is for every local user."""
    if at.path is None:
        family = socket.AF_INET6 if ":" in at.ip else socket.AF_INET
        return socket.create_server((at.ip, at.port), family=family, backlog=BACKLOG)
    _remove_unused(at.path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(at.path))
        at.path.chmod(0o666)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        # bind(2)'s error lacks the path, which the operator needs.
        raise OSError(error.errno, error.strerror, str(at.path)) from None
    return listener


def where(listener: socket.socket) -> str:
    """Return where a listener can be asked, for people."""
    if listener.family is socket.AF_UNIX:
        return f"unix:{listener.getsockname()}, path {SCRAPED}"
    ip, port = listener.getsockname()[:2]
    return f"http://{f'[{ip}]' if ':' in ip else ip}:{port}{SCRAPED}"


def _remove_unused(path: Path) -> None:
    """Remove the socket that an earlier run left; one that somebody listens on stays."""
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            return  # bind(2) refuses it
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()


class Listener:
    """Answers each connection on a thread of its own, with what `render` makes."""

    def __init__(self, listener: socket.socket, render: Render, content_type: str) -> None:
        self._listener = listener
        self._render = render
        self._content_type = content_type
        self._free = threading.Semaphore(CONNECTIONS)
        self._lock = threading.Lock()
        self._text = b""
        self._until_s = 0.0

    def serve(self) -> None:
        """Serve until the process ends."""
        while True:
            self._free.acquire()
            try:
                connection, _ = self._listener.accept()
            except OSError:  # the client has left, or no descriptor is free
                self._free.release()
                time.sleep(0.1)
                continue
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        try:
            with connection, contextlib.suppress(OSError, h11.RemoteProtocolError):
                self._talk(connection, time.monotonic() + DEADLINE_S)
        finally:
            self._free.release()

    def _talk(self, connection: socket.socket, until_s: float) -> None:
        """Take one request and answer it; raises OSError, or RemoteProtocolError for no HTTP."""
        http = h11.Connection(h11.SERVER, max_incomplete_event_size=REQUEST_LIMIT_BYTES)
        while (event := http.next_event()) is h11.NEED_DATA:
            connection.settimeout(_left_s(until_s))
            http.receive_data(connection.recv(_READ_BYTES))
        if not isinstance(event, h11.Request):
            return  # it has left
        status, content_type, text = self._response(event)
        headers = [
            ("Content-Type", content_type),
            ("Content-Length", str(len(text))),
            ("Connection", "close"),
        ]
        data = http.send(h11.Response(status_code=status, headers=headers))
        if event.method != b"HEAD":
            data += http.send(h11.Data(data=text))
        connection.settimeout(_left_s(until_s))
        connection.sendall(data)  # the timeout is that of all of it

    def _response(self, request: h11.Request) -> tuple[int, str, bytes]:
        if request.method not in (b"GET", b"HEAD"):
            return 405, "text/plain", b"only GET and HEAD\n"
        if request.target.partition(b"?")[0] != SCRAPED.encode():
            return 404, "text/plain", f"the metrics are at {SCRAPED}\n".encode()
        try:
            return 200, self._content_type, self._current()
        except CannotTell as error:
            return 503, "text/plain; charset=utf-8", f"{error}\n".encode()

    def _current(self) -> bytes:
        with self._lock:
            if time.monotonic() >= self._until_s:
                self._text = self._render()
                self._until_s = time.monotonic() + KEPT_S
            return self._text


def _left_s(until_s: float) -> float:
    left_s = until_s - time.monotonic()
    if left_s <= 0.0:  # it may come in drops
        raise TimeoutError
    return left_s

"""An HTTP server on loopback that does anything that a test wants.

It speaks real TCP and TLS, and can be as wrong as a test wants: what it sends is bytes that the
test wrote.
"""

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self


def http(
    status: int, body: object = b"", headers: Mapping[str, str] | None = None, reason: str = "X"
) -> bytes:
    """Write an HTTP answer; a body that is not bytes becomes JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} {reason}", f"Content-Length: {len(data)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + data


@dataclass(frozen=True, slots=True)
class Seen:
    """One request that arrived whole."""

    connection: int
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Peer:
    """The server's end of one connection."""

    def __init__(self, sock: socket.socket, number: int, server: "RawServer") -> None:
        """Take an accepted connection."""
        self.sock = sock
        self.number = number
        self.server = server
        self._tail = b""

    def read(self) -> Seen | None:
        """Read one request; None when the client has gone."""
        while b"\r\n\r\n" not in self._tail:
            if not self._more():
                return None
        head, _, rest = self._tail.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, path, _ = first.split(" ")
        headers = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines)}
        self._tail = rest
        length = int(headers.get("content-length", "0"))
        while len(self._tail) < length:
            if not self._more():
                return None
        body, self._tail = self._tail[:length], self._tail[length:]
        return Seen(self.number, method, path, headers, body)

    def _more(self) -> bool:
        try:
            chunk = self.sock.recv(65536)
        except OSError:
            return False
        self._tail += chunk
        return bool(chunk)

    def hold(self) -> None:
        """Say nothing until the client or the test ends."""
        self.sock.settimeout(0.05)
        while not self.server.stopping.is_set():
            try:
                if not self.sock.recv(65536):
                    return
            except TimeoutError:
                continue
            except OSError:
                return

    def reset(self) -> None:
        """End with a TCP RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


Behaviour = Callable[[Peer, Seen], bytes | None]
"""What the server does with a request: bytes to send, or None when it has ended the connection."""


@dataclass
class RawServer:
    """A server on loopback; `stalls` means that it accepts and never says a word."""

    behave: Behaviour
    tls: ssl.SSLContext | None = None
    stalls: bool = False
    host: str = "127.0.0.1"
    seen: list[Seen] = field(default_factory=list)
    accepted: int = 0
    stopping: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    _peers: list[socket.socket] = field(default_factory=list)

    def __enter__(self) -> Self:
        """Listen."""
        self._listener = socket.create_server((self.host, 0))
        self.port: int = self._listener.getsockname()[1]
        self._spawn(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop every thread."""
        self.stopping.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for peer in self._peers:
            with suppress(OSError):
                socket.socket.shutdown(peer, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()

    @property
    def url(self) -> str:
        """The API's base URL."""
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.port}/v1"

    @property
    def posts(self) -> list[Seen]:
        """The requests that change something."""
        return [seen for seen in self.seen if seen.method != "GET"]

    def _spawn(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            self._peers.append(sock)
            self._spawn(self._serve, sock, self.accepted)

    def _serve(self, sock: socket.socket, number: int) -> None:
        if self.stalls:
            Peer(sock, number, self).hold()
            sock.close()
            return
        try:
            if self.tls is not None:
                sock = self.tls.wrap_socket(sock, server_side=True)
                self._peers.append(sock)
            peer = Peer(sock, number, self)
            while (seen := peer.read()) is not None:
                self.seen.append(seen)
                answer = self.behave(peer, seen)
                if answer is None:
                    break
                sock.sendall(answer)
        except OSError:
            pass
        finally:
            sock.close()


def always(answer: bytes) -> Behaviour:
    """Answer every request alike."""
    return lambda _peer, _seen: answer


def hang(peer: Peer, _seen: Seen) -> None:
    """Read the request and never answer."""
    peer.hold()


def reset(peer: Peer, _seen: Seen) -> None:
    """Read the request and reset the connection."""
    peer.reset()


def close(_peer: Peer, _seen: Seen) -> None:
    """Read the request and close the connection in order."""


def drip(data: bytes) -> Behaviour:
    """Send bytes one by one, so slowly that no single read ever times out."""

    def behave(peer: Peer, _seen: Seen) -> None:
        for byte in data:
            peer.sock.sendall(bytes([byte]))
            if peer.server.stopping.wait(0.05):
                return

    return behave


@contextmanager
def full_listener() -> Iterator[str]:
    """Give the URL of a port whose queue is full: the kernel drops every further SYN."""
    with socket.socket() as listener, socket.socket() as one, socket.socket() as two:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for filler in (one, two):
            filler.settimeout(0)
            filler.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"

"""A workbench for the API adapter: a server that does anything, and a pool with its results.

The server speaks real TCP and TLS, and can be as wrong as a test wants: what it sends is bytes that
the test wrote.
"""

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hakeeper.adapters.hetzner import HetznerOptions, HetznerPool
from hakeeper.adapters.hetzner.identify import Sources
from hakeeper.adapters.identity import Candidate, Miss
from hakeeper.core.calls import CallResult, Failure, Request
from hakeeper.core.events import StartCall
from hakeeper.core.model import IpNetwork
from tests.helpers import eventually

TOKEN = "Ab1Cd2Ef3Gh4Ij5Kl6Mn7Op8Qr9St0Uv1Wx2Yz3Ab4Cd5Ef6Gh7Ij8Kl9Mn0Op1Qr"
ME = 42
IP = 4711


def redact(text: str) -> str:
    """Remove the token, and the half of it that Hetzner's 429 quotes."""
    return text.replace(TOKEN, "[token]").replace(TOKEN[:32], "[token]")


def nobody_local(limit_s: float) -> Iterator[Candidate | Miss]:
    """Know nothing of this machine."""
    del limit_s
    yield Miss("nothing", "there is none")


# --- bodies --------------------------------------------------------------------------------------


def floating_ip_json(number: int = IP, **changes: object) -> dict[str, Any]:
    """Build a floating IP as the API shows it."""
    return {
        "id": number,
        "name": f"ip-{number}",
        "description": None,
        "ip": "203.0.113.10",
        "type": "ipv4",
        "server": ME,
        "dns_ptr": [],
        "home_location": {"id": 1, "name": "fsn1", "network_zone": "eu-central"},
        "blocked": False,
        "protection": {"delete": False},
        "labels": {},
        "created": "2026-01-30T23:50:00Z",
    } | changes


def action_json(number: int = 13, **changes: object) -> dict[str, Any]:
    """Build an action as the API shows it."""
    return {
        "id": number,
        "command": "assign_floating_ip",
        "status": "running",
        "progress": 0,
        "started": "2026-01-30T23:55:00Z",
        "finished": None,
        "resources": [],
        "error": None,
    } | changes


def server_json(number: int = ME, **changes: object) -> dict[str, Any]:
    """Build a server as the API shows it, as far as we look."""
    location = {"id": 1, "name": "fsn1", "network_zone": "eu-central"}
    return {"id": number, "name": "web1", "status": "running", "location": location} | changes


def page_json(numbers: range | list[int], next_page: int | None = None) -> dict[str, Any]:
    """Build one page of floating IPs."""
    pagination = {"page": 1, "per_page": 50, "next_page": next_page}
    return {
        "floating_ips": [floating_ip_json(number) for number in numbers],
        "meta": {"pagination": pagination},
    }


def http(
    status: int, body: object = b"", headers: Mapping[str, str] | None = None, reason: str = "X"
) -> bytes:
    """Write an HTTP answer; a body that is not bytes becomes JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} {reason}", f"Content-Length: {len(data)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + data


def error(
    status: int, code: str, message: str = "", headers: Mapping[str, str] | None = None
) -> bytes:
    """Write an error answer as the API does."""
    return http(status, {"error": {"code": code, "message": message}}, headers)


# --- the server ----------------------------------------------------------------------------------


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


# --- the pool ------------------------------------------------------------------------------------


class Bench:
    """A pool, and what it delivered."""

    def __init__(
        self,
        endpoint: str,
        *,
        token: Callable[[], str] = lambda: TOKEN,
        ca_file: Path | None = None,
        server: str | int = "auto",
        identity: Sources = nobody_local,
        is_here: Callable[[Iterable[IpNetwork]], bool] = lambda _networks: True,
        workers: int = 8,
        warm: int = 0,
    ) -> None:
        """Make a pool for an endpoint."""
        self.results: list[CallResult] = []
        self.pool = HetznerPool(
            HetznerOptions(endpoint=endpoint, ca_file=ca_file, server=server, version="1.2.3"),
            read_token=token,
            redact=redact,
            identity=identity,
            is_here=is_here,
            deliver=self.results.append,
            workers=workers,
            warm=warm,
        )
        self._last_id = 0

    def start(self, request: Request, timeout_s: float = 20, *, urgent: bool = False) -> int:
        """Start a call and return its id."""
        self._last_id += 1
        self.pool.start(StartCall(self._last_id, request, timeout_s, urgent))
        return self._last_id

    def result(self, call_id: int) -> CallResult:
        """Wait for the result of a call."""
        eventually(lambda: self._of(call_id), 30, f"a result of call {call_id}")
        assert len(self._of(call_id)) == 1
        return self._of(call_id)[0]

    def call(self, request: Request, timeout_s: float = 20) -> CallResult:
        """Make a call and wait for its result."""
        return self.result(self.start(request, timeout_s))

    def failure(self, request: Request, timeout_s: float = 20) -> Failure:
        """Make a call that must fail, and return how it failed."""
        outcome = self.call(request, timeout_s).outcome
        assert isinstance(outcome, Failure)
        return outcome

    def __enter__(self) -> Self:
        """Nothing more to do."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the pool, and check that each call ended exactly once."""
        self.pool.close()
        if kind is None:
            ended = sorted(result.call_id for result in self.results)
            assert list(range(1, self._last_id + 1)) == ended

    def _of(self, call_id: int) -> list[CallResult]:
        return [result for result in self.results if result.call_id == call_id]

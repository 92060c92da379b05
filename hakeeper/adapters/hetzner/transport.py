"""One warm connection to the API, under requests and hcloud.

requests lets an adapter do the sending. This one speaks HTTP with the standard library's parser on
a socket of its own, because only then can a call have one total deadline, be stopped while it
resolves, connects or shakes hands, and know whether its bytes went out. It retries nothing, follows
nothing, reads no environment, and keeps no cookies.
"""

import http.client
import io
import select
import socket
import ssl
from collections.abc import Mapping

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from hakeeper.adapters.hetzner.errors import Phase, TransportError
from hakeeper.adapters.hetzner.guard import CallGuard, read_head
from hakeeper.adapters.hetzner.options import Endpoint

BODY_LIMIT_BYTES = 4 * 1024 * 1024
"""A full page of 50 floating IPs has some 40 kB."""
_CHUNK_BYTES = 65536
_ADDRESS_LIMIT = 8
_OPTIONS = (
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    # A connection that died in silence is found out between two calls, not by a claim.
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 15),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 2),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 10_000),
)


class Transport(BaseAdapter):
    """The connection of one worker. `guard` must be set to that of the call being made."""

    def __init__(self, endpoint: Endpoint, tls: ssl.SSLContext | None) -> None:
        """Remember where to connect to; nothing is connected yet. `tls` None: plain HTTP."""
        super().__init__()
        self.guard: CallGuard | None = None
        self._endpoint = endpoint
        self._tls = tls
        self._socket: socket.socket | None = None
        self._last_good: object = None

    def send(  # the signature is that of requests
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: ARG002, FBT001, FBT002  # likewise
        timeout: object = None,  # noqa: ARG002  # the guard knows the time
        verify: object = True,  # noqa: ARG002, FBT002  # the context knows the CA
        cert: object = None,  # noqa: ARG002
        proxies: Mapping[str, str] | None = None,  # noqa: ARG002  # there are none
    ) -> requests.Response:
        """Send a request and read its answer whole.

        Raises TransportError, or CallEndedError when the guard gives no leave to go on.
        """
        guard = self.guard
        if guard is None:
            raise RuntimeError("a request outside of any call")
        data = _encode(request, self._endpoint)
        try:
            sock = self._connected(guard)
            sock.settimeout(guard.remaining_s())
            guard.permit_send(request.method or "")
            try:
                sock.sendall(data)
                head, body = _read_answer(sock, request.method or "")
            except (OSError, http.client.HTTPException) as error:
                raise _lost(error) from error
        except BaseException:
            self._drop(guard)
            raise
        guard.unwatch()
        if head.will_close:
            self.close()
        return self._response(request, head, body, guard)

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _drop(self, guard: CallGuard) -> None:
        guard.unwatch()
        self.close()

    def _response(
        self,
        request: requests.PreparedRequest,
        head: http.client.HTTPResponse,
        body: bytes,
        guard: CallGuard,
    ) -> requests.Response:
        response = requests.Response()
        response.status_code = head.status
        response.reason = head.reason
        response.headers = CaseInsensitiveDict(head.getheaders())
        response.raw = io.BytesIO(body)
        response.url = request.url or ""
        response.request = request
        guard.answered = read_head(head.status, response.headers)
        if response.is_redirect:
            self.close()
            raise TransportError("redirected", "the API endpoint answered with a redirect")
        if not (200 <= head.status < 300 or 400 <= head.status < 600):  # noqa: PLR2004  # HTTP's
            # hcloud takes all that is no 4xx or 5xx for success, and would read a body into it.
            self.close()
            raise TransportError("bad_answer", f"HTTP status {head.status} means nothing here")
        return response

    # --- connecting ---------------------------------------------------------------------------

    def _connected(self, guard: CallGuard) -> socket.socket:
        if self._socket is not None and _is_stale(self._socket):
            self.close()
        if self._socket is None:
            self._connect(guard)
        sock = self._socket
        if sock is None:
            raise RuntimeError("connected, but without a socket")
        guard.watch(sock)
        return sock

    def _connect(self, guard: CallGuard) -> None:
        guard.enter(Phase.RESOLVING)
        where = f"{self._endpoint.host} port {self._endpoint.port}"
        try:
            found = socket.getaddrinfo(
                self._endpoint.host, self._endpoint.port, type=socket.SOCK_STREAM
            )
        except (OSError, UnicodeError) as error:
            raise TransportError("dns", f"cannot resolve {where}: {error}") from error
        guard.enter(Phase.CONNECTING)
        # A stable sort: what worked last goes first, so a dead IPv6 route costs time only once.
        found = sorted(found[:_ADDRESS_LIMIT], key=lambda info: info[4] != self._last_good)
        problem = TransportError("dns", f"{where} has no address")
        for index, (family, kind, protocol, _, address) in enumerate(found):
            share_s = guard.remaining_s() / (len(found) - index)
            self._socket = socket.socket(family, kind, protocol)
            guard.watch(self._socket)
            try:
                for option in _OPTIONS:
                    self._socket.setsockopt(*option)
                self._socket.settimeout(share_s)
                self._socket.connect(address)
            except OSError as error:
                problem = _unconnected(error, where)
                self._drop(guard)
                continue
            self._last_good = address
            self._encrypt(guard)
            return
        raise problem

    def _encrypt(self, guard: CallGuard) -> None:
        if self._tls is None or self._socket is None:
            return
        guard.enter(Phase.TLS)
        host = self._endpoint.host
        try:
            # Wrapped first and shaken hands afterwards, so that the guard can stop the latter.
            wrapped = self._tls.wrap_socket(
                self._socket, server_hostname=host, do_handshake_on_connect=False
            )
            self._socket = wrapped
            guard.watch(wrapped)
            wrapped.settimeout(guard.remaining_s())
            wrapped.do_handshake()
        except (OSError, ValueError) as error:
            raise TransportError("tls", f"no TLS with {host}: {_explain(error)}") from error


def _encode(request: requests.PreparedRequest, endpoint: Endpoint) -> bytes:
    """Write a request as bytes, so that it goes out in one piece."""
    body = request.body or b""
    if not isinstance(body, str | bytes):
        raise TypeError("only requests with a body in memory are sent")
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    lines = [f"{request.method} {request.path_url} HTTP/1.1", f"Host: {host}:{endpoint.port}"]
    for name, value in request.headers.items():
        lines.append(f"{name}: {value}")
        if not (lines[-1].isascii() and lines[-1].isprintable()):
            # requests before 2.31 lets a line feed at the end pass. The value may be the token.
            raise TransportError("bad_header", f"the value of {name} does not fit a header")
    head = "\r\n".join((*lines, "", "")).encode("ascii")
    return head + (body.encode() if isinstance(body, str) else body)


def _read_answer(sock: socket.socket, method: str) -> tuple[http.client.HTTPResponse, bytes]:
    head = http.client.HTTPResponse(sock, method=method)
    try:
        head.begin()
        body = bytearray()
        while chunk := head.read(_CHUNK_BYTES):
            body += chunk
            if len(body) > BODY_LIMIT_BYTES:
                raise TransportError("huge_answer", f"more than {BODY_LIMIT_BYTES} bytes of answer")
        if head.length:  # Python says it with an exception only for chunked bodies
            raise http.client.IncompleteRead(bytes(body), head.length)
        return head, bytes(body)
    finally:
        head.close()


def _is_stale(sock: socket.socket) -> bool:
    """Say whether an idle connection has something to read: its end, or nothing good."""
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


def _unconnected(error: OSError, where: str) -> TransportError:
    if isinstance(error, TimeoutError):
        return TransportError("connect_timeout", f"cannot connect to {where}: timed out")
    if isinstance(error, ConnectionRefusedError):
        return TransportError("connection_refused", f"cannot connect to {where}: refused")
    return TransportError("connect_failed", f"cannot connect to {where}: {error}")


def _lost(error: OSError | http.client.HTTPException) -> TransportError:
    if isinstance(error, TimeoutError):
        # The socket ran out of time a moment before the watcher, who would say the same.
        return TransportError("deadline", f"no answer in time: still {Phase.SENT.value}")
    if isinstance(error, http.client.RemoteDisconnected | http.client.IncompleteRead):
        return TransportError("connection_closed", "the connection was closed in the middle")
    if isinstance(error, http.client.HTTPException):
        return TransportError("bad_answer", f"the answer is not HTTP: {type(error).__name__}")
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return TransportError("connection_reset", "the connection was reset")
    return TransportError("connection_lost", f"the connection was lost: {_explain(error)}")


def _explain(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate refused: {error.verify_message}"
    return str(error) or type(error).__name__

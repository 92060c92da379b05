"""Reading one HTTP/1.1 answer with h11, bounded in bytes and time.

What is not exactly understood here is an error: the call's outcome is then unknown, and is read
again.
"""

import socket
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import h11
from requests.structures import CaseInsensitiveDict

HEAD_LIMIT_BYTES = 256 * 1024
"""Of an answer without its body: headers, interim answers, sizes of chunks, trailers."""
BODY_LIMIT_BYTES = 4 * 1024 * 1024
"""Also when unpacked. A full page of 50 floating IPs has some 40 kB."""
_CHUNK_BYTES = 65536
_START = b"HTTP/"
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_MEMBERS_LIMIT = 16
"""Each of them costs a copy of all that follow."""
_PACKED = ("gzip", "x-gzip", "deflate")
_ASKED = h11.Request(method="GET", target="/", headers=[("Host", "api")])
"""Stands for the request that went out: h11 only has to know that an answer follows, with a body
and in the same protocol, which is so of all that we send."""


class AnswerError(Exception):
    """The answer cannot be used; `code` is one of ours."""

    code = "bad_answer"


class CutShortError(AnswerError):
    """The connection ended before the answer did."""

    code = "connection_closed"


class SilentError(CutShortError):
    """The connection ended before anything of the answer came."""


class HugeError(AnswerError):
    """The answer is larger than any that can be meant."""

    code = "huge_answer"


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A whole answer; `body` is unpacked."""

    status: int
    reason: str
    headers: CaseInsensitiveDict[str]
    body: bytes
    will_close: bool
    """The connection ends with it."""


def read_answer(sock: socket.socket, remaining_s: Callable[[], float]) -> HttpAnswer:
    """Read the answer to a request that was not HEAD.

    `remaining_s` is asked before each wait, and may raise. Raises OSError and AnswerError.
    """
    reader = _Reader(sock, remaining_s)
    head = reader.head()
    body = reader.body()
    headers = _joined(head.headers)
    reason = head.reason.decode("latin-1")
    return HttpAnswer(
        head.status_code, reason, headers, _unpacked(body, headers), reader.will_close()
    )


class _Reader:
    """One answer, as it comes over a connection."""

    def __init__(self, sock: socket.socket, remaining_s: Callable[[], float]) -> None:
        self._sock = sock
        self._remaining_s = remaining_s
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_LIMIT_BYTES)
        self._http.send(_ASKED)
        self._http.send(h11.EndOfMessage())
        self._received_bytes = 0
        self._start = b""
        self._body = bytearray()
        self._has_ended = False

    def head(self) -> h11.Response:
        """Return the answer without its body; interim ones only say that it is still to come."""
        while not isinstance(event := self._event(), h11.Response):
            pass
        length = dict(event.headers).get(b"content-length", b"0")
        if int(length) > BODY_LIMIT_BYTES:
            raise _huge()
        return event

    def body(self) -> bytes:
        """Return the body, as it was sent."""
        while not isinstance(event := self._event(), h11.EndOfMessage):
            if isinstance(event, h11.Data):
                self._body += event.data
            if len(self._body) > BODY_LIMIT_BYTES:
                raise _huge()
        return bytes(self._body)

    def will_close(self) -> bool:
        """Say whether the connection is of no more use."""
        # What nobody asked for would be taken for the answer to the next request.
        has_rest = bool(self._http.trailing_data[0])
        return self._has_ended or has_rest or self._http.their_state is not h11.DONE

    def _event(self) -> object:
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                self._receive()
        except h11.RemoteProtocolError as error:
            if not self._has_ended:
                raise AnswerError(f"it is no good HTTP: {error}") from None
            kind = CutShortError if self._received_bytes else SilentError
            raise kind("the connection ended before the answer did") from None
        return event

    def _receive(self) -> None:
        if self._received_bytes - len(self._body) > HEAD_LIMIT_BYTES:
            raise AnswerError(f"it has more than {HEAD_LIMIT_BYTES} bytes beside its body")
        self._sock.settimeout(self._remaining_s())
        data = self._sock.recv(_CHUNK_BYTES)
        self._received_bytes += len(data)
        self._has_ended = not data
        self._start = (self._start + data)[: len(_START)]
        if not _START.startswith(self._start):  # h11 would wait for a whole head
            raise AnswerError("it is not HTTP")
        self._http.receive_data(data)


def _joined(headers: Iterable[tuple[bytes, bytes]]) -> CaseInsensitiveDict[str]:
    values: dict[str, list[str]] = {}
    for name, value in headers:
        values.setdefault(name.decode("ascii"), []).append(value.decode("latin-1"))
    return CaseInsensitiveDict({name: ", ".join(each) for name, each in values.items()})


def _tokens(value: str) -> list[str]:
    return [token.strip().lower() for token in value.split(",") if token.strip()]


def _unpacked(body: bytes, headers: CaseInsensitiveDict[str]) -> bytes:
    """Unpack what was packed although we asked for `identity`."""
    codings = [each for each in _tokens(headers.get("Content-Encoding", "")) if each != "identity"]
    if not codings or not body:
        return body
    if len(codings) > 1 or codings[0] not in _PACKED:
        raise AnswerError("its Content-Encoding is unknown")
    unpacked = bytearray()
    try:
        for _ in range(_MEMBERS_LIMIT):
            packed = zlib.decompressobj(_GZIP_OR_ZLIB)
            unpacked += packed.decompress(body, BODY_LIMIT_BYTES + 1 - len(unpacked))
            if len(unpacked) > BODY_LIMIT_BYTES:
                raise _huge()
            if not packed.eof:
                raise AnswerError("its packed body ends too soon")
            body = packed.unused_data
            if not body:
                return bytes(unpacked)
    except zlib.error:
        raise AnswerError("its packed body cannot be unpacked") from None
    raise AnswerError(f"its packed body has more than {_MEMBERS_LIMIT} parts")


def _huge() -> HugeError:
    return HugeError(f"more than {BODY_LIMIT_BYTES} bytes of answer")

"""Reading one HTTP/1.1 answer, bounded in bytes and time, and without a doubt where it ends.

The standard library's reader gives up at the hundredth header, takes `103 Early Hints` for the
answer, and does not notice a body that ends too soon. What is not exactly understood here is an
error: the call's outcome is then unknown, and is read again.
"""

import re
import socket
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from requests.structures import CaseInsensitiveDict

HEAD_LIMIT_BYTES = 256 * 1024
"""All headers of an answer, interim ones and trailers included."""
BODY_LIMIT_BYTES = 4 * 1024 * 1024
"""Also when unpacked. A full page of 50 floating IPs has some 40 kB."""
_CHUNK_BYTES = 65536
_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: (.*))?")
_HEX = re.compile(rb"[0-9a-fA-F]{1,16}")
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_PACKED = ("gzip", "x-gzip", "deflate")
_BODILESS = (204, 304)
_SWITCHING = 101
_SUCCESS = 200


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
    stream = _Stream(sock, remaining_s)
    while True:
        version, status, reason = _status(stream.line())
        headers = _headers(stream)
        if status >= _SUCCESS or status == _SWITCHING:
            break  # else it only says that the answer is still to come
    if status == _SWITCHING:
        raise AnswerError("the answer changes to another protocol")
    body, has_end = _body(stream, status, headers)
    tokens = _tokens(headers.get("Connection", ""))
    will_close = not has_end or "close" in tokens or (version == 0 and "keep-alive" not in tokens)
    # What nobody asked for would be taken for the answer to the next request.
    will_close = will_close or stream.has_rest()
    return HttpAnswer(status, reason, headers, _unpacked(body, headers), will_close)


class _Stream:
    """What comes over a connection, by lines or by bytes."""

    def __init__(self, sock: socket.socket, remaining_s: Callable[[], float]) -> None:
        self._sock = sock
        self._remaining_s = remaining_s
        self._buffer = bytearray()
        self._head_bytes = 0

    def has_rest(self) -> bool:
        """Say whether more came than was read."""
        return bool(self._buffer)

    def line(self) -> bytes:
        """Return a line of a head without its end."""
        looked = 0
        while (end := self._buffer.find(b"\n", looked)) < 0:
            looked = len(self._buffer)
            self._bound(looked)
            if not self._more():
                raise self._end()
        self._bound(end + 1)
        self._head_bytes += end + 1
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line.removesuffix(b"\r")

    def _bound(self, more_bytes: int) -> None:
        if self._head_bytes + more_bytes > HEAD_LIMIT_BYTES:
            raise AnswerError(f"its head has more than {HEAD_LIMIT_BYTES} bytes")

    def exactly(self, size: int) -> bytes:
        """Return so many bytes."""
        while len(self._buffer) < size:
            if not self._more():
                raise self._end()
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def rest(self) -> bytes:
        """Return all that comes until the connection ends."""
        while self._more():
            if len(self._buffer) > BODY_LIMIT_BYTES:
                raise _huge()
        data = bytes(self._buffer)
        self._buffer.clear()
        return data

    def _end(self) -> CutShortError:
        kind = CutShortError if self._head_bytes or self._buffer else SilentError
        return kind("the connection ended before the answer did")

    def _more(self) -> bool:
        self._sock.settimeout(self._remaining_s())
        data = self._sock.recv(_CHUNK_BYTES)
        self._buffer += data
        return bool(data)


def _status(line: bytes) -> tuple[int, int, str]:
    match = _STATUS_LINE.fullmatch(line)
    if match is None:
        raise AnswerError("it is not HTTP")
    version, status, reason = match.groups()
    return int(version), int(status), (reason or b"").decode("latin-1")


def _headers(stream: _Stream) -> CaseInsensitiveDict[str]:
    values: dict[str, list[str]] = {}
    while line := stream.line():
        text = line.decode("latin-1")
        if text[0] in " \t":  # the header before it goes on, as they once could; none of ours does
            continue
        name, colon, value = text.partition(":")
        if not colon or not name or name != name.strip():
            raise AnswerError("a header is not one")
        values.setdefault(name.lower(), []).append(value.strip())
    return CaseInsensitiveDict({name: ", ".join(each) for name, each in values.items()})


def _tokens(value: str) -> list[str]:
    return [token.strip().lower() for token in value.split(",") if token.strip()]


def _body(stream: _Stream, status: int, headers: CaseInsensitiveDict[str]) -> tuple[bytes, bool]:
    """Return the body, and whether the answer said where it ends."""
    if status in _BODILESS:
        return b"", True
    coding = _tokens(headers.get("Transfer-Encoding", ""))
    if coding == ["chunked"]:
        return b"".join(_chunks(stream)), True
    if coding:
        raise AnswerError("its Transfer-Encoding is unknown")
    lengths = set(_tokens(headers.get("Content-Length", "")))
    if not lengths:
        return stream.rest(), False
    length = lengths.pop()
    if lengths or not (length.isascii() and length.isdigit() and len(length) <= 18):  # noqa: PLR2004  # 18 digits fit in 64 bits
        raise AnswerError("its Content-Length is no length")
    if int(length) > BODY_LIMIT_BYTES:
        raise _huge()
    return stream.exactly(int(length)), True


def _chunks(stream: _Stream) -> Iterator[bytes]:
    total = 0
    while True:
        size_text = stream.line().partition(b";")[0].strip()
        if not _HEX.fullmatch(size_text):
            raise AnswerError("a chunk's size is none")
        size = int(size_text, 16)
        total += size
        if total > BODY_LIMIT_BYTES:
            raise _huge()
        if not size:
            _headers(stream)  # trailers
            return
        yield stream.exactly(size)
        if stream.line():
            raise AnswerError("a chunk is longer than its size")


def _unpacked(body: bytes, headers: CaseInsensitiveDict[str]) -> bytes:
    """Unpack what was packed although we asked for `identity`."""
    codings = [each for each in _tokens(headers.get("Content-Encoding", "")) if each != "identity"]
    if not codings or not body:
        return body
    if len(codings) > 1 or codings[0] not in _PACKED:
        raise AnswerError("its Content-Encoding is unknown")
    unpacked = bytearray()
    try:
        while body:
            packed = zlib.decompressobj(_GZIP_OR_ZLIB)
            unpacked += packed.decompress(body, BODY_LIMIT_BYTES + 1 - len(unpacked))
            if len(unpacked) > BODY_LIMIT_BYTES:
                raise _huge()
            if not packed.eof:
                raise AnswerError("its packed body ends too soon")
            body = packed.unused_data
    except zlib.error:
        raise AnswerError("its packed body cannot be unpacked") from None
    return bytes(unpacked)


def _huge() -> HugeError:
    return HugeError(f"more than {BODY_LIMIT_BYTES} bytes of answer")

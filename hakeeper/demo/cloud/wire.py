"""HTTP/1.1 as bytes: reading requests, writing answers; only what an API server needs."""

import http
import json
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate

HEAD_LIMIT_BYTES = 64 * 1024
BODY_LIMIT_BYTES = 1024 * 1024
JSON_TYPE = "application/json"


class BadRequestError(Exception):
    """The received bytes are not a request that we can read."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request as received; header names in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    source: str = ""
    """The address that it came from; empty while nobody has said so."""

    @property
    def keep_alive(self) -> bool:
        """Whether the client wants to keep the connection open."""
        return self.headers.get("connection", "").lower() != "close"


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """One answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    content_type: str = JSON_TYPE
    keep_alive: bool = True

    def to_bytes(self) -> bytes:
        """Return head and body in one piece."""
        try:
            reason = http.HTTPStatus(self.status).phrase
        except ValueError:
            reason = "Unknown"
        lines = [
            f"HTTP/1.1 {self.status} {reason}",
            f"Date: {formatdate(usegmt=True)}",
            f"Content-Length: {len(self.body)}",
            f"Connection: {'keep-alive' if self.keep_alive else 'close'}",
        ]
        if self.body:
            lines.append(f"Content-Type: {self.content_type}")
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + self.body


def json_bytes(value: object) -> bytes:
    """Return JSON as compact as the API's."""
    return json.dumps(value, separators=(",", ":")).encode()


class RequestReader:
    """Collects bytes until they form a request."""

    def __init__(self) -> None:
        """Start empty."""
        self._data = bytearray()

    def feed(self, data: bytes) -> None:
        """Add bytes from the connection."""
        self._data += data

    def take(self) -> HttpRequest | None:
        """Return the next complete request; None: bytes are missing."""
        end = self._data.find(b"\r\n\r\n")
        if end < 0:
            if len(self._data) > HEAD_LIMIT_BYTES:
                raise BadRequestError("the head is too long")
            return None
        method, target, headers = _parse_head(bytes(self._data[:end]))
        length = _body_length(headers)
        start = end + 4
        if len(self._data) < start + length:
            return None
        body = bytes(self._data[start : start + length])
        del self._data[: start + length]
        path, _, query = target.partition("?")
        return HttpRequest(method, path, query, headers, body)


def _parse_head(head: bytes) -> tuple[str, str, dict[str, str]]:
    first, *rest = head.decode("latin-1").split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or parts[2] not in {"HTTP/1.1", "HTTP/1.0"}:  # noqa: PLR2004 - RFC 9112, 3
        raise BadRequestError("the first line is not HTTP/1.1")
    headers: dict[str, str] = {}
    for line in rest:
        name, colon, value = line.partition(":")
        if not colon:
            raise BadRequestError("a header has no colon")
        headers[name.strip().lower()] = value.strip()
    return parts[0], parts[1], headers


def _body_length(headers: Mapping[str, str]) -> int:
    if "transfer-encoding" in headers:
        raise BadRequestError("chunked bodies are not read here")
    text = headers.get("content-length", "0")
    if not text.isdecimal() or int(text) > BODY_LIMIT_BYTES:
        raise BadRequestError("the length of the body is not acceptable")
    return int(text)

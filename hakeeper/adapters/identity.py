"""Which server is this machine, according to the machine itself?

Three sources, in this order: the systemd credential `server-id`, set by the operator; the serial
number in DMI, which on Hetzner Cloud (vendor `Hetzner`) is the server id, but which only root can
read; and the metadata service, plain HTTP on a link-local address. They only propose an id: the API
must confirm it, and an address of that server must be on this machine.

The metadata service is asked while the server is not known, and when Hetzner answers that the
server or address of an assign does not exist. For tests and demonstrations, HAKEEPER_METADATA_URL
replaces its base URL.
"""

import http.client
import io
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

METADATA_URL = "http://169.254.169.254/hetzner/v1/metadata"
METADATA_TIMEOUT_S = 2.0
"""In total. It answers within milliseconds, or never if a route swallows the packets."""
_CREDENTIAL = "server-id"
_DMI_VENDOR = "Hetzner"
_LIMIT_BYTES = 4096
_ID_DIGITS = 16
"""Ids go up to 2^53 - 1 (https://docs.hetzner.cloud/)."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """The id of this machine, according to one source."""

    server_id: int
    source: str


@dataclass(frozen=True, slots=True)
class Miss:
    """A source that gave no id, and why."""

    source: str
    reason: str


class _MissError(Exception):
    """A source gave no id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalIdentity:
    """The sources of this machine; tests can replace each one."""

    credentials_dir: Path | None = None
    dmi_dir: Path = Path("/sys/class/dmi/id")
    metadata_url: str = METADATA_URL

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "LocalIdentity":
        """Use systemd's credentials directory, and the metadata URL if one is set."""
        folder = environ.get("CREDENTIALS_DIRECTORY")
        return cls(
            credentials_dir=Path(folder) if folder else None,
            metadata_url=environ.get("HAKEEPER_METADATA_URL") or METADATA_URL,
        )

    def candidates(self, limit_s: float) -> Iterator[Candidate | Miss]:
        """Ask the sources in order, lazily: each one only if the caller wants another candidate.

        `limit_s` limits the time for all of them together.
        """
        sources: tuple[tuple[str, Callable[[], str]], ...] = (
            ("systemd credential server-id", self._credential),
            ("DMI serial number", self._dmi),
            ("metadata service", lambda: self._metadata(min(limit_s, METADATA_TIMEOUT_S))),
        )
        for source, ask in sources:
            try:
                yield Candidate(_server_id(ask()), source)
            except _MissError as miss:
                yield Miss(source, str(miss))

    def _credential(self) -> str:
        if self.credentials_dir is None:
            raise _MissError("no credentials were given to this process")
        return _read(self.credentials_dir / _CREDENTIAL)

    def _dmi(self) -> str:
        vendor = _read(self.dmi_dir / "sys_vendor").strip()
        if vendor != _DMI_VENDOR:
            raise _MissError(f"the vendor is {vendor[:40]!r}, not Hetzner")
        return _read(self.dmi_dir / "product_serial")

    def _metadata(self, limit_s: float) -> str:
        try:
            return _get(f"{self.metadata_url.rstrip('/')}/instance-id", time.monotonic() + limit_s)
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise _MissError(str(error) or type(error).__name__) from error


def _server_id(text: str) -> int:
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _ID_DIGITS and int(digits)):
        raise _MissError(f"{digits[:40]!r} is not a server id")
    return int(digits)


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_LIMIT_BYTES).decode("utf-8", "replace")
    except FileNotFoundError:
        raise _MissError(f"there is no {path}") from None
    except PermissionError:
        raise _MissError(f"{path} may not be read by this user") from None
    except OSError as error:
        raise _MissError(f"{path} cannot be read: {error.strerror}") from error


def _get(url: str, deadline_s: float) -> str:
    """Get a short text over plain HTTP, without a proxy; `deadline_s` (monotonic) is for it all."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError(f"{url!r} is not an http:// URL")
    request = f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n"
    data = b""
    with socket.create_connection((parts.hostname, parts.port or 80), _left(deadline_s)) as sock:
        sock.sendall(request.encode("ascii"))
        while len(data) <= _LIMIT_BYTES:
            sock.settimeout(_left(deadline_s))
            chunk = sock.recv(_LIMIT_BYTES)
            data += chunk
            text = _body(data, is_all=not chunk)
            if text is not None:
                return text
    raise ValueError(f"the answer has more than {_LIMIT_BYTES} bytes")


def _left(deadline_s: float) -> float:
    left = deadline_s - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left


class _Received:
    """Received bytes, in the form that http.client's parser needs."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._data)


def _body(data: bytes, *, is_all: bool) -> str | None:
    """Return the body of an answer received so far; None: it is incomplete."""
    if not is_all and b"\r\n\r\n" not in data:
        return None
    response = http.client.HTTPResponse(_Received(data))  # type: ignore[arg-type]  # it only calls makefile
    response.begin()
    if response.status != http.HTTPStatus.OK:
        raise ValueError(f"it answered {response.status}")
    if not is_all and response.length is None:  # such a body ends with the connection
        return None
    try:
        return response.read().decode("utf-8", "replace")
    except http.client.IncompleteRead:
        if is_all:
            raise
        return None

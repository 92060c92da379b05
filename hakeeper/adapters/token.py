"""Finds and reads the API token, and keeps it from leaking.

Sources; the first that exists is used:

1. `hetzner.token_file` of the configuration;
2. the systemd credential `hcloud-token` (`LoadCredential=`, systemd.exec(5));
3. the environment variable `HCLOUD_TOKEN`. The least private: /proc/PID/environ shows it to the
   same user and to root as long as the process runs, even if the process deletes its copy, and
   every child process inherits it.
"""

import enum
import hmac
import os
import re
import shlex
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from hakeeper import exits
from hakeeper.adapters.bounded_read import (
    NotAFileError,
    exit_code_of,
    permission_hint,
    read_bounded,
)
from hakeeper.adapters.redaction import SHORTEST_TOKEN, Redactor
from hakeeper.hide_secrets import HIDDEN

__all__ = [
    "FoundToken",
    "Redactor",
    "SourceKind",
    "Token",
    "TokenSource",
    "TokenUnusable",
    "find_source",
    "read_token",
]

CREDENTIAL_NAME: Final = "hcloud-token"
VARIABLE: Final = "HCLOUD_TOKEN"
MAX_BYTES: Final = 4096
USUAL: Final = re.compile(r"[A-Za-z0-9]{64}")
_ALLOWED: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""The characters of a bearer token (RFC 6750, section 2.1)."""
_NOT_ALLOWED: Final = re.compile(r"[^A-Za-z0-9._~+/-]")
SERVICE_TOKEN: Final = Path("/etc/hakeeper/token")
"""The file that hakeeper.service loads as its credential (`LoadCredential=`)."""
_WRITE: Final = (
    "write it, as root: install -m 0600 /dev/stdin {path} (paste the token, then Ctrl-D)"
)
WAYS: Final = (
    f"no API token was found; the service reads it from {SERVICE_TOKEN};"
    f" {_WRITE.format(path=SERVICE_TOKEN)}. Other ways: `hetzner.token_file: /path/to/file` in the"
    f" configuration; another systemd credential, `LoadCredential={CREDENTIAL_NAME}:/path/to/file`;"
    f" or, least private, the environment variable {VARIABLE}"
)


class Token:
    """A token whose value only `reveal` returns; reprs, f-strings and pickles do not show it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        """Take a value that `read_token` has validated."""
        self._value = value

    def reveal(self) -> str:
        """Return the value; only for the Authorization header and the redactor."""
        return self._value

    def __repr__(self) -> str:
        """Return the same text for all tokens."""
        return f"Token({HIDDEN})"

    def __eq__(self, other: object) -> bool:
        """Compare in constant time."""
        if not isinstance(other, Token):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        """Return the hash of the value."""
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        """Refuse pickling and copying, which would duplicate the value."""
        raise TypeError("a token is not copied or pickled")


class SourceKind(enum.Enum):
    """The three kinds of sources."""

    FILE = "file"
    CREDENTIAL = "systemd credential"
    ENVIRONMENT = "environment variable"


@dataclass(frozen=True, slots=True)
class TokenSource:
    """One source; `path` is None for the environment."""

    kind: SourceKind
    path: Path | None = None

    def __str__(self) -> str:
        """Return its name for people."""
        return f"{self.kind.value} {VARIABLE if self.path is None else self.path}"


@dataclass(frozen=True, slots=True)
class FoundToken:
    """A usable token, its source, and warnings about it."""

    token: Token
    source: TokenSource
    warnings: tuple[str, ...] = ()


class TokenUnusable(Exception):  # noqa: N818 - named as ConfigUnreadable is
    """There is no usable token. The message never contains a part of the value.

    `exit_code` is one of `hakeeper.exits`; `source` None: there is no source at all.
    """

    def __init__(self, message: str, exit_code: int, source: TokenSource | None) -> None:
        """Take a message that says what to do."""
        super().__init__(message if source is None else f"{source}: {message}")
        self.exit_code = exit_code
        self.source = source


def find_source(token_file: Path | None, environ: Mapping[str, str]) -> TokenSource | None:
    """Return the first source that exists; a configured file counts even if it is missing."""
    if token_file is not None:
        return TokenSource(SourceKind.FILE, token_file)
    folder = environ.get("CREDENTIALS_DIRECTORY")
    if folder and os.path.lexists(credential := Path(folder, CREDENTIAL_NAME)):
        return TokenSource(SourceKind.CREDENTIAL, credential)
    if VARIABLE in environ:
        return TokenSource(SourceKind.ENVIRONMENT)
    return None


def read_token(token_file: Path | None, environ: Mapping[str, str]) -> FoundToken:
    """Read and validate the token, or raise `TokenUnusable`.

    Call it again when the API refuses the token: the file may have been rotated.
    """
    source = find_source(token_file, environ)
    if source is None:
        raise TokenUnusable(WAYS, exits.BAD_CONFIG, None)
    # Bytes of the variable that are not UTF-8 become lone surrogates, which `_checked` refuses.
    text = environ[VARIABLE] if source.path is None else _file_text(source, source.path, environ)
    return _checked(text.strip(" \t\r\n\v\f"), source)


def _file_text(source: TokenSource, path: Path, environ: Mapping[str, str]) -> str:
    try:
        file = read_bounded(path, MAX_BYTES)
    except NotAFileError as error:
        raise TokenUnusable(str(error), exits.BAD_CONFIG, source) from None
    except OSError as error:
        raise _unreadable(source, path, error, environ) from None
    if source.kind is SourceKind.FILE and file.mode & stat.S_IRWXO:
        command = f"chmod o-rwx {shlex.quote(str(path))}"
        message = f"every user can read or replace it (mode {file.mode:04o}); run: {command}"
        raise TokenUnusable(message, exits.BAD_CONFIG, source)
    if len(file.data) > MAX_BYTES:
        raise TokenUnusable(f"is larger than {MAX_BYTES} bytes", exits.BAD_CONFIG, source)
    # One character per byte: `_checked` refuses whatever is not ASCII, and says where it is.
    return file.data.decode("latin-1")


def _unreadable(
    source: TokenSource, path: Path, error: OSError, environ: Mapping[str, str]
) -> TokenUnusable:
    code = exit_code_of(error)
    message = f"cannot be read ({os.strerror(error.errno or 0)})"
    if code == exits.NO_PERMISSION:
        message += f"; {permission_hint(path, environ)}"
    return TokenUnusable(message, code, source)


def _how_to_write(source: TokenSource) -> str:
    if source.kind is SourceKind.ENVIRONMENT:
        return ""
    if source.kind is SourceKind.FILE:
        return f"; {_WRITE.format(path=shlex.quote(str(source.path)))}"
    # Without a file, hakeeper.service has an empty credential (`SetCredential=`).
    return (
        f". hakeeper.service reads it from {SERVICE_TOKEN}; {_WRITE.format(path=SERVICE_TOKEN)};"
        " then: systemctl restart hakeeper"
    )


def _checked(text: str, source: TokenSource) -> FoundToken:
    if not text:
        raise TokenUnusable(
            f"is empty; it must contain the API token{_how_to_write(source)}",
            exits.BAD_CONFIG,
            source,
        )
    if not _ALLOWED.fullmatch(text):
        raise TokenUnusable(_what_is_wrong(text), exits.BAD_CONFIG, source)
    if len(text) < SHORTEST_TOKEN:
        message = f"is too short for an API token ({len(text)} characters)"
        raise TokenUnusable(message, exits.BAD_CONFIG, source)
    if USUAL.fullmatch(text):
        return FoundToken(Token(text), source)
    warning = (
        f"{source}: Hetzner Cloud tokens have had 64 letters and digits so far; this one is"
        f" different ({len(text)} characters): was it copied completely?"
    )
    return FoundToken(Token(text), source, (warning,))


def _what_is_wrong(text: str) -> str:
    if text.startswith(f"{VARIABLE}="):
        return f"has `{VARIABLE}=` before the token; it must contain the token only"
    match = _NOT_ALLOWED.search(text)
    at = match.start() if match else 0
    kind = _character_kind(text[at])
    return f"character {at + 1} is {kind}; it must contain the token only, without quotes"


def _character_kind(character: str) -> str:
    if not character.isascii():
        return "not ASCII"
    if character.isspace():
        return "white space"
    return "not allowed in a token" if character.isprintable() else "a control character"

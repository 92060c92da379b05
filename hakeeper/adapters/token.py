"""Where the API token comes from, and how it is held so that it does not get out.

Sources, the first that is there wins:

1. `hetzner.token_file` of the configuration;
2. the systemd credential `hcloud-token` (`LoadCredential=`, systemd.exec(5));
3. the environment variable `HCLOUD_TOKEN`. The least private: /proc/PID/environ shows it to the
   same user and to root for as long as the process lives, whatever the process does to its copy,
   and every child inherits it.
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
from hakeeper.adapters.redaction import SHORTEST_TOKEN, Redactor
from hakeeper.adapters.smallfile import NotAFileError, exit_code_of, read_small, way_to_read
from hakeeper.hiding import HIDDEN

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
"""What a bearer token may consist of (RFC 6750, section 2.1)."""
_NOT_ALLOWED: Final = re.compile(r"[^A-Za-z0-9._~+/-]")
SERVICE_TOKEN: Final = Path("/etc/hakeeper/token")
"""What hakeeper.service has systemd hand over as its credential (`LoadCredential=`)."""
_WRITE: Final = (
    "write it, as root: install -m 0600 /dev/stdin {path} (paste the token, then Ctrl-D)"
)
WAYS: Final = (
    f"no API token was found; the service takes it from {SERVICE_TOKEN};"
    f" {_WRITE.format(path=SERVICE_TOKEN)}. Other ways: `hetzner.token_file: /path/to/file` in the"
    f" configuration; another systemd credential, `LoadCredential={CREDENTIAL_NAME}:/path/to/file`;"
    f" or, least private, the environment variable {VARIABLE}"
)


class Token:
    """A token that shows itself only to `reveal`: not in reprs, f-strings or pickles."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        """Take a value that `read_token` has checked."""
        self._value = value

    def reveal(self) -> str:
        """Return the value, for the Authorization header and for the redactor only."""
        return self._value

    def __repr__(self) -> str:
        """Return a text that is the same for all tokens."""
        return f"Token({HIDDEN})"

    def __eq__(self, other: object) -> bool:
        """Say whether it is the same token, in a time that tells nothing."""
        if not isinstance(other, Token):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        """Return the hash of the value."""
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied: both would write the value somewhere else."""
        raise TypeError("a token is not copied or pickled")


class SourceKind(enum.Enum):
    """The three places."""

    FILE = "file"
    CREDENTIAL = "systemd credential"
    ENVIRONMENT = "environment variable"


@dataclass(frozen=True, slots=True)
class TokenSource:
    """One place; `path` is None for the environment."""

    kind: SourceKind
    path: Path | None = None

    def __str__(self) -> str:
        """Return it for people."""
        return f"{self.kind.value} {VARIABLE if self.path is None else self.path}"


@dataclass(frozen=True, slots=True)
class FoundToken:
    """A usable token, where it was, and what is odd about it."""

    token: Token
    source: TokenSource
    warnings: tuple[str, ...] = ()


class TokenUnusable(Exception):  # noqa: N818 - named as ConfigUnreadable is
    """There is no token, or not one to be used. Its text never holds a piece of the value.

    `exit_code` is one of `hakeeper.exits`; `source` None: there is none at all.
    """

    def __init__(self, message: str, exit_code: int, source: TokenSource | None) -> None:
        """Say what to do."""
        super().__init__(message if source is None else f"{source}: {message}")
        self.exit_code = exit_code
        self.source = source


def find_source(token_file: Path | None, environ: Mapping[str, str]) -> TokenSource | None:
    """Return the first source that is there; a configured file counts even if it is missing."""
    if token_file is not None:
        return TokenSource(SourceKind.FILE, token_file)
    folder = environ.get("CREDENTIALS_DIRECTORY")
    if folder and os.path.lexists(credential := Path(folder, CREDENTIAL_NAME)):
        return TokenSource(SourceKind.CREDENTIAL, credential)
    if VARIABLE in environ:
        return TokenSource(SourceKind.ENVIRONMENT)
    return None


def read_token(token_file: Path | None, environ: Mapping[str, str]) -> FoundToken:
    """Read and check the token, or raise `TokenUnusable`.

    To be called again when the API refuses the token: a rotated file is found by that.
    """
    source = find_source(token_file, environ)
    if source is None:
        raise TokenUnusable(WAYS, exits.BAD_CONFIG, None)
    # In the variable, bytes that are not UTF-8 are lone surrogates, which `_checked` refuses.
    text = environ[VARIABLE] if source.path is None else _file_text(source, source.path, environ)
    return _checked(text.strip(" \t\r\n\v\f"), source)


def _file_text(source: TokenSource, path: Path, environ: Mapping[str, str]) -> str:
    try:
        file = read_small(path, MAX_BYTES)
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
    # One character per byte: whatever is not ASCII is refused below, at its place.
    return file.data.decode("latin-1")


def _unreadable(
    source: TokenSource, path: Path, error: OSError, environ: Mapping[str, str]
) -> TokenUnusable:
    code = exit_code_of(error)
    message = f"cannot be read ({os.strerror(error.errno or 0)})"
    if code == exits.NO_PERMISSION:
        message += f"; {way_to_read(path, environ)}"
    return TokenUnusable(message, code, source)


def _how_to_write(source: TokenSource) -> str:
    if source.kind is SourceKind.ENVIRONMENT:
        return ""
    if source.kind is SourceKind.FILE:
        return f"; {_WRITE.format(path=shlex.quote(str(source.path)))}"
    # hakeeper.service hands over an empty one where there is no file (`SetCredential=`).
    return (
        f". hakeeper.service takes it from {SERVICE_TOKEN}; {_WRITE.format(path=SERVICE_TOKEN)};"
        " then: systemctl restart hakeeper"
    )


def _checked(text: str, source: TokenSource) -> FoundToken:
    if not text:
        raise TokenUnusable(
            f"is empty; it must hold the API token{_how_to_write(source)}",
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
        f"{source}: Hetzner Cloud tokens so far have 64 letters and digits; this one is different"
        f" ({len(text)} characters): was it copied whole?"
    )
    return FoundToken(Token(text), source, (warning,))


def _what_is_wrong(text: str) -> str:
    if text.startswith(f"{VARIABLE}="):
        return f"holds `{VARIABLE}=` before the token; it must hold the token alone"
    match = _NOT_ALLOWED.search(text)
    at = match.start() if match else 0
    kind = _character_kind(text[at])
    return f"character {at + 1} is {kind}; it must hold the token alone, without quotes"


def _character_kind(character: str) -> str:
    if not character.isascii():
        return "not ASCII"
    if character.isspace():
        return "white space"
    return "one that no token has" if character.isprintable() else "a control character"

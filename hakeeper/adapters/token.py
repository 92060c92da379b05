"""The API token of Hetzner Cloud: where it comes from, and what one looks like."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hakeeper import exits
from hakeeper.adapters.redaction import SHORTEST_TOKEN, TOKEN_VARIABLE, Redactor
from hakeeper.adapters.secret import (
    Places,
    Secret,
    SecretSource,
    SecretUnusable,
    SourceKind,
)

__all__ = [
    "FoundToken",
    "Redactor",
    "SecretSource",
    "SecretUnusable",
    "SourceKind",
    "Token",
    "find_source",
    "read_token",
]

CREDENTIAL_NAME: Final = "hcloud-token"
VARIABLE: Final = TOKEN_VARIABLE
USUAL: Final = re.compile(r"[A-Za-z0-9]{64}")
_ALLOWED: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""The characters of a bearer token (RFC 6750, section 2.1)."""
_NOT_ALLOWED: Final = re.compile(r"[^A-Za-z0-9._~+/-]")
SERVICE_TOKEN: Final = Path("/etc/hakeeper/token")
"""The file that hakeeper.service loads as its credential (`LoadCredential=`)."""
PLACES: Final = Places(CREDENTIAL_NAME, VARIABLE, SERVICE_TOKEN, "the token")
WAYS: Final = (
    f"no API token was found; the service reads it from {SERVICE_TOKEN};"
    f" {PLACES.how_to_write(SERVICE_TOKEN)}. Other ways: `hetzner.token_file: /path/to/file` in the"
    f" configuration; another systemd credential, `LoadCredential={CREDENTIAL_NAME}:/path/to/file`;"
    f" or, least private, the environment variable {VARIABLE}"
)


class Token(Secret):
    """The token."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class FoundToken:
    """A usable token, its source, and warnings about it."""

    token: Token
    source: SecretSource
    warnings: tuple[str, ...] = ()


def find_source(token_file: Path | None, environ: Mapping[str, str]) -> SecretSource | None:
    """Return the first source that exists; a configured file counts even if it is missing."""
    return PLACES.find(token_file, environ)


def read_token(token_file: Path | None, environ: Mapping[str, str]) -> FoundToken:
    """Read and validate the token, or raise `SecretUnusable`.

    Call it again when the API refuses the token: the file may have been rotated.
    """
    source = find_source(token_file, environ)
    if source is None:
        raise SecretUnusable(WAYS, exits.BAD_CONFIG, None)
    # One character per byte: `_checked` refuses whatever is not ASCII, and says where it is.
    return _checked(PLACES.read(source, environ, "latin-1"), source)


def _checked(text: str, source: SecretSource) -> FoundToken:
    if not text:
        raise SecretUnusable(
            f"is empty; it must contain the API token{PLACES.cure(source)}",
            exits.BAD_CONFIG,
            source,
        )
    if not _ALLOWED.fullmatch(text):
        raise SecretUnusable(_what_is_wrong(text), exits.BAD_CONFIG, source)
    if len(text) < SHORTEST_TOKEN:
        message = f"is too short for an API token ({len(text)} characters)"
        raise SecretUnusable(message, exits.BAD_CONFIG, source)
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

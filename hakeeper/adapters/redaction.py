"""Removes tokens, and nothing else, from every text that leaves the process.

Tokens turn up in unexpected places: Hetzner's 429 answer quotes the first half of the token, and
requests quotes header values in its exceptions. This searches for known tokens and for text with
the shape of a token. It does not search for words near a token, since our own messages use them.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from hakeeper.hide_secrets import HIDDEN

TOKEN_VARIABLE: Final = "HCLOUD_TOKEN"  # noqa: S105  # no token
"""The environment variable that may hold the token: to be hidden before anything reads it."""
RUN_LENGTH: Final = 12
"""This many consecutive characters of a token count as a piece of it."""
SHORTEST_TOKEN: Final = 8
"""Anything shorter is not a token, and would match in every line."""
KEPT_TOKENS: Final = 8
"""How many tokens are remembered: after a rotation a late answer may quote an old one."""
DEPTH_LIMIT: Final = 8

_RUN: Final = "[A-Za-z0-9]"
_SHAPE: Final = re.compile(rf"(?<!{_RUN})(?![0-9a-f]+(?!{_RUN})){_RUN}{{64,}}")
"""The shape of any Hetzner Cloud token, but not of a hexadecimal digest."""
_PREFIX: Final = re.compile(rf"(?<!{_RUN}){_RUN}{{32}}(?=\.\.\.)")
"""Hetzner: Limit of '3600' requests per hour for token '(the first 32 characters)...' reached."""
_HEADER: Final = re.compile(r"(?i)(\bauthorization\W{1,6}(?:basic|bearer)\s+)[^\s'\",}]+")
_BEARER: Final = re.compile(r"(?i)(\bbearer\s+)[A-Za-z0-9._~+/=-]{20,}")
"""Outside of a header, a shorter match may be an ordinary word."""


class Redactor:
    """Hides the given tokens, their pieces, and everything that has the shape of a token.

    Safe to use from several threads: adding a token replaces the whole set at once.
    """

    def __init__(self, tokens: Iterable[str] = ()) -> None:
        """Start with these tokens."""
        self._tokens: tuple[str, ...] = ()
        for token in tokens:
            self.add(token)

    def __repr__(self) -> str:
        """Return the number of tokens, without their values."""
        return f"Redactor({len(self._tokens)} tokens)"

    def add(self, token: str) -> None:
        """Hide this token, too; the oldest is forgotten if there are too many."""
        token = token.strip()
        if len(token) >= SHORTEST_TOKEN and token not in self._tokens:
            self._tokens = (*self._tokens, token)[-KEPT_TOKENS:]

    def text(self, text: str) -> str:
        """Return the text without secrets."""
        for token in self._tokens:
            text = _without_pieces(text, token)
        for shape in (_SHAPE, _PREFIX):
            text = shape.sub(HIDDEN, text)
        for header in (_HEADER, _BEARER):
            text = header.sub(rf"\1{HIDDEN}", text)
        return text

    def value(self, value: object, depth: int = 0) -> object:
        """Return a log field without secrets: text, numbers, and lists and mappings of them.

        Anything else becomes redacted text.
        """
        if depth < DEPTH_LIMIT and isinstance(value, Mapping):
            return {self.text(str(key)): self.value(item, depth + 1) for key, item in value.items()}
        if depth < DEPTH_LIMIT and isinstance(value, list | tuple | set | frozenset):
            return [self.value(item, depth + 1) for item in value]
        if value is None or isinstance(value, bool | int | float):
            return value
        return self.text(_as_text(value))


def _as_text(value: object) -> str:
    match value:
        case str():
            return value
        case BaseException():
            return f"{type(value).__name__}: {value}"
        case bytes() | bytearray():
            return bytes(value).decode("utf-8", "backslashreplace")
        case _:
            return repr(value)


def _without_pieces(text: str, token: str) -> str:
    length = min(RUN_LENGTH, len(token))
    pieces = {token[start : start + length] for start in range(len(token) - length + 1)}
    if not any(piece in text for piece in pieces):
        return text  # nearly always, and found out much sooner than below
    kept: list[str] = []
    done = index = 0
    while index + length <= len(text):
        if text[index : index + length] not in pieces:
            index += 1
            continue
        end = index + length
        while text[end - length + 1 : end + 1] in pieces and end < len(text):
            end += 1
        kept += (text[done:index], HIDDEN)
        done = index = end
    return "".join((*kept, text[done:]))

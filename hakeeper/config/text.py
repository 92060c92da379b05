"""Text handling around YAML: limits, characters, secrets, quoting for messages."""

import difflib
import re
from collections.abc import Iterable
from typing import Final

from hakeeper.hide_secrets import hide_secrets

MAX_BYTES: Final = 1 << 20
"""Twenty times the size of a configuration with a thousand addresses."""
SHOWN_CHARACTERS: Final = 60

TOKEN: Final = re.compile(r"(?<![A-Za-z0-9])[A-Za-z0-9]{64}(?![A-Za-z0-9])")
"""The format of all Hetzner Cloud tokens so far."""
LINE_BREAK: Final = re.compile("\r\n|\r|\n")
"""PyYAML's line breaks, once the unprintable ones have been removed."""
UNPRINTABLE: Final = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
"""Characters that YAML forbids, and invisible ones: U+0085, U+2028, U+2029 and BOMs."""


def printable(text: str) -> str:
    """Escape unprintable characters, so that a message stays on one line."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def shown(text: str) -> str:
    """Quote the operator's text for a message, shortened."""
    text = hide_secrets(text)
    shortened = text[:SHOWN_CHARACTERS] + "…" if len(text) > SHOWN_CHARACTERS else text
    return f"`{printable(shortened)}`"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean …?`, or an empty string."""
    plain = {letters(k): k for k in known}
    close = difflib.get_close_matches(letters(word[:SHOWN_CHARACTERS]), plain, n=1, cutoff=0.6)
    return f"; did you mean `{plain[close[0]]}`?" if close else ""


def letters(word: str) -> str:
    """Return a word in lower case, without punctuation."""
    return re.sub(r"[^a-z0-9]", "", word.lower())


def with_article(noun: str) -> str:
    """Return `a floating IP`, `an alias IP`."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def either(words: list[str]) -> str:
    """Return `a, b or c`."""
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last

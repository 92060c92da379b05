"""Reads the history, whatever its files hold: torn lines, newer versions, other things."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NoReturn

from hakeeper.adapters.bounded_read import read_bounded
from hakeeper.adapters.history.file import older_of

VERSION: Final = 1
"""The version of a line; increased when a key is removed or changes its meaning."""
LOST: Final = "history.lost"
"""The event of a line that stands for lines that could not be written."""
READ_LIMIT_BYTES: Final = 16 << 20
"""What is read of one file, which hakeeper itself keeps far smaller."""
_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class Kept:
    """One line of the history. `at_s` is seconds since 1970; `line` is the whole as it stands."""

    at_s: float
    event: str
    message: str
    fields: Mapping[str, str | int | float]
    line: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class History:
    """What could be read, oldest first, and how many lines could not."""

    entries: tuple[Kept, ...]
    unreadable: int


def read_history(path: Path) -> History:
    """Read the file and the older one beside it; raises `NotAFileError` and OSError.

    Without the older one, the history is younger; without both, it is FileNotFoundError.
    """
    for _ in range(_TRIES - 1):  # the file may become the older one between two reads
        older_was = _identity(older_of(path))
        data = _both(path)
        if _identity(older_of(path)) == older_was:
            return decode(data)
    return decode(_both(path))


def decode(data: bytes) -> History:
    """Return what is in these bytes; never raises."""
    found = [_kept(line) for line in data.split(b"\n") if line.strip()]
    entries = tuple(one for one in found if one is not None)
    return History(entries, len(found) - len(entries))


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _both(path: Path) -> bytes:
    files = (_bytes(older_of(path)), _bytes(path))
    if files == (None, None):
        path.stat()
    return b"\n".join(data for data in files if data is not None)


def _bytes(path: Path) -> bytes | None:
    try:
        return read_bounded(path, READ_LIMIT_BYTES, follow=False).data
    except FileNotFoundError:
        return None


def _kept(line: bytes) -> Kept | None:
    try:
        found = json.loads(line, parse_constant=_refuse, parse_float=_finite)
        return Kept(
            at_s=datetime.fromisoformat(_text(found["time"])).timestamp(),
            event=_text(found["event"]),
            message=_text(found["message"]),
            fields=dict(_fields(found.get("fields", {}))),
            line=found,
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


def _fields(found: Mapping[str, object]) -> Iterator[tuple[str, str | int | float]]:
    """Return the fields that are known kinds of value; a newer version may have others."""
    for name, value in found.items():
        if isinstance(value, str | int | float):
            yield name, value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)

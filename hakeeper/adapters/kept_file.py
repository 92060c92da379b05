"""Small files that keep something over a restart of hakeeper: usable as a whole, or not at all.

Somebody may have written into them, or a disk may have torn them: nothing in them is trusted.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from hakeeper.adapters.bounded_read import NotAFileError, read_bounded

T = TypeVar("T")


class UnusableFileError(Exception):
    """What is there cannot be read, or is not what hakeeper writes; the message names the file."""


def read_kept(path: Path, limit_bytes: int, decode: Callable[[bytes], T]) -> T | None:
    """Return what the file keeps, None if it is not there; raises UnusableFileError.

    `decode` may raise whatever wrong bytes lead to: ValueError, KeyError, TypeError,
    RecursionError.
    """
    try:
        return decode(read_bounded(path, limit_bytes, follow=False).data)
    except FileNotFoundError:
        return None
    except (OSError, NotAFileError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UnusableFileError(f"{path} is unusable ({error!r})") from None


def user_id(value: object) -> int:
    """Return a user's id; raises TypeError."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("no user id")
    return value


def seconds(value: object, most: float = sys.float_info.max) -> float:
    """Return a time in seconds, from 0 to `most`; raises TypeError."""
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else -1.0
    if not 0.0 <= number <= most:
        raise TypeError("not a time")
    return float(number)

"""The files of a keepalived.conf, found and opened as keepalived does."""

import contextlib
import errno
import glob
import itertools
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from hakeeper.adapters.smallfile import NotAFileError, read_small
from hakeeper.doctor.conf.files import Files, SkippedFileError

SIZE_LIMIT: Final = 4 << 20
MATCHES_LIMIT: Final = 1000
_EXECUTABLE: Final = 0o111
_NEGATED: Final = re.compile(r"\[\^")


def conf_files() -> Files:
    """Return how keepalived.conf and what it includes are read on this machine."""
    return Files(read=_read, matching=matching, real=os.path.realpath)


def _read(path: str) -> str:
    try:
        found = read_small(Path(path), SIZE_LIMIT)
    except NotAFileError as error:
        raise SkippedFileError(str(error), "include FILE    # a plain file") from None
    if found.mode & _EXECUTABLE:
        raise SkippedFileError("it is executable", f"chmod a-x {path}")
    if len(found.data) > SIZE_LIMIT:
        raise OSError(errno.EFBIG, f"is larger than {SIZE_LIMIT >> 20} MiB")
    return found.data.decode("utf-8", "surrogateescape")


def matching(pattern: str) -> list[str]:
    """Expand a pattern as glob(3) does with GLOB_BRACE; sorted within each choice of braces.

    A plain path comes back as it is. Raises OSError if a folder cannot be looked at.
    """
    if "\\" in pattern:
        raise OSError(errno.EINVAL, "a backslash in a file name is not followed by this check")
    found: list[str] = []
    choices = list(_choices(pattern))
    for choice in choices:
        if glob.has_magic(choice):
            with (
                contextlib.nullcontext()
                if len(choices) == 1
                else contextlib.suppress(FileNotFoundError)
            ):
                found += _glob(choice)
        elif len(choices) == 1 or os.path.lexists(choice):
            found.append(choice)
        if len(found) > MATCHES_LIMIT:
            raise OSError(errno.E2BIG, f"more than {MATCHES_LIMIT} files")
    if not found and not any(map(glob.has_magic, choices)):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    return found


def _glob(pattern: str) -> list[str]:
    folder = Path(pattern).parent
    if not glob.has_magic(str(folder)):
        os.stat(folder)  # noqa: PTH116  # for its error
        if not os.access(folder, os.R_OK | os.X_OK, effective_ids=True):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    found = glob.iglob(_NEGATED.sub("[!", pattern))  # noqa: PTH207  # absolute
    return sorted(itertools.islice(found, MATCHES_LIMIT + 1), key=os.fsencode)


def _choices(pattern: str) -> Iterator[str]:
    """Yield the pattern with each choice of its braces; a brace without end is a letter."""
    waiting = [pattern]
    count = 0
    while waiting:
        one = waiting.pop()
        parts = _split(one)
        if parts is None:
            yield one
            continue
        before, choices, after = parts
        count += len(choices)
        if count > MATCHES_LIMIT:
            raise OSError(errno.E2BIG, f"braces that make more than {MATCHES_LIMIT} names")
        waiting += [f"{before}{choice}{after}" for choice in reversed(choices)]


def _split(pattern: str) -> tuple[str, list[str], str] | None:
    """Split at the first brace into what comes before it, its choices, and the rest."""
    start = pattern.find("{")
    depth = 0
    commas = [start]
    for at in range(start, len(pattern)) if start >= 0 else ():
        character = pattern[at]
        if character == "{":
            depth += 1
        elif character == "," and depth == 1:
            commas.append(at)
        elif character == "}":
            depth -= 1
            if depth == 0:
                ends = [*commas[1:], at]
                choices = [pattern[a + 1 : b] for a, b in zip(commas, ends, strict=True)]
                return pattern[:start], choices, pattern[at + 1 :]
    return None

"""Access to the files of a keepalived.conf, found and opened as keepalived does."""

import contextlib
import errno
import fnmatch
import glob
import itertools
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hakeeper.adapters.bounded_read import NotAFileError, read_bounded
from hakeeper.doctor.conf.files import Files, SkippedFileError

SIZE_LIMIT: Final = 4 << 20
MATCHES_LIMIT: Final = 1000
NAMES_LIMIT: Final = 100_000
"""How many directory entries all patterns together may read."""
_EXECUTABLE: Final = 0o111
_NEGATED: Final = re.compile(r"\[\^")


def conf_files() -> Files:
    """Return access to this machine's files, for reading one configuration."""
    names = Names()
    return Files(
        read=_read, matching=lambda pattern: matching(pattern, names), real=os.path.realpath
    )


@dataclass(slots=True)
class Names:
    """Counts down the directory entries that patterns may still read."""

    left: int = NAMES_LIMIT

    def of(self, folder: str) -> list[str]:
        """Return the entries of a directory; empty if it is missing or we may not read it."""
        try:
            with os.scandir(folder or "/") as entries:
                found = [one.name for one in itertools.islice(entries, self.left + 1)]
        except OSError:
            return []
        self.left -= len(found)
        if self.left < 0:
            self.left = 0
            raise OSError(errno.E2BIG, f"more than {NAMES_LIMIT} names to look through")
        return found


def _read(path: str) -> str:
    try:
        found = read_bounded(Path(path), SIZE_LIMIT)
    except NotAFileError as error:
        raise SkippedFileError(str(error), "include FILE    # a plain file") from None
    if found.mode & _EXECUTABLE:
        raise SkippedFileError("it is executable", f"chmod a-x {path}")
    if len(found.data) > SIZE_LIMIT:
        raise OSError(errno.EFBIG, f"is larger than {SIZE_LIMIT >> 20} MiB")
    return found.data.decode("utf-8", "surrogateescape")


def matching(pattern: str, names: Names | None = None) -> list[str]:
    """Expand a pattern as glob(3) does with GLOB_BRACE; sorted within each choice of braces.

    A plain path is returned as it is. Raises OSError if a directory cannot be read.
    """
    if "\\" in pattern:
        raise OSError(errno.EINVAL, "this check does not support a backslash in a file name")
    names = names or Names()
    found: list[str] = []
    choices = list(_choices(pattern))
    for choice in choices:
        if glob.has_magic(choice):
            with (
                contextlib.nullcontext()
                if len(choices) == 1
                else contextlib.suppress(FileNotFoundError)
            ):
                found += _glob(choice, names)
        elif len(choices) == 1 or os.path.lexists(choice):
            found.append(choice)
        if len(found) > MATCHES_LIMIT:
            raise OSError(errno.E2BIG, f"more than {MATCHES_LIMIT} files")
    if not found and not any(map(glob.has_magic, choices)):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    return found


def _glob(pattern: str, names: Names) -> list[str]:
    folder = Path(pattern).parent
    if not glob.has_magic(str(folder)):
        os.stat(folder)  # noqa: PTH116  # to raise its error
        if not os.access(folder, os.R_OK | os.X_OK, effective_ids=True):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return sorted(_walked(_NEGATED.sub("[!", pattern), names), key=os.fsencode)


def _walked(pattern: str, names: Names) -> list[str]:
    """Expand an absolute pattern directory by directory, through a limited number of entries."""
    found = [""]
    *parts, last = pattern.split("/")
    for part in [*filter(None, parts), last]:
        if not glob.has_magic(part):
            found = [f"{folder}/{part}" for folder in found]
            continue
        is_match = re.compile(fnmatch.translate(part)).match
        further: list[str] = []
        for folder in found:
            further += [f"{folder}/{name}" for name in names.of(folder) if is_match(name)]
        # As in a shell, wildcards do not match a leading dot.
        found = [one for one in further if part[0] == "." or one[one.rfind("/") + 1] != "."]
    return [one for one in found if os.path.lexists(one)]


def _choices(pattern: str) -> Iterator[str]:
    """Yield the pattern with each choice of its braces; an unclosed brace is a plain character."""
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
            raise OSError(errno.E2BIG, f"braces that expand to more than {MATCHES_LIMIT} names")
        waiting += [f"{before}{choice}{after}" for choice in reversed(choices)]


def _split(pattern: str) -> tuple[str, list[str], str] | None:
    """Split at the first brace into the text before it, its choices, and the rest."""
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

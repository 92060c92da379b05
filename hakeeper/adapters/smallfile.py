"""Reads a file that an operator wrote, whatever stands in its place: bounded, never waiting."""

import errno
import os
import shlex
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hakeeper import exits

ABSENT: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})
_DENIED: Final = frozenset({errno.EACCES, errno.EPERM})


@dataclass(frozen=True, slots=True)
class SmallFile:
    """The bytes, one more than the limit if there are more, and the mode they had when read."""

    data: bytes
    mode: int


class NotAFileError(Exception):
    """A directory, FIFO, device or socket stands in the place of the file."""

    def __init__(self, *, is_folder: bool) -> None:
        """Say whether it is a directory, the likely mistake."""
        super().__init__("is a directory" if is_folder else "is not a regular file")
        self.is_folder = is_folder


def read_small(path: Path, limit_bytes: int) -> SmallFile:
    """Read a regular file; raises `NotAFileError` and OSError."""
    # Not blocking: a FIFO in the file's place would hold us until somebody writes.
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        mode = os.fstat(fd).st_mode
        if not stat.S_ISREG(mode):
            raise NotAFileError(is_folder=stat.S_ISDIR(mode))
        with open(fd, "rb", closefd=False) as file:
            return SmallFile(file.read(limit_bytes + 1), stat.S_IMODE(mode))
    finally:
        os.close(fd)


def exit_code_of(error: OSError, *, absent: int = exits.BAD_CONFIG) -> int:
    """Return the exit code for a file of the operator that could not be read.

    What only the operator can mend is told from what passes by itself, such as too many open files
    or a disk that fails: the service must be started again after that.
    """
    if error.errno in ABSENT:
        return absent
    return exits.NO_PERMISSION if error.errno in _DENIED else exits.SYSTEM


def way_to_read(path: Path, environ: Mapping[str, str]) -> str:
    """Say what helps whoever may not read a file of an operator.

    The service is right not to be root: it, or its check, is known by its credential.
    """
    look = f"see modes and owners with: namei -l {shlex.quote(str(path))}"
    if os.geteuid() == 0 or "CREDENTIALS_DIRECTORY" in environ:
        return look
    return f"run it as root, or {look}"

"""Reads a file up to a limit, without blocking, even if the path leads to something else."""

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
class FileContent:
    """The data (limit + 1 bytes if the file is longer) and the mode of a file."""

    data: bytes
    mode: int


class NotAFileError(Exception):
    """The path leads to a directory, FIFO, device or socket."""

    def __init__(self, *, is_folder: bool) -> None:
        """Take whether it is a directory, which is the most likely mistake."""
        super().__init__("is a directory" if is_folder else "is not a regular file")
        self.is_folder = is_folder


def read_bounded(path: Path, limit_bytes: int, *, follow: bool = True) -> FileContent:
    """Read a regular file; raises `NotAFileError` and OSError.

    With `follow=False` a symbolic link is an error: the directory's owner must not choose which
    file is read.
    """
    _require_file(path.stat(follow_symlinks=follow).st_mode)  # opening a device may have effects
    # Non-blocking, for a FIFO that has replaced the file in between.
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
    fd = os.open(path, flags if follow else flags | os.O_NOFOLLOW)
    try:
        mode = os.fstat(fd).st_mode
        _require_file(mode)
        with open(fd, "rb", closefd=False) as file:
            data: bytes | None = file.read(limit_bytes + 1)
    finally:
        os.close(fd)
    if data is None:  # such as /proc/kmsg, which looks like a regular file
        raise BlockingIOError(errno.EAGAIN, "has nothing to read now", str(path))
    return FileContent(data, stat.S_IMODE(mode))


def _require_file(mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise NotAFileError(is_folder=stat.S_ISDIR(mode))


def exit_code_of(error: OSError, *, absent: int = exits.BAD_CONFIG) -> int:
    """Return the exit code for an operator's file that could not be read.

    Mistakes that only the operator can fix differ from temporary failures, such as too many open
    files or a failing disk, after which systemd must restart the service.
    """
    if error.errno in ABSENT:
        return absent
    return exits.NO_PERMISSION if error.errno in _DENIED else exits.SYSTEM


def permission_hint(path: Path, environ: Mapping[str, str]) -> str:
    """Return advice for a file that the current user may not read.

    It does not advise the service to run as root; the service is recognised by its credentials.
    """
    look = f"see modes and owners with: namei -l {shlex.quote(str(path))}"
    if os.geteuid() == 0 or "CREDENTIALS_DIRECTORY" in environ:
        return look
    return f"run it as root, or {look}"

"""The two files of the history: lines are added to one, which makes room by replacing the other."""

import os
import stat
from pathlib import Path
from typing import Final

LIMIT_BYTES: Final = 1 << 20
"""The size at which a file becomes the older one."""
MODE: Final = 0o640
"""Whoever is in the group of the service may read."""


def older_of(path: Path) -> Path:
    """Return the file that `path` becomes when it is full."""
    return path.with_name(f"{path.name}.1")


class HistoryFile:
    """The file at `path`, and the older one beside it; their folder must exist.

    It is opened for each line: lines are rare, and whatever was done to the folder meanwhile, the
    next line goes to the file that has the name.
    """

    def __init__(self, path: Path, limit_bytes: int = LIMIT_BYTES) -> None:
        """Take the path; nothing is opened yet."""
        self._path = path
        self._limit_bytes = limit_bytes

    def append(self, lines: bytes) -> None:
        """Add whole lines with one write, which is not synced to disk; raises OSError.

        A power cut may take the last lines, or tear one.
        """
        fd = self._open()
        try:
            size_bytes = os.fstat(fd).st_size
            if size_bytes and size_bytes + len(lines) > self._limit_bytes:
                os.close(fd)
                fd = -1
                self._path.replace(older_of(self._path))
                fd = self._open()
                size_bytes = os.fstat(fd).st_size
            _write(fd, lines, size_bytes)
        finally:
            if fd >= 0:
                os.close(fd)

    def _open(self) -> int:
        # Non-blocking: a FIFO at the path must not hold us.
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        fd = os.open(self._path, flags, MODE)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise OSError(f"{self._path} is not a regular file")
        return fd


def _write(fd: int, lines: bytes, size_bytes: int) -> None:
    if not size_bytes:
        os.fchmod(fd, MODE)  # the service's umask allows the group nothing
    elif os.pread(fd, 1, size_bytes - 1) != b"\n":
        lines = b"\n" + lines  # the last line was torn: it must not take the next one with it
    if os.write(fd, lines) < len(lines):
        raise OSError("no room for a whole line")

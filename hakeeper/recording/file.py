"""The recording as a file: append-only, bounded, for its owner alone."""

import fcntl
import os
import stat
from pathlib import Path

from hakeeper.recording.codec import TAG
from hakeeper.recording.story import Beginning

MARK = f'{{"{TAG}":"{Beginning.__name__}","format":'.encode()
"""How every recording begins; a file that begins otherwise is somebody else's."""
_MODE = 0o600


class RecordingStopped(Exception):  # noqa: N818  # an end, for a reason
    """Nothing more is recorded; the message says why."""


class RecordingFile:
    """A file to which lines are added; what is in it already stays.

    A restarted daemon so adds its run to those before, which is what somebody wants to see who
    looks for the reason of the restart.
    """

    def __init__(self, path: Path, limit_bytes: int) -> None:
        """Open or create it; raises RecordingStopped and OSError."""
        # Not blocking: a FIFO in the file's place would hold us until somebody reads.
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC
        self._limit_bytes = limit_bytes
        self._fd = os.open(path, flags | os.O_NOFOLLOW | os.O_NOCTTY, _MODE)
        try:
            self._size_bytes = _claim(self._fd)
            if self._size_bytes and os.pread(self._fd, 1, self._size_bytes - 1) != b"\n":
                self._write(b"\n")  # the last run was cut in the middle of a line
        except BaseException:
            self.close()
            raise

    def append(self, line: str, *, spare_bytes: int) -> None:
        """Add a line, if so much room is left after it; raises RecordingStopped and OSError."""
        data = line.encode("ascii") + b"\n"
        if self._size_bytes + len(data) + spare_bytes > self._limit_bytes:
            raise RecordingStopped(f"its limit of {self._limit_bytes} bytes is reached")
        self._write(data)

    def _write(self, data: bytes) -> None:
        while data:
            written = os.write(self._fd, data)
            self._size_bytes += written
            data = data[written:]

    def close(self) -> None:
        """Let go of it."""
        os.close(self._fd)


def _claim(fd: int) -> int:
    """Make sure that the file is ours to write to, and return its size in bytes."""
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode):
        raise RecordingStopped("it is not a regular file")
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise RecordingStopped("another hakeeper is writing to it") from None
    begins = os.pread(fd, len(MARK), 0)
    if not MARK.startswith(begins):  # a shorter one was cut in its first line
        raise RecordingStopped("it holds something else than a recording, which stays as it is")
    if stat.S_IMODE(found.st_mode) != _MODE:
        os.fchmod(fd, _MODE)
    return os.fstat(fd).st_size

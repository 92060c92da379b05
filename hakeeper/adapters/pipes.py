"""What Linux tells about pipes (pipe(7), fcntl(2), proc(5)) beyond Python's own names."""

import contextlib
import fcntl
import os
import re
import select
import struct
import termios
from dataclasses import dataclass
from pathlib import Path

PIPE_BYTES = 1024 * 1024
"""As much as the kernel gives anybody (/proc/sys/fs/pipe-max-size)."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Which file it is; sure only while the file is held open, for inode numbers are reused."""

    device: int
    inode: int


def identity_of(found: os.stat_result) -> Identity:
    """Return the identity that a stat(2) result tells."""
    return Identity(found.st_dev, found.st_ino)


def bytes_waiting(fd: int) -> int:
    """Return how many bytes can be read now."""
    answer = fcntl.ioctl(fd, termios.FIONREAD, bytes(4))
    (count,) = struct.unpack("i", answer)
    return int(count)


def is_full(fd: int, *, writable: bool = True) -> bool:
    """Say whether a writer may have been turned away since the last read.

    A pipe is a row of page slots, and a short line that does not fit in the rest of a page takes
    the next slot, so a full pipe holds less than its capacity, by how much depends on the lines
    (576 bytes less with lines of 70 bytes). poll(2) knows it exactly: it reports POLLOUT while a
    slot is free, and a line is only ever refused when none is. That needs a descriptor open for
    writing; without one an eighth of the capacity is allowed for the waste.
    """
    if not writable:
        capacity = fcntl.fcntl(fd, fcntl.F_GETPIPE_SZ)
        return bytes_waiting(fd) >= capacity - capacity // 8
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    return not poll.poll(0)


def enlarge(fd: int) -> None:
    """Make room for a million bytes; the kernel may refuse, and then the pipe stays as it is."""
    with contextlib.suppress(OSError):
        if fcntl.fcntl(fd, fcntl.F_GETPIPE_SZ) < PIPE_BYTES:
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, PIPE_BYTES)


def reopen_for_reading(fd: int) -> int | None:
    """Open the same pipe once more, for reading only; None where the kernel does not allow it."""
    try:
        return os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None


_LOCK_LINE = re.compile(r"\d+: FLOCK +\S+ +\S+ +(\d+) ([0-9a-f]+):([0-9a-f]+):(\d+) ")


def lock_holder(found: os.stat_result) -> int | None:
    """Return the pid that holds a flock(2) on the file, None where /proc/locks does not say."""
    wanted = (os.major(found.st_dev), os.minor(found.st_dev), found.st_ino)
    try:
        text = Path("/proc/locks").read_text(encoding="ascii")
    except OSError:
        return None
    for pid, major, minor, inode in _LOCK_LINE.findall(text):
        if (int(major, 16), int(minor, 16), int(inode)) == wanted:
            return int(pid)
    return None

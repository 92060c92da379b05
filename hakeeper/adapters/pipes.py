"""Linux's pipe functions that Python lacks (pipe(7), fcntl(2), tee(2), proc(5))."""

import contextlib
import fcntl
import importlib
import os
import re
import select
import struct
import termios
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PIPE_BYTES = 1024 * 1024
"""The kernel's default limit for unprivileged users (/proc/sys/fs/pipe-max-size)."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The identity of a file; only reliable while it is open, since inode numbers are reused."""

    device: int
    inode: int


def identity_of(found: os.stat_result) -> Identity:
    """Return the identity from a stat(2) result."""
    return Identity(found.st_dev, found.st_ino)


def bytes_waiting(fd: int) -> int:
    """Return how many bytes can be read now."""
    answer = fcntl.ioctl(fd, termios.FIONREAD, bytes(4))
    (count,) = struct.unpack("i", answer)
    return int(count)


def is_full(fd: int, writing_fd: int | None) -> bool:
    """Say whether the pipe may have refused a writer since the last read.

    A pipe is a ring of pages, and a line that does not fit in the rest of a page goes to the next
    one. So a full pipe contains less than its capacity, depending on the lines (576 bytes less
    with lines of 70 bytes). poll(2) is exact: it reports POLLOUT while a page is free, and the
    kernel refuses a line only when none is. It needs a descriptor that is open for writing;
    without one, a pipe counts as full at seven eighths of its capacity.
    """
    if writing_fd is None:
        capacity = fcntl.fcntl(fd, fcntl.F_GETPIPE_SZ)
        return bytes_waiting(fd) >= capacity - capacity // 8
    poll = select.poll()
    poll.register(writing_fd, select.POLLOUT)
    return not poll.poll(0)


def enlarge(fd: int) -> None:
    """Set the capacity to a million bytes; if the kernel refuses, the pipe stays as it is."""
    with contextlib.suppress(OSError):
        if fcntl.fcntl(fd, fcntl.F_GETPIPE_SZ) < PIPE_BYTES:
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, PIPE_BYTES)


def reopen_for_reading(fd: int) -> int | None:
    """Open the same pipe again, for reading only; None: the kernel does not allow it."""
    try:
        return os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None


def has_ended(fd: int) -> bool:
    """Say whether the pipe is empty and has no writer."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return any(found & select.POLLHUP and not found & select.POLLIN for _, found in poll.poll(0))


def hung_up(fd: int) -> bool:
    """Say whether no process has the pipe open for writing; `fd` must be open for reading only."""
    poll = select.poll()
    poll.register(fd, 0)
    return any(found & select.POLLHUP for _, found in poll.poll(0))


# --- reading without removing ----------------------------------------------------------------

Tee = Callable[[int, int, int], int]
"""tee(2): copies up to a number of bytes from one pipe into another without removing them."""
_SPLICE_F_NONBLOCK = 2


class Window:
    """A pipe of our own, into which the content of others is copied to read it."""

    def __init__(self, tee: Tee) -> None:
        """Create the pipe; raises OSError without two free descriptors."""
        self._tee = tee
        self._exit, self._entrance = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        enlarge(self._entrance)

    def peek(self, fd: int, skip: int, limit: int) -> bytes:
        """Return up to `limit` bytes after the first `skip`, without removing them.

        Empty if no bytes wait there, or if `skip` exceeds the capacity of the window. Raises
        OSError if the kernel refuses.
        """
        try:
            left = self._tee(fd, self._entrance, skip + limit)
        except BlockingIOError:
            return b""
        seen = bytearray()
        while left > 0:
            data = os.read(self._exit, left)
            left -= len(data)
            seen += data
        return bytes(seen[skip:])

    def close(self) -> None:
        """Close both ends."""
        os.close(self._exit)
        os.close(self._entrance)


def open_window() -> Window | None:
    """Create a window; None: there is no ctypes or no tee(2), or seccomp forbids it."""
    tee = _find_tee()
    if tee is None:
        return None
    with contextlib.ExitStack() as undo:
        try:
            window = Window(tee)
            undo.callback(window.close)
            if _works(window):
                undo.pop_all()
                return window
        except OSError:
            pass
    return None


def _works(window: Window) -> bool:
    fds = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        os.write(fds[1], b"seen")
        return window.peek(fds[0], 1, 100) == b"een"
    finally:
        for fd in fds:
            os.close(fd)


def _find_tee() -> Tee | None:
    """Python has os.splice, but no os.tee."""
    try:
        ctypes = importlib.import_module("ctypes")
        call = ctypes.CDLL(None, use_errno=True).tee
    except (ImportError, OSError, AttributeError, MemoryError):
        return None
    call.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_size_t, ctypes.c_uint)
    call.restype = ctypes.c_ssize_t

    def tee(source: int, target: int, limit: int) -> int:
        count = int(call(source, target, limit, _SPLICE_F_NONBLOCK))
        if count < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return count

    return tee


_LOCK_LINE = re.compile(r"\d+: FLOCK +\S+ +\S+ +(\d+) ([0-9a-f]+):([0-9a-f]+):(\d+) ")


def lock_holder(found: os.stat_result) -> int | None:
    """Return the pid that holds a flock(2) on the file; None: /proc/locks does not show it."""
    wanted = (os.major(found.st_dev), os.minor(found.st_dev), found.st_ino)
    try:
        text = Path("/proc/locks").read_text(encoding="ascii")
    except OSError:
        return None
    for pid, major, minor, inode in _LOCK_LINE.findall(text):
        if (int(major, 16), int(minor, 16), int(inode)) == wanted:
            return int(pid)
    return None

"""One open pipe of the notify FIFO: shown first, taken out later, and never trusted when full."""

import os
import zlib

from hakeeper.adapters.pipes import (
    Identity,
    Window,
    bytes_waiting,
    enlarge,
    has_ended,
    hung_up,
    is_full,
    reopen_for_reading,
)
from hakeeper.core.lines import LineReader

READ_BYTES = 64 * 1024
"""Per read(2)."""
REOPENED = os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC


class FifoPipe:
    """One open pipe, the half line read from it, and how far it was shown."""

    def __init__(
        self, fd: int, found: Identity, window: Window | None, writing_fd: int | None = None
    ) -> None:
        """Own both descriptors; without a window, show by taking.

        `fd` is read, watched and locked. `writing_fd` is the same pipe opened O_RDWR, so that there
        is no end of file while keepalived restarts; None: `fd` itself is.
        """
        self.fd = fd
        self._writing_fd: int | None = fd if writing_fd is None else writing_fd
        self.identity = found
        self.reader = LineReader()
        self._window = window
        self._shown_bytes = 0
        """So much at the front was returned by `read`, and is still there."""
        self._shown_sum = 0
        self._void = False
        """The pipe was found full; what is shown was not read."""
        if not self._is_full():  # a full one stays full until its loss is told
            enlarge(fd)

    def has_writer(self) -> bool | None:
        """Say whether another process has it open for writing; None where that cannot be seen.

        While we could write ourselves, nothing tells (pipe(7)). So our writing end is let go for
        the moment of one poll(2); what waits stays, for we hold the reading end. OSError: it could
        not be opened again, and the pipe has to be given up.
        """
        if self._writing_fd is None or self._writing_fd == self.fd:
            return None
        spare = os.dup(self.fd)  # keeps a number free for what is opened again
        os.close(self._writing_fd)
        self._writing_fd = None
        try:
            return not hung_up(self.fd)
        finally:
            os.close(spare)
            self._writing_fd = os.open(f"/proc/self/fd/{self.fd}", REOPENED)

    def retire(self) -> None:
        """Give up writing, so that the end of file tells when the last writer has left."""
        if self._writing_fd is not None and self._writing_fd != self.fd:
            os.close(self._writing_fd)
            self._writing_fd = None
            return
        fd = reopen_for_reading(self.fd)
        if fd is not None:
            os.close(self.fd)
            self.fd = fd
            self._writing_fd = None

    def has_ended(self) -> bool:
        """Say whether nothing waits and no writer is left; never while we could write ourselves."""
        return has_ended(self.fd)

    def has_more(self) -> bool:
        """Say whether anything waits that was not shown."""
        return bytes_waiting(self.fd) > self._shown_bytes

    def has_waiting(self) -> bool:
        """Say whether anything waits, shown or not."""
        return bytes_waiting(self.fd) > 0

    def overflowed_bytes(self) -> int:
        """Return the size of a backlog that cannot be trusted, 0 if it can, or if that is told."""
        return bytes_waiting(self.fd) if not self._void and self._is_full() else 0

    def read(self, limit: int) -> bytes:
        """Return what is next, at most `limit` bytes; nothing if nothing waits."""
        if self._window is None:
            return self._take(limit)
        if not self.has_more():
            return b""
        data = self._peek(self._shown_bytes, limit)
        if not data:  # too much for the window, or the kernel lacks memory
            self._take_shown()
            return self._take(limit)
        self._shown_bytes += len(data)
        self._shown_sum = zlib.crc32(data, self._shown_sum)
        return data

    def discard(self, size_bytes: int) -> None:
        """Throw the backlog away, without reading it."""
        self.reader.reset()
        self._shown_bytes, self._void = size_bytes, True
        if self._window is None:
            self.settle()

    def settle(self) -> None:
        """Take out what was shown, if it is still that."""
        if self._void or (self._shown_bytes > 0 and self._is_as_shown()):
            self._take_shown()
            enlarge(self.fd)
        self._forget_shown()

    def _is_as_shown(self) -> bool:
        if self._is_full():
            return False  # filled up since: let the next `drain` find it so
        # Another reader, say an operator's cat, may have taken it; then something else is there.
        return self._shown_sum == zlib.crc32(self._peek(0, self._shown_bytes))

    def _take_shown(self) -> None:
        left = self._shown_bytes
        # First: a thread that asks meanwhile whether there is more must not miss a new line.
        self._forget_shown()
        while left > 0 and (data := self._take(min(READ_BYTES, left))):
            left -= len(data)

    def _forget_shown(self) -> None:
        self._shown_bytes, self._shown_sum, self._void = 0, 0, False

    def _peek(self, skip: int, limit: int) -> bytes:
        try:
            return b"" if self._window is None else self._window.peek(self.fd, skip, limit)
        except OSError:
            return b""

    def _take(self, limit: int) -> bytes:
        try:
            return os.read(self.fd, limit)
        except BlockingIOError:
            return b""

    def _is_full(self) -> bool:
        return is_full(self.fd, self._writing_fd)

    def close(self) -> None:
        """Let go; what waits stays there."""
        if self._writing_fd is not None and self._writing_fd != self.fd:
            os.close(self._writing_fd)
        os.close(self.fd)

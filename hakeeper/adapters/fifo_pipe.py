"""One open pipe of the notify FIFO: data is read first and removed later, and discarded if full."""

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
from hakeeper.core.roles.lines import LineReader

READ_BYTES = 64 * 1024
"""Per read(2)."""
_READ_WRITE_FLAGS = os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC


class FifoPipe:
    """One open pipe, its incomplete last line, and how much of it was returned but not removed."""

    def __init__(
        self, fd: int, found: Identity, window: Window | None, writing_fd: int | None = None
    ) -> None:
        """Take both descriptors; without a `window`, `read` removes data at once.

        `fd` is read, watched and locked. `writing_fd` is the same pipe opened O_RDWR, so that there
        is no end of file while keepalived restarts; None: `fd` itself is opened O_RDWR.
        """
        self.fd = fd
        self._writing_fd: int | None = fd if writing_fd is None else writing_fd
        self.identity = found
        self.reader = LineReader()
        self._window = window
        self._shown_bytes = 0
        """How many bytes at the front `read` has returned but not removed."""
        self._shown_sum = 0
        self._void = False
        """Whether the pipe was full; its content is to be discarded unread."""
        if not self._is_full():  # a full one stays full until its overflow is reported
            enlarge(fd)

    def has_writer(self) -> bool | None:
        """Say whether another process has it open for writing; None: that cannot be seen.

        Our own writing end hides that (pipe(7)). So it is closed for the moment of one poll(2);
        data stays in the pipe, since the reading end is open. OSError: the writing end could not
        be opened again, and the pipe must be closed.
        """
        if self._writing_fd is None or self._writing_fd == self.fd:
            return None
        spare = os.dup(self.fd)  # reserves a descriptor for reopening
        os.close(self._writing_fd)
        self._writing_fd = None
        try:
            return not hung_up(self.fd)
        finally:
            os.close(spare)
            self._writing_fd = os.open(f"/proc/self/fd/{self.fd}", _READ_WRITE_FLAGS)

    def retire(self) -> None:
        """Close our writing end, so that there is an end of file when the last writer has left."""
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
        """Say whether the pipe is empty and has no writer; False while our writing end is open."""
        return has_ended(self.fd)

    def has_more(self) -> bool:
        """Say whether data waits that `read` has not returned; in doubt, it does.

        Another thread may ask while `read` returns some, or while `settle` removes some.
        """
        shown_bytes = self._shown_bytes
        return bytes_waiting(self.fd) > min(shown_bytes, self._shown_bytes)

    def has_waiting(self) -> bool:
        """Say whether any data waits, returned or not."""
        return bytes_waiting(self.fd) > 0

    def overflowed_bytes(self) -> int:
        """Return the size of the backlog if the pipe has overflowed and that is news, else 0."""
        return bytes_waiting(self.fd) if not self._void and self._is_full() else 0

    def read(self, limit: int) -> bytes:
        """Return the next bytes, at most `limit`; empty if none wait."""
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
        """Discard the backlog without reading it."""
        self.reader.reset()
        self._shown_bytes, self._void = size_bytes, True
        if self._window is None:
            self.settle()

    def settle(self) -> None:
        """Remove what `read` has returned, if it is still in the pipe."""
        if self._void or (self._shown_bytes > 0 and self._is_as_shown()):
            self._take_shown()
            enlarge(self.fd)
        self._forget_shown()

    def _is_as_shown(self) -> bool:
        if self._is_full():
            return False  # it has filled up since: leave that to the next `drain`
        # Another reader, such as an operator's `cat`, may have removed it.
        return self._shown_sum == zlib.crc32(self._peek(0, self._shown_bytes))

    def _take_shown(self) -> None:
        left = self._shown_bytes
        # Reset first: a thread that calls `has_more` meanwhile must not miss a new line.
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
        """Close it; waiting data stays in the pipe."""
        if self._writing_fd is not None and self._writing_fd != self.fd:
            os.close(self._writing_fd)
        os.close(self.fd)

"""keepalived's notify FIFO: kept open, always read to the end, reopened when it is replaced.

The pipe is opened `O_RDWR`. So there is no end of file while keepalived restarts, and lines wait in
the pipe while hakeeper restarts. When the pipe is full, keepalived silently loses the *newest*
lines (it ignores EAGAIN). So the content of a full pipe is discarded and reported as an overflow.

`drain` returns lines but leaves them in the pipe; `settle` removes them, once their consequences
are saved. If hakeeper is killed in between, it finds them again. This needs tee(2); without it
`drain` removes them at once. A full pipe also stays full until `settle`, since nothing else would
show the loss after a restart. Lines lost until then belong to the same overflow.

Nothing here blocks. The daemon calls `look` about once a second and watches `filenos` for reading.
When one of them is readable, and after every event from `look`, it calls `drain` until there is no
`more`, and then `settle`.
"""

import contextlib
import errno
import fcntl
import os
import stat

from hakeeper.adapters.fifo_pipe import READ_BYTES, FifoPipe
from hakeeper.adapters.pipes import (
    identity_of,
    lock_holder,
    open_window,
    reopen_for_reading,
)
from hakeeper.core.events import Drained, FifoChanged
from hakeeper.core.model import FifoState
from hakeeper.core.roles.lines import BadLine, ForeignLine, NotifyLine

DRAIN_BYTES = 256 * 1024
"""Per `drain`: about ten thousand lines, which limits the memory that a flood can use."""
RETIRED_LIMIT = 4
"""How many replaced pipes are read besides the current one; the oldest is dropped."""
BAD_LINES_KEPT = 20
"""Per `drain`; further ones are only counted."""


class _Refusal(Exception):  # noqa: N818  # not an error of ours: a state of the path
    """The path cannot be opened, and why."""

    def __init__(self, state: FifoState, detail: str) -> None:
        super().__init__(detail)
        self.change = FifoChanged(state, detail)


class NotifyFifo:
    """The only reader of the FIFO at `path`, which a lock on the FIFO itself ensures.

    flock(2) on the pipe needs no lock file, and lasts exactly as long as the pipe is open. A
    replaced FIFO has its own lock.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._window = open_window()
        self._current: FifoPipe | None = None
        self._retired: list[FifoPipe] = []
        self._reported: FifoChanged | None = None
        self.lines_read = 0
        self.lines_rejected = 0
        self.overflows = 0

    @property
    def listening(self) -> bool:
        """Whether a pipe is open, even if its path is gone."""
        return self._current is not None

    @property
    def is_held_by_another(self) -> bool:
        """Whether another process reads this FIFO, so that we must not act."""
        reported = self._reported
        return not self.listening and reported is not None and reported.state is FifoState.BUSY

    def look(self) -> FifoChanged | None:
        """Open the FIFO, or reopen it if it was replaced; return an event if something changed."""
        try:
            reopened = self._follow()
        except _Refusal as refusal:
            return self._report(refusal.change)
        change = FifoChanged(FifoState.OPEN, f"listening on {self._path}")
        if reopened:
            self._reported = change
            return FifoChanged(change.state, f"{self._path} was replaced: reopened", reopened=True)
        return self._report(change)

    def filenos(self) -> tuple[int, ...]:
        """The descriptors to watch; `drain` and the questions about lines do not change them."""
        return tuple(pipe.fd for pipe in self._pipes())

    def drain(self) -> Drained:
        """Return the waiting lines that were not returned yet; those of replaced pipes first.

        They stay in the pipe until `settle`. Without tee(2), and if more bytes wait than fit into
        a pipe of ours (a million, or less if the kernel refuses that), they are removed here, and
        lost if hakeeper is killed.
        """
        batch = _Batch()
        for pipe in self._pipes():
            batch.take(pipe)
        drained = batch.drained(more=self.has_news())
        self.lines_read += len(drained.lines)
        self.lines_rejected += drained.bad_count
        self.overflows += drained.overflow is not None
        return drained

    def has_news(self) -> bool:
        """Say whether lines wait that `drain` has not returned; needs one system call per pipe."""
        return any(pipe.has_more() for pipe in self._pipes())

    def has_waiting(self) -> bool:
        """Say whether lines wait, including those that `settle` has not removed yet.

        Other threads may call this and `has_news`; OSError: a pipe was closed meanwhile.
        """
        return any(pipe.has_waiting() for pipe in self._pipes())

    def has_writer(self) -> bool | None:
        """Say whether another process has the current pipe open for writing; None: not known."""
        if self._current is None:
            return None
        try:
            return self._current.has_writer()
        except OSError:  # no free descriptor: start again from the path
            self._current.settle()  # the new descriptor must not return the same lines again
            self._current.close()
            self._current, self._reported = None, None
            return None

    def settle(self) -> None:
        """Remove what `drain` returned, and close replaced pipes that have no writer any more.

        An incomplete line at the end is removed, too: it would keep the descriptor readable.
        keepalived writes whole lines.
        """
        for pipe in self._pipes():
            pipe.settle()
        for pipe in tuple(self._retired):
            if pipe.has_ended():
                self._retired.remove(pipe)
                pipe.close()

    def move_to(self, path: str) -> None:
        """Read the FIFO at another path from the next `look` on."""
        self._close_pipes()
        self._path, self._reported = path, None

    def close(self) -> None:
        """Close all pipes; waiting lines stay for the next reader while keepalived runs."""
        self._close_pipes()
        if self._window is not None:
            self._window.close()
            self._window = None

    def _close_pipes(self) -> None:
        for pipe in self._pipes():
            pipe.close()
        self._retired, self._current = [], None

    def _pipes(self) -> tuple[FifoPipe, ...]:
        return (*self._retired, *(() if self._current is None else (self._current,)))

    def _report(self, change: FifoChanged) -> FifoChanged | None:
        if change == self._reported:
            return None
        self._reported = change
        return change

    def _follow(self) -> bool:
        """Make the path's FIFO the current one; True: it replaced another. Raises _Refusal."""
        found = _lstat_fifo(self._path)
        if self._current is not None and self._current.identity == identity_of(found):
            return False  # the inode number is not reused while we have the inode open
        fresh = self._open()
        if self._current is None:
            self._current = fresh
            return False
        self._retire(self._current)
        self._current = fresh
        return True

    def _retire(self, pipe: FifoPipe) -> None:
        pipe.retire()
        self._retired.append(pipe)
        if len(self._retired) > RETIRED_LIMIT:
            self._retired.pop(0).close()

    def _open(self) -> FifoPipe:
        flags = os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            fd = os.open(self._path, flags)
        except OSError as error:
            raise _refusal_of(error, self._path) from error
        with contextlib.ExitStack() as undo:
            undo.callback(os.close, fd)
            try:
                pipe = self._opened(fd, undo)
            except OSError as error:
                raise _refusal_of(error, self._path) from error
            undo.pop_all()
        return pipe

    def _opened(self, fd: int, undo: contextlib.ExitStack) -> FifoPipe:
        """Lock the opened FIFO; `undo` closes further descriptors on failure."""
        found = os.fstat(fd)
        _require_fifo(found, self._path)
        reading_fd = reopen_for_reading(fd)
        if reading_fd is None:
            _lock(fd, found, self._path)
            return FifoPipe(fd, identity_of(found), self._window)
        undo.callback(os.close, reading_fd)
        _lock(reading_fd, found, self._path)
        return FifoPipe(reading_fd, identity_of(found), self._window, writing_fd=fd)


class _Batch:
    """The lines that one `drain` collects."""

    def __init__(self) -> None:
        self._room = DRAIN_BYTES
        self._lines: list[NotifyLine] = []
        self._bad_lines: list[BadLine] = []
        self._bad_count = 0
        self._overflow: str | None = None

    def take(self, pipe: FifoPipe) -> None:
        """Read from `pipe` while there is room."""
        while self._room > 0:
            # Before every read: a pipe that fills up while we read loses lines, too.
            if suspect := pipe.overflowed_bytes():
                self._discard(pipe, suspect)
            data = pipe.read(min(READ_BYTES, self._room))
            if not data:
                return
            self._room -= len(data)
            self._sort(pipe.reader.feed(data))

    def _discard(self, pipe: FifoPipe, size_bytes: int) -> None:
        """Discard the backlog and the lines before it; lines that follow are good again."""
        pipe.discard(size_bytes)
        self._lines.clear()
        self._overflow = f"the pipe was full ({size_bytes} bytes waiting), so newer lines were lost"

    def _sort(self, found: list[NotifyLine | BadLine | ForeignLine]) -> None:
        for line in found:
            match line:
                case NotifyLine():
                    self._lines.append(line)
                case BadLine():
                    self._bad_count += 1
                    if len(self._bad_lines) < BAD_LINES_KEPT:
                        self._bad_lines.append(line)
                case ForeignLine():
                    pass

    def drained(self, *, more: bool) -> Drained:
        return Drained(
            tuple(self._lines), tuple(self._bad_lines), self._bad_count, self._overflow, more
        )


# --- why a path cannot be opened --------------------------------------------------------------


def _lstat_fifo(path: str) -> os.stat_result:
    try:
        found = os.lstat(path)
    except OSError as error:
        raise _refusal_of(error, path) from error
    _require_fifo(found, path)
    return found


def _require_fifo(found: os.stat_result, path: str) -> None:
    if not stat.S_ISFIFO(found.st_mode):
        raise _not_a_fifo(path, _kind(found.st_mode))


def _not_a_fifo(path: str, kind: str) -> _Refusal:
    return _Refusal(FifoState.NOT_A_FIFO, f"{path} is {kind}, not a FIFO")


def _kind(mode: int) -> str:
    if stat.S_ISLNK(mode):
        return "a symbolic link"
    if stat.S_ISDIR(mode):
        return "a directory"
    return "a regular file" if stat.S_ISREG(mode) else "something else"


def _refusal_of(error: OSError, path: str) -> _Refusal:
    match error.errno:
        case errno.ENOENT:
            return _Refusal(FifoState.MISSING, f"{path} does not exist")
        case errno.EACCES | errno.EPERM:
            return _Refusal(FifoState.DENIED, f"no permission to open {path}")
        case errno.ELOOP | errno.EISDIR | errno.ENXIO:  # it was replaced in between
            return _not_a_fifo(path, "something else")
        case _:
            return _Refusal(FifoState.FAILED, f"{path} cannot be opened: {error.strerror}")


def _lock(fd: int, found: os.stat_result, path: str) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = lock_holder(found)
        holder = "another process" if pid is None else f"process {pid}"
        raise _Refusal(FifoState.BUSY, f"{holder} already reads {path}") from None
    except OSError as error:
        raise _refusal_of(error, path) from error

"""keepalived's notify FIFO: opened for good, drained whole, reopened when the path is replaced.

The pipe is opened `O_RDWR`: so there is no end of file while keepalived restarts, and lines wait in
the pipe while hakeeper does. keepalived loses the *newest* lines when the pipe is full and tells
nobody (it ignores EAGAIN), so a pipe that is found full is thrown away and reported as an overflow.

Lines are looked at by `drain` and taken out by `settle`, when what they led to is written down: who
is killed in between finds them again. That takes tee(2); without it `drain` takes them out at once.
Where a pipe is found full, its backlog waits for `settle` as well, and so it stays full: that is
the only sign of the loss that survives us. What is lost until then counts as told.

Nothing here blocks. The daemon calls `look` about once a second, watches `filenos` for reading, and
calls `drain`, as often as it says `more`, and then `settle`, when one of them is readable and after
every event that `look` returned.
"""

import contextlib
import errno
import fcntl
import os
import stat

from hakeeper.adapters.fifopipe import READ_BYTES, FifoPipe
from hakeeper.adapters.pipes import (
    identity_of,
    lock_holder,
    open_window,
    reopen_for_reading,
)
from hakeeper.core.events import Drained, FifoChanged
from hakeeper.core.lines import BadLine, ForeignLine, NotifyLine
from hakeeper.core.model import FifoState

DRAIN_BYTES = 256 * 1024
"""Per `drain`: some ten thousand lines, so that a storm never sits in memory whole."""
RETIRED_LIMIT = 4
"""How many replaced pipes are listened to, besides the current one; the oldest is dropped."""
BAD_LINES_KEPT = 20
"""Per `drain`; the others are only counted."""


class _Refusal(Exception):  # noqa: N818  # not an error of ours: a state of the path
    """The path cannot be opened as it stands; says why and what repairs it."""

    def __init__(self, state: FifoState, detail: str) -> None:
        super().__init__(detail)
        self.change = FifoChanged(state, detail)


class NotifyFifo:
    """The one reader of the FIFO at `path`; a lock on the FIFO itself makes it the only one.

    flock(2) on the pipe needs no file of its own and lasts exactly as long as the pipe is open. A
    replaced FIFO is another one, with another lock.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._window = open_window()
        self._current: FifoPipe | None = None
        self._retired: list[FifoPipe] = []
        self._said: FifoChanged | None = None

    @property
    def listening(self) -> bool:
        """Whether some pipe is open, be it one whose path is gone."""
        return self._current is not None

    @property
    def is_held_by_another(self) -> bool:
        """Whether somebody else reads this FIFO, so that it is not for us to act."""
        said = self._said
        return not self.listening and said is not None and said.state is FifoState.BUSY

    def look(self) -> FifoChanged | None:
        """Open, or notice that the path leads elsewhere; an event only when something changed."""
        try:
            reopened = self._follow()
        except _Refusal as refusal:
            return self._say(refusal.change)
        change = FifoChanged(FifoState.OPEN, f"listening on {self._path}")
        if reopened:
            self._said = change
            return FifoChanged(change.state, f"{self._path} was replaced: reopened", reopened=True)
        return self._say(change)

    def filenos(self) -> tuple[int, ...]:
        """What to watch for reading; changes only in `look`, `settle`, `has_writer` and `close`."""
        return tuple(pipe.fd for pipe in self._pipes())

    def drain(self) -> Drained:
        """Return what waits now and was not returned yet: replaced pipes first, they are older.

        It stays in the pipe until `settle`, all that was returned since the last one. Without
        tee(2), and where more waits than fits into a pipe of our own (a million bytes; less, where
        the kernel refuses that), it is taken out here, and does not outlive a kill.
        """
        batch = _Batch()
        for pipe in self._pipes():
            batch.take(pipe)
        return batch.drained(more=self.has_news())

    def has_news(self) -> bool:
        """Say whether lines wait that `drain` has not returned; costs a system call."""
        return any(pipe.has_more() for pipe in self._pipes())

    def has_waiting(self) -> bool:
        """Say whether lines wait, those included that `drain` returned and `settle` did not take.

        Other threads may ask this, and `has_news`; OSError where a pipe is closed meanwhile.
        """
        return any(pipe.has_waiting() for pipe in self._pipes())

    def has_writer(self) -> bool | None:
        """Say whether another process has the current pipe open for writing; None: not known."""
        if self._current is None:
            return None
        try:
            return self._current.has_writer()
        except OSError:  # no descriptor to be had: begin anew by the path
            self._current.settle()  # what was returned must not be found again by the path
            self._current.close()
            self._current, self._said = None, None
            return None

    def settle(self) -> None:
        """Take out what `drain` returned, and let go of replaced pipes that have ended.

        Half a line at the end is taken out too: left there, it would keep us awake. keepalived
        writes whole lines.
        """
        for pipe in self._pipes():
            pipe.settle()
        for pipe in tuple(self._retired):
            if pipe.has_ended():
                self._retired.remove(pipe)
                pipe.close()

    def close(self) -> None:
        """Let go for good; what waits stays there for the next reader, if keepalived runs."""
        for pipe in self._pipes():
            pipe.close()
        self._retired, self._current = [], None
        if self._window is not None:
            self._window.close()
            self._window = None

    def _pipes(self) -> tuple[FifoPipe, ...]:
        return (*self._retired, *(() if self._current is None else (self._current,)))

    def _say(self, change: FifoChanged) -> FifoChanged | None:
        if change == self._said:
            return None
        self._said = change
        return change

    def _follow(self) -> bool:
        """Make the path's FIFO the current one; True if another was before. Raises _Refusal."""
        found = _lstat_fifo(self._path)
        if self._current is not None and self._current.identity == identity_of(found):
            return False  # it cannot be a reused inode number: we hold the inode
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
        """Lock what was opened, if it is a FIFO; `undo` closes what is opened besides."""
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
    """What one `drain` collects."""

    def __init__(self) -> None:
        self._room = DRAIN_BYTES
        self._lines: list[NotifyLine] = []
        self._bad_lines: list[BadLine] = []
        self._bad_count = 0
        self._overflow: str | None = None

    def take(self, pipe: FifoPipe) -> None:
        """Read from `pipe` while there is room."""
        while self._room > 0:
            # Before every read: a pipe that was filled while we read has lost lines as well.
            if suspect := pipe.overflowed_bytes():
                self._discard(pipe, suspect)
            data = pipe.read(min(READ_BYTES, self._room))
            if not data:
                return
            self._room -= len(data)
            self._sort(pipe.reader.feed(data))

    def _discard(self, pipe: FifoPipe, size_bytes: int) -> None:
        """Throw away the backlog and what came before it; lines behind it are good again."""
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


# --- what is wrong with a path, in words ----------------------------------------------------


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
        case errno.ELOOP | errno.EISDIR | errno.ENXIO:  # it changed since we looked
            return _not_a_fifo(path, "something else")
        case _:
            return _Refusal(FifoState.FAILED, f"{path} cannot be opened: {error.strerror}")


def _lock(fd: int, found: os.stat_result, path: str) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = lock_holder(found)
        holder = "another process" if pid is None else f"process {pid}"
        raise _Refusal(FifoState.BUSY, f"{path} is read by {holder} already") from None
    except OSError as error:
        raise _refusal_of(error, path) from error

"""keepalived's notify FIFO: opened for good, drained whole, reopened when the path is replaced.

The pipe is opened `O_RDWR`: so there is no end of file while keepalived restarts, and lines wait in
the pipe while hakeeper does. keepalived loses the *newest* lines when the pipe is full and tells
nobody (it ignores EAGAIN), so a pipe that is found full is thrown away and reported as an overflow.

Nothing here blocks. The daemon calls `look` about once a second, watches `filenos` for reading, and
calls `drain` when one of them is readable and after every event that `look` returned.
"""

import contextlib
import errno
import fcntl
import os
import pwd
import shlex
import stat
from pathlib import Path

from hakeeper.adapters.pipes import (
    Identity,
    bytes_waiting,
    enlarge,
    identity_of,
    is_full,
    lock_holder,
    reopen_for_reading,
)
from hakeeper.core.events import Drained, FifoChanged, FifoState
from hakeeper.core.lines import BadLine, ForeignLine, LineReader, NotifyLine

READ_BYTES = 64 * 1024
"""Per read(2)."""
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


class _Pipe:
    """One open pipe and the half line read from it."""

    def __init__(self, fd: int, found: Identity) -> None:
        self.fd = fd
        self.identity = found
        self.reader = LineReader()
        self.writable = True
        """Opened O_RDWR; only then does poll(2) say whether it is full."""
        self.lost = is_full(fd)  # before enlarging: afterwards there is room again
        self.lost_bytes = bytes_waiting(fd) if self.lost else 0
        enlarge(fd)

    def retire(self) -> None:
        """Give up writing, so that the end of file tells when the last writer has left."""
        fd = reopen_for_reading(self.fd)
        if fd is not None:
            os.close(self.fd)
            self.fd = fd
            self.writable = False

    def check_overflow(self) -> int:
        """Return the size of a backlog that cannot be trusted, 0 if it can."""
        if not self.lost and is_full(self.fd, writable=self.writable):
            self.lost, self.lost_bytes = True, bytes_waiting(self.fd)
        if not self.lost:
            return 0
        self.lost = False
        return self.lost_bytes

    def read(self, limit: int) -> bytes | None:
        """Read what waits, at most `limit` bytes; None if nothing, b"" at the end of file."""
        try:
            return os.read(self.fd, limit)
        except BlockingIOError:
            return None

    def close(self) -> None:
        os.close(self.fd)


class NotifyFifo:
    """The one reader of the FIFO at `path`; a lock on the FIFO itself makes it the only one.

    flock(2) on the pipe needs no file of its own and lasts exactly as long as the pipe is open. A
    replaced FIFO is another one, with another lock.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._current: _Pipe | None = None
        self._retired: list[_Pipe] = []
        self._said: FifoChanged | None = None

    @property
    def listening(self) -> bool:
        """Whether some pipe is open, be it one whose path is gone."""
        return self._current is not None

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
        """What to watch for reading; changes only in `look`, `drain` and `close`."""
        current = () if self._current is None else (self._current.fd,)
        return (*(pipe.fd for pipe in self._retired), *current)

    def drain(self) -> Drained:
        """Read what waits now: replaced pipes first, since their lines are older."""
        batch = _Batch()
        for pipe in tuple(self._retired):
            if not batch.take(pipe):
                self._retired.remove(pipe)
                pipe.close()
        if self._current is not None:
            batch.take(self._current)
        return batch.drained(more=any(bytes_waiting(fd) for fd in self.filenos()))

    def settle(self) -> None:
        """Nothing to do: what `drain` returned has left the pipe."""

    def close(self) -> None:
        """Let go; what waits in the pipe stays there for the next reader, if keepalived runs."""
        for pipe in self._retired:
            pipe.close()
        self._retired = []
        if self._current is not None:
            self._current.close()
        self._current = None

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

    def _retire(self, pipe: _Pipe) -> None:
        pipe.retire()
        self._retired.append(pipe)
        if len(self._retired) > RETIRED_LIMIT:
            self._retired.pop(0).close()

    def _open(self) -> _Pipe:
        flags = os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            fd = os.open(self._path, flags)
        except OSError as error:
            raise _refusal_of(error, self._path) from error
        with contextlib.ExitStack() as undo:
            undo.callback(os.close, fd)
            found = os.fstat(fd)
            _require_fifo(found, self._path)
            _lock(fd, found, self._path)
            pipe = _Pipe(fd, identity_of(found))
            undo.pop_all()
        return pipe


class _Batch:
    """What one `drain` collects."""

    def __init__(self) -> None:
        self._room = DRAIN_BYTES
        self._lines: list[NotifyLine] = []
        self._bad_lines: list[BadLine] = []
        self._bad_count = 0
        self._overflow: str | None = None

    def take(self, pipe: _Pipe) -> bool:
        """Read from `pipe` while there is room; False at its end of file."""
        while self._room > 0:
            # Before every read: a pipe that was filled while we read has lost lines as well.
            if suspect := pipe.check_overflow():
                self._discard(pipe, suspect)
            data = pipe.read(min(READ_BYTES, self._room))
            if data is None:
                return True
            if not data:
                return False
            self._room -= len(data)
            self._sort(pipe.reader.feed(data))
        return True

    def _discard(self, pipe: _Pipe, size_bytes: int) -> None:
        """Throw away the backlog and what came before it; lines behind it are good again."""
        left = size_bytes
        while left > 0 and (data := pipe.read(min(READ_BYTES, left))):
            left -= len(data)
        pipe.reader.reset()
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


def _make_command(path: str) -> str:
    folder = shlex.quote(str(Path(path).parent))
    return f"mkdir -p {folder} && mkfifo -m 0600 {shlex.quote(path)} && {_give_command(path)}"


def _give_command(path: str) -> str:
    return f"chown {_user()} {shlex.quote(path)} && systemctl reload keepalived"


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


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
    away = f"mv {shlex.quote(path)} {shlex.quote(path + '.old')}"
    detail = f"{path} is {kind}, not a FIFO; to repair: {away} && {_make_command(path)}"
    return _Refusal(FifoState.NOT_A_FIFO, detail)


def _kind(mode: int) -> str:
    if stat.S_ISLNK(mode):
        return "a symbolic link"
    if stat.S_ISDIR(mode):
        return "a directory"
    return "a regular file" if stat.S_ISREG(mode) else "something else"


def _refusal_of(error: OSError, path: str) -> _Refusal:
    match error.errno:
        case errno.ENOENT:
            detail = f"{path} does not exist; to repair: {_make_command(path)}"
            return _Refusal(FifoState.MISSING, detail)
        case errno.EACCES | errno.EPERM:
            detail = f"no permission to open {path}; to repair: {_give_command(path)}"
            return _Refusal(FifoState.DENIED, detail)
        case errno.ELOOP | errno.EISDIR | errno.ENXIO:  # it changed since we looked
            return _not_a_fifo(path, "something else")
        case _:
            detail = f"{path} cannot be opened: {error.strerror}; to look: ls -ld "
            return _Refusal(FifoState.FAILED, detail + shlex.quote(path))


def _lock(fd: int, found: os.stat_result, path: str) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = lock_holder(found)
        holder = "another process" if pid is None else f"process {pid}"
        look = f"fuser -v {shlex.quote(path)}" if pid is None else f"ps -fp {pid}"
        detail = f"{path} is read by {holder} already; to look: {look}"
        raise _Refusal(FifoState.BUSY, detail) from None
    except OSError as error:
        raise _refusal_of(error, path) from error

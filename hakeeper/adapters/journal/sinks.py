"""Where entries go. A sink never blocks for long: it says whether the entry is out."""

import enum
import os
import select
import stat
import time
from collections.abc import Callable, Mapping
from typing import Protocol, assert_never

from hakeeper.adapters.journal.journald import Journald, Sent
from hakeeper.adapters.journal.records import (
    Rendered,
    Renderer,
    console_renderer,
    journald_renderer,
    json_renderer,
    text_renderer,
)

STDERR_FD = 2
_LOOK_AGAIN_MS = 20
"""How often a writer that waits asks whether it should give up."""


class Target(enum.Enum):
    """Where reports go, as the user may choose it."""

    AUTO = "auto"
    JOURNAL = "journal"
    CONSOLE = "console"
    JSON = "json"
    TEXT = "text"


class Sink(Protocol):
    """Writes entries, one after the other, on the writer thread."""

    def write(self, entry: Rendered, give_up: Callable[[], bool]) -> bool:
        """Write the entry; wait while it cannot be, until `give_up()`. Say whether it is out."""
        ...  # pragma: no cover


def choose_target(wanted: Target, environ: Mapping[str, str], fd: int = STDERR_FD) -> Target:
    """Resolve AUTO: a terminal, or the journal where systemd connected us to it, or plain lines."""
    if wanted is not Target.AUTO:
        return wanted
    if os.isatty(fd):
        return Target.CONSOLE
    if _is_journal_stream(environ.get("JOURNAL_STREAM", ""), fd):
        return Target.JOURNAL
    return Target.TEXT


def _is_journal_stream(value: str, fd: int) -> bool:
    """Compare $JOURNAL_STREAM (device:inode, systemd.exec(5)) with what we really write to.

    The variable alone is inherited by everything that a service starts, redirected or not.
    """
    try:
        found = os.fstat(fd)
    except OSError:
        return False
    return value == f"{found.st_dev}:{found.st_ino}"


def renderer(target: Target, environ: Mapping[str, str], fd: int) -> Renderer:
    """Give the last processor of the chain for a target that is not AUTO."""
    match target:
        case Target.JOURNAL:
            return journald_renderer
        case Target.CONSOLE:
            colours = os.isatty(fd) and not environ.get("NO_COLOR")
            return console_renderer(colours=colours)
        case Target.JSON:
            return json_renderer
        case Target.TEXT | Target.AUTO:
            return text_renderer
        case _:
            assert_never(target)


class StreamSink:
    """Lines on a file descriptor, which may be a full pipe, or closed."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._must_poll = _may_block(fd)

    def write(self, entry: Rendered, give_up: Callable[[], bool]) -> bool:
        """Write in pieces that a pipe with any room takes at once (PIPE_BUF, pipe(7))."""
        left = entry.text
        while left:
            if not self._wait_for_room(give_up):
                return False
            try:
                left = left[os.write(self._fd, left[: select.PIPE_BUF]) :]
            except BlockingIOError:
                continue
            except OSError:
                return False
        return True

    def _wait_for_room(self, give_up: Callable[[], bool]) -> bool:
        if not self._must_poll:
            return True
        poll = select.poll()
        poll.register(self._fd, select.POLLOUT)
        while not poll.poll(_LOOK_AGAIN_MS):
            if give_up():
                return False
        return True


def _may_block(fd: int) -> bool:
    try:
        return not stat.S_ISREG(os.fstat(fd).st_mode)
    except OSError:
        return False


class JournaldSink:
    """The journal; while there is no journald, lines on stderr."""

    def __init__(self, fallback: Sink) -> None:
        self._journald = Journald()
        self._fallback = fallback

    def write(self, entry: Rendered, give_up: Callable[[], bool]) -> bool:
        """Ask journald anew for each entry, so that it is used again as soon as it is back."""
        while True:
            match self._journald.send(entry.journal):
                case Sent.DONE:
                    return True
                case Sent.MISSING:
                    return self._fallback.write(entry, give_up)
                case Sent.BUSY if give_up():
                    return False
                case Sent.BUSY:
                    time.sleep(_LOOK_AGAIN_MS / 1000)

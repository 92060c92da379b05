"""journald's native socket, through systemd-python, without ever blocking.

The trap: sd_journal_sendv(3) uses a blocking datagram socket, and systemd-python holds Python's
interpreter lock during the call. While journald is stopped or slow and its queue is full, one
entry written from *any* thread would freeze the whole process. So the socket that libsystemd
opens is switched to non-blocking as soon as it exists, and before each entry a connected probe is
asked whether journald's queue has room (the first entry creates that socket and must not block
either).
"""

import contextlib
import enum
import errno
import os
import select
import socket
import stat
from pathlib import Path

from systemd.journal import sendv

SOCKET_PATH = "/run/systemd/journal/socket"


class Sent(enum.Enum):
    """What became of one entry."""

    DONE = "done"
    BUSY = "busy"
    """journald takes nothing now: its queue or our buffer is full. Try again later."""
    MISSING = "missing"
    """There is no journald, or it will not have this entry: say it some other way."""


_FULL = frozenset({errno.EAGAIN, errno.ENOBUFS})


class Journald:
    """The way to journald; it may come and go at any time."""

    def __init__(self) -> None:
        self._unblocked = False

    def send(self, fields: tuple[bytes, ...]) -> Sent:
        """Send one entry, given as `NAME=value` in bytes, or say why not. Never blocks."""
        room = _room()
        if room is not Sent.DONE:
            return room
        try:
            sendv(*fields)
        except OSError as error:
            return Sent.BUSY if error.errno in _FULL else Sent.MISSING
        if not self._unblocked:
            unblock_unnamed_datagram_sockets()
            self._unblocked = True
        return Sent.DONE


def _room() -> Sent:
    """Ask through a connected socket: poll(2) on it speaks of the receiver's queue.

    sendv itself reports success when the socket is not there, so this is also how a missing
    journald is noticed. A new probe each time costs some microseconds and is never stale.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as probe:
        try:
            probe.connect(SOCKET_PATH)
        except OSError:
            return Sent.MISSING
        poll = select.poll()
        poll.register(probe, select.POLLOUT)
        return Sent.DONE if poll.poll(0) else Sent.BUSY


def unblock_unnamed_datagram_sockets() -> None:
    """Find libsystemd's socket among our own and make it non-blocking.

    It has no name and no peer: the address goes with each message. No other socket of this
    process looks like it for longer than one sd_notify(3).
    """
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError, ValueError):  # closed meanwhile
            fd = int(entry.name)
            if not stat.S_ISSOCK(os.fstat(fd).st_mode):
                continue  # a duplicate that `socket` refuses would stay open
            with socket.socket(fileno=os.dup(fd)) as found:
                if (
                    found.family == socket.AF_UNIX
                    and found.type == socket.SOCK_DGRAM
                    and not found.getsockname()
                    and not _has_peer(found)
                ):
                    os.set_blocking(fd, False)


def _has_peer(found: socket.socket) -> bool:
    try:
        found.getpeername()
    except OSError:
        return False
    return True

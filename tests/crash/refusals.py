"""A system that refuses: OSError, once, at a chosen call of the daemon to it.

Every way that hakeeper and what it uses have to the system goes through a function of os, io,
socket, select, fcntl or selectors, and each is wrapped. A *place* is where in hakeeper a call is
made, and when: while it starts, while it runs, or while it ends.
"""

import builtins
import fcntl
import functools
import io
import os
import select
import selectors
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, Final

from hakeeper.adapters.sd_notify import Notifier
from hakeeper.daemon import Daemon

NOTE: Final = "place"
_TESTS: Final = f"{Path(__file__).parents[1]}{os.sep}"
_PACKAGE: Final = f"{Path(sys.modules[Daemon.__module__].__file__ or '').parent}{os.sep}"
_OS: Final = (
    "chmod",
    "dup",
    "eventfd",
    "eventfd_read",
    "eventfd_write",
    "fdopen",
    "fstat",
    "kill",
    "listdir",
    "lstat",
    "open",
    "pidfd_open",
    "pipe2",
    "read",
    "readlink",
    "rename",
    "replace",
    "scandir",
    "set_blocking",
    "stat",
    "unlink",
    "write",
)
_SOCKET: Final = (
    "accept",
    "bind",
    "connect",
    "connect_ex",
    "getpeername",
    "getsockname",
    "getsockopt",
    "listen",
    "recv",
    "recv_into",
    "send",
    "sendall",
    "sendto",
    "setblocking",
    "setsockopt",
    "settimeout",
    "shutdown",
)

Call = Callable[..., Any]


class Refusals:
    """Notes each place at its first visit, and refuses one of them, once."""

    def __init__(self, note: Callable[[str, str], None], place: str, error: int) -> None:
        self._note = note
        self._place = place
        self._error = error
        self._phase = "start"
        self._seen: set[str] = set()
        self._inside = threading.local()

    def enter(self, phase: str) -> None:
        """Begin another part of the life."""
        self._phase = phase

    def check(self, name: str) -> None:
        """Be about to make this call; perhaps it is refused."""
        if getattr(self._inside, "busy", False):
            return
        self._inside.busy = True
        try:
            where = _where(sys._getframe(2))
            if where is None:
                return
            place = f"{self._phase}|{name}|{where}"
            if place in self._seen:
                return
            self._seen.add(place)
            self._note(NOTE, place)
            if place == self._place:
                raise OSError(self._error, os.strerror(self._error))
        finally:
            self._inside.busy = False

    def wrap(self, name: str) -> Callable[[Call], Call]:
        """Have a function checked before each call."""

        def around(function: Call) -> Call:
            @functools.wraps(function)
            def inner(*args: object, **named: object) -> object:
                self.check(name)
                return function(*args, **named)

            return inner

        return around


def _where(frame: FrameType | None) -> str | None:
    """Return the innermost place in hakeeper itself; None if the call is not its own."""
    if frame is not None and frame.f_code.co_filename.startswith(_TESTS):
        return None
    for each in _outward(frame):
        path = each.f_code.co_filename
        if path.startswith(_PACKAGE):
            return f"{path.removeprefix(_PACKAGE)}:{each.f_code.co_qualname}:{each.f_lineno}"
    return None


def _outward(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


class _Epoll:
    """select.epoll, checked; the type itself takes no other methods."""

    refusals: Refusals

    def __init__(self) -> None:
        self.refusals.check("epoll_create")
        self._epoll = select.epoll()

    def register(self, *args: Any) -> None:  # noqa: ANN401  # handed on
        self.refusals.check("epoll.register")
        self._epoll.register(*args)

    def modify(self, *args: Any) -> None:  # noqa: ANN401  # handed on
        self.refusals.check("epoll.modify")
        self._epoll.modify(*args)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # handed on
        return getattr(self._epoll, name)


def install(note: Callable[[str, str], None], place: str, error: int) -> Refusals:
    """Put the wrappers around everything in this process."""
    refusals = Refusals(note, place, error)
    for module, names in ((os, _OS), (fcntl, ("fcntl", "ioctl", "flock"))):
        for name in names:
            _replace(module, name, refusals)
    _replace(io, "open", refusals)
    builtins.open = io.open
    for name in _SOCKET:
        _replace(socket.socket, name, refusals)
    _replace(socket.socket, "__init__", refusals, "socket")
    _replace(socket, "socketpair", refusals)
    _replace(select, "poll", refusals)
    _Epoll.refusals = refusals
    vars(selectors)["EpollSelector"]._selector_cls = _Epoll
    _entering(Notifier, "ready", refusals, after="run")
    _entering(Daemon, "_end", refusals, before="end")
    return refusals


def _replace(holder: object, name: str, refusals: Refusals, shown: str = "") -> None:
    shown = shown or f"{getattr(holder, '__name__', '')}.{name}"
    setattr(holder, name, refusals.wrap(shown)(getattr(holder, name)))


def _entering(
    holder: type, name: str, refusals: Refusals, *, before: str = "", after: str = ""
) -> None:
    method = getattr(holder, name)

    @functools.wraps(method)
    def inner(*args: object) -> object:
        if before:
            refusals.enter(before)
        result = method(*args)
        if after:
            refusals.enter(after)
        return result

    setattr(holder, name, inner)

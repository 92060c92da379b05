"""The server of the control socket: one line of JSON in, one line of JSON out.

Root, the service's user and members of its group may ask: the kernel refuses everybody else, by
the socket's mode (`control_rights.py`). It also tells who is asking (SO_PEERCRED), for requests
that only root and the service itself may make. No client can block the daemon: slow, silent and
greedy ones are disconnected, and their number is limited, to two for each user. Some connections
are reserved for root and the service itself. A client above the limit gets the answer "busy".

A failover does not need the socket: if it cannot be created, that is reported, and tried again.
"""

import contextlib
import errno
import json
import os
import selectors
import socket
import stat
import struct
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from hakeeper.adapters.control_codes import REQUEST_LIMIT_BYTES
from hakeeper.adapters.control_rights import SOCKET_MODE

MAX_CLIENTS = 8
RESERVED_CLIENTS = 2
"""How many of them are reserved for root and the service's own user."""
MAX_CLIENTS_PER_USER = 2
"""For all other users."""
BACKLOG = 128
ACCEPTS_PER_TURN = 32
"""More clients wait only if somebody floods the socket, and the loop has other work, too."""
IDLE_S = 5.0
"""A client that takes longer is disconnected when another one arrives."""
PAUSE_S = 1.0
"""How long to wait before trying again without a free descriptor or without a socket."""
_READ_BYTES = 65536
_CREDENTIALS = struct.Struct("iII")
"""Linux's struct ucred: pid, uid, gid."""

Answer = Callable[[Mapping[str, object], int], Mapping[str, object]]
"""Returns the answer to a request from the user with this id."""


@dataclass(slots=True)
class _Client:
    connection: socket.socket
    since_s: float
    user_id: int
    received: bytearray = field(default_factory=bytearray)
    answer: bytes = b""

    @property
    def gone(self) -> bool:
        return self.connection.fileno() < 0


class Selector(Protocol):
    """The daemon's event loop, which calls `data()` when a socket is ready."""

    def register(self, fileobj: socket.socket, events: int, data: Any) -> object:  # noqa: ANN401  # as selectors has it
        """Start to wait for these events."""

    def modify(self, fileobj: socket.socket, events: int, data: Any) -> object:  # noqa: ANN401  # as selectors has it
        """Wait for other events on the socket."""

    def unregister(self, fileobj: socket.socket) -> object:
        """Stop waiting for the socket."""


class ControlServer:
    """Serves the socket at `path` from the daemon's loop; `look` creates it.

    `on_trouble` is called with the reason if it cannot be created, once for each new reason, and
    `on_recovery` once it is there after that.
    """

    def __init__(
        self,
        path: str,
        answer: Answer,
        waiting: Selector,
        *,
        on_trouble: Callable[[str], None],
        on_recovery: Callable[[str], None],
    ) -> None:
        self._path = path
        self._answer = answer
        self._waiting = waiting
        self._on_trouble = on_trouble
        self._on_recovery = on_recovery
        self._trouble = ""
        self._clients: dict[int, _Client] = {}
        self._listener: socket.socket | None = None
        self._identity: tuple[int, int] | None = None
        self._paused = False
        self._look_at_s = 0.0

    def look(self) -> None:
        """Create the socket if it is missing, and resume after a pause; call it in every turn."""
        now = time.monotonic()
        if now < self._look_at_s:
            return
        self._look_at_s = now + PAUSE_S
        if self._listener is not None and self._identity != _identity_of(self._path):
            self._stop_listening()  # somebody has removed the socket from its path
        if self._listener is None:
            self._listen()
        elif self._paused:
            self._paused = False
            self._waiting.register(self._listener, selectors.EVENT_READ, self._accept)

    def close(self) -> None:
        """Stop serving and remove the socket."""
        for client in list(self._clients.values()):
            self._drop(client)
        is_ours = self._listener is not None and self._identity == _identity_of(self._path)
        self._stop_listening()
        if is_ours:
            with contextlib.suppress(OSError):  # the next daemon removes it
                Path(self._path).unlink(missing_ok=True)

    def _listen(self) -> None:
        try:
            self._listener = _listen(self._path)
            self._identity = _identity_of(self._path)
        except OSError as error:
            reason = error.strerror or error
            trouble = (
                f"`hakeeper status` cannot reach this daemon: {reason}: {self._path}; trying again"
            )
            if trouble != self._trouble:
                self._on_trouble(trouble)
            self._trouble = trouble
        else:
            if self._trouble:
                self._on_recovery(f"`hakeeper status` reaches this daemon again, at {self._path}")
            self._trouble = ""
            self._paused = False
            self._waiting.register(self._listener, selectors.EVENT_READ, self._accept)

    def _stop_listening(self) -> None:
        if self._listener is not None:
            if not self._paused:
                self._waiting.unregister(self._listener)
            self._listener.close()
        self._listener = None

    def _accept(self) -> None:
        for _ in range(ACCEPTS_PER_TURN):
            if self._listener is None or self._paused:
                return
            try:
                connection, _ = self._listener.accept()
            except BlockingIOError:
                return
            except ConnectionError:
                continue  # the client has left again
            except OSError:  # no descriptor free: pause, or the waiting client keeps us busy
                self._pause()
                return
            self._admit(connection)

    def _admit(self, connection: socket.socket) -> None:
        now = time.monotonic()
        for client in list(self._clients.values()):
            if now - client.since_s > IDLE_S:
                self._drop(client)
        try:
            connection.setblocking(False)  # noqa: FBT003 - the method's own signature
            _, user_id = _peer_of(connection)
            if not self._has_room_for(user_id):
                connection.send(json.dumps(BUSY).encode() + b"\n")
                connection.close()
                return
            client = _Client(connection, now, user_id)
            self._waiting.register(connection, selectors.EVENT_READ, lambda: self._read(client))
        except OSError:  # the client has left, or the system refuses: close it
            connection.close()
        else:
            self._clients[connection.fileno()] = client

    def _has_room_for(self, user_id: int) -> bool:
        if _is_privileged(user_id):
            return len(self._clients) < MAX_CLIENTS
        users = [client.user_id for client in self._clients.values()]
        others = sum(not _is_privileged(one) for one in users)
        return (
            others < MAX_CLIENTS - RESERVED_CLIENTS and users.count(user_id) < MAX_CLIENTS_PER_USER
        )

    def _pause(self) -> None:
        if self._listener is not None:
            self._waiting.unregister(self._listener)
        self._paused = True
        self._look_at_s = time.monotonic() + PAUSE_S

    def _read(self, client: _Client) -> None:
        if client.gone:
            return  # `_admit` dropped it after the selector had found it ready
        try:
            data = client.connection.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        client.received += data
        if not data or len(client.received) > REQUEST_LIMIT_BYTES:
            self._drop(client)
        elif b"\n" in client.received:
            answer = self._answer_to(bytes(client.received), client.user_id)
            client.answer = json.dumps(answer).encode() + b"\n"
            try:
                self._waiting.modify(
                    client.connection, selectors.EVENT_WRITE, lambda: self._write(client)
                )
            except OSError:
                self._drop(client)

    def _answer_to(self, received: bytes, user_id: int) -> Mapping[str, object]:
        try:
            request = json.loads(received.split(b"\n", 1)[0])
        except (ValueError, RecursionError):
            return {"error": "the request is not JSON"}
        if not isinstance(request, dict):
            return {"error": "the request is not a JSON object"}
        return self._answer(request, user_id)

    def _write(self, client: _Client) -> None:
        if client.gone:
            return
        try:
            sent = client.connection.send(client.answer)
        except BlockingIOError:
            return
        except OSError:
            sent = len(client.answer)  # the client has left
        client.answer = client.answer[sent:]
        if not client.answer:
            self._drop(client)

    def _drop(self, client: _Client) -> None:
        with contextlib.suppress(KeyError):  # it was never registered
            self._waiting.unregister(client.connection)
        self._clients.pop(client.connection.fileno(), None)
        client.connection.close()


BUSY: Final = {"busy": "too many clients"}


def _is_privileged(user_id: int) -> bool:
    return user_id in (0, os.geteuid())


def _identity_of(path: str) -> tuple[int, int] | None:
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _peer_of(connection: socket.socket) -> tuple[int, int]:
    """Return the process id and the user id of the client."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    process_id, user_id, _ = _CREDENTIALS.unpack(credentials)
    return process_id, user_id


def _listen(path: str) -> socket.socket:
    _remove_stale(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(path)
        os.chmod(path, SOCKET_MODE)  # noqa: PTH101 - before anybody can connect
        listener.listen(BACKLOG)
        listener.setblocking(False)  # noqa: FBT003 - the method's own signature
    except OSError as error:
        listener.close()
        # bind(2)'s error lacks the path, which the operator needs.
        raise OSError(error.errno, error.strerror or str(error), path) from None
    return listener


def _remove_stale(path: str) -> None:
    """Remove the socket of a killed daemon; raise OSError for a running one's, or another file."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise OSError(errno.EEXIST, "exists and is not a socket; move it away", path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)  # noqa: FBT003 - the method's own signature
        who = "another hakeeper"
        try:
            probe.connect(path)
            who = f"another hakeeper (process {_peer_of(probe)[0]})"
        except ConnectionRefusedError:
            Path(path).unlink()
            return
        except BlockingIOError:
            pass  # it is too busy to be identified
    text = f"{who} already listens here"
    raise OSError(errno.EADDRINUSE, text, path)

"""The control socket: a line of JSON in, a line of JSON out, for `hakeeper status` and `reload`.

What it answers holds no secret, so every user of the machine may ask: the socket has mode 0666, and
the folder decides who reaches it. The kernel says who asks (SO_PEERCRED), for what only root and
the service itself may have done. Nothing here blocks the daemon: a client that is slow, silent or
greedy is cut off, and there are never more than a few.
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
from typing import Any

MAX_CLIENTS = 8
REQUEST_LIMIT_BYTES = 4096
ANSWER_LIMIT_BYTES = 4 << 20
IDLE_S = 5.0
"""A client that takes longer than this is cut off when the next one needs its place."""
PAUSE_S = 1.0
"""Without a descriptor for a client that waits, we look again after this."""
_READ_BYTES = 65536
_CREDENTIALS = struct.Struct("iII")
"""Linux's struct ucred: pid, uid, gid."""

Answer = Callable[[Mapping[str, object], int], Mapping[str, object]]
"""What to say to a request of the user with this id."""


class ControlError(Exception):
    """The daemon answered, but not sensibly, or not in time."""


class NotRunning(Exception):  # noqa: N818 - a state of affairs, not a mistake
    """Nobody answers at the socket."""


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


class ControlServer:
    """Serves the socket at `path` from the daemon's own loop.

    OSError at construction: the folder is missing or not writable, or another daemon listens.
    """

    def __init__(self, path: str, answer: Answer) -> None:
        self._path = path
        self._answer = answer
        self._clients: dict[int, _Client] = {}
        self._selector: selectors.BaseSelector | None = None
        self._paused_until_s: float | None = None
        self._listener = _listen(path)

    def register(self, selector: selectors.BaseSelector) -> None:
        """Take part in a loop that calls `key.data()` for what is ready."""
        self._selector = selector
        selector.register(self._listener, selectors.EVENT_READ, self._accept)

    def look(self) -> None:
        """Listen again after a pause; to be called now and then, about once a second."""
        paused_until_s = self._paused_until_s
        if paused_until_s is not None and time.monotonic() >= paused_until_s:
            self._paused_until_s = None
            if self._selector is not None:
                self._selector.register(self._listener, selectors.EVENT_READ, self._accept)

    def close(self) -> None:
        """Stop serving and remove the socket."""
        for client in list(self._clients.values()):
            self._drop(client)
        self._stop_listening()
        self._selector = None
        self._listener.close()
        Path(self._path).unlink(missing_ok=True)

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, ConnectionError):
            return  # gone again
        except OSError:  # no descriptor free: the client waits, and must not keep us awake
            self._stop_listening()
            self._paused_until_s = time.monotonic() + PAUSE_S
            return
        connection.setblocking(False)  # noqa: FBT003 - the method's own signature
        now = time.monotonic()
        for client in list(self._clients.values()):
            if now - client.since_s > IDLE_S:
                self._drop(client)
        if len(self._clients) >= MAX_CLIENTS or self._selector is None:
            connection.close()
            return
        _, user_id = _peer_of(connection)
        client = _Client(connection, now, user_id)
        self._clients[connection.fileno()] = client
        self._selector.register(connection, selectors.EVENT_READ, lambda: self._read(client))

    def _stop_listening(self) -> None:
        if self._selector is not None and self._paused_until_s is None:
            self._selector.unregister(self._listener)

    def _read(self, client: _Client) -> None:
        if client.gone:
            return  # dropped by `_accept` after the selector had already found it ready
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
            if self._selector is not None:
                self._selector.modify(
                    client.connection, selectors.EVENT_WRITE, lambda: self._write(client)
                )

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
            sent = len(client.answer)  # nobody reads it any more
        client.answer = client.answer[sent:]
        if not client.answer:
            self._drop(client)

    def _drop(self, client: _Client) -> None:
        if self._selector is not None:
            self._selector.unregister(client.connection)
        self._clients.pop(client.connection.fileno(), None)
        client.connection.close()


def _peer_of(connection: socket.socket) -> tuple[int, int]:
    """Return the process id and the user id of who is at the other end."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    process_id, user_id, _ = _CREDENTIALS.unpack(credentials)
    return process_id, user_id


def _listen(path: str) -> socket.socket:
    _remove_stale(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(path)
        os.chmod(path, 0o666)  # noqa: S103, PTH101 - see the module's text
        listener.listen(MAX_CLIENTS)
        listener.setblocking(False)  # noqa: FBT003 - the method's own signature
    except OSError as error:
        listener.close()
        # bind(2) does not say which path it was, and the operator has to know.
        raise OSError(error.errno, error.strerror or str(error), path) from None
    return listener


def _remove_stale(path: str) -> None:
    """Remove the socket of a daemon that was killed; refuse that of a living one, or a file."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise OSError(errno.EEXIST, "is there and not a socket; move it away", path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            Path(path).unlink()
            return
        pid, _ = _peer_of(probe)
    text = f"another hakeeper (process {pid}) listens here already"
    raise OSError(errno.EADDRINUSE, text, path)


def ask(path: str, request: Mapping[str, object], timeout_s: float) -> dict[str, Any]:
    """Ask the daemon; raises NotRunning or ControlError."""
    deadline_s = time.monotonic() + timeout_s
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        client.settimeout(timeout_s)
        try:
            client.connect(path)
        except (FileNotFoundError, ConnectionRefusedError) as error:
            text = f"hakeeper does not run: no answer at {path} ({error.strerror})"
            raise NotRunning(text) from None
        except OSError as error:
            raise ControlError(f"hakeeper cannot be asked at {path} ({error})") from None
        try:
            client.sendall(json.dumps(request).encode() + b"\n")
            received = _receive(client, deadline_s)
        except OSError as error:
            raise ControlError(f"hakeeper does not answer at {path} ({error})") from None
    try:
        answer = json.loads(received)
    except ValueError:
        raise ControlError(f"hakeeper gave no usable answer at {path}") from None
    if not isinstance(answer, dict) or "error" in answer:
        raise ControlError(f"hakeeper refused: {str(answer)[:200]}")
    return answer


def _receive(client: socket.socket, deadline_s: float) -> bytes:
    received = bytearray()
    while not received.endswith(b"\n") and len(received) <= ANSWER_LIMIT_BYTES:
        client.settimeout(max(0.01, deadline_s - time.monotonic()))
        data = client.recv(_READ_BYTES)
        if not data:
            break
        received += data
    return bytes(received)

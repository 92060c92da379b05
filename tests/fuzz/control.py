"""Request bytes on the control socket: one line of JSON comes back, or the client is cut off."""

import json
import selectors
import socket
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from hakeeper.adapters.control_codes import REQUEST_LIMIT_BYTES
from hakeeper.adapters.control_server import ControlServer
from tests.fuzz.pieces import cut, uncut

_TURNS = 50


def seeds() -> Iterator[bytes]:
    """Give questions, senseless questions, and what is none."""
    yield uncut(b'{"command": "status"}\n')
    yield uncut(b'{"command": "status"}\n{"more": 1}\n', 2, 1, 1)
    yield uncut(b'{"command": {"a": [1.5, null, true, "\\ud800\\u00e4"]}, "n": NaN}\n', 4)
    for raw in (b"", b"\n", b"status\n", b"[]\n", b"5\n", b"\xff\xfe{\x00}\x00\n\x00", b"{} \n"):
        yield uncut(raw, 1)
    yield uncut(b"[" * 2000 + b"\n", 30)
    yield uncut(b'{"command":' + b"[" * 900 + b"]" * 900 + b"}\n")
    yield uncut(b"9" * 4095 + b"\n")
    yield uncut(b"x" * (REQUEST_LIMIT_BYTES + 1), 50, 9)


def _answer(request: Mapping[str, object], _user: int) -> dict[str, object]:
    """Answer as the daemon does."""
    if request.get("command") == "status":
        return {"health": "ok"}
    return {"error": f"unknown command {str(request.get('command'))[:40]!r}; known: status"}


def _fail(text: str) -> None:
    raise AssertionError(text)


class Bench:
    """A server in a loop that is turned by hand."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="hakeeper-")
        self._path = str(Path(self._folder.name) / "control")
        self._selector = selectors.DefaultSelector()
        self._server = ControlServer(
            self._path, _answer, self._selector, on_trouble=_fail, on_recovery=_fail
        )
        self._server.look()

    def close(self) -> None:
        self._server.close()
        self._selector.close()
        self._folder.cleanup()

    def _turn(self) -> None:
        for _ in range(_TURNS):
            events = self._selector.select(0)
            if not events:
                return
            for key, _ in events:
                key.data()
        raise AssertionError("the loop does not come to rest")

    def ask(self, chunks: tuple[bytes, ...]) -> bytes:
        """Send the chunks, one a turn, and return all that comes back."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(10)
            client.connect(self._path)
            self._turn()
            for chunk in chunks:
                try:
                    client.sendall(chunk)
                except (BrokenPipeError, ConnectionResetError):
                    break  # cut off, or answered already
                self._turn()
            received = self._received(client)
        self._turn()
        assert not self._server._clients
        assert 1 == len(self._selector.get_map())
        return received

    def _received(self, client: socket.socket) -> bytes:
        received = b""
        client.shutdown(socket.SHUT_WR)
        self._turn()
        try:
            while data := client.recv(65536):
                received += data
        except ConnectionResetError:
            pass
        return received


_benches: list[Bench] = []


def run(data: bytes) -> None:
    """Send the bytes as a client would."""
    if not _benches:
        _benches.append(Bench())
    chunks = cut(data)
    received = _benches[0].ask(chunks)
    stream = b"".join(chunks)
    if stream.find(b"\n") in range(REQUEST_LIMIT_BYTES) and len(stream) <= REQUEST_LIMIT_BYTES:
        assert received, "a whole request got no answer"
    if not received:
        return
    assert received.endswith(b"\n")
    assert 1 == received.count(b"\n")
    answer = json.loads(received)
    assert answer == {"health": "ok"} or ["error"] == list(answer)
    assert (answer == {"health": "ok"}) == _asks_for_status(stream.split(b"\n", 1)[0])


def close() -> None:
    """Take the server down; the next run makes another."""
    while _benches:
        _benches.pop().close()


def _asks_for_status(line: bytes) -> bool:
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(request, dict) and request.get("command") == "status"

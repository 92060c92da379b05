"""The relay adds what it promises; only lower bounds are asserted, for a busy machine adds more."""

import asyncio
import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import cast
from unittest.mock import Mock

import pytest

from tests.bench import rig
from tests.bench.relay import _Near

RTT_S = 0.06


class Echo:
    """Says back what it hears, with the time at which it heard it first; ends as it is told."""

    def __init__(self) -> None:
        self.listener = socket.create_server((rig.LOOPBACK, 0))
        self.heard_s: list[float] = []
        self.sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.sockets.append(sock)
            thread = threading.Thread(target=self._serve, args=(sock,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := sock.recv(65536):
                self.heard_s.append(time.monotonic())
                sock.sendall(data)
        sock.close()

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for sock in self.sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()


@pytest.fixture
def echo() -> Iterator[Echo]:
    made = Echo()
    yield made
    made.close()


@contextlib.contextmanager
def connected(echo: Echo, rtt_s: float) -> Iterator[socket.socket]:
    argv = [
        "-m",
        "tests.bench.relay",
        "--target-port",
        str(echo.port),
        "--rtt-ms",
        str(1000 * rtt_s),
    ]
    with (
        rig.helper(argv) as (said, _),
        socket.create_connection((rig.LOOPBACK, said["port"]), timeout=30) as client,
    ):
        yield client


def test_the_first_bytes_pay_for_the_handshake_too_and_the_next_ones_do_not(echo: Echo) -> None:
    with connected(echo, RTT_S) as client:
        begun_s = time.monotonic()
        client.sendall(b"hello")
        assert b"hello" == client.recv(100)
        first_s = time.monotonic() - begun_s
        assert echo.heard_s[0] - begun_s >= 1.5 * RTT_S
        assert first_s >= 2 * RTT_S
        begun_s = time.monotonic()
        client.sendall(b"again")
        assert b"again" == client.recv(100)
        assert echo.heard_s[1] - begun_s >= 0.5 * RTT_S
        assert time.monotonic() - begun_s >= RTT_S


def test_an_answer_takes_half_a_round_trip(echo: Echo) -> None:
    with connected(echo, RTT_S) as client:
        client.sendall(b"hello")
        assert b"hello" == client.recv(100)
        begun_s = time.monotonic()
        echo.sockets[0].sendall(b"news")
        assert b"news" == client.recv(100)
        assert time.monotonic() - begun_s >= 0.5 * RTT_S


@pytest.mark.parametrize("rtt_s", [0.0, 0.002])
def test_nothing_is_lost_and_nothing_overtakes(echo: Echo, rtt_s: float) -> None:
    sent = b"".join(b"%06d\n" % number for number in range(20_000))
    with connected(echo, rtt_s) as client:
        writer = threading.Thread(target=client.sendall, args=(sent,))
        writer.start()
        heard = b""
        while len(heard) < len(sent):
            heard += client.recv(65536)
        writer.join()
    assert sent == heard


def test_the_end_of_a_connection_is_handed_on_late_as_well(echo: Echo) -> None:
    with connected(echo, RTT_S) as client:
        client.sendall(b"hello")
        assert b"hello" == client.recv(100)
        begun_s = time.monotonic()
        echo.sockets[0].shutdown(socket.SHUT_RDWR)
        assert b"" == client.recv(100)
        assert time.monotonic() - begun_s >= 0.5 * RTT_S


def test_a_reset_is_handed_on(echo: Echo) -> None:
    with connected(echo, RTT_S) as client:
        client.sendall(b"hello")
        assert b"hello" == client.recv(100)
        server = echo.sockets[0]
        server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # The thread that reads holds the socket open; half of it closed wakes that thread.
        server.shutdown(socket.SHUT_RD)
        with contextlib.suppress(ConnectionResetError):
            assert b"" == client.recv(100)


class FakeLoop:
    """A clock that stands still, and what is to be called when."""

    def __init__(self) -> None:
        self.timers: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return 100.0

    def call_at(self, at_s: float, act: Callable[[], None]) -> None:
        self.timers.append((at_s, act))


def test_after_the_first_answer_nothing_is_held_any_more() -> None:
    loop = FakeLoop()
    near = _Near(cast("asyncio.AbstractEventLoop", loop), ("", 0), 0.02)
    near.data_received(b"first")
    assert [100.03] == [at_s for at_s, _ in loop.timers]
    near.answer(b"answer")
    loop.timers.clear()
    near._up._waiting.clear()  # it has been handed on meanwhile
    near.data_received(b"next")
    assert [100.01] == [at_s for at_s, _ in loop.timers]


def test_what_comes_before_the_cloud_is_reached_is_kept() -> None:
    near = _Near(cast("asyncio.AbstractEventLoop", FakeLoop()), ("", 0), 0.0)
    near.data_received(b"early")
    cloud = Mock(spec=asyncio.Transport)
    near.reached(cloud)
    cloud.write.assert_called_once_with(b"early")

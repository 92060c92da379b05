"""`python -m tests.bench.relay`: a TCP relay that makes the way to the API as long as a real one.

Prints one line of JSON, `{"port": ...}`, and serves until its standard input closes.

How the round-trip time R is charged:

- Every byte, and the end of a stream, is handed on R/2 after it came, in each direction.
- The handshake of TCP: on loopback the client is connected at once, over a real network after R.
  So the client's clock is R ahead of a real one, until the first byte from the other side reaches
  it: an answer to something that it sent, hence late enough. What the client sends before that is
  held for R more. A TLS client's first words thus reach the server 3/2 R after it began to connect,
  as over a real network; only `connect` itself returns too early, which no request can use.

What it does not charge: bandwidth, loss, slow start, and its own work, which is in every
measurement alike. The floor of a part shows that work: a prepared request through this relay.
"""

import argparse
import asyncio
import collections
import ctypes
import json
import selectors
import sys
from collections.abc import Callable, Sequence

_PR_SET_TIMERSLACK = 29
"""linux/prctl.h; the default of 50 us would be in every figure."""
_SLACK_NS = 1
LOOPBACK = "127.0.0.1"


class _Way:
    """One direction: hands on what came, in its order, when its time has come."""

    def __init__(self, loop: asyncio.AbstractEventLoop, delay_s: float) -> None:
        self._loop = loop
        self._delay_s = delay_s
        self._waiting: collections.deque[tuple[float, Callable[[], None]]] = collections.deque()

    def hand_on(self, act: Callable[[], None], extra_s: float = 0.0) -> None:
        """Do it after the delay, and `extra_s` more."""
        delay_s = self._delay_s + extra_s
        if delay_s == 0 and not self._waiting:
            act()
            return
        at_s = self._loop.time() + delay_s
        if self._waiting:  # what comes later never overtakes
            at_s = max(at_s, self._waiting[-1][0])
        self._waiting.append((at_s, act))
        self._loop.call_at(at_s, self._serve)

    def _serve(self) -> None:
        # The loop calls a timer within its clock's resolution, perhaps before its time.
        now = self._loop.time() + 1e-6
        while self._waiting and self._waiting[0][0] <= now:
            self._waiting.popleft()[1]()


class _Far(asyncio.Protocol):
    """The relay's own connection to the cloud."""

    def __init__(self, near: "_Near") -> None:
        self._near = near

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._near.reached(transport)

    def data_received(self, data: bytes) -> None:
        self._near.down.hand_on(lambda: self._near.answer(data))

    def eof_received(self) -> bool:
        self._near.down.hand_on(self._near.end)
        return True

    def connection_lost(self, error: Exception | None) -> None:
        if error is not None:
            self._near.down.hand_on(self._near.abort)


class _Near(asyncio.Protocol):
    """A client's connection to the relay."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, target: tuple[str, int], rtt_s: float
    ) -> None:
        self._loop = loop
        self._target = target
        self._rtt_s = rtt_s
        self._up = _Way(loop, rtt_s / 2)
        self.down = _Way(loop, rtt_s / 2)
        self._heard = False
        """Whether a byte from the other side has reached the client."""
        self._early: list[Callable[[asyncio.Transport], None]] = []
        """What came due before the cloud was reached: with no round-trip time only."""
        self._client: asyncio.Transport | None = None
        self._cloud: asyncio.Transport | None = None
        self._connecting: asyncio.Task[object] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._client = transport
        self._connecting = self._loop.create_task(self._connect())

    async def _connect(self) -> None:
        try:
            await self._loop.create_connection(lambda: _Far(self), *self._target)
        except OSError:
            self.abort()

    def data_received(self, data: bytes) -> None:
        self._send(lambda cloud: cloud.write(data))

    def eof_received(self) -> bool:
        self._send(lambda cloud: cloud.write_eof())
        return True

    def connection_lost(self, error: Exception | None) -> None:
        del error
        self._send(lambda cloud: cloud.abort())

    def _send(self, act: Callable[[asyncio.Transport], None]) -> None:
        self._up.hand_on(lambda: self._act(act), 0.0 if self._heard else self._rtt_s)

    def _act(self, act: Callable[[asyncio.Transport], None]) -> None:
        if self._cloud is None:
            self._early.append(act)
        elif not self._cloud.is_closing():
            act(self._cloud)

    # --- from the other side ----------------------------------------------------------------------

    def reached(self, cloud: asyncio.Transport) -> None:
        """Take the connection to the cloud."""
        self._cloud = cloud
        for act in self._early:
            act(cloud)
        self._early.clear()

    def answer(self, data: bytes) -> None:
        """Give the client what the cloud said."""
        self._heard = True
        if self._client is not None and not self._client.is_closing():
            self._client.write(data)

    def end(self) -> None:
        """The cloud says no more. HTTP knows no half-closed connections, so it is closed."""
        if self._client is not None:
            self._client.close()

    def abort(self) -> None:
        """The cloud has reset the connection, or cannot be reached."""
        if self._client is not None:
            self._client.abort()


async def _serve(target: tuple[str, int], port: int, rtt_s: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Near(loop, target, rtt_s), LOOPBACK, port)
    sys.stdout.write(json.dumps({"port": server.sockets[0].getsockname()[1]}) + "\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


def _precise_loop() -> asyncio.AbstractEventLoop:
    """Return a loop whose timers are exact to microseconds: epoll's are to whole milliseconds."""
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


def main(arguments: Sequence[str] | None = None) -> int:
    """Relay until standard input closes."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.relay", description=__doc__)
    parser.add_argument("--target-port", type=int, required=True, help="on loopback")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--rtt-ms", type=float, default=0.0)
    given = parser.parse_args(arguments)
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_TIMERSLACK, _SLACK_NS)
    with asyncio.Runner(loop_factory=_precise_loop) as runner:
        runner.run(_serve((LOOPBACK, given.target_port), given.port, given.rtt_ms / 1000))
    return 0


if __name__ == "__main__":
    sys.exit(main())

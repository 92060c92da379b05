"""The nodes' way to the API: a port on each node's loopback that leads to the simulated cloud.

The nodes have no other network than their private one, and hakeeper speaks plain HTTP to loopback
only; so each node gets an address 127.0.0.1:PORT of its own. It can be cut per node.
"""

import asyncio
import enum
import threading
from collections.abc import Coroutine
from concurrent.futures import Future

from hakeeper.demo.lab.netns import Namespace

_CHUNK_BYTES = 65536


class Way(enum.Enum):
    """What becomes of a node's connections to the API."""

    OPEN = "open"
    REFUSED = "refused"
    """Nobody listens, and what was open is reset."""
    SILENT = "silent"
    """Connections open, and nothing comes through, either way."""


class ApiRelay:
    """Forwards TCP from a node's loopback to `target`, on a thread of its own."""

    def __init__(self, namespace: Namespace, target: tuple[str, int]) -> None:
        self._namespace = namespace
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._open = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = 0
        self._thread = threading.Thread(
            target=self._loop.run_forever, name=f"relay-{namespace.name}", daemon=True
        )
        self._thread.start()
        self.set_way(Way.OPEN)

    def set_way(self, way: Way) -> None:
        """Change it; in effect when this returns."""
        self._call(self._set_way(way))

    def _call(self, coroutine: Coroutine[object, object, None]) -> None:
        future: Future[None] = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        future.result()

    async def _set_way(self, way: Way) -> None:
        if way is Way.SILENT:
            self._open.clear()
        elif not self._open.is_set() or way is Way.REFUSED:
            # What was sent into the silence is lost, not late.
            await self._reset_all()
            self._open.set()
        if way is Way.REFUSED:
            self._stop_listening()
        elif self._server is None:
            listener = self._namespace.listen(self.port)
            self.port = listener.getsockname()[1]
            self._server = await asyncio.start_server(self._accept, sock=listener)

    def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _reset_all(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = self._loop.create_task(self._carry(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection to its end; any end of it but an orderly one is a reset."""
        ends = [writer]
        try:
            await self._open.wait()
            far_reader, far_writer = await asyncio.open_connection(*self._target)
            ends.append(far_writer)
            await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
        except OSError:
            pass  # reset by either side: the other is told by the abort below
        finally:
            for end in ends:
                end.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(_CHUNK_BYTES):
            await self._open.wait()
            writer.write(chunk)
            await writer.drain()
        writer.write_eof()

    async def _shut_down(self) -> None:
        self._stop_listening()
        await self._reset_all()

    def close(self) -> None:
        """Reset what is open and end the thread."""
        self._call(self._shut_down())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

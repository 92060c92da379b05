"""The nodes' access to the API: a port on each node's loopback that leads to the simulated cloud.

The nodes have no network but the private one, and hakeeper speaks plain HTTP to loopback addresses
only. So each node has its own address 127.0.0.1:PORT. Each can be cut separately.
"""

import asyncio
import enum
import threading
from collections.abc import Coroutine
from concurrent.futures import Future

from hakeeper.demo.lab.netns import Namespace

_CHUNK_BYTES = 65536


class Way(enum.Enum):
    """What happens to a node's connections to the API."""

    OPEN = "open"
    REFUSED = "refused"
    """The port is closed, and open connections are reset."""
    SILENT = "silent"
    """Connections open, but no data passes in either direction."""


class ApiRelay:
    """Forwards TCP from a node's loopback to `target`, on its own thread."""

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
        """Set the way; in effect when this returns."""
        self._call(self._set_way(way))

    def _call(self, coroutine: Coroutine[object, object, None]) -> None:
        future: Future[None] = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        future.result()

    async def _set_way(self, way: Way) -> None:
        if way is Way.SILENT:
            self._open.clear()
        elif not self._open.is_set() or way is Way.REFUSED:
            # Data that was sent during the silence is lost, not delayed.
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
        """Forward one connection until it ends; every end but an orderly one becomes a reset."""
        ends = [writer]
        try:
            await self._open.wait()
            far_reader, far_writer = await asyncio.open_connection(*self._target)
            ends.append(far_writer)
            await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
        except OSError:
            pass  # one side has reset it: the abort below resets the other
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
        """Reset open connections and end the thread."""
        self._call(self._shut_down())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

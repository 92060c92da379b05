"""A way to the cloud that can stand still without losing anything, as a congested network does."""

import contextlib
import socket
import threading

from tests.support.daemon_node import DaemonNode
from tests.support.waiting import eventually

_READ_BYTES = 65536


class Stall:
    """Forwards TCP on a loopback port of its own; while `hold` lasts, nothing comes through."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._flows = threading.Event()
        self._flows.set()
        self._open: set[socket.socket] = set()
        self.accepted = 0
        """How many connections there were so far."""
        self.received = 0
        """How many pieces of the near end there were so far, let through or not."""
        self.answered = 0
        """How many pieces of the other end were let through so far."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def hold(self) -> None:
        """Let nothing through from now on, and keep it."""
        self._flows.clear()

    def release(self) -> None:
        """Let everything through, also what was kept."""
        self._flows.set()

    def drop(self) -> None:
        """End all connections."""
        for near in tuple(self._open):
            _shut(near)

    def close(self) -> None:
        """End everything."""
        self._listener.close()
        self._flows.set()
        self.drop()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                near, _ = self._listener.accept()
                self._open.add(near)
                self.accepted += 1
                threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        with near, socket.create_connection(self._target) as far:
            back = threading.Thread(target=self._pump, args=(far, near), daemon=True)
            back.start()
            self._pump(near, far)
            back.join()
        self._open.discard(near)

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):  # reset by either side: the other is told below
            while data := source.recv(_READ_BYTES):
                self.received += source in self._open
                self._flows.wait()
                sink.sendall(data)
                self.answered += sink in self._open
        _shut(source)
        _shut(sink)


def _shut(end: socket.socket) -> None:
    with contextlib.suppress(OSError):  # not connected any more
        end.shutdown(socket.SHUT_RDWR)


def claim_in_a_handshake(stall: Stall, node: DaemonNode) -> None:
    """Make the node MASTER; its assign waits behind a handshake until the stall is over."""
    stall.hold()
    stall.drop()
    before = stall.accepted
    node.master()
    node.wait_log("claim.started")
    eventually(lambda: stall.accepted > before)

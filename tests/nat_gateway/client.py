"""A server behind the gateways: `client.py ADDRESS FILE`, until SIGTERM; then FILE has what it saw.

Every 10 ms a datagram from a port of its own, so each is a new connection for who masquerades it;
the answer tells the address that it seemed to come from. And one TCP connection that stays open.
It prints `steady SOURCE` when 100 answers in a row told the same source. Times are
`time.monotonic()`, the same for all processes of a machine.
"""

import json
import selectors
import signal
import socket
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

PROBE_S = 0.01
LATE_S = 1.0
"""An answer that takes longer counts as lost."""
STEADY = 100
TCP_PORT, UDP_PORT = 80, 7
_SAY_S = 0.05


@dataclass
class Probe:
    """One datagram: when it was sent, and the source that its answer told."""

    sent_s: float
    source: str | None = None


@dataclass
class Connection:
    """The one that stays open: the source that it had, and how it ended, if it did."""

    source: str = ""
    ended: str = ""
    ended_s: float = 0.0


@dataclass
class Client:
    """Sends until told to stop."""

    address: str
    probes: list[Probe] = field(default_factory=list)
    connection: Connection = field(default_factory=Connection)

    def __post_init__(self) -> None:
        self._stopped = threading.Event()
        self._open: dict[socket.socket, Probe] = {}
        self._selector = selectors.DefaultSelector()
        self._streak: tuple[str, int] = "", 0

    def run(self) -> None:
        """Go on until `stop`."""
        threading.Thread(target=self._keep_open, daemon=True).start()
        due_s = time.monotonic()
        while not self._stopped.is_set():
            self._send()
            due_s = max(due_s + PROBE_S, time.monotonic())
            self._listen(due_s)
        self._listen(time.monotonic() + LATE_S)

    def stop(self) -> None:
        """End the sending."""
        self._stopped.set()

    def _send(self) -> None:
        probe = Probe(time.monotonic())
        self.probes.append(probe)
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            sock.connect((self.address, UDP_PORT))
            sock.send(b"?")
        except OSError:
            sock.close()  # unreachable: as good as unanswered
            return
        self._open[sock] = probe
        self._selector.register(sock, selectors.EVENT_READ)

    def _listen(self, until_s: float) -> None:
        while (left_s := until_s - time.monotonic()) > 0:
            for key, _ in self._selector.select(left_s):
                assert isinstance(key.fileobj, socket.socket)
                self._take(key.fileobj)
        old_s = time.monotonic() - LATE_S
        for sock in [each for each, probe in self._open.items() if probe.sent_s < old_s]:
            self._forget(sock)

    def _take(self, sock: socket.socket) -> None:
        probe = self._forget(sock, close=False)
        try:
            probe.source = sock.recv(64).decode()
        except OSError:
            return  # an ICMP answer
        finally:
            sock.close()
        source, count = self._streak
        self._streak = (probe.source, count + 1 if source == probe.source else 1)
        if self._streak[1] == STEADY:
            say(f"steady {probe.source}")

    def _forget(self, sock: socket.socket, *, close: bool = True) -> Probe:
        self._selector.unregister(sock)
        if close:
            sock.close()
        return self._open.pop(sock)

    def _keep_open(self) -> None:
        mine = self.connection
        try:
            with socket.create_connection((self.address, TCP_PORT)) as sock:
                while True:
                    sock.sendall(b"?")
                    mine.source = sock.recv(64).decode() or mine.source
                    self._stopped.wait(_SAY_S)
        except OSError as error:
            mine.ended, mine.ended_s = type(error).__name__, time.monotonic()
            say(f"ended {mine.ended}")


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Send until SIGTERM, then write."""
    client = Client(sys.argv[1])
    signal.signal(signal.SIGTERM, lambda _number, _frame: client.stop())
    client.run()
    probes = [(each.sent_s, each.source) for each in client.probes]
    Path(sys.argv[2]).write_text(
        json.dumps({"probes": probes, "connection": vars(client.connection)})
    )


if __name__ == "__main__":
    main()

"""A visitor: `client.py ADDRESS`, until SIGTERM; then it prints what it saw, as JSON.

Ten web requests a second, each on a connection of its own, and a datagram every 10 ms. Times are
`time.monotonic()`, the same for all processes of a machine.
"""

import json
import signal
import socket
import sys
import threading
import time

PROBE_S = 0.01
REQUEST_S = 0.1
PATIENCE_S = 0.5
"""A request that is not answered within this is lost. (TCP sends a lost SYN again after 1 s.)"""
_SERVER_PORTS = 80, 7


class Client:
    """Sends until told to stop, and keeps a record."""

    def __init__(self, address: str) -> None:
        web, echo = _SERVER_PORTS
        self._web = (address, web)
        self._echo = (address, echo)
        self._end = threading.Event()
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sent: list[float] = []
        self._answered: set[int] = set()
        self._requests: list[tuple[float, bool]] = []
        self._visits: list[threading.Thread] = []

    def run(self) -> None:
        """Go on until `stop`, then print."""
        listener = threading.Thread(target=self._listen, daemon=True)
        visitor = threading.Thread(target=self._visit)
        listener.start()
        visitor.start()
        due_s = time.monotonic()
        while not self._end.is_set():
            self._probe()
            due_s = max(due_s + PROBE_S, time.monotonic())
            self._end.wait(max(0.0, due_s - time.monotonic()))
        visitor.join()
        for visit in self._visits:
            visit.join()
        answered = self._answered
        probes = [(sent, number in answered) for number, sent in enumerate(self._sent)]
        sys.stdout.write(json.dumps({"probes": probes, "requests": sorted(self._requests)}) + "\n")

    def stop(self) -> None:
        """End the sending."""
        self._end.set()

    def _probe(self) -> None:
        number = len(self._sent)
        self._sent.append(time.monotonic())
        try:
            self._sock.sendto(str(number).encode(), self._echo)
        except OSError:
            return  # unreachable: as good as unanswered

    def _listen(self) -> None:
        while True:
            try:
                self._answered.add(int(self._sock.recv(64)))
            except OSError:
                continue  # an ICMP answer to an earlier probe

    def _visit(self) -> None:
        due_s = time.monotonic()
        while not self._end.is_set():
            visit = threading.Thread(target=self._request)
            self._visits.append(visit)
            visit.start()
            due_s += REQUEST_S
            self._end.wait(max(0.0, due_s - time.monotonic()))

    def _request(self) -> None:
        started_s = time.monotonic()
        good = False
        try:
            with socket.create_connection(self._web, PATIENCE_S) as sock:
                sock.settimeout(max(0.01, started_s + PATIENCE_S - time.monotonic()))
                sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
                good = sock.recv(64).startswith(b"HTTP/1.0 200")
        except OSError:
            good = False  # refused, reset or too late
        self._requests.append((started_s, good))


def main() -> None:
    """Visit until SIGTERM."""
    client = Client(sys.argv[1])
    signal.signal(signal.SIGTERM, lambda _number, _frame: client.stop())
    client.run()


if __name__ == "__main__":
    main()

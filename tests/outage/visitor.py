"""A visitor in a hurry: `visitor.py ADDRESS`, until SIGTERM; then it prints what it saw, as JSON.

A hundred web requests a second, each on a connection of its own. A connection that is cut in the
middle is one that was open when its packets began to go to another server, which knows nothing of
it: the request is made again, once, as browsers do. One that finds no server is lost.
"""

import json
import signal
import socket
import sys
import threading
import time

REQUEST_S = 0.01
PATIENCE_S = 0.9
"""A request that is not answered within this is lost. TCP sends a lost SYN again after 1 s."""
_WEB_PORT = 80


class _CutError(Exception):
    """The connection was there, and then reset."""


class Visitor:
    """Asks until told to stop, and counts."""

    def __init__(self, address: str) -> None:
        self._address = (address, _WEB_PORT)
        self._end = threading.Event()
        self._lock = threading.Lock()
        self._asked = 0
        self._cut: list[float] = []
        self._lost: list[tuple[float, str]] = []

    def run(self) -> None:
        """Go on until `stop`, then print."""
        visits: list[threading.Thread] = []
        due_s = time.monotonic()
        while not self._end.is_set():
            visit = threading.Thread(target=self._visit)
            visit.start()
            visits.append(visit)
            self._asked += 1
            due_s += REQUEST_S
            self._end.wait(max(0.0, due_s - time.monotonic()))
        for visit in visits:
            visit.join()
        seen = {"asked": self._asked, "cut": self._cut, "lost": self._lost}
        sys.stdout.write(json.dumps(seen) + "\n")

    def stop(self) -> None:
        """End the asking."""
        self._end.set()

    def _visit(self) -> None:
        started_s = time.monotonic()
        try:
            try:
                self._request()
            except _CutError:
                with self._lock:
                    self._cut.append(started_s)
                self._request()
        except (OSError, _CutError) as error:
            with self._lock:
                self._lost.append((started_s, repr(error)))

    def _request(self) -> None:
        with socket.create_connection(self._address, PATIENCE_S) as sock:
            try:
                sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
                answer = sock.recv(64)
            except ConnectionError as error:
                raise _CutError from error
        if not answer.startswith((b"HTTP/1.0 200", b"HTTP/1.1 200")):
            raise OSError(f"answered {answer!r}")


def main() -> None:
    """Visit until SIGTERM."""
    visitor = Visitor(sys.argv[1])
    signal.signal(signal.SIGTERM, lambda _number, _frame: visitor.stop())
    visitor.run()


if __name__ == "__main__":
    main()

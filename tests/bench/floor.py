"""`python -m tests.bench.floor`: what this machine allows at best, in Python.

One prepared request on one warm TLS connection, and a blocking reader: for each line that comes the
request is written at once. Nothing is looked up, parsed or logged in between. The lines come from a
FIFO (`--fifo`), and the time of the event is that of the write into it, as for hakeeper; or from
standard input, and the time is that right before the request: the *bare* floor, without any event.

Prints `{"ready": true}`, and after each answer a line of JSON with the time before the request.
"""

import argparse
import json
import os
import socket
import ssl
import sys
import time
from collections.abc import Sequence
from http.client import HTTPResponse

from tests.bench.prepared import HOST, assign

_LINE_BYTES = 4096


def _connect(port: int, ca_file: str) -> ssl.SSLSocket:
    raw = socket.create_connection((HOST, port))
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    context = ssl.create_default_context(cafile=ca_file)
    return context.wrap_socket(raw, server_hostname=HOST)


def _tell(said: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until there is nobody left who could write a line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.floor", description=__doc__)
    for name in ("--port", "--floating-ip", "--server"):
        parser.add_argument(name, type=int, required=True)
    for name in ("--ca-file", "--token"):
        parser.add_argument(name, required=True)
    parser.add_argument("--fifo")
    given = parser.parse_args(arguments)
    data = assign(given.port, given.token, given.floating_ip, given.server)
    lines = 0 if given.fifo is None else os.open(given.fifo, os.O_RDONLY)
    with _connect(given.port, given.ca_file) as sock:
        _tell({"ready": True})
        while os.read(lines, _LINE_BYTES):
            now = time.monotonic()
            sock.sendall(data)
            answer = HTTPResponse(sock)
            answer.begin()
            answer.read()
            _tell({"sent_s": now, "status": answer.status})
    return 0


if __name__ == "__main__":
    sys.exit(main())

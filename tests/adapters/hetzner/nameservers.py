"""Calls by a name whose first nameserver is dead, in a network of their own.

The second nameserver answers until it is told not to. Prints one line for each step of the story.
"""

import socket
import ssl
import sys
import threading
from pathlib import Path

import trustme

from hakeeper.core.calls import CallResult, Failure
from tests.support.hetzner_bodies import IP, ME, action_json
from tests.support.http_server import Peer, RawServer, Seen, http
from tests.support.pool_bench import Bench
from tests.support.resources import assign

NAME = "api.hetzner.test"
DEAD, ALIVE = "127.0.0.2", "127.0.0.3"
CALL_S = 5.0
"""hakeeper's default, and as long as glibc waits for one nameserver."""


class Nameserver:
    """Answers every question for an IPv4 address with 127.0.0.1, and others with nothing."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((ALIVE, 53))
        self.is_alive = True
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            question, peer = self._socket.recvfrom(512)
            if self.is_alive:
                self._socket.sendto(reply(question), peer)


def reply(question: bytes) -> bytes:
    """Answer a question (RFC 1035, 4.1)."""
    end = question.index(b"\0", 12) + 5
    is_a = question[end - 4 : end - 2] == b"\0\1"
    counts = b"\0\1" + (b"\0\1" if is_a else b"\0\0") + b"\0\0\0\0"
    record = b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4" + socket.inet_aton("127.0.0.1")
    return question[:2] + b"\x81\x80" + counts + question[12:end] + (record if is_a else b"")


def answer(_peer: Peer, _seen: Seen) -> bytes:
    """Accept, and have each call find its way anew."""
    return http(201, {"action": action_json()}, {"Connection": "close"})


def told(result: CallResult) -> str:
    """Say in a word how a call ended."""
    return result.outcome.code if isinstance(result.outcome, Failure) else "accepted"


def say(*words: object) -> None:
    """Print one step of the story."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")


def main(folder: Path) -> None:
    """Tell the story."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(NAME).configure_cert(context)
    dead = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    dead.bind((DEAD, 53))  # takes questions and never answers
    nameserver = Nameserver()
    with RawServer(answer, tls=context) as server:
        url = f"https://{NAME}:{server.port}/v1"
        with Bench(url, ca_file=folder / "ca.pem") as made:
            # The first call may end just before the resolver answers; the next one need not wait.
            first = told(made.call(assign(IP, ME), CALL_S))
            say("first", first)
            say("second", told(made.call(assign(IP, ME), CALL_S)))
            nameserver.is_alive = False
            for _ in range(3):
                say("without any nameserver", told(made.call(assign(IP, ME), CALL_S)))
    say("requests", len(server.posts) - (first == "accepted"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

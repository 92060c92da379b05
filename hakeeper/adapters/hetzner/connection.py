"""One connection to the API, kept ready for a claim, and what it shares with the others.

A claim must find a connection that is open already and still leads somewhere. So an idle one is
looked at before it is used, TCP probes it while nobody uses it, and one whose bytes the other end
does not acknowledge within a second is given up: after a change of the network the way back may be
gone without a word, and TCP alone would wait for minutes. Where one died like that, all that are as
old are doubted: the next call goes out on a new one.
"""

import functools
import select
import socket
import ssl
import time
from contextlib import suppress

from hakeeper.adapters.hetzner.attempt import Attempt
from hakeeper.adapters.hetzner.connect_race import Race
from hakeeper.adapters.hetzner.resolver import Target
from hakeeper.adapters.hetzner.route import Route
from hakeeper.adapters.hetzner.trust import FixedTrust, Trust

UNACKNOWLEDGED_S = 1.0
"""How long bytes that were sent may stay unacknowledged. Within one region a round trip takes a few
milliseconds; two retransmissions fit in."""


class Connection:
    """The connection of one worker. Not open yet."""

    def __init__(self, route: Route, trust: Trust | FixedTrust) -> None:
        """Remember where to connect to, and whom to trust."""
        self._route = route
        self._trust = trust
        self._context = trust.context
        """Who vouched for it."""
        self._socket: socket.socket | None = None
        self._target: Target | None = None
        self._made_at_s: float | None = None
        """When the handshakes were done."""

    @property
    def is_open(self) -> bool:
        """Whether there is one, all handshakes done; it may have died since it was looked at."""
        return self._made_at_s is not None

    @property
    def made_at_s(self) -> float:
        """When an open one was made, by whomever; long ago if there is none."""
        return float("-inf") if self._made_at_s is None else self._made_at_s

    def fileno(self) -> int:
        """Return what to poll for the end of an open connection."""
        if self._socket is None:
            raise ValueError("not connected")
        return self._socket.fileno()

    def look(self) -> None:
        """Close an idle connection that has ended, is doubted, or is not trusted any more.

        So is one to an address that has failed meanwhile, where another one is to be tried first.
        """
        if self._socket is None or self._made_at_s is None or self._target is None:
            return
        is_left = self._route.is_left(self._target)
        is_doubted = self._made_at_s < self._route.doubted_from_s
        is_trusted = self._context is self._trust.context
        if is_left or is_doubted or not is_trusted or _has_ended(self._socket):
            self.close()

    def ready(self, attempt: Attempt) -> socket.socket:
        """Return a socket that is believed to be alive, made anew if need be.

        It is watched by the attempt. Raises TransportError, or CallEndedError when the attempt
        is over.
        """
        self.look()
        sock = self._connect(attempt) if self._socket is None else self._socket
        attempt.watch(functools.partial(_shut, sock))
        return sock

    def answered(self) -> None:
        """Note that what was sent on it was answered: its address is good."""
        if self._target is not None:
            self._route.answered(self._target)

    def lost(self, sent_at_s: float) -> None:
        """Note that what was sent on it at that time was not answered.

        Every connection that is not younger is doubted, and its address goes to the end.
        """
        self._route.doubt(sent_at_s)
        self.unanswered()

    def unanswered(self) -> None:
        """Put its address last: it took a request and brought no answer that is one."""
        if self._target is not None:
            self._route.failed(self._target)

    def drop(self, attempt: Attempt) -> None:
        """Close it in the middle of an attempt."""
        attempt.unwatch()
        self.close()

    def close(self) -> None:
        """Close it, if it is open."""
        if self._socket is not None:
            self._made_at_s = None
            self._socket.close()
            self._socket = None

    def _connect(self, attempt: Attempt) -> socket.socket:
        self._context = self._trust.context
        winner = Race(self._route, self._context, attempt).run()
        self._socket, self._target = winner.socket, winner.target
        # Not before: a lost SYN is only sent again after a second.
        self._socket.setsockopt(
            socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(UNACKNOWLEDGED_S * 1000)
        )
        self._made_at_s = time.monotonic()
        return self._socket


def _shut(sock: socket.socket) -> None:
    """Have whoever waits for this socket fail at once."""
    with suppress(OSError):  # already gone: then there is nothing to stop
        # The method of the plain socket: SSLSocket's own would drop its TLS state under
        # the feet of the worker that uses it.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


def _has_ended(sock: socket.socket) -> bool:
    """Say whether an idle connection has come to its end, or says what nobody asked for.

    What can be read need not be its end: with TLS 1.3 the session tickets come after the handshake.
    """
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    if not poll.poll(0):
        return False
    sock.settimeout(0)
    try:
        sock.recv(1)
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    except OSError:
        return True
    return True

"""Connecting, TLS included, to the first of several addresses that gets ready.

The best address is tried first. Where it is not ready soon, the next one is tried beside it, and so
on (as RFC 8305 does with TCP alone): the first that has shaken hands is taken, the others are
closed. No request is sent before, so nothing is ever sent twice. An address that was given up
because it took too long goes to the end of the list.
"""

import math
import os
import select
import socket
import ssl
import time
from contextlib import suppress

from hakeeper.adapters.hetzner.attempt import Attempt
from hakeeper.adapters.hetzner.errors import Phase, TransportError
from hakeeper.adapters.hetzner.resolver import Target
from hakeeper.adapters.hetzner.route import ADDRESS_LIMIT, Route

SOON_S = 0.25
"""An address that is not ready after this gets company. Within Hetzner's network a handshake takes
some ten milliseconds, over an ocean two hundred."""
_OPTIONS = (
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    # A connection that died in silence is found out between two calls, not by a claim.
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 15),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 2),
)


class Lane:
    """One address on its way to being connected; nothing here blocks."""

    def __init__(self, target: Target, host: str, tls: ssl.SSLContext | None) -> None:
        """Begin to connect; OSError if that fails at once."""
        self.target = target
        self.phase = Phase.CONNECTING
        self.wanted = select.POLLOUT
        """What the socket waits for."""
        self.began_s = time.monotonic()
        self._host = host
        self._tls = tls
        self.socket = socket.socket(target[0], socket.SOCK_STREAM)
        try:
            for option in _OPTIONS:
                self.socket.setsockopt(*option)
            self.socket.settimeout(0)
            with suppress(BlockingIOError):
                self.socket.connect(target[1])
        except BaseException:
            self.socket.close()
            raise

    def step(self) -> bool:
        """Go on as far as possible; say whether all is done. Raises OSError or ValueError."""
        if self.phase is Phase.CONNECTING:
            error = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error:
                raise OSError(error, os.strerror(error))
            if self._tls is None:
                return True
            self.phase = Phase.TLS
            self.socket = self._tls.wrap_socket(
                self.socket, server_hostname=self._host, do_handshake_on_connect=False
            )
        if not isinstance(self.socket, ssl.SSLSocket):
            raise TypeError("in a TLS handshake without TLS")
        try:
            self.socket.do_handshake()
        except ssl.SSLWantReadError:
            self.wanted = select.POLLIN
            return False
        except ssl.SSLWantWriteError:
            self.wanted = select.POLLOUT
            return False
        return True

    def problem(self, error: Exception, where: str) -> TransportError:
        """Say why it failed."""
        if self.phase is Phase.TLS:
            return TransportError("tls", f"no TLS with {self._host}: {explain(error)}")
        return _unconnected(error, where)


class Race:
    """One try to connect; to be run once."""

    def __init__(self, route: Route, tls: ssl.SSLContext | None, attempt: Attempt) -> None:
        """Take what is needed; nothing happens yet."""
        self._route = route
        self._tls = tls
        self._attempt = attempt
        self._where = f"{route.endpoint.host} port {route.endpoint.port}"
        self._lanes: list[Lane] = []
        self._tried: list[Target] = []
        self._problem: TransportError | None = None
        self._is_looked_up = False
        self._patient_until_s = 0.0
        self._next_at_s = 0.0
        self._wake_fd = -1

    def run(self) -> Lane:
        """Return the winner; TransportError, or CallEndedError when the attempt is over."""
        winner: Lane | None = None
        try:
            self._wake_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        except OSError as error:  # no descriptor to be had
            raise _unconnected(error, self._where) from error
        self._patient_until_s = time.monotonic() + SOON_S
        try:
            self._attempt.watch(self._wake)
            self._route.resolver.ask(self._looked_up)
            while winner is None:
                winner = self._turn()
            return winner
        finally:
            self._attempt.unwatch()
            self._route.resolver.forget(self._looked_up)
            os.close(self._wake_fd)
            for lane in self._lanes:
                if lane is not winner:
                    self._give_up(lane)

    def _wake(self) -> None:
        """Have the race look again; from any thread."""
        os.eventfd_write(self._wake_fd, 1)

    def _looked_up(self) -> None:
        self._is_looked_up = True
        self._wake()

    def _turn(self) -> Lane | None:
        """Begin what is due, or wait and take the lanes further; return the winner."""
        self._attempt.enter(self._furthest())
        following = self._following()
        if following is not None and (not self._lanes or time.monotonic() >= self._next_at_s):
            self._begin(following)
            return None
        if following is None and not self._lanes and not self._is_worth_waiting():
            raise self._problem or TransportError("dns", self._route.resolver.problem)
        for lane in self._ready(following):
            try:
                if lane.step():
                    return lane
            except (OSError, ValueError) as error:
                self._fail(lane, error)
        return None

    def _following(self) -> Target | None:
        """Return the next address to try; a late answer of the resolver may bring one."""
        if len(self._tried) >= ADDRESS_LIMIT:
            return None
        return next((each for each in self._route.targets() if each not in self._tried), None)

    def _is_worth_waiting(self) -> bool:
        """Say whether the resolver may help where all that is known has failed."""
        if self._is_looked_up:
            return False
        return not self._tried or time.monotonic() < self._patient_until_s

    def _begin(self, target: Target) -> None:
        self._tried.append(target)
        self._next_at_s = time.monotonic() + SOON_S
        try:
            self._lanes.append(Lane(target, self._route.endpoint.host, self._tls))
        except OSError as error:  # no way there, or no such family here
            self._problem = _unconnected(error, self._where)
            self._route.failed(target)

    def _furthest(self) -> Phase:
        """Return how far the best lane is: what the deadline would find it waiting for."""
        phases = [lane.phase for lane in self._lanes]
        if Phase.TLS in phases:
            return Phase.TLS
        return Phase.CONNECTING if phases else Phase.RESOLVING

    def _ready(self, following: Target | None) -> list[Lane]:
        """Wait for the lanes, the resolver, the next address's time, or the end of the attempt."""
        poll = select.poll()
        poll.register(self._wake_fd, select.POLLIN)
        for lane in self._lanes:
            poll.register(lane.socket, lane.wanted)
        wait_s = self._attempt.remaining_s()
        if following is not None:
            wait_s = min(wait_s, self._next_at_s - time.monotonic())
        elif not self._lanes and self._tried:
            wait_s = min(wait_s, self._patient_until_s - time.monotonic())
        found = dict(poll.poll(max(0, math.ceil(wait_s * 1000))))
        if self._wake_fd in found:
            os.eventfd_read(self._wake_fd)
        return [lane for lane in self._lanes if lane.socket.fileno() in found]

    def _fail(self, lane: Lane, error: Exception) -> None:
        self._problem = lane.problem(error, self._where)
        self._lanes.remove(lane)
        lane.socket.close()
        self._route.failed(lane.target)
        self._next_at_s = 0.0

    def _give_up(self, lane: Lane) -> None:
        """Close one that did not win; it has failed only if it had its time."""
        lane.socket.close()
        if time.monotonic() - lane.began_s >= SOON_S:
            self._route.failed(lane.target)


def _unconnected(error: Exception, where: str) -> TransportError:
    if isinstance(error, TimeoutError):
        return TransportError("connect_timeout", f"cannot connect to {where}: timed out")
    if isinstance(error, ConnectionRefusedError):
        return TransportError("connection_refused", f"cannot connect to {where}: refused")
    return TransportError("connect_failed", f"cannot connect to {where}: {error}")


def explain(error: Exception) -> str:
    """Say in a few words what went wrong with a connection."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate refused: {error.verify_message}"
    return str(error) or type(error).__name__

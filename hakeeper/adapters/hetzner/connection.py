"""One connection to the API, kept ready for a claim, and what it shares with the others.

A claim must find a connection that is open already and still leads somewhere. So an idle one is
looked at before it is used, TCP probes it while nobody uses it, and one whose bytes the other end
does not acknowledge within a second is given up: after a change of the network the way back may be
gone without a word, and TCP alone would wait for minutes. Where one died like that, all that are as
old are doubted: the next call goes out on a new one.
"""

import select
import socket
import ssl
import time

from hakeeper.adapters.hetzner.attempt import Attempt
from hakeeper.adapters.hetzner.errors import Phase, TransportError
from hakeeper.adapters.hetzner.options import Endpoint

UNACKNOWLEDGED_S = 1.0
"""How long bytes that were sent may stay unacknowledged. Within one region a round trip takes a few
milliseconds; two retransmissions fit in."""
_ADDRESS_LIMIT = 8
_OPTIONS = (
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    # A connection that died in silence is found out between two calls, not by a claim.
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 15),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 2),
)


class Route:
    """What the connections to one endpoint learn from each other."""

    def __init__(self) -> None:
        """Know nothing."""
        self.last_good: object = None
        """The address that answered last."""
        self.doubted_from_s = float("-inf")
        """Connections made before this (monotonic seconds) are not believed any more."""

    def doubt(self, sent_at_s: float) -> None:
        """Doubt all that are not younger than what was sent at that time, and lost."""
        self.doubted_from_s = max(self.doubted_from_s, sent_at_s)


class Connection:
    """The connection of one worker; `tls` None means plain HTTP. Not open yet."""

    def __init__(self, endpoint: Endpoint, tls: ssl.SSLContext | None, route: Route) -> None:
        """Remember where to connect to."""
        self._endpoint = endpoint
        self._tls = tls
        self._route = route
        self._socket: socket.socket | None = None
        self._made_at_s: float | None = None
        """When the handshakes were done."""

    @property
    def is_open(self) -> bool:
        """Whether there is one, all handshakes done; it may have died since it was looked at."""
        return self._made_at_s is not None

    def fileno(self) -> int:
        """Return what to poll for the end of an open connection."""
        if self._socket is None:
            raise ValueError("not connected")
        return self._socket.fileno()

    def look(self) -> None:
        """Close an idle connection that has ended or is doubted."""
        if self._socket is None or self._made_at_s is None:
            return
        if self._made_at_s < self._route.doubted_from_s or _has_ended(self._socket):
            self.close()

    def ready(self, attempt: Attempt) -> socket.socket:
        """Return a socket that is believed to be alive, made anew if need be.

        It is watched by the attempt. Raises TransportError, or CallEndedError when the attempt
        is over.
        """
        self.look()
        if self._socket is None:
            self._connect(attempt)
        if self._socket is None:
            raise RuntimeError("connected, but without a socket")
        attempt.watch(self._socket)
        return self._socket

    def lost(self, sent_at_s: float) -> None:
        """Doubt every connection that is not younger than what was sent on this one, and lost."""
        self._route.doubt(sent_at_s)

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

    # --- connecting ---------------------------------------------------------------------------

    def _connect(self, attempt: Attempt) -> None:
        attempt.enter(Phase.RESOLVING)
        where = f"{self._endpoint.host} port {self._endpoint.port}"
        try:
            found = socket.getaddrinfo(
                self._endpoint.host, self._endpoint.port, type=socket.SOCK_STREAM
            )
        except (OSError, UnicodeError) as error:
            raise TransportError("dns", f"cannot resolve {where}: {error}") from error
        attempt.enter(Phase.CONNECTING)
        # A stable sort: what worked last goes first, so a dead IPv6 route costs time only once.
        found = sorted(found[:_ADDRESS_LIMIT], key=lambda info: info[4] != self._route.last_good)
        problem = TransportError("dns", f"{where} has no address")
        for index, (family, kind, protocol, _, address) in enumerate(found):
            share_s = attempt.remaining_s() / (len(found) - index)
            self._socket = socket.socket(family, kind, protocol)
            attempt.watch(self._socket)
            try:
                for option in _OPTIONS:
                    self._socket.setsockopt(*option)
                self._socket.settimeout(share_s)
                self._socket.connect(address)
            except OSError as error:
                problem = _unconnected(error, where)
                self.drop(attempt)
                continue
            self._route.last_good = address
            self._encrypt(attempt)
            # Not before: a lost SYN is only sent again after a second.
            self._socket.setsockopt(
                socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(UNACKNOWLEDGED_S * 1000)
            )
            self._made_at_s = time.monotonic()
            return
        raise problem

    def _encrypt(self, attempt: Attempt) -> None:
        if self._tls is None or self._socket is None:
            return
        attempt.enter(Phase.TLS)
        host = self._endpoint.host
        try:
            # Wrapped first and shaken hands afterwards, so that the attempt can stop the latter.
            wrapped = self._tls.wrap_socket(
                self._socket, server_hostname=host, do_handshake_on_connect=False
            )
            self._socket = wrapped
            attempt.watch(wrapped)
            wrapped.settimeout(attempt.remaining_s())
            wrapped.do_handshake()
        except (OSError, ValueError) as error:
            raise TransportError("tls", f"no TLS with {host}: {explain(error)}") from error


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


def _unconnected(error: OSError, where: str) -> TransportError:
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

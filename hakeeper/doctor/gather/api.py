"""Facts from Hetzner Cloud: the requests that a failover would make, without changing anything.

Only the refusal of a write request shows that a token may not write. So this sends a write request
that cannot have an effect: the assign of floating IP 0 to server 0, which do not exist, since ids
start at 1. The API answers `not_found` if the token may write, and `token_readonly` if it may not.
The request is sent once, and only if reading worked.
"""

import contextlib
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from hakeeper.adapters.hetzner import HetznerOptions
from hakeeper.adapters.hetzner.attempt import Attempt
from hakeeper.adapters.hetzner.cloud import Identity, cloud_sessions
from hakeeper.adapters.hetzner.cloud.identify import Sources
from hakeeper.adapters.hetzner.connection import Connection
from hakeeper.adapters.hetzner.errors import CallEndedError, TransportError
from hakeeper.adapters.hetzner.http1 import AnswerError, read_answer
from hakeeper.adapters.hetzner.options import make_tls
from hakeeper.adapters.hetzner.route import Route
from hakeeper.adapters.hetzner.trust import FixedTrust
from hakeeper.config import Config
from hakeeper.core.calls import (
    AllRead,
    CallResult,
    Failure,
    Identified,
    Identify,
    Mutate,
    ReadAll,
    ReadServer,
    Step,
)
from hakeeper.core.observation import Key
from hakeeper.doctor.api_facts import ApiFacts
from hakeeper.doctor.gather.asker import asker
from hakeeper.kinds import KINDS
from hakeeper.kinds.apis import CLOUD
from hakeeper.kinds.floating_ip import resource
from hakeeper.loading import api_options

WRITE_PROBE = Mutate(resource(0), Step("assign", 0, lane=""))
"""An assign without effect: ids start at 1."""
_WITHOUT_DATE = ("dns", "connection_refused", "connect_timeout", "connect_failed")
"""Failures without a connection, and so without a `Date` to compare the clock with."""
_HOLDERS_LIMIT = 5
"""So many servers are asked whether they run: five is what can be moved to one server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiAccess:
    """What is needed to call the API."""

    config: Config
    read_token: Callable[[], str]
    redact: Callable[[str], str]
    identity: Sources
    cached_server_id: Key | None = None
    """The server id that an earlier run of the daemon has saved."""


def api_facts(access: ApiAccess) -> ApiFacts:
    """Call Hetzner Cloud; raises what the pool raises for an unusable token or CA file."""
    options = api_options(access.config, CLOUD.name)
    timeout_s = access.config.hetzner.timeout_s
    with asker(
        options=options,
        sessions=cloud_sessions(options, Identity(access.config.server, access.identity)),
        read_secret=access.read_token,
        redact=access.redact,
        timeout_s=timeout_s,
        noun=CLOUD.known_by,
    ) as ask:
        identified = ask(Identify(CLOUD.name, access.cached_server_id))
        kinds = dict.fromkeys(ref.kind for ref in access.config.refs_of(CLOUD.name))
        listed = {kind: ask(ReadAll(kind)) for kind in kinds}
        asked = (ReadServer(CLOUD.name, key) for key in _holders(access.config, identified, listed))
        holders = {request.server_id: ask(request) for request in asked}
        has_read = not any(isinstance(one.outcome, Failure) for one in listed.values())
        may_write = ask(WRITE_PROBE) if has_read else None
    reads = (identified, *listed.values())
    failures = [one.outcome for one in reads if isinstance(one.outcome, Failure)]
    ahead_s = None
    if not any(failure.code in _WITHOUT_DATE for failure in failures):
        ahead_s = _ahead_s(options, timeout_s)
    return ApiFacts(
        identified=identified, listed=listed, holders=holders, may_write=may_write, ahead_s=ahead_s
    )


def _holders(
    config: Config, identified: CallResult, listed: Mapping[str, CallResult]
) -> tuple[Key, ...]:
    """Return the other servers that have a resource which has to be taken from them first."""
    us = identified.outcome.server.id if isinstance(identified.outcome, Identified) else None
    found: dict[Key, None] = {}
    for ref in config.refs_of(CLOUD.name):
        kind, outcome = KINDS[ref.kind], listed[ref.kind].outcome
        if kind.releases_first and isinstance(outcome, AllRead):
            seen = kind.find(ref, None, outcome.reading)
            if seen is not None and seen.server_id not in (None, us):
                found[seen.server_id] = None
    return tuple(found)[:_HOLDERS_LIMIT]


def _ahead_s(options: HetznerOptions, timeout_s: float) -> float | None:
    """Compare this machine's clock with the `Date` of an answer, without sending the token.

    An unverified server is asked as well: it learns nothing, and its `Date` is only shown to the
    operator, to tell whether a wrong clock is why its certificate was refused.
    """
    attempt = Attempt(timeout_s, time.monotonic)  # limits all of it, even an answer that drips
    route = Route(options.address)
    route.resolver.begin()
    watcher = threading.Timer(timeout_s, attempt.stop)
    watcher.daemon = True
    watcher.start()
    try:
        for tls in _contexts(options):
            try:
                return _compared(route, tls, attempt)
            except TransportError as error:
                if error.code != "tls":
                    return None
    except (OSError, AnswerError, CallEndedError):
        return None
    finally:
        watcher.cancel()
        route.resolver.close()
    return None


def _contexts(options: HetznerOptions) -> Iterator[ssl.SSLContext | None]:
    """Yield the TLS contexts to try, the one without verification last."""
    if not options.address.is_tls:
        yield None
        return
    yield make_tls(options.ca_file)
    unverified = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    unverified.check_hostname = False
    unverified.verify_mode = ssl.CERT_NONE
    yield unverified


def _compared(route: Route, tls: ssl.SSLContext | None, attempt: Attempt) -> float | None:
    """Return how far our clock is ahead; None: the answer has no usable `Date`."""
    endpoint = route.endpoint
    path = urlsplit(endpoint.base).path or "/"
    request = f"GET {path} HTTP/1.1\r\nHost: {endpoint.host}\r\nConnection: close\r\n\r\n"
    with contextlib.closing(Connection(route, FixedTrust(tls))) as connection:
        sock = connection.ready(attempt)
        sock.settimeout(attempt.remaining_s())
        before_s = time.time()
        sock.sendall(request.encode("ascii"))
        date = read_answer(sock, attempt.remaining_s).headers.get("Date", "")
        after_s = time.time()
        attempt.unwatch()
    there_s = _instant_s(date)
    return None if there_s is None else (before_s + after_s) / 2 - there_s


def _instant_s(date: str) -> float | None:
    """Parse a `Date`, which has whole seconds; None: it is not a date, or out of range."""
    try:
        return parsedate_to_datetime(date).timestamp() + 0.5
    except (ValueError, ArithmeticError):
        return None

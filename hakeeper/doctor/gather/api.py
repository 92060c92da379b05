"""Asking the API what a failover would ask, by the same code, and changing nothing.

Whether a token may write is only told by a refusal, and only a request that would write can be
refused for that. So one is sent that cannot have an effect: the assign of a claim, with floating IP
0 to server 0. Ids begin at 1, so it names nothing: a token that may write is told so (`not_found`),
and one that may not is told `token_readonly`. It is sent once, and only if reading worked.
"""

import contextlib
import http.client
import queue
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from hakeeper import __version__
from hakeeper.adapters.hetzner import HetznerOptions, HetznerPool
from hakeeper.adapters.hetzner.identify import Sources
from hakeeper.adapters.hetzner.options import Endpoint, make_tls
from hakeeper.config import Config
from hakeeper.core.calls import (
    Assign,
    CallResult,
    Failure,
    Identify,
    ListFloatingIps,
    Request,
)
from hakeeper.core.events import StartCall
from hakeeper.doctor.facts import ApiFacts

NOBODY = Assign(floating_ip_id=0, server_id=0)
"""An assign that names nothing that can exist (ids are integers from 1 on)."""
_SAYS_NOTHING_OF_TIME = ("dns", "connection_refused", "connect_timeout", "connect_failed")
_GRACE_S = 2.0
"""The pool ends each call at its deadline; longer than this after it is a fault of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiAccess:
    """What it takes to ask."""

    config: Config
    read_token: Callable[[], str]
    redact: Callable[[str], str]
    identity: Sources
    cached_server_id: int | None = None
    """What an earlier run of the daemon has written down."""


def api_facts(access: ApiAccess) -> ApiFacts:
    """Ask; raises what the pool's construction raises for an unusable token or CA file."""
    results: queue.SimpleQueue[CallResult] = queue.SimpleQueue()
    options = HetznerOptions(
        endpoint=access.config.hetzner.endpoint,
        ca_file=access.config.hetzner.ca_file,
        server=access.config.server,
        version=__version__,
    )
    pool = HetznerPool(
        options,
        read_token=access.read_token,
        redact=access.redact,
        identity=access.identity,
        deliver=results.put,
        workers=1,
    )
    timeout_s = access.config.hetzner.timeout_s

    def ask(request: Request) -> CallResult:
        pool.start(StartCall(call_id=1, request=request, timeout_s=timeout_s, urgent=True))
        return results.get(timeout=timeout_s + _GRACE_S)

    with contextlib.closing(pool):
        identified = ask(Identify(access.cached_server_id))
        listed = ask(ListFloatingIps())
        may_write = ask(NOBODY) if not isinstance(listed.outcome, Failure) else None
    failures = [r.outcome for r in (identified, listed) if isinstance(r.outcome, Failure)]
    ahead_s = None
    if not any(failure.code in _SAYS_NOTHING_OF_TIME for failure in failures):
        ahead_s = _ahead_s(options, timeout_s)
    return ApiFacts(identified=identified, listed=listed, may_write=may_write, ahead_s=ahead_s)


def _ahead_s(options: HetznerOptions, timeout_s: float) -> float | None:
    """Compare the clock with the `Date` of an answer, for which no token is sent.

    Where the certificate is not accepted, the one who answers is asked all the same: nothing is
    told to him, and what he says only goes to the operator, who wants to know if it is the clock.
    """
    endpoint = options.address
    if not endpoint.is_tls:
        plain = http.client.HTTPConnection(endpoint.host, endpoint.port, timeout=timeout_s)
        return _date_of(plain, endpoint)
    try:
        return _over_tls(endpoint, make_tls(options.ca_file), timeout_s)
    except ssl.SSLError:
        unverified = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        unverified.check_hostname = False
        unverified.verify_mode = ssl.CERT_NONE
        with contextlib.suppress(ssl.SSLError):
            return _over_tls(endpoint, unverified, timeout_s)
    return None


def _over_tls(endpoint: Endpoint, context: ssl.SSLContext, timeout_s: float) -> float | None:
    connection = http.client.HTTPSConnection(
        endpoint.host, endpoint.port, timeout=timeout_s, context=context
    )
    return _date_of(connection, endpoint)


def _date_of(connection: http.client.HTTPConnection, endpoint: Endpoint) -> float | None:
    """Return how far our clock is ahead; None without a usable answer. Raises SSLError."""
    with contextlib.closing(connection):
        try:
            connection.connect()
            before_s = time.time()
            connection.request("GET", f"/{endpoint.base.split('/', 3)[-1]}")
            date = connection.getresponse().getheader("Date", "")
            after_s = time.time()
            # A Date has whole seconds.
            there_s = parsedate_to_datetime(date).timestamp() + 0.5
        except ssl.SSLError:
            raise
        except (OSError, http.client.HTTPException, ValueError):
            return None
    return (before_s + after_s) / 2 - there_s

"""The shipped pool against the HTTP simulator, over TLS on loopback, in real time."""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme

from hakeeper.adapters.hetzner import HetznerOptions, HetznerPool
from hakeeper.adapters.hetzner.cloud import Identity, cloud_sessions
from hakeeper.adapters.hetzner.options import make_tls
from hakeeper.adapters.identity import Candidate, Miss
from hakeeper.core.events import StartCall
from hakeeper.demo.cloud import Answer, Fault, Network, Rules, SimCloud
from hakeeper.demo.cloud.values import JsonObject
from hakeeper.simulate.faults.kinds import Kind
from tests.contracts.port import FIRST, IP, ME, OTHER, SECOND, STRANGER, Calls, Port
from tests.support.http_server import full_listener
from tests.support.waiting import eventually

CLIENT, TOKEN = "node1", "contract-token"
PATIENCE_S = 30.0
LIMIT_PER_HOUR = 3600
RETRY_AFTER = {FIRST: "24", SECOND: "99999"}
"""In seconds; more than an hour is heeded as an hour."""
ASSIGN = "/actions/(assign|change_alias_ips)$"
ADDRESS = "10.0.0.{}"

FAULTS: dict[tuple[Kind, float], Fault] = {
    (Kind.ERROR_5XX, 0.6): Fault(status=500),
    (Kind.ERROR_5XX, 0.9): Fault(status=503),
    (Kind.GATEWAY, 0.6): Fault(status=502),
    (Kind.GATEWAY, 0.9): Fault(status=504),
    (Kind.THROTTLED, 0.1): Fault(status=429),
    (Kind.THROTTLED, 0.6): Fault(status=429),
    (Kind.THROTTLED, 0.9): Fault(status=429),
    (Kind.REFUSED, 0.6): Fault(network=Network.REFUSE),
    (Kind.OUTAGE, 0.6): Fault(network=Network.REFUSE),
    (Kind.LOST_REQUEST, 0.6): Fault(answer=Answer.NEVER),
    (Kind.LATE_LANDING, 0.6): Fault(answer=Answer.NEVER),
    # Not RESET: what Python makes of a reset below TLS is another thing in each version.
    (Kind.LOST_ANSWER, 0.6): Fault(answer=Answer.CLOSE, commit=True),
    (Kind.SLOW_DRIP, 0.6): Fault(drip_s=0.05),
    (Kind.HALF_OPEN, 0.6): Fault(network=Network.FREEZE),
    (Kind.LOCKED, 0.6): Fault(status=423),
    (Kind.MALFORMED, 0.6): Fault(answer=Answer.MALFORMED),
    (Kind.SLOW, 0.6): Fault(answer_delay_s=0.05),
    (Kind.SLOW, 0.9): Fault(answer_delay_s=3600.0),
    (Kind.ACTION_ERROR, 0.6): Fault(path=ASSIGN, action_error="action_failed"),
    (Kind.ACTION_SLOW, 0.6): Fault(path=ASSIGN, action_s=0.5),
    (Kind.ACTION_ENDLESS, 0.6): Fault(path=ASSIGN, action_never_ends=True),
    (Kind.LOST_WRITE, 0.6): Fault(path=ASSIGN, late_commit_s=3600.0),
    (Kind.SOME_LOCKED, 0.6): Fault(path="/floating_ips/1" + ASSIGN, status=423),
    (Kind.LAGGING, 0.6): Fault(method="GET", path="/floating_ips", stale_s=3600.0),
    (Kind.STALE_READ, 0.6): Fault(method="GET", path="/floating_ips", stale_s=3600.0),
    (Kind.STALE_READ, 0.9): Fault(method="GET", path="/floating_ips", stale_s=3600.0),
}
"""How the simulator makes what the world's injector makes of a kind and a value."""


HOST = "localhost"
"""The name of the cloud's host."""


@dataclass(frozen=True, slots=True)
class Tls:
    """The authority that the pool trusts, and what a stranger's server shows."""

    ca_file: Path
    server: ssl.SSLContext
    strange_cert: Path
    strange_key: Path


def make_authority(folder: Path) -> Tls:
    """Make both; once for many ports."""
    ca, stranger = trustme.CA(), trustme.CA()
    ca.cert_pem.write_to_path(str(folder / "ca.pem"))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(HOST, "127.0.0.1").configure_cert(server)
    strange = stranger.issue_cert(HOST)
    strange.cert_chain_pems[0].write_to_path(str(folder / "strange.pem"))
    strange.private_key_pem.write_to_path(str(folder / "strange.key"))
    return Tls(folder / "ca.pem", server, folder / "strange.pem", folder / "strange.key")


class PoolCalls(Calls):
    """Calls through the shipped pool."""

    late_s = PATIENCE_S
    _pool: HetznerPool

    def now(self) -> float:
        """Return the pool's clock."""
        return time.monotonic()

    def until(self, holds: Callable[[], bool], what: str) -> None:
        """Ask again and again."""
        eventually(holds, PATIENCE_S, what)

    def cancel(self, call_id: int) -> None:
        """Tell the pool."""
        self._pool.cancel(call_id)

    def is_sent(self, call_id: int) -> bool:
        """Look at the guard; a call that has none any more was."""
        guard = self._pool._guards.get(call_id)
        return guard is None or guard.sent_at_s is not None

    def _start(self, call: StartCall) -> None:
        self._pool.start(call)

    def settle(self) -> None:
        """Close the pool: what had no result by now would get one."""
        ended = len(self._results)
        self._pool.close()
        assert ended == len(self._results)


class RealPort(PoolCalls, Port):
    """`HetznerPool` and `SimCloud`."""

    def __init__(self, tls: Tls) -> None:
        """Start a cloud of its own."""
        super().__init__()
        self._tls = tls
        self._on_answer: Callable[[str, str], None] = lambda _method, _path: None
        rules = Rules(action_s=0.0, holder_at_accept=True, limit_per_hour=LIMIT_PER_HOUR)
        self._cloud = SimCloud(tls=tls.server, rules=rules, observer=self._observe)
        for number in (ME, OTHER, STRANGER):
            self._cloud.add_server(f"node{number}", server_id=number)
        self._cloud.add_client(CLIENT, token=TOKEN)
        # By a name: what is an address itself needs no resolver.
        endpoint = self._cloud.url.replace("127.0.0.1", HOST)
        options = HetznerOptions(endpoint=endpoint, ca_file=tls.ca_file, version="1.2.3")
        self._pool = HetznerPool(
            options,
            cloud_sessions(options, Identity("auto", _this_machine, lambda _networks: True)),
            read_secret=lambda: TOKEN,
            redact=lambda text: text.replace(TOKEN, "[token]"),
            deliver=self._results.append,
        )

    # --- the project -----------------------------------------------------------------------------

    def add_ip(self, floating_ip_id: int, holder: int | None) -> None:
        """Add it."""
        address = ADDRESS.format(floating_ip_id)
        self._cloud.add_floating_ip(
            f"ip-{floating_ip_id}", address, floating_ip_id=floating_ip_id, server=holder
        )

    def holder(self, floating_ip_id: int) -> int | None:
        """Ask the simulator, not the API."""
        return self._cloud.holder(floating_ip_id)

    def move(self, floating_ip_id: int, holder: int | None) -> None:
        """Do it by the operator's hand."""
        self.seen.add(Kind.OTHER_ACTOR)
        self._cloud.move(floating_ip_id, holder)

    def set_status(self, server_id: int, status: str) -> None:
        """Tell the simulator."""
        self._cloud.set_server_status(server_id, status)

    def remove_server(self, server_id: int) -> None:
        """Delete it."""
        self._cloud.remove_server(server_id)

    def set_quota(self, limit_per_hour: int, remaining: int) -> None:
        """Set the bucket."""
        self._cloud.set_rate_limit(limit_per_hour, remaining=remaining)

    def rules(
        self, *, action_s: float = 0.0, holder_at_accept: bool = True, lock_servers: bool = False
    ) -> None:
        """Set all of them."""
        self._cloud.set_rules(
            action_s=action_s, holder_at_accept=holder_at_accept, lock_servers=lock_servers
        )

    # --- trouble ---------------------------------------------------------------------------------

    @contextmanager
    def fault(self, kind: Kind, value: float = FIRST) -> Iterator[None]:
        """Let the simulator, the resolver or the token be what the kind says."""
        with ExitStack() as stack:
            fault = FAULTS.get((kind, value))
            if fault is not None:
                stack.enter_context(self._cloud.faulty(fault))
            self._begin(kind, value, stack)
            self.seen.add(kind)
            yield

    def _begin(self, kind: Kind, value: float, stack: ExitStack) -> None:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        match kind:
            case Kind.REFUSED | Kind.OUTAGE:
                # Resets are on their way; before they arrive a call would go out and be lost.
                self._cloud.wait_for(lambda: not self._cloud.counters().open_connections)
            case Kind.THROTTLED if value in RETRY_AFTER:
                self._say_retry_after(patch, RETRY_AFTER[value])
            case Kind.SLOW if value != FIRST:
                stack.enter_context(self._cloud.faulty(Fault(network=Network.HANDSHAKE_HANG)))
            case Kind.DNS if value == FIRST:
                patch.setattr(socket, "getaddrinfo", _unresolved)
            case Kind.DNS:
                released = threading.Event()
                stack.callback(released.set)
                patch.setattr(socket, "getaddrinfo", lambda *_a, **_k: _stall(released))
            case Kind.BLACKHOLE:
                port = urlsplit(stack.enter_context(full_listener())).port
                where = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))
                patch.setattr(socket, "getaddrinfo", lambda *_a, **_k: [where])
            case Kind.TLS:
                good = self._cloud._ports.api.tls
                self._cloud.use_certificate(str(self._tls.strange_cert), str(self._tls.strange_key))
                stack.callback(setattr, self._cloud._ports.api, "tls", good)
            case Kind.UNAUTHORIZED:
                self._cloud.revoke(CLIENT)
                stack.callback(self._cloud.add_client, CLIENT, token=TOKEN)
            case Kind.READ_ONLY:
                self._cloud.add_client(CLIENT, token=TOKEN, read_only=True)
                stack.callback(self._cloud.add_client, CLIENT, token=TOKEN)
            case Kind.GONE:
                holder = self.holder(IP)
                self._cloud.remove_floating_ip(IP)
                stack.callback(self.add_ip, IP, holder)
            case Kind.PAGE_SLIP:
                self._on_answer = self._remove_after_first_page
            case Kind.QUOTA_EATEN | Kind.SPENDERS:
                self._cloud.set_rate_limit(LIMIT_PER_HOUR, remaining=0)
            case Kind.DUPLICATED:
                pass  # what is done twice is done by `land`
            case _:
                assert (kind, value) in FAULTS, f"the real port knows no {kind} of {value}"

    def _say_retry_after(self, patch: pytest.MonkeyPatch, wait: str) -> None:
        """Hetzner does not document the header, so the simulator has none of its own."""
        api = self._cloud._commands._engine.api
        plain = api.headers

        def headers(now: float, *, empty: bool = False) -> dict[str, str]:
            return {**plain(now, empty=empty), "Retry-After": wait}

        patch.setattr(api, "headers", headers)

    def _observe(self, method: str, path: str, status: int, body: JsonObject) -> None:
        del status, body
        self._on_answer(method, path)

    def _remove_after_first_page(self, method: str, path: str) -> None:
        """Delete an address of the page just read: the first of the next page slips onto it."""
        if (method, path) == ("GET", "/v1/floating_ips"):
            self._on_answer = lambda _method, _path: None
            self._cloud.remove_floating_ip(IP)

    def land(self) -> None:
        """Send the very same request once more, as it was."""
        entry = self._cloud.assigns()[-1]
        where = urlsplit(self._cloud.url)
        context = make_tls(self._tls.ca_file)
        sender = http.client.HTTPSConnection(
            where.hostname or "", where.port, timeout=PATIENCE_S, context=context
        )
        try:
            headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
            sender.request(entry.method, entry.path, entry.body, headers)
            sender.getresponse().read()
        finally:
            sender.close()

    def close(self) -> None:
        """End all threads."""
        self._pool.close()
        self._cloud.close()


def _this_machine(limit_s: float) -> Iterator[Candidate | Miss]:
    del limit_s
    yield Candidate(ME, "the world")


def _unresolved(*_args: object, **_kw: object) -> None:
    raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")


def _stall(released: threading.Event) -> None:
    released.wait(PATIENCE_S)
    raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

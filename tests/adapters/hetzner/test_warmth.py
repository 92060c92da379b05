"""A claim finds a connection that is open and alive, whatever became of the one before."""

import contextlib
import ctypes
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from hakeeper.adapters.hetzner import worker
from hakeeper.adapters.hetzner.attempt import Attempt
from hakeeper.adapters.hetzner.call_guard import CallGuard
from hakeeper.adapters.hetzner.connection import Connection
from hakeeper.core.calls import Failure, FailureKind, MutationAccepted
from hakeeper.core.events import StartCall
from tests.support.hetzner_bodies import IP, ME, action_json, floating_ip_json
from tests.support.http_server import Peer, RawServer, Seen, close, full_listener, http
from tests.support.pool_bench import Bench
from tests.support.resources import assign, read
from tests.support.tls import server_context
from tests.support.waiting import eventually

SO_ATTACH_FILTER = 26
"""asm-generic/socket.h"""
Tls = tuple[ssl.SSLContext | None, Path | None]
"""The server's context, and the file with the authority that vouches for it."""
LONG_S = 60.0
"""A call's time that no test waits for."""


def answer(_peer: Peer, seen: Seen) -> bytes:
    if seen.method == "POST":
        return http(201, {"action": action_json()})
    return http(200, {"floating_ip": floating_ip_json()})


@pytest.fixture(params=["http", "https"])
def tls(request: pytest.FixtureRequest, tmp_path: Path) -> Tls:
    if request.param == "http":
        return None, None
    authority = trustme.CA()
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    return server_context(authority, "127.0.0.1"), ca_file


@contextlib.contextmanager
def scene(tls: Tls, *, warm: int, workers: int = 8) -> Iterator[tuple[RawServer, Bench]]:
    """Start a server, and a pool that keeps connections to it."""
    context, ca_file = tls
    with (
        RawServer(answer, tls=context) as server,
        Bench(server.url, ca_file=ca_file, warm=warm, workers=workers) as made,
    ):
        wait_warm(made, warm)
        ends = warm if context is None else 2 * warm  # the plain socket, and the encrypted one
        eventually(lambda: len(server._peers) == ends, what="the server's ends of them")
        yield server, made


def wait_warm(made: Bench, count: int) -> None:
    eventually(lambda: connected(made) == count, what=f"{count} connections")


def connected(made: Bench) -> int:
    return sum(worker.is_connected for worker in made.pool._idle)


def deafen(server: RawServer) -> None:
    """Have the kernel drop whatever comes in on the connections of now, as if a way were gone."""
    program = struct.pack("HBBI", 0x06, 0, 0, 0)  # BPF_RET | BPF_K, nothing: drop it
    code = ctypes.create_string_buffer(program)
    filter_ = struct.pack("HL", 1, ctypes.addressof(code))
    for sock in server._peers:
        with contextlib.suppress(OSError):  # closed: it hears nothing either
            socket.socket.setsockopt(sock, socket.SOL_SOCKET, SO_ATTACH_FILTER, filter_)


def test_as_many_connections_as_wanted_are_open_before_any_call_and_are_used(tls: Tls) -> None:
    with scene(tls, warm=3) as (server, made):
        calls = [made.start(assign(IP, ME), urgent=True) for _ in range(3)]
        assert all(isinstance(made.result(call).outcome, MutationAccepted) for call in calls)
        assert server.accepted == 3


def test_none_is_opened_ahead_unless_wanted(tls: Tls) -> None:
    with scene(tls, warm=0) as (server, made):
        made.call(read(IP))
        assert server.accepted == 1
        made.pool.keep_warm(2)
        wait_warm(made, 2)
        eventually(lambda: server.accepted >= 2, what="the second one at the server")
        assert server.accepted == 2


def test_a_connection_that_the_server_closes_while_idle_is_replaced_before_anybody_asks(
    tls: Tls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "GAPS_S", (0.0, 0.0))
    with scene(tls, warm=2) as (server, made):
        for sock in list(server._peers):
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
        eventually(lambda: server.accepted >= 4, what="two more connections")
        wait_warm(made, 2)
        assert server.seen == []
        made.result(made.start(assign(IP, ME), urgent=True))
        assert server.seen[0].connection > 2
        assert server.accepted == 4


def test_a_claim_takes_a_worker_that_is_connected_rather_than_the_one_used_last(tls: Tls) -> None:
    with scene(tls, warm=1, workers=4) as (server, made):
        cold = [each for each in made.pool._idle if not each.is_connected]
        warm = next(each for each in made.pool._idle if each.is_connected)
        made.pool._idle[:] = [warm, *cold]
        made.result(made.start(assign(IP, ME), urgent=True))
        assert server.accepted == 1


def test_an_assign_over_a_way_that_is_gone_ends_within_moments_and_its_outcome_is_unknown(
    tls: Tls,
) -> None:
    with scene(tls, warm=2) as (server, made):
        deafen(server)
        lost = made.result(made.start(assign(IP, ME), LONG_S, urgent=True))
        assert isinstance(lost.outcome, Failure)
        assert lost.outcome.kind is FailureKind.OUTCOME_UNKNOWN
        # Python's TLS takes the kernel's ETIMEDOUT for an end of file before 3.12.
        codes = (
            {"connection_silent"} if tls[0] is None else {"connection_silent", "connection_closed"}
        )
        assert lost.outcome.code in codes
        assert server.seen == []


def test_after_one_connection_died_in_silence_no_other_as_old_is_tried(tls: Tls) -> None:
    with scene(tls, warm=3) as (server, made):
        deafen(server)
        made.result(made.start(assign(IP, ME), LONG_S, urgent=True))
        calls = [made.start(assign(IP, ME), LONG_S, urgent=True) for _ in range(3)]
        for call in calls:
            assert isinstance(made.result(call).outcome, MutationAccepted)
        assert all(seen.connection > 3 for seen in server.seen)


def test_those_that_are_doubted_are_replaced_before_anybody_asks(tls: Tls) -> None:
    with scene(tls, warm=3) as (server, made):
        deafen(server)
        made.result(made.start(assign(IP, ME), LONG_S, urgent=True))
        eventually(lambda: server.accepted == 6, what="three more connections")


def test_an_answer_cut_short_leaves_no_doubt_about_younger_connections() -> None:
    with RawServer(close) as server, Bench(server.url, warm=1, workers=1) as made:
        wait_warm(made, 1)
        made.call(read(IP))
        eventually(lambda: server.accepted >= 2, what="another connection")
        wait_warm(made, 1)
        assert server.accepted == 2


def test_closing_does_not_wait_for_a_connection_that_is_being_made() -> None:
    with full_listener() as silent, Bench(silent, warm=1, workers=1) as made:
        only = made.pool._idle[0]
        eventually(lambda: only._attempt is not None, what="the try")
        made.pool.close()
        assert not only.thread.is_alive()


def test_a_server_that_refuses_is_not_asked_without_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float | None] = []
    wait = worker.Worker._wait

    def watched(self: worker.Worker, wait_s: float | None) -> None:
        waits.append(wait_s)
        if len(waits) < 6:  # as if the pause were over
            self._connect_from_s = 0.0
            wait_s = 0.0
        wait(self, wait_s)

    monkeypatch.setattr(worker.Worker, "_wait", watched)
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with Bench(f"http://127.0.0.1:{port}/v1", warm=1, workers=1) as made:
        eventually(lambda: len(waits) >= 6, what="some tries")
        only = made.pool._idle[0]
        eventually(lambda: only._gap_s == worker.GAPS_S[1], what="the longest pause")


class Watched(threading.Event):
    """Says when somebody waits for it."""

    def __init__(self) -> None:
        super().__init__()
        self.is_waited_for = threading.Event()

    def wait(self, timeout: float | None = None) -> bool:
        self.is_waited_for.set()
        return super().wait(timeout)


def test_who_started_claims_can_wait_until_they_are_on_the_wire(
    tls: Tls, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = Watched()
    ready = Connection.ready

    def not_before_somebody_waits(self: Connection, attempt: Attempt) -> socket.socket:
        if isinstance(attempt, CallGuard):
            attempt.left = left
            left.is_waited_for.wait(30)
        return ready(self, attempt)

    gate = threading.Event()
    with scene(tls, warm=1, workers=1) as (server, made):
        server.behave = lambda peer, seen: answer(peer, seen) if gate.wait(30) else None
        monkeypatch.setattr(Connection, "ready", not_before_somebody_waits)
        call = made.start(assign(IP, ME), urgent=True)
        guard = made.pool._guards[call]
        guard.left = left
        made.pool.let_leave(5.0)
        assert left.is_set()
        assert guard.sent_at_s is not None
        gate.set()
        made.result(call)


def test_nobody_waits_for_a_claim_that_has_to_connect_first_nor_for_a_read(tls: Tls) -> None:
    with scene(tls, warm=0) as (_, made):
        calls = [made.start(assign(IP, ME), urgent=True), made.start(read(IP))]
        assert [] == made.pool._leaving
        for call in calls:
            made.result(call)


def test_the_wait_for_claims_to_leave_is_bounded_and_over_when_they_end() -> None:
    with RawServer(answer) as server, Bench(server.url, warm=1, workers=1) as made:
        wait_warm(made, 1)
        with made.pool._changed:
            made.pool._leaving.append(CallGuard(StartCall(99, assign(IP, ME), 5.0), time.monotonic))
        made.pool.let_leave(0.0)
        assert [] == made.pool._leaving
        ended = CallGuard(StartCall(99, assign(IP, ME), 5.0), time.monotonic)
        ended.cancel()
        assert ended.left.is_set()

"""Who is served first, by which connection, and what happens when there is too much."""

import socket
import threading
from collections.abc import Callable

import pytest

from hakeeper.adapters.hetzner import HetznerOptions
from hakeeper.adapters.hetzner.pool import QUEUE_LIMIT
from hakeeper.core.calls import (
    Failure,
    FailureKind,
    MutationAccepted,
    OneRead,
)
from tests.support.hetzner_bodies import IP, ME, TOKEN, action_json, error, floating_ip_json
from tests.support.http_server import Behaviour, Peer, RawServer, Seen, full_listener, http
from tests.support.pool_bench import Bench
from tests.support.resources import assign, read
from tests.support.waiting import eventually


def answer(_peer: Peer, seen: Seen) -> bytes:
    """Answer as the API does."""
    if seen.method == "POST":
        return http(201, {"action": action_json()})
    return http(200, {"floating_ip": floating_ip_json()})


def gated(gate: Callable[[Seen], threading.Event | None]) -> Behaviour:
    """Answer when the gate for the request is open."""

    def behave(peer: Peer, seen: Seen) -> bytes:
        event = gate(seen)
        if event is not None:
            event.wait(30)
        return answer(peer, seen)

    return behave


def test_a_claim_goes_out_on_the_connection_that_the_reads_kept_warm() -> None:
    with RawServer(answer) as server, Bench(server.url) as made:
        for _ in range(5):
            made.call(read(IP))
        made.result(made.start(assign(IP, ME), urgent=True))
        made.call(read(IP))
        assert [seen.connection for seen in server.seen] == [1] * 7
        assert server.accepted == 1


def test_a_claim_started_from_the_result_of_a_read_finds_that_worker_idle() -> None:
    with RawServer(answer) as server, Bench(server.url) as made:
        started = threading.Event()

        def on_result(result: object) -> None:
            made.results.append(result)  # type: ignore[arg-type]
            if not started.is_set():
                started.set()
                made.start(assign(IP, ME), urgent=True)

        made.pool._deliver = on_result
        made.call(read(IP))
        made.result(2)
        assert [seen.connection for seen in server.seen] == [1, 1]


def test_a_connection_that_the_server_closed_while_idle_is_replaced_before_sending() -> None:
    def behave(peer: Peer, seen: Seen) -> bytes | None:
        if peer.number > 1:
            return answer(peer, seen)
        peer.sock.sendall(answer(peer, seen))
        return None

    with RawServer(behave) as server, Bench(server.url) as made:
        made.call(read(IP))
        eventually(lambda: server._peers[0].fileno() == -1, what="the server to close")
        result = made.result(made.start(assign(IP, ME), urgent=True))
        assert isinstance(result.outcome, MutationAccepted)
        assert [seen.connection for seen in server.seen] == [1, 2]


def test_an_answer_that_asks_to_close_is_obeyed() -> None:
    def behave(_peer: Peer, _seen: Seen) -> bytes:
        return http(200, {"floating_ip": floating_ip_json()}, {"Connection": "close"})

    with RawServer(behave) as server, Bench(server.url) as made:
        made.call(read(IP))
        made.call(read(IP))
        assert [seen.connection for seen in server.seen] == [1, 2]


def test_urgent_calls_overtake_reads_that_wait() -> None:
    gate = threading.Event()
    with (
        RawServer(gated(lambda seen: gate if seen.path.endswith("/1") else None)) as server,
        Bench(server.url, workers=1) as made,
    ):
        made.start(read(1))
        eventually(lambda: server.seen, what="the first read")
        for number in (2, 3):
            made.start(read(number))
        last = made.start(assign(4, ME), urgent=True)
        gate.set()
        made.result(last)
        made.result(3)
        order = [seen.path.split("/")[3] for seen in server.seen]
    assert order == ["1", "4", "2", "3"]


def test_reads_that_hang_leave_a_worker_to_the_claims() -> None:
    gate = threading.Event()
    with (
        RawServer(gated(lambda seen: gate if seen.method == "GET" else None)) as server,
        Bench(server.url, workers=3) as made,
    ):
        reads = [made.start(read(number)) for number in range(10)]
        outcome = made.result(made.start(assign(IP, ME), urgent=True)).outcome
        assert isinstance(outcome, MutationAccepted)
        gate.set()
        for call in reads:
            assert isinstance(made.result(call).outcome, OneRead)


def test_claims_for_many_addresses_go_out_side_by_side_but_never_more_than_workers() -> None:
    gate = threading.Event()
    with RawServer(gated(lambda _seen: gate)) as server, Bench(server.url, workers=4) as made:
        calls = [made.start(assign(number, ME), urgent=True) for number in range(100)]
        eventually(lambda: len(server.seen) == 4, what="four at once")
        assert len(made.pool._urgent) == 96
        gate.set()
        for call in calls:
            made.result(call)
        assert server.accepted == 4
        assert len(server.posts) == 100


def test_a_queue_that_is_full_refuses_at_once() -> None:
    gate = threading.Event()
    with RawServer(gated(lambda _seen: gate)) as server, Bench(server.url, workers=1) as made:
        calls = [made.start(read(number), 60) for number in range(QUEUE_LIMIT + 1)]
        eventually(lambda: server.seen, what="the first read")
        refused = made.result(made.start(assign(IP, ME), urgent=True)).outcome
        assert isinstance(refused, Failure)
        assert (refused.kind, refused.code) == (FailureKind.TRANSIENT, "queue_full")
        made.pool.cancel(calls[-1])
        accepted = made.start(assign(IP, ME), urgent=True)
        gate.set()
        assert isinstance(made.result(accepted).outcome, MutationAccepted)


def test_a_call_that_no_worker_could_take_in_time_was_not_sent() -> None:
    gate = threading.Event()
    with RawServer(gated(lambda _seen: gate)) as server, Bench(server.url, workers=1) as made:
        made.start(read(IP))
        eventually(lambda: server.seen, what="the first read")
        result = made.call(assign(IP, ME), 0.2)
        gate.set()
        made.result(1)
        made.call(read(IP))
        assert server.posts == []
    assert isinstance(result.outcome, Failure)
    assert (result.outcome.kind, result.outcome.code) == (FailureKind.TRANSIENT, "deadline")
    assert "waiting for a free worker" in result.outcome.message
    assert result.sent_at_s is None


def test_no_thread_is_started_by_a_claim() -> None:
    with RawServer(answer) as server, Bench(server.url) as made:
        before = {thread for thread in threading.enumerate() if thread.name.startswith("hetzner")}
        assert len(before) == 10  # eight workers, the watcher, the resolver
        calls = [made.start(assign(number, ME), urgent=True) for number in range(20)]
        for call in calls:
            made.result(call)
        after = {thread for thread in threading.enumerate() if thread.name.startswith("hetzner")}
        assert before == after


# --- the token -----------------------------------------------------------------------------------


def test_a_new_token_is_used_from_the_next_call_on_over_the_same_connection() -> None:
    tokens = ["first", "second"]

    def behave(peer: Peer, seen: Seen) -> bytes:
        good = seen.headers["authorization"] == "Bearer second"
        return answer(peer, seen) if good else error(401, "unauthorized", "no")

    with RawServer(behave) as server, Bench(server.url, token=lambda: tokens[0]) as made:
        refused = made.failure(read(IP))
        assert (refused.kind, refused.http_status) == (FailureKind.AUTH, 401)
        tokens.pop(0)
        assert made.failure(read(IP)).kind is FailureKind.AUTH
        made.pool.reload_secret()
        assert isinstance(made.call(read(IP)).outcome, OneRead)
        assert server.accepted == 1


def test_a_token_that_cannot_be_read_again_fails_calls_until_it_can() -> None:
    broken: list[OSError] = []

    def read() -> str:
        if broken:
            raise broken[0]
        return TOKEN

    with RawServer(answer) as server, Bench(server.url, token=read) as made:
        broken.append(PermissionError("/etc/hakeeper/token: permission denied"))
        made.pool.reload_secret()
        failure = made.failure(assign(IP, ME))
        assert (failure.kind, failure.code) == (FailureKind.AUTH, "token_unreadable")
        assert "/etc/hakeeper/token: permission denied" in failure.message
        assert server.seen == []
        broken.clear()
        assert isinstance(made.call(assign(IP, ME)).outcome, MutationAccepted)


@pytest.mark.parametrize("spoiled", [TOKEN + "\n", TOKEN + "\r\nX: y", TOKEN + "\N{SNOWMAN}"])
def test_a_token_that_fits_no_header_is_sent_nowhere_and_shown_nowhere(spoiled: str) -> None:
    with RawServer(answer) as server, Bench(server.url, token=lambda: spoiled) as made:
        result = made.call(assign(IP, ME))
        assert server.seen == []
    assert result.sent_at_s is None
    assert isinstance(result.outcome, Failure)
    assert TOKEN[:12] not in repr(result)


# --- options -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://api.hetzner.cloud/v1",
        "http://192.0.2.1/v1",
        "http://localhost.example/v1",
        "ftp://127.0.0.1/",
        "https://",
        "api.hetzner.cloud",
        "https://user:pw@api.hetzner.cloud/v1",
        "https://api.hetzner.cloud/v1?x=1",
    ],
)
def test_an_endpoint_that_would_leak_the_token_or_cannot_work_is_refused(endpoint: str) -> None:
    with pytest.raises(ValueError):
        HetznerOptions(endpoint=endpoint)


@pytest.mark.parametrize(
    "endpoint", ["http://127.9.9.9:1/v1", "http://[::1]:8/v1", "http://localhost/v1"]
)
def test_plain_http_is_allowed_to_loopback(endpoint: str) -> None:
    assert HetznerOptions(endpoint=endpoint).address.is_tls is False


def test_a_slash_at_the_end_of_the_endpoint_is_not_doubled() -> None:
    with RawServer(answer) as server, Bench(server.url + "/") as made:
        made.call(read(IP))
        assert [f"/v1/floating_ips/{IP}"] == [seen.path for seen in server.seen]


def _resolved(monkeypatch: pytest.MonkeyPatch, *ports: int) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in ports]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: found)


def test_an_address_that_refuses_does_not_hide_the_one_that_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with RawServer(answer) as server, Bench(f"http://localhost:{server.port}/v1") as made:
        _resolved(monkeypatch, 1, server.port)
        assert isinstance(made.call(assign(IP, ME)).outcome, MutationAccepted)


def test_an_address_that_does_not_answer_leaves_time_for_the_one_that_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with (
        full_listener() as silent,
        RawServer(answer) as server,
        Bench(f"http://localhost:{server.port}/v1") as made,
    ):
        _resolved(monkeypatch, int(silent.split(":")[2].split("/")[0]), server.port)
        assert isinstance(made.call(assign(IP, ME), 2).outcome, MutationAccepted)


def test_the_address_that_worked_last_is_tried_first(monkeypatch: pytest.MonkeyPatch) -> None:
    def once(_peer: Peer, _seen: Seen) -> bytes:
        return http(201, {"action": action_json()}, {"Connection": "close"})

    with RawServer(answer) as first, RawServer(once) as good:
        with Bench(f"http://localhost:{good.port}/v1", workers=1) as made:
            _resolved(monkeypatch, 1, good.port)
            made.call(assign(IP, ME))
            _resolved(monkeypatch, first.port, good.port)
            made.call(assign(IP, ME))
        assert (first.accepted, good.accepted) == (0, 2)


def test_a_call_that_has_ended_holds_no_socket() -> None:
    """Its number may be that of another call's socket by then."""
    gate = threading.Event()

    def behave(peer: Peer, _seen: Seen) -> None:
        gate.wait(30)
        peer.reset()

    with RawServer(behave) as server, Bench(server.url) as made:
        call = made.start(assign(IP, ME))
        guard = made.pool._guards[call]
        eventually(lambda: guard.sent_at_s, what="the request")
        gate.set()
        made.result(call)
        assert guard._interrupts is None

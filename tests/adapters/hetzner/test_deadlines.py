"""A call ends at its deadline, wherever it hangs, and what it says then is true."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

from hakeeper.adapters.hetzner.errors import Phase
from hakeeper.adapters.identity import Candidate, Miss
from hakeeper.core.calls import (
    Failure,
    FailureKind,
    Identify,
    Request,
)
from tests.support.hetzner_bodies import IP, ME, TOKEN, action_json, page_json
from tests.support.http_server import (
    Behaviour,
    Peer,
    RawServer,
    Seen,
    always,
    close,
    drip,
    full_listener,
    hang,
    http,
    reset,
)
from tests.support.pool_bench import Bench
from tests.support.resources import CLOUD, LIST, assign, read
from tests.support.waiting import eventually

SHORT_S = 0.3
ACTION = http(201, {"action": action_json()})


def endless(prefix: bytes, chunk: bytes) -> Behaviour:
    """Send without end."""

    def behave(peer: Peer, _seen: Seen) -> None:
        peer.sock.sendall(prefix)
        while not peer.server.stopping.is_set():
            peer.sock.sendall(chunk)

    return behave


@pytest.mark.parametrize(
    "behave",
    [
        pytest.param(hang, id="no answer"),
        pytest.param(drip(ACTION), id="a slow head"),
        pytest.param(drip(b"HTTP/1.1 100 Continue\r\n\r\n" * 100), id="told to wait for ever"),
        pytest.param(
            lambda p, s: drip(b"x" * 1000)(p, p.sock.sendall(ACTION[:60]) or s), id="a slow body"
        ),
    ],
)
def test_a_call_that_was_sent_ends_at_its_deadline_and_its_outcome_is_unknown(
    behave: Behaviour,
) -> None:
    with RawServer(behave) as server, Bench(server.url) as made:
        assigning = made.failure(assign(IP, ME), SHORT_S)
        reading = made.failure(read(IP), SHORT_S)
        assert [seen.method for seen in server.seen] == ["POST", "GET"]
    assert (assigning.kind, assigning.code) == (FailureKind.OUTCOME_UNKNOWN, "deadline")
    assert (reading.kind, reading.code) == (FailureKind.TRANSIENT, "deadline")
    assert "waiting for the answer" in assigning.message


@pytest.mark.parametrize(
    ("behave", "code"),
    [
        pytest.param(reset, "connection_reset", id="reset"),
        pytest.param(close, "connection_closed", id="closed"),
        pytest.param(
            lambda p, _s: p.sock.sendall(ACTION[:-5]), "connection_closed", id="cut short"
        ),
        pytest.param(
            lambda p, _s: p.sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9"),
            "connection_closed",
            id="cut short in a chunk",
        ),
        pytest.param(always(b"SSH-2.0-OpenSSH_9.2\r\n"), "bad_answer", id="not HTTP"),
        pytest.param(
            endless(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"), "bad_answer", id="headers without end"
        ),
        pytest.param(
            endless(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536), "huge_answer", id="a huge body"
        ),
        pytest.param(
            endless(b"HTTP/1.1 500 No\r\n\r\n", b"x" * 65536), "huge_answer", id="a huge error"
        ),
        pytest.param(
            always(http(302, b"", {"Location": "/elsewhere"})), "redirected", id="a redirect"
        ),
        pytest.param(
            always(http(307, b"", {"Location": "/elsewhere"})), "redirected", id="a redirected POST"
        ),
        pytest.param(always(http(304, b"")), "bad_answer", id="not modified"),
        pytest.param(
            always(http(780, {"action": action_json()})), "bad_answer", id="a status that is none"
        ),
    ],
)
def test_a_connection_lost_after_sending_leaves_an_assign_unknown_and_sends_nothing_twice(
    behave: Behaviour, code: str
) -> None:
    with RawServer(behave) as server, Bench(server.url) as made:
        assigning = made.call(assign(IP, ME))
        reading = made.failure(read(IP))
        assert [seen.method for seen in server.seen] == ["POST", "GET"]
    assert assigning.sent_at_s is not None
    assert (assigning.outcome.kind, assigning.outcome.code) == (FailureKind.OUTCOME_UNKNOWN, code)  # type: ignore[union-attr]
    assert (reading.kind, reading.code) == (FailureKind.TRANSIENT, code)


def test_many_pages_share_one_deadline() -> None:
    def behave(peer: Peer, seen: Seen) -> bytes | None:
        page = int(seen.path.split("page=")[1].split("&")[0])
        if page == 3:
            return hang(peer, seen)  # type: ignore[func-returns-value]
        return http(200, page_json([page], page + 1))

    with RawServer(behave) as server, Bench(server.url) as made:
        failure = made.failure(LIST, 1)
        assert len(server.seen) == 3
    assert (failure.kind, failure.code) == (FailureKind.TRANSIENT, "deadline")


# --- before anything is sent ---------------------------------------------------------------------


def _unsent(made: Bench, timeout_s: float = SHORT_S) -> tuple[str, str]:
    """Make an assign that must fail before it is sent; return its code and message."""
    result = made.call(assign(IP, ME), timeout_s)
    assert result.sent_at_s is None
    failure = made.failure(assign(IP, ME), timeout_s)
    assert failure.kind is FailureKind.TRANSIENT
    return failure.code, failure.message


def test_a_refused_connection_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    with Bench(url) as made:
        code, message = _unsent(made)
    assert code == "connection_refused"
    assert "refused" in message


def test_a_server_that_takes_no_connection_ends_at_the_deadline() -> None:
    with full_listener() as url, Bench(url) as made:
        assert _unsent(made)[0] == "connect_timeout"


def test_a_tls_handshake_that_hangs_ends_at_the_deadline(tls: "Tls") -> None:
    with RawServer(always(ACTION), tls=tls.context(), stalls=True) as server:
        with Bench(server.url, ca_file=tls.ca_file) as made:
            assert _unsent(made)[0] == "tls"
        assert server.seen == []


def test_a_name_that_cannot_be_resolved_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object, **_kw: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with Bench("https://api.example.test/v1") as made:
        code, message = _unsent(made)
    assert code == "dns"
    assert "api.example.test port 443" in message


class Hanging:
    """A look around on this machine that does not come back, as a sick disk's would not."""

    def __init__(self) -> None:
        self.release = threading.Event()

    def __call__(self, limit_s: float) -> Iterator[Candidate | Miss]:
        del limit_s
        self.release.wait(60)
        yield Candidate(ME, "test")


@contextmanager
def hanging(behave: Behaviour, workers: int) -> Iterator[tuple[RawServer, Bench, Hanging]]:
    """Give a pool in which `Identify` hangs until it is released."""
    look = Hanging()
    with (
        RawServer(behave) as server,
        Bench(server.url, workers=workers, identity=look) as made,
    ):
        try:
            yield server, made, look
        finally:
            look.release.set()


def urgent(made: Bench, request: Request, timeout_s: float) -> Failure:
    """Make an urgent call that must fail."""
    outcome = made.result(made.start(request, timeout_s, urgent=True)).outcome
    assert isinstance(outcome, Failure)
    return outcome


def test_a_worker_that_hangs_does_not_hold_the_result_and_sends_nothing_later() -> None:
    with hanging(always(ACTION), workers=8) as (server, made, look):
        result = made.call(Identify(CLOUD), SHORT_S)
        assert (result.sent_at_s, result.outcome.code) == (None, "deadline")  # type: ignore[union-attr]
        look.release.set()
        eventually(lambda: not made.pool._busy, what="the worker to come back")
        assert server.accepted == 0
        assert not made.pool._stuck


def test_stuck_workers_are_replaced_until_there_are_too_many() -> None:
    with hanging(always(ACTION), workers=2) as (server, made, look):
        for stuck in range(1, 5):
            assert urgent(made, Identify(CLOUD), SHORT_S).code == "deadline"
            eventually(lambda n=stuck: len(made.pool._stuck) == n, what="a stuck worker")  # type: ignore[misc]
        failure = urgent(made, assign(IP, ME), 20)
        assert (failure.kind, failure.code) == (FailureKind.TRANSIENT, "workers_stuck")
        look.release.set()
        eventually(lambda: not made.pool._stuck, what="all workers back")
        assert made.call(assign(IP, ME)).sent_at_s is not None
        assert len(made.pool._idle) + len(made.pool._busy) == 2
        assert len(server.posts) == 1


def test_a_stuck_worker_is_replaced_even_while_the_token_cannot_be_read() -> None:
    broken: list[OSError] = []

    def read() -> str:
        if broken:
            raise broken[0]
        return TOKEN

    look = Hanging()
    with (
        RawServer(always(ACTION)) as server,
        Bench(server.url, workers=1, token=read, identity=look) as made,
    ):
        waiting = made.start(Identify(CLOUD), 1)
        guard = made.pool._guards[waiting]
        eventually(lambda: guard._phase is Phase.LOCAL, what="the look around")
        broken.append(OSError("gone"))
        made.pool.reload_secret()
        eventually(lambda: made.pool._stuck, what="a stuck worker")
        assert made.failure(assign(IP, ME)).code == "token_unreadable"
        broken.clear()
        look.release.set()
        assert made.call(assign(IP, ME)).sent_at_s is not None


def test_without_threads_for_a_replacement_calls_fail_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with (
        hanging(always(ACTION), workers=1) as (_, made, look),
        monkeypatch.context() as patch,
    ):
        patch.setattr(threading.Thread, "start", refuse)
        assert urgent(made, Identify(CLOUD), SHORT_S).code == "deadline"
        eventually(lambda: made.pool._stuck, what="a stuck worker")
        assert urgent(made, assign(IP, ME), 20).code == "workers_stuck"
        look.release.set()
        eventually(lambda: not made.pool._stuck, what="the worker to come back")
        patch.undo()
        assert made.call(assign(IP, ME)).sent_at_s is not None


# --- TLS -----------------------------------------------------------------------------------------


class Tls:
    """A certificate authority and what it issues."""

    def __init__(self, folder: Path) -> None:
        self._ca = trustme.CA()
        self.ca_file = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.ca_file))

    def context(self, name: str = "127.0.0.1") -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(name).configure_cert(context)
        return context


@pytest.fixture
def tls(tmp_path: Path) -> Tls:
    return Tls(tmp_path)


def test_a_call_over_tls_with_our_own_ca_works(tls: Tls) -> None:
    with RawServer(always(ACTION), tls=tls.context()) as server:
        with Bench(server.url, ca_file=tls.ca_file) as made:
            assert made.call(assign(IP, ME)).sent_at_s is not None
        assert len(server.posts) == 1


@pytest.mark.parametrize("trouble", ["unknown authority", "another name", "no TLS at all"])
def test_a_server_that_cannot_prove_itself_gets_no_byte_of_the_request(
    tls: Tls, trouble: str, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    ca_file = Tls(tmp_path / "other").ca_file if trouble == "unknown authority" else tls.ca_file
    context = tls.context("another.test" if trouble == "another name" else "127.0.0.1")
    with RawServer(always(ACTION), tls=None if trouble == "no TLS at all" else context) as server:
        url = server.url.replace("http://", "https://")
        with Bench(url, ca_file=ca_file) as made:
            assert _unsent(made, 1)[0] == "tls"
        assert server.seen == []


def test_variables_of_the_environment_cannot_add_trust_or_write_down_keys(
    tls: Tls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = tmp_path / "keys"
    monkeypatch.setenv("SSLKEYLOGFILE", str(keys))
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, str(tls.ca_file))
    with RawServer(always(ACTION), tls=tls.context()) as server:
        with Bench(server.url) as made:
            assert _unsent(made, 20)[0] == "tls"
        with Bench(server.url, ca_file=tls.ca_file) as made:
            made.call(assign(IP, ME))
        assert len(server.posts) == 1
    assert not keys.exists()


def test_tls_that_hangs_in_the_middle_of_an_answer_ends_at_the_deadline(tls: Tls) -> None:
    with RawServer(hang, tls=tls.context()) as server:
        with Bench(server.url, ca_file=tls.ca_file) as made:
            failure = made.failure(assign(IP, ME), SHORT_S)
        assert len(server.posts) == 1
    assert (failure.kind, failure.code) == (FailureKind.OUTCOME_UNKNOWN, "deadline")

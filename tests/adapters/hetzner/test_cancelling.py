"""What was cancelled before it was sent is never sent: at any moment, not only at nice ones."""

import random
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from hakeeper.adapters.hetzner.call_guard import CallGuard
from hakeeper.adapters.hetzner.errors import CallEndedError, Phase
from hakeeper.core.calls import CallResult, Failure, FailureKind
from hakeeper.core.events import StartCall
from tests.support.hetzner_bodies import IP, ME, action_json, floating_ip_json
from tests.support.http_server import Peer, RawServer, Seen, always, full_listener, hang, http
from tests.support.pool_bench import Bench
from tests.support.resources import assign, read
from tests.support.waiting import eventually

ACTION = http(201, {"action": action_json()})


def kind_of(result: CallResult) -> FailureKind | None:
    """Return the class of failure, None for success."""
    return result.outcome.kind if isinstance(result.outcome, Failure) else None


def test_a_call_cancelled_in_the_queue_is_never_sent() -> None:
    release = threading.Event()

    def behave(_peer: Peer, seen: Seen) -> bytes:
        if seen.method == "POST":
            return ACTION
        release.wait(30)
        return http(200, {"floating_ip": floating_ip_json()})

    with RawServer(behave) as server, Bench(server.url, workers=1) as made:
        blocking = made.start(read(IP))
        eventually(lambda: server.seen, what="the read to be sent")
        waiting = made.start(assign(IP, ME), urgent=True)
        made.pool.cancel(waiting)
        result = made.result(waiting)
        release.set()
        assert kind_of(made.result(blocking)) is None
        assert kind_of(made.call(read(IP))) is None
        assert (kind_of(result), result.sent_at_s) == (FailureKind.CANCELLED, None)
        assert server.posts == []


def test_a_call_cancelled_in_the_tls_handshake_is_never_sent_and_frees_its_worker(
    tmp_path: Path,
) -> None:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    with (
        RawServer(always(ACTION), tls=context, stalls=True) as server,
        Bench(server.url, ca_file=tmp_path / "ca.pem", workers=1) as made,
    ):
        waiting = made.start(assign(IP, ME), urgent=True)
        eventually(lambda: server.accepted, what="the connection")
        made.pool.cancel(waiting)
        result = made.result(waiting)
        assert (kind_of(result), result.sent_at_s) == (FailureKind.CANCELLED, None)
        eventually(lambda: not made.pool._busy, what="the worker to come back")
        server.stalls = False
        assert kind_of(made.call(assign(IP + 1, ME))) is None
        assert [f"/v1/floating_ips/{IP + 1}/actions/assign"] == [s.path for s in server.posts]


def test_a_call_cancelled_while_connecting_frees_its_worker() -> None:
    with full_listener() as url, Bench(url, workers=1) as made:
        waiting = made.start(assign(IP, ME), 100)
        eventually(lambda: made.pool._guards[waiting]._phase is Phase.CONNECTING, what="it")
        made.pool.cancel(waiting)
        assert kind_of(made.result(waiting)) is FailureKind.CANCELLED
        eventually(lambda: not made.pool._busy, what="the worker to come back")


def test_a_call_cancelled_while_resolving_is_never_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, release = threading.Event(), threading.Event()
    real = socket.getaddrinfo

    def wait(*args: object, **kw: object) -> object:
        asked.set()
        release.wait(60)
        return real(*args, **kw)  # type: ignore[arg-type]

    with (
        RawServer(always(ACTION)) as server,
        Bench(server.url.replace("127.0.0.1", "localhost")) as made,
    ):
        with monkeypatch.context() as patch:
            patch.setattr(socket, "getaddrinfo", wait)
            waiting = made.start(assign(IP, ME))
            assert asked.wait(30)
            made.pool.cancel(waiting)
            assert kind_of(made.result(waiting)) is FailureKind.CANCELLED
            eventually(lambda: not made.pool._busy, what="the worker to come back")
            release.set()
        assert server.accepted == 0


def test_cancelling_what_was_sent_changes_nothing() -> None:
    with RawServer(hang) as server, Bench(server.url) as made:
        call = made.start(assign(IP, ME), 1)
        eventually(lambda: server.posts, what="the assign to be sent")
        made.pool.cancel(call)
        assert kind_of(made.result(call)) is FailureKind.OUTCOME_UNKNOWN


def test_cancelling_what_has_ended_or_never_was_changes_nothing() -> None:
    with RawServer(always(ACTION)) as server, Bench(server.url) as made:
        made.call(assign(IP, ME))
        made.pool.cancel(1)
        made.pool.cancel(99)
        assert kind_of(made.call(assign(IP, ME))) is None


@pytest.mark.parametrize("how", ["cancel", "expire", "abandon"])
def test_a_call_that_ends_in_the_last_instant_before_sending_is_never_sent(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last thing before the permission is to ask for the time left: it ends just then."""
    with RawServer(always(ACTION)) as server, Bench(server.url, workers=1) as made:
        made.call(assign(IP, ME))

        def ends_after(guard: CallGuard) -> float:
            outcome = getattr(guard, how)()
            made.pool._forget(guard)
            made.pool._deliver(made.pool._result(guard, outcome))
            return 5.0

        with monkeypatch.context() as patch:
            patch.setattr(CallGuard, "remaining_s", ends_after)
            result = made.call(assign(IP + 1, ME))
            eventually(lambda: not made.pool._busy, what="the worker to come back")
        assert result.sent_at_s is None
        assert kind_of(made.call(assign(IP + 2, ME))) is None
        assert [str(IP), str(IP + 2)] == [seen.path.split("/")[3] for seen in server.posts]


@pytest.fixture
def hectic() -> Iterator[None]:
    """Have the interpreter change threads as often as it can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("hectic")
def test_leave_to_send_and_cancelling_exclude_each_other() -> None:
    both = threading.Barrier(2)
    cancelled: list[bool] = []
    guards = [CallGuard(StartCall(n, assign(IP, ME), 60), time.monotonic) for n in range(3000)]

    def cancel() -> None:
        for guard in guards:
            both.wait()
            cancelled.append(guard.cancel() is not None)

    thread = threading.Thread(target=cancel)
    thread.start()
    permitted: list[bool] = []
    for guard in guards:
        both.wait()
        try:
            guard.permit_send("POST")
        except CallEndedError:
            permitted.append(False)
        else:
            permitted.append(True)
    thread.join()
    assert all(one != other for one, other in zip(permitted, cancelled, strict=True))


def test_no_leave_to_send_is_given_after_the_deadline_even_if_nobody_has_noticed() -> None:
    now = [100.0]
    guard = CallGuard(StartCall(1, assign(IP, ME), 5), lambda: now[0])
    now[0] = 105.0
    with pytest.raises(CallEndedError):
        guard.permit_send("POST")
    assert guard.sent_at_s is None


def test_nothing_but_reads_is_sent_for_a_read() -> None:
    guard = CallGuard(StartCall(1, read(IP), 5), time.monotonic)
    with pytest.raises(RuntimeError):
        guard.permit_send("POST")
    guard.permit_send("GET")
    guard.permit_send("GET")


def _check(results: list[CallResult], server: RawServer, first: int, count: int) -> None:
    """No cancelled assign arrived, and every one that was sent is said to have been."""
    arrived = [int(seen.path.split("/")[3]) - first for seen in server.posts]
    assert len(set(arrived)) == len(arrived)
    for result in results:
        if kind_of(result) is FailureKind.CANCELLED:
            assert result.sent_at_s is None
            assert result.call_id - 1 not in arrived
    assert count == len(results)


def _at_any_moment(act: Callable[[Bench, int], object], rounds: int, longest_s: float) -> None:
    chance = random.Random(7)  # noqa: S311 - chance, not secrets
    with RawServer(always(ACTION)) as server, Bench(server.url, workers=3) as made:
        for number in range(rounds):
            call = made.start(assign(1000 + number, ME), urgent=True)
            end = time.perf_counter() + chance.random() * longest_s
            while time.perf_counter() < end:
                pass
            act(made, call)
        for call in range(1, rounds + 1):
            made.result(call)
        made.pool.close()
        _check(made.results, server, 1000, rounds)


def test_at_whatever_moment_an_assign_is_cancelled_it_was_sent_or_never_will_be() -> None:
    _at_any_moment(lambda made, call: made.pool.cancel(call), rounds=400, longest_s=0.003)


def test_an_assign_whose_time_ran_out_before_sending_is_not_sent_later() -> None:
    chance = random.Random(7)  # noqa: S311 - chance, not secrets
    with RawServer(always(ACTION)) as server, Bench(server.url, workers=2) as made:
        for number in range(300):
            made.start(assign(1000 + number, ME), chance.random() * 0.004, urgent=True)
            if number % 10 == 0:
                made.result(number + 1)
        for call in range(1, 301):
            made.result(call)
        made.pool.close()
        arrived = {int(seen.path.split("/")[3]) - 999 for seen in server.posts}
        unsent = {result.call_id for result in made.results if result.sent_at_s is None}
        assert not arrived & unsent
        assert unsent


def test_closing_ends_every_call_and_sends_nothing_more() -> None:
    chance = random.Random(7)  # noqa: S311 - chance, not secrets
    for round_number in range(15):
        with RawServer(always(ACTION)) as server, Bench(server.url, workers=3) as made:
            for number in range(30):
                made.start(assign(1000 + number, ME), urgent=bool(number % 2))
            time.sleep(chance.random() * 0.01)
            made.pool.close()
            late = made.start(assign(2000 + round_number, ME))
            assert kind_of(made.result(late)) is FailureKind.CANCELLED
            _check(made.results, server, 1000, 31)
            assert not [t for t in threading.enumerate() if t.name.startswith("hetzner-")]

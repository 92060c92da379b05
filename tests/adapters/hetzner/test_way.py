"""The way to the API: slow and dead resolvers, sick addresses; calls find the way that works."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from hakeeper.adapters.hetzner import worker
from hakeeper.adapters.hetzner.errors import Phase
from hakeeper.adapters.hetzner.options import parse_endpoint
from hakeeper.adapters.hetzner.route import ADDRESS_LIMIT, HEALTH_LIMIT, Route
from hakeeper.core.calls import Failure, MutationAccepted, OneRead
from tests.support.hetzner_bodies import IP, ME, action_json, floating_ip_json
from tests.support.http_server import Peer, RawServer, Seen, always, full_listener, hang, http
from tests.support.pool_bench import Bench
from tests.support.resources import assign, read
from tests.support.tls import server_context
from tests.support.waiting import eventually

LONG_S = 60.0
"""A call's time that no test waits for; `run_out` ends it."""
ACTION = http(201, {"action": action_json()}, {"Connection": "close"})
"""Each call has to find its way anew."""
ONE = http(200, {"floating_ip": floating_ip_json()}, {"Connection": "close"})


class Names:
    """Stands where libc's resolver stands, with answers that a test decides on."""

    def __init__(self, *ports: int) -> None:
        self.ports = ports
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.is_broken = False
        self.asked = 0

    def __call__(self, *_args: object, **_kw: object) -> list[object]:
        self.asked += 1
        self.may_answer.wait(60)
        if self.is_broken:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in self.ports
        ]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    made = Names()
    monkeypatch.setattr(socket, "getaddrinfo", made)
    yield made
    made.may_answer.set()


def answer(_peer: Peer, seen: Seen) -> bytes:
    return ACTION if seen.method == "POST" else ONE


def accepted(made: Bench, timeout_s: float = LONG_S) -> None:
    assert isinstance(made.call(assign(IP, ME), timeout_s).outcome, MutationAccepted)


def code(made: Bench, phase: Phase) -> str:
    """Make a call; its time runs out in this phase, if it fails no sooner. Return its code."""
    call = made.start(assign(IP, ME), LONG_S)
    eventually(
        lambda: made.has_ended(call) or made.is_in(call, phase),
        what=f"a call that is {phase.value}",
    )
    outcome = made.run_out(call).outcome
    assert isinstance(outcome, Failure)
    return outcome.code


def is_answered(made: Bench, *servers: RawServer) -> bool:
    """Make a call; its time runs out once a server that hangs has it."""
    hanging = [each for each in servers if each.behave is hang]
    before = sum(len(each.seen) for each in hanging)
    call = made.start(read(IP), LONG_S)
    eventually(
        lambda: made.has_ended(call) or sum(len(each.seen) for each in hanging) > before,
        what="an answer, or a server that hangs",
    )
    return isinstance(made.run_out(call).outcome, OneRead)


# --- the resolver --------------------------------------------------------------------------------


def test_an_answer_of_the_resolver_that_came_too_late_is_used_by_the_next_call(
    names: Names,
) -> None:
    with RawServer(answer) as server, Bench("http://localhost:1/v1") as made:
        names.ports = (server.port,)
        names.may_answer.clear()
        assert code(made, Phase.RESOLVING) == "dns"
        assert server.accepted == 0
        names.may_answer.set()
        eventually(made.pool._access.route.targets, what="the late answer")
        names.may_answer.clear()  # as with a first nameserver that is dead: each one is late
        accepted(made)
        accepted(made)
        assert names.asked == 2  # one question at a time


def test_one_that_answers_while_a_call_waits_is_heard_at_once(names: Names) -> None:
    with RawServer(answer) as server, Bench("http://localhost:1/v1") as made:
        names.ports = (server.port,)
        names.may_answer.clear()
        call = made.start(assign(IP, ME), LONG_S)
        eventually(lambda: names.asked, what="the question")
        names.may_answer.set()
        assert isinstance(made.result(call).outcome, MutationAccepted)


@pytest.mark.parametrize("how", ["gone", "silent"])
def test_without_the_resolver_calls_go_to_the_address_that_is_known(names: Names, how: str) -> None:
    with RawServer(answer) as server, Bench("http://localhost:1/v1") as made:
        names.ports = (server.port,)
        accepted(made)
        names.is_broken = how == "gone"
        if how == "silent":
            names.may_answer.clear()
        for _ in range(5):
            accepted(made)
        assert len(server.posts) == 6


def test_a_connection_kept_ready_waits_for_the_resolver_as_long_as_it_takes(
    names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "GAPS_S", (600.0, 600.0))
    names.may_answer.clear()
    with RawServer(answer) as server, Bench("http://localhost:1/v1", warm=2) as made:
        names.ports = (server.port,)
        wanting = made.pool._idle[-2:]
        eventually(lambda: all(each._lacks_address for each in wanting), what="them to wait")
        # No try has begun, so no time of one passes.
        assert [None, None] == [each._attempt for each in wanting]
        names.may_answer.set()
        eventually(lambda: server.accepted == 2, what="two connections")


def test_a_resolver_that_fails_is_not_asked_without_pause(names: Names) -> None:
    names.is_broken = True
    with Bench("http://localhost:1/v1", warm=1, workers=1) as made:
        only = made.pool._idle[0]
        eventually(lambda: names.asked == 1, what="the question")
        eventually(lambda: only._lacks_address, what="it to know that it lacks an address")
        for _ in range(100):
            only.look()
        assert code(made, Phase.RESOLVING) == "dns"
        assert names.asked <= 3


def test_closing_does_not_wait_for_a_call_that_waits_for_the_resolver(names: Names) -> None:
    names.may_answer.clear()
    with Bench("http://localhost:1/v1", workers=1) as made:
        only = made.pool._idle[0]
        made.start(assign(IP, ME), LONG_S)
        eventually(lambda: names.asked, what="the question")
        made.pool.close()
        assert not only.thread.is_alive()


def test_a_new_pool_knows_what_the_old_one_knew_of_the_same_endpoint(names: Names) -> None:
    with RawServer(answer) as server, Bench("http://localhost:1/v1") as old:
        names.ports = (server.port,)
        accepted(old)
        names.is_broken = True
        with Bench("http://localhost:1/v1") as new, Bench("http://localhost:2/v1") as other:
            new.pool.succeed(old.pool)
            other.pool.succeed(old.pool)
            accepted(new)
            assert code(other, Phase.RESOLVING) == "dns"


# --- sick addresses ------------------------------------------------------------------------------


@pytest.fixture
def tls(tmp_path: Path) -> tuple[ssl.SSLContext, Path]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return server_context(authority, "localhost"), tmp_path / "ca.pem"


def test_an_address_that_hangs_in_tls_does_not_keep_the_calls(
    names: Names, tls: tuple[ssl.SSLContext, Path]
) -> None:
    context, ca_file = tls
    with (
        RawServer(answer, tls=context, stalls=True) as sick,
        RawServer(answer, tls=context) as well,
        Bench("https://localhost:1/v1", ca_file=ca_file) as made,
    ):
        names.ports = (sick.port, well.port)
        for _ in range(3):
            accepted(made)
        assert len(well.posts) == 3
        assert sick.accepted == 1  # it had its chance


def test_an_address_with_a_wrong_certificate_does_not_keep_the_calls(
    names: Names, tls: tuple[ssl.SSLContext, Path]
) -> None:
    context, ca_file = tls
    with (
        RawServer(answer, tls=server_context(trustme.CA(), "localhost")) as sick,
        RawServer(answer, tls=context) as well,
        Bench("https://localhost:1/v1", ca_file=ca_file) as made,
    ):
        names.ports = (sick.port, well.port)
        accepted(made)
        accepted(made)
        assert (sick.accepted, len(sick.seen), len(well.posts)) == (1, 0, 2)


def test_an_address_that_takes_no_connection_does_not_keep_the_calls(names: Names) -> None:
    with (
        full_listener() as silent,
        RawServer(answer) as well,
        Bench("http://localhost:1/v1", workers=1) as made,
    ):
        names.ports = (parse_endpoint(silent).port, well.port)
        accepted(made)
        route = made.pool._access.route
        assert [well.port, names.ports[0]] == [target[1][1] for target in route.targets()]
        accepted(made)


def test_an_address_that_takes_requests_and_answers_none_is_left_for_the_other(
    names: Names,
) -> None:
    with (
        RawServer(hang) as sick,
        RawServer(answer) as well,
        Bench("http://localhost:1/v1") as made,
    ):
        names.ports = (sick.port, well.port)
        made.pool.keep_warm(3)
        eventually(lambda: sick.accepted == 3, what="connections to the one that is named first")
        assert not is_answered(made, sick, well)
        for _ in range(3):
            accepted(made)
        assert len(sick.seen) == 1
        assert len(well.posts) == 3


@pytest.mark.parametrize("behave", [hang, always(b"SSH-2.0-OpenSSH_9.2\r\n")])
def test_an_address_that_fell_ill_is_left_and_found_again_when_the_other_falls_ill(
    names: Names, behave: Callable[[Peer, Seen], bytes | None]
) -> None:
    with (
        RawServer(answer) as one,
        RawServer(answer) as other,
        Bench("http://localhost:1/v1", workers=1) as made,
    ):
        names.ports = (one.port, other.port)
        accepted(made)
        one.behave = behave
        assert not is_answered(made, one, other)
        accepted(made)
        one.behave, other.behave = answer, behave
        for _ in range(3):
            is_answered(made, one, other)
        assert is_answered(made, one, other)


def test_sick_addresses_take_turns_however_often_they_failed_before(names: Names) -> None:
    with (
        RawServer(answer) as one,
        RawServer(answer) as two,
        RawServer(answer) as three,
        Bench("http://localhost:1/v1", workers=1) as made,
    ):
        servers = (one, two, three)
        names.ports = tuple(each.port for each in servers)

        def tries(well: RawServer) -> int:
            """Let one alone be well; say which call it answers."""
            for each in servers:
                each.behave = answer if each is well else hang
            for count in range(1, 10):
                if is_answered(made, *servers):
                    return count
            return 10

        for well in (one, two, one, two, one, three):  # all have answered; some failed more often
            tries(well)
        for well in (one, three, two):
            assert tries(well) <= len(servers)


def test_a_connection_made_while_its_address_fell_ill_is_not_used(names: Names) -> None:
    with (
        RawServer(hang) as sick,
        RawServer(answer) as well,
        Bench("http://localhost:1/v1") as made,
    ):
        names.ports = (sick.port, well.port)
        made.pool.keep_warm(1)
        eventually(lambda: sick.accepted == 1, what="a connection to the one that is named first")
        call = made.start(read(IP), LONG_S)
        eventually(lambda: sick.seen, what="a call that is not answered")
        made.pool.keep_warm(4)
        eventually(lambda: sick.accepted == 4, what="connections that are younger than the call")
        made.run_out(call)
        eventually(lambda: well.accepted >= 4, what="all of them to be made anew")
        for _ in range(4):
            accepted(made)
        assert 1 == len(sick.seen)


def test_addresses_that_fail_at_once_are_passed_over_at_once(names: Names) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with RawServer(answer) as well, Bench("http://localhost:1/v1") as made:
        names.ports = (port, 1, well.port)
        accepted(made)


def test_one_address_alone_may_take_its_time(
    names: Names, tls: tuple[ssl.SSLContext, Path]
) -> None:
    context, ca_file = tls
    with (
        RawServer(answer, tls=context, stalls=True) as sick,
        Bench("https://localhost:1/v1", ca_file=ca_file, workers=1) as made,
    ):
        names.ports = (sick.port,)
        assert code(made, Phase.TLS) == "tls"
        sick.stalls = False
        accepted(made)


# --- the order -----------------------------------------------------------------------------------

A, B, C = ((socket.AF_INET, (f"192.0.2.{number}", 443)) for number in (1, 2, 3))
SIX = (socket.AF_INET6, ("2001:db8::1", 443, 0, 0))
MORE = (socket.AF_INET6, ("2001:db8::2", 443, 0, 0))


def route(*found: tuple[socket.AddressFamily, tuple[str, int]]) -> Route:
    made = Route(parse_endpoint("https://api.example.test/v1"))
    made.resolver._found = found
    return made


def test_the_families_take_turns() -> None:
    assert [SIX, A, MORE, B] == route(SIX, MORE, A, B, A).targets()  # type: ignore[arg-type]


def test_what_answered_comes_first_and_what_failed_last() -> None:
    made = route(A, B, C)
    made.failed(A)
    made.answered(C)
    assert [C, B, A] == made.targets()


def test_one_failure_does_not_put_what_answered_behind_what_never_did() -> None:
    made = route(A, B)
    made.failed(A)
    made.answered(B)
    made.failed(B)
    assert [B, A] == made.targets()
    made.failed(B)
    assert [A, B] == made.targets()


def test_what_failed_longest_ago_is_tried_first_however_often_it_failed() -> None:
    made = route(A, B, C)
    for each in (C, B, A):
        made.answered(each)
    for each in (A, A, A, B, C, C):
        made.failed(each)
    assert [A, B, C] == made.targets()
    made.failed(A)
    assert [B, C, A] == made.targets()
    assert [False, True, True] == [made.is_left(each) for each in (B, C, A)]
    made.answered(A)
    assert [True, True, False] == [made.is_left(each) for each in (B, C, A)]


def test_what_the_resolver_does_not_name_any_more_comes_after_what_it_does() -> None:
    made = route(A, B)
    made.answered(C)
    assert [A, B, C] == made.targets()
    made.failed(C)
    assert [A, B] == made.targets()


def test_both_lists_are_bounded() -> None:
    many = [(socket.AF_INET, (f"198.51.100.{number}", 443)) for number in range(2 * HEALTH_LIMIT)]
    made = route(*many)
    for each in many:
        made.answered(each)
    assert len(made._health) == HEALTH_LIMIT
    assert [*reversed(many[-ADDRESS_LIMIT:])] == made.targets()

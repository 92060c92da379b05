"""Robot's webservice: what is sent to it, and what is made of its answers."""

import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hakeeper.adapters.hetzner import HetznerOptions, HetznerPool
from hakeeper.adapters.hetzner.robot import MainAddresses, robot_sessions
from hakeeper.adapters.hetzner.robot.api import WORKERS
from hakeeper.adapters.login import Login
from hakeeper.adapters.redaction import Redactor
from hakeeper.core.calls import (
    AllRead,
    CallResult,
    Failure,
    FailureKind,
    Mutate,
    MutationAccepted,
    OneRead,
    ReadActions,
    ReadAll,
    ReadOne,
    ReadServer,
    Request,
    Step,
)
from hakeeper.core.events import StartCall
from hakeeper.core.observation import ResourceId
from hakeeper.kinds import FAILOVER_IPS
from hakeeper.kinds.apis import ROBOT
from tests.support.http_server import Peer, RawServer, Seen, always, hang, http
from tests.support.robot_listener import BASIC, LOGIN, PASSWORD, RobotListener, failover, refusal
from tests.support.waiting import eventually

IP = "203.0.113.7"
ME, OTHER = "198.51.100.1", "198.51.100.2"
RESOURCE = ResourceId(FAILOVER_IPS.name, IP)
SWITCH = Mutate(RESOURCE, Step("route", ME, lane=""))
LIST = ReadAll(FAILOVER_IPS.name)


class Bench:
    """A pool for Robot, and what it delivered."""

    def __init__(self, endpoint: str) -> None:
        self.results: list[CallResult] = []
        redactor = Redactor()
        Login(LOGIN).hide_in(redactor)
        options = HetznerOptions(endpoint=endpoint, version="1.2.3")
        main = MainAddresses([ipaddress.ip_network(ME)], [], is_here=lambda _: True)
        self.pool = HetznerPool(
            options,
            robot_sessions(options, main),
            read_secret=lambda: LOGIN,
            redact=redactor.text,
            deliver=self.results.append,
            workers=WORKERS,
            noun="login",
        )
        self._last_id = 0

    def start(self, request: Request) -> int:
        self._last_id += 1
        self.pool.start(StartCall(self._last_id, request, 20.0))
        return self._last_id

    def result(self, call_id: int) -> CallResult:
        def found() -> list[CallResult]:
            return [each for each in self.results if each.call_id == call_id]

        eventually(found, 30, f"a result of call {call_id}")
        return found()[0]

    def call(self, request: Request) -> object:
        return self.result(self.start(request)).outcome

    def failure(self, request: Request) -> Failure:
        outcome = self.call(request)
        assert isinstance(outcome, Failure)
        return outcome


@contextmanager
def bench(server: RawServer) -> Iterator[Bench]:
    with server:
        made = Bench(server.url.removesuffix("/v1"))
        try:
            yield made
        finally:
            made.pool.close()


def failing(answer: bytes, request: Request = SWITCH) -> Failure:
    """Make one call that is answered so."""
    with bench(RawServer(always(answer))) as made:
        return made.failure(request)


def test_a_switch_is_one_post_of_a_form_with_the_login() -> None:
    server = RobotListener(**{IP: OTHER})
    with bench(server) as made:
        assert MutationAccepted(None) == made.call(SWITCH)
    (seen,) = server.seen
    assert ("POST", f"/failover/{IP}") == (seen.method, seen.path)
    assert f"active_server_ip={ME}".encode() == seen.body
    assert "application/x-www-form-urlencoded" == seen.headers["content-type"]
    assert f"Basic {BASIC}" == seen.headers["authorization"]
    assert "hakeeper/1.2.3" == seen.headers["user-agent"]
    assert ME == server.holders[IP]


def test_an_ipv6_network_is_named_by_its_address() -> None:
    network = ResourceId(FAILOVER_IPS.name, "2001:db8:fa11::")
    answer = failover("2001:db8:fa11::", "2001:db8:1::", "ffff:ffff:ffff:ffff::")
    server = RawServer(always(http(200, answer)))
    with bench(server) as made:
        outcome = made.call(ReadOne(network))
        made.call(Mutate(network, Step("route", "2001:db8:1::", lane="")))
    assert isinstance(outcome, OneRead)
    assert "2001:db8:1::" == outcome.observation.server_id
    assert ["/failover/2001:db8:fa11::"] * 2 == [seen.path for seen in server.seen]
    assert b"active_server_ip=2001%3Adb8%3A1%3A%3A" == server.seen[1].body


def test_a_list_is_one_request() -> None:
    server = RobotListener(**{IP: OTHER, "203.0.113.8": None})
    with bench(server) as made:
        outcome = made.call(LIST)
    assert isinstance(outcome, AllRead)
    assert 1 == outcome.requests
    assert [OTHER, None] == [each.server_id for each in outcome.reading.found]
    assert ["/failover"] == [seen.path for seen in server.seen]


def test_not_found_is_the_empty_list_and_no_failover_ip() -> None:
    with bench(RobotListener()) as made:
        outcome = made.call(LIST)
        assert isinstance(outcome, AllRead)
        assert () == outcome.reading.found
        failure = made.failure(ReadOne(RESOURCE))
    assert (FailureKind.NOT_FOUND, "not_found", 404) == (
        failure.kind,
        failure.code,
        failure.http_status,
    )


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "INVALID_INPUT", FailureKind.REFUSED),
        (401, "UNAUTHORIZED", FailureKind.AUTH),
        (403, "RATE_LIMIT_EXCEEDED", FailureKind.THROTTLED),
        (403, "SOMETHING_ELSE", FailureKind.AUTH),
        (404, "NOT_FOUND", FailureKind.NOT_FOUND),
        (404, "FAILOVER_NEW_SERVER_NOT_FOUND", FailureKind.REFUSED),
        (409, "FAILOVER_ALREADY_ROUTED", FailureKind.ALREADY),
        (409, "FAILOVER_LOCKED", FailureKind.LOCKED),
        (500, "FAILOVER_FAILED", FailureKind.OUTCOME_UNKNOWN),
        (503, "SERVICE_UNAVAILABLE", FailureKind.TRANSIENT),
    ],
)
def test_each_refusal_has_its_class_and_its_status(
    status: int, code: str, kind: FailureKind
) -> None:
    failure = failing(refusal(status, code))
    assert (kind, code.lower(), status) == (failure.kind, failure.code, failure.http_status)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"error": {"code": 3}}', b'{"error": 1}']
)
@pytest.mark.parametrize(
    ("status", "kind"), [(401, FailureKind.AUTH), (503, FailureKind.TRANSIENT)]
)
def test_a_refusal_in_another_form_is_classed_by_its_status(
    body: bytes, status: int, kind: FailureKind
) -> None:
    failure = failing(http(status, body))
    assert (kind, f"http_{status}", status) == (failure.kind, failure.code, failure.http_status)


def test_a_throttled_call_is_told_how_long_one_more_takes() -> None:
    failure = failing(refusal(403, "RATE_LIMIT_EXCEEDED", max_request=50, interval=3600))
    assert 72.0 == failure.retry_after_s


@pytest.mark.parametrize("most", [0, -1, "50", None, True, 1.5])
def test_a_quota_that_is_none_says_nothing(most: object) -> None:
    failure = failing(refusal(403, "RATE_LIMIT_EXCEEDED", max_request=most, interval=3600))
    assert (FailureKind.THROTTLED, None) == (failure.kind, failure.retry_after_s)


def test_what_is_invalid_or_missing_is_named() -> None:
    failure = failing(
        refusal(400, "INVALID_INPUT", "invalid input", invalid=["active_server_ip"], missing=None)
    )
    assert "invalid input (invalid: active_server_ip)" == failure.message
    failure = failing(refusal(400, "INVALID_INPUT", "invalid input", missing={"a": [], "b": []}))
    assert "invalid input (missing: a, b)" == failure.message


def test_a_switch_with_an_answer_that_is_no_json_may_be_done() -> None:
    failure = failing(http(200, b"<html>"))
    assert (FailureKind.OUTCOME_UNKNOWN, "unreadable_answer") == (failure.kind, failure.code)


def test_the_password_is_in_no_failure() -> None:
    quoted = f"no such login: {LOGIN}, {PASSWORD}, Basic {BASIC}"
    failure = failing(refusal(401, "UNAUTHORIZED", quoted))
    assert PASSWORD not in repr(failure)
    assert BASIC not in repr(failure)


@pytest.mark.parametrize("request_", [ReadActions(ROBOT.name, (1,)), ReadServer(ROBOT.name, ME)])
def test_what_robot_does_not_have_is_a_bug(request_: Request) -> None:
    server = RawServer(always(http(200, {})))
    with bench(server) as made:
        assert "internal_error" == made.failure(request_).code
    assert [] == server.seen


def test_redirects_cookies_and_proxies_of_the_environment_do_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with RawServer(always(http(200, []))) as elsewhere:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{elsewhere.port}")
        headers = {"Location": f"{elsewhere.url}/failover", "Set-Cookie": "a=b; Path=/"}
        server = RawServer(always(http(302, b"", headers)))
        with bench(server) as made:
            assert "redirected" == made.failure(LIST).code
            assert "redirected" == made.failure(LIST).code
        assert 2 == len(server.seen)
        assert all("cookie" not in seen.headers for seen in server.seen)
        assert 0 == elsewhere.accepted


# --- a refused login -----------------------------------------------------------------------------


class Gate:
    """Holds back the first answer until the test lets it go."""

    def __init__(self) -> None:
        self.first: list[Seen] = []
        self.is_open = False

    def behave(self, peer: Peer, seen: Seen) -> bytes | None:
        self.first.append(seen)
        while not self.is_open:
            if peer.server.stopping.wait(0.01):
                return None
        return refusal(401, "UNAUTHORIZED")


def test_what_waits_when_a_login_is_refused_is_never_sent() -> None:
    """Three of them would block this address; those that are under way are two at most."""
    gate = Gate()
    server = RawServer(gate.behave)
    with bench(server) as made:
        waiting = [made.start(SWITCH if number == 0 else LIST) for number in range(6)]
        eventually(lambda: gate.first, 30)
        gate.is_open = True
        outcomes = [made.result(call_id).outcome for call_id in waiting]
        assert all(isinstance(each, Failure) for each in outcomes)
        assert {FailureKind.AUTH} == {each.kind for each in outcomes if isinstance(each, Failure)}
        asked = len(server.seen)
        assert asked <= WORKERS
        statuses = [each.http_status for each in outcomes if isinstance(each, Failure)]
        assert asked == statuses.count(401)
        assert len(outcomes) - asked == statuses.count(None)
        assert 401 == made.failure(LIST).http_status  # whoever asks anew may try


def test_switches_leave_workers_to_the_reads_beside_them() -> None:
    server = RawServer(hang)
    with bench(server) as made:
        for number in range(ROBOT.max_parallel):
            made.pool.start(StartCall(100 + number, SWITCH, 20.0, urgent=True))
        made.start(LIST)
        eventually(lambda: len(server.seen) == ROBOT.max_parallel + 1, 30)
        assert ROBOT.max_parallel < WORKERS

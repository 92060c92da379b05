"""What each request sends and reads. Also run with hcloud 2.3.0, see test_old_hcloud.py."""

import ipaddress
import json
import os
import threading

import hcloud
import pytest

from hakeeper.core.calls import (
    ActionsRead,
    AllRead,
    Failure,
    FailureKind,
    MutationAccepted,
    OneRead,
    Quota,
    ReadActions,
    ReadServer,
    ServerRead,
)
from hakeeper.core.model import Action, ActionStatus, Server
from tests.support.hetzner_bodies import (
    IP,
    ME,
    TOKEN,
    action_json,
    error,
    floating_ip_json,
    page_json,
    server_json,
)
from tests.support.http_server import Behaviour, Peer, RawServer, Seen, always, http
from tests.support.pool_bench import Bench
from tests.support.resources import CLOUD, LIST, assign, floating_ip, read
from tests.support.waiting import eventually


def test_the_hcloud_under_test_is_the_one_that_was_asked_for() -> None:
    wanted = os.environ.get("HAKEEPER_TEST_HCLOUD", hcloud.__version__)
    assert wanted == hcloud.__version__


def test_a_floating_ip_is_read_with_its_holder_by_one_request() -> None:
    with RawServer(always(http(200, {"floating_ip": floating_ip_json()}))) as server:
        with Bench(server.url) as made:
            outcome = made.call(read(IP)).outcome
        assert [("GET", f"/v1/floating_ips/{IP}")] == [(s.method, s.path) for s in server.seen]
    expected = floating_ip(
        id=IP,
        name=f"ip-{IP}",
        network=ipaddress.ip_network("203.0.113.10"),
        server_id=ME,
        network_zone="eu-central",
    )
    assert OneRead(expected) == outcome


def test_an_ipv6_floating_ip_is_a_network_and_may_belong_to_nobody() -> None:
    data = floating_ip_json(ip="2001:db8:1:2::/64", type="ipv6", server=None, blocked=True)
    with (
        RawServer(always(http(200, {"floating_ip": data}))) as server,
        Bench(server.url) as made,
    ):
        outcome = made.call(read(IP)).outcome
    assert isinstance(outcome, OneRead)
    assert ipaddress.ip_network("2001:db8:1:2::/64") == outcome.observation.network
    assert outcome.observation.server_id is None
    assert outcome.observation.blocked


def test_an_assign_is_one_post_with_our_server_and_returns_the_action() -> None:
    with RawServer(always(http(201, {"action": action_json()}))) as server:
        with Bench(server.url) as made:
            result = made.call(assign(IP, ME))
        (seen,) = server.seen
    assert MutationAccepted(Action(id=13, status=ActionStatus.RUNNING)) == result.outcome
    assert ("POST", f"/v1/floating_ips/{IP}/actions/assign") == (seen.method, seen.path)
    assert json.loads(seen.body) == {"server": ME}
    assert result.sent_at_s is not None
    assert result.sent_at_s <= result.finished_at_s


def test_requests_carry_the_token_and_say_who_we_are() -> None:
    with RawServer(always(http(200, {"server": server_json()}))) as server:
        with Bench(server.url) as made:
            made.call(ReadServer(CLOUD, ME))
        (seen,) = server.seen
    assert f"Bearer {TOKEN}" == seen.headers["authorization"]
    assert seen.headers["user-agent"].startswith("hakeeper/1.2.3 hcloud-python/")


def test_a_server_is_read_with_its_state_and_zone() -> None:
    with (
        RawServer(always(http(200, {"server": server_json(status="off")}))) as server,
        Bench(server.url) as made,
    ):
        outcome = made.call(ReadServer(CLOUD, ME)).outcome
    assert ServerRead(Server(id=ME, name="web1", status="off", zone="eu-central")) == outcome


def test_the_zone_is_found_in_the_older_form_of_a_server() -> None:
    data = server_json(datacenter={"location": {"network_zone": "us-east"}})
    del data["location"]
    with (
        RawServer(always(http(200, {"server": data}))) as server,
        Bench(server.url) as made,
    ):
        outcome = made.call(ReadServer(CLOUD, ME)).outcome
    assert isinstance(outcome, ServerRead)
    assert outcome.server.zone == "us-east"


def test_actions_are_read_together_and_unknown_ones_are_missing() -> None:
    failed = action_json(2, status="error", error={"code": "action_failed", "message": "no"})
    lying = action_json(1, status="success", error={"code": "action_failed", "message": "no"})
    with RawServer(always(http(200, {"actions": [lying, failed]}))) as server:
        with Bench(server.url) as made:
            outcome = made.call(ReadActions(CLOUD, (1, 2, 3))).outcome
        (seen,) = server.seen
    assert "id=1&id=2&id=3" in seen.path
    done = Action(id=1, status=ActionStatus.SUCCESS)
    broken = Action(id=2, status=ActionStatus.ERROR, error_code="action_failed", error_message="no")
    assert ActionsRead((done, broken)) == outcome


def _paged(last: int) -> Behaviour:
    def behave(_peer: Peer, seen: Seen) -> bytes:
        page = int(seen.path.split("page=")[1].split("&")[0])
        numbers = range(page * 50, page * 50 + 50)
        return http(200, page_json(numbers, page + 1 if page < last else None))

    return behave


def test_all_pages_of_floating_ips_make_one_answer() -> None:
    with RawServer(_paged(3)) as server:
        with Bench(server.url) as made:
            outcome = made.call(LIST).outcome
        assert len(server.seen) == 3
        assert all("per_page=50" in seen.path for seen in server.seen)
    assert isinstance(outcome, AllRead)
    assert list(range(50, 200)) == [ip.id.key for ip in outcome.reading.found]


class Pages:
    """A list of so many pages; answers wait until so many requests are there at once."""

    def __init__(self, count: int, together: int = 1, *, tells_last: bool = True) -> None:
        self.count = count
        self.together = threading.Barrier(together)
        self.tells_last = tells_last
        self.failing: dict[int, bytes] = {}
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()

    def __call__(self, _peer: Peer, seen: Seen) -> bytes:
        page = int(seen.path.split("page=")[1].split("&")[0])
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        if page > 1:
            self.together.wait(30)
        with self._lock:
            self._now -= 1
        body = page_json(range(page * 50, page * 50 + 50), page + 1 if page < self.count else None)
        if self.tells_last:
            body["meta"]["pagination"]["last_page"] = self.count
        return self.failing.get(page) or http(
            200, body, {"RateLimit-Limit": "3600", "RateLimit-Remaining": str(3000 - page)}
        )


def test_many_pages_are_read_side_by_side_and_leave_workers_to_claims() -> None:
    pages = Pages(9, together=4)  # each four wait for each other
    with RawServer(pages) as server:
        with Bench(server.url) as made:
            result = made.call(LIST)
        assert 9 == len(server.seen)
        assert 4 == pages.most
    assert isinstance(result.outcome, AllRead)
    assert list(range(50, 500)) == [ip.id.key for ip in result.outcome.reading.found]
    assert Quota(limit_per_hour=3600, remaining=2991) == result.quota


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_few_workers_read_many_pages_too(workers: int) -> None:
    with RawServer(Pages(9)) as server, Bench(server.url, workers=workers) as made:
        outcome = made.call(LIST).outcome
    assert isinstance(outcome, AllRead)
    assert 450 == len(outcome.reading.found)


@pytest.mark.parametrize("says", [None, 1, 2, 3, "many", True, -5, 2.5])
def test_a_last_page_that_is_none_misleads_nobody(says: object) -> None:
    pages = Pages(4, tells_last=False)

    def behave(peer: Peer, seen: Seen) -> bytes:
        head, _, body = pages(peer, seen).partition(b"\r\n\r\n")
        told = json.loads(body)
        told["meta"]["pagination"]["last_page"] = says
        del head
        return http(200, told)

    with RawServer(behave) as server:
        with Bench(server.url) as made:
            outcome = made.call(LIST).outcome
        assert 4 == len(server.seen)
    assert isinstance(outcome, AllRead)
    assert list(range(50, 250)) == [ip.id.key for ip in outcome.reading.found]


def test_more_pages_than_can_be_are_not_asked_for() -> None:
    with RawServer(Pages(101)) as server, Bench(server.url) as made:
        failure = made.failure(LIST)
        assert 1 == len(server.seen)
    assert (failure.kind, failure.code) == (FailureKind.TRANSIENT, "unreadable_answer")


def test_one_page_that_fails_fails_the_list_at_once_and_the_others_are_let_go() -> None:
    pages, gate = Pages(50), threading.Event()
    pages.failing[3] = error(429, "rate_limit_exceeded", "no", {"Retry-After": "7"})

    def behave(peer: Peer, seen: Seen) -> bytes:
        if "page=1&" not in seen.path and "page=3&" not in seen.path:
            gate.wait(30)
        return pages(peer, seen)

    with RawServer(behave) as server, Bench(server.url) as made:
        failure = made.failure(LIST)
        assert (failure.kind, failure.retry_after_s) == (FailureKind.THROTTLED, 7)
        eventually(lambda: not made.pool._busy, what="all workers back")
        assert [] == [*made.pool._reads, *made.pool._guards]
        assert len(server.seen) <= 5  # the first, and those that went out with the one that failed
        gate.set()
        pages.failing.clear()
        assert isinstance(made.call(LIST).outcome, AllRead)


def test_pages_that_hang_end_with_the_list_at_its_deadline() -> None:
    release = threading.Event()
    pages = Pages(9)

    def behave(peer: Peer, seen: Seen) -> bytes:
        if "page=1&" not in seen.path:
            release.wait(30)
        return pages(peer, seen)

    with RawServer(behave) as server, Bench(server.url) as made:
        failure = made.failure(LIST, 0.5)
        assert (failure.kind, failure.code) == (FailureKind.TRANSIENT, "deadline")
        eventually(lambda: not made.pool._busy, what="all workers back")
        assert [] == [*made.pool._reads, *made.pool._guards]
        release.set()


@pytest.mark.parametrize(
    ("behave", "requests"),
    [
        pytest.param(always(http(200, page_json([1], 1))), 1, id="the same page again"),
        pytest.param(_paged(10**6), 100, id="pages without end"),
        pytest.param(
            always(http(200, {"floating_ips": [floating_ip_json(n) for n in range(50)]})),
            1,
            id="a full page that does not say whether it is the last",
        ),
    ],
)
def test_a_list_that_cannot_be_read_to_its_end_is_no_list(behave: Behaviour, requests: int) -> None:
    with RawServer(behave) as server:
        with Bench(server.url) as made:
            failure = made.failure(LIST)
        assert requests == len(server.seen)
    assert (failure.kind, failure.code) == (FailureKind.TRANSIENT, "unreadable_answer")


def _without(**entry: object) -> dict[str, object]:
    """Return a floating IP without the members that are ... here."""
    data = floating_ip_json(9, ip="203.0.113.9") | entry
    return {key: value for key, value in data.items() if value is not ...}


FOREIGN = "203.0.113.9"


@pytest.mark.parametrize(
    ("entry", "odd"),
    [
        (None, (None, None, None)),
        (7, (None, None, None)),
        ({}, (None, None, None)),
        (_without(id=...), (None, "ip-9", FOREIGN)),
        (_without(id="9"), (None, "ip-9", FOREIGN)),
        (_without(id=True), (None, "ip-9", FOREIGN)),
        (_without(server=...), (9, "ip-9", FOREIGN)),
        (_without(server={"id": 42}), (9, "ip-9", FOREIGN)),
        (_without(ip=None), (9, "ip-9", None)),
        (_without(ip="here"), (9, "ip-9", None)),
    ],
)
def test_an_odd_entry_does_not_hide_the_others(
    entry: object, odd: tuple[int | None, str | None, str | None]
) -> None:
    body = {"floating_ips": [entry, floating_ip_json()], "meta": {"pagination": {"page": 1}}}
    with RawServer(always(http(200, body))) as server, Bench(server.url) as made:
        outcome = made.call(LIST).outcome
    assert isinstance(outcome, AllRead)
    assert [IP] == [each.id.key for each in outcome.reading.found]
    assert [odd] == [(each.key, each.name, each.label) for each in outcome.reading.unreadable]
    assert all(each.why for each in outcome.reading.unreadable)


def test_what_is_not_needed_may_be_missing() -> None:
    bare = {"id": IP, "name": "web", "ip": "203.0.113.10", "server": 43}
    body = {"floating_ips": [bare, _without(name=None)], "meta": {"pagination": {"page": 1}}}
    with RawServer(always(http(200, body))) as server, Bench(server.url) as made:
        outcome = made.call(LIST).outcome
    assert isinstance(outcome, AllRead)
    assert [(IP, 43, False), (9, ME, False)] == [
        (each.id.key, each.server_id, each.blocked) for each in outcome.reading.found
    ]
    # One without a name may be the one that is meant by a name, and is found by its id. One without
    # labels may be one that a selector means.
    assert [(IP, "web"), (9, None)] == [
        (each.key, each.name) for each in outcome.reading.unreadable
    ]


def test_names_from_outside_are_bounded() -> None:
    data = floating_ip_json(name="x" * 100_000, home_location={"network_zone": "z" * 100_000})
    with (
        RawServer(always(http(200, {"floating_ip": data}))) as server,
        Bench(server.url) as made,
    ):
        outcome = made.call(read(IP)).outcome
    assert isinstance(outcome, OneRead)
    assert 256 == len(outcome.observation.name) == len(outcome.observation.zone)


ONE_IP = {"floating_ip": floating_ip_json()}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"7",
        b"{",
        b"<html>fine</html>",
        b"[" * 100_000,
        b"\xff\xfe\x00",
        b'{"floating_ip": null}',
        b'{"floating_ip": [], "action": []}',
        json.dumps({"floating_ip": floating_ip_json(id="4711"), "action": {"id": 1}}).encode(),
        json.dumps({"floating_ip": floating_ip_json(id=True), "action": action_json("x")}).encode(),  # type: ignore[arg-type]
        json.dumps(
            {"floating_ip": floating_ip_json(ip="here"), "action": action_json(status="odd")}
        ).encode(),
    ],
)
def test_a_success_that_cannot_be_read_leaves_an_assign_unknown_and_a_read_to_be_repeated(
    body: bytes,
) -> None:
    with RawServer(always(http(201, body))) as server, Bench(server.url) as made:
        reading = made.failure(read(IP))
        assigning = made.failure(assign(IP, ME))
        assert len(server.seen) == 2
    assert (reading.kind, reading.code) == (FailureKind.TRANSIENT, "unreadable_answer")
    assert (assigning.kind, assigning.code) == (FailureKind.OUTCOME_UNKNOWN, "unreadable_answer")


def test_fields_that_we_do_not_know_change_nothing() -> None:
    data = floating_ip_json(unheard_of={"deep": [1]})
    with (
        RawServer(always(http(200, {"floating_ip": data, "more": 1}))) as server,
        Bench(server.url) as made,
    ):
        assert isinstance(made.call(read(IP)).outcome, OneRead)


T, L, A = FailureKind.TRANSIENT, FailureKind.LOCKED, FailureKind.AUTH
HAS = FailureKind.ALREADY
N, R, H = FailureKind.NOT_FOUND, FailureKind.REFUSED, FailureKind.THROTTLED
U = FailureKind.OUTCOME_UNKNOWN

ERRORS: list[tuple[int, str, FailureKind]] = [
    (400, "json_error", R),
    (401, "unauthorized", A),
    (401, "token_readonly", A),
    (403, "forbidden", A),
    (403, "maintenance", T),
    (403, "resource_limit_exceeded", R),
    (404, "not_found", N),
    (405, "method_not_allowed", R),
    (409, "uniqueness_error", R),
    (409, "conflict", L),
    (410, "deprecated_api_endpoint", R),
    (412, "resource_unavailable", T),
    (422, "invalid_input", R),
    (422, "service_error", T),
    (422, "unsupported_error", R),
    (422, "floating_ip_assigned", HAS),
    (422, "something_new", R),
    (423, "locked", L),
    (423, "protected", R),
    (423, "resource_locked", R),
    (429, "rate_limit_exceeded", H),
    (500, "server_error", T),
    (500, "unknown_error", T),
    (502, "bad_gateway", U),
    (503, "unavailable", T),
    (504, "timeout", U),
    (520, "something_new", U),
]


@pytest.mark.parametrize(("status", "code", "kind"), ERRORS)
def test_each_error_code_has_its_class_and_nothing_is_sent_again(
    status: int, code: str, kind: FailureKind
) -> None:
    with RawServer(always(error(status, code, "says why"))) as server:
        with Bench(server.url) as made:
            failure = made.failure(assign(IP, ME))
            reading = made.failure(read(IP))
        assert [seen.method for seen in server.seen] == ["POST", "GET"]
    expected = Failure(kind=kind, code=code, message="says why", http_status=status)
    assert expected == failure
    assert (T if kind is U else kind) == reading.kind


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, A),
        (403, A),
        (404, N),
        (409, L),
        (412, T),
        (418, R),
        (423, L),
        (429, H),
        (500, T),
        (502, U),
        (503, T),
        (504, U),
        (599, U),
    ],
)
@pytest.mark.parametrize(
    "body",
    [
        b"<html>secret page</html>" * 20_000,
        b"",
        b"{}",
        b"[]",
        b'"error"',
        b'{"error": null}',
        b'{"error": {"message": 5}}',
        b'{"error": {"code": {"a": 1}, "message": "m"}}',
    ],
)
def test_an_error_without_a_code_is_classed_by_its_status_and_its_page_is_not_shown(
    status: int, kind: FailureKind, body: bytes
) -> None:
    with RawServer(always(http(status, body))) as server:
        with Bench(server.url) as made:
            failure = made.failure(assign(IP, ME))
        assert len(server.posts) == 1
    assert (kind, f"http_{status}", status) == (failure.kind, failure.code, failure.http_status)
    assert "html" not in failure.message


def test_the_rate_limit_headers_are_read_whatever_their_case() -> None:
    headers = {"Ratelimit-LIMIT": "7200", "rateLimit-Remaining": "7199", "RateLimit-Reset": "9"}
    with (
        RawServer(always(http(200, {"floating_ip": floating_ip_json()}, headers))) as server,
        Bench(server.url) as made,
    ):
        quota = made.call(read(IP)).quota
    assert Quota(limit_per_hour=7200, remaining=7199) == quota


@pytest.mark.parametrize(
    "headers",
    [
        {"RateLimit-Limit": "many", "RateLimit-Remaining": "few"},
        {"RateLimit-Limit": "-1", "RateLimit-Remaining": "1e9", "Retry-After": "soon"},
        {"RateLimit-Limit": "9" * 5000, "RateLimit-Remaining": ""},
        {"RateLimit-Limit": "²", "RateLimit-Remaining": "٣"},
    ],
)
def test_garbage_in_the_rate_limit_headers_counts_as_absent(headers: dict[str, str]) -> None:
    with (
        RawServer(always(error(429, "rate_limit_exceeded", "x", headers))) as server,
        Bench(server.url) as made,
    ):
        result = made.call(read(IP))
    assert isinstance(result.outcome, Failure)
    assert (result.outcome.kind, result.outcome.retry_after_s) == (FailureKind.THROTTLED, None)
    assert result.quota is None


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"Retry-After": "7", "RateLimit-Limit": "3600", "RateLimit-Remaining": "0"}, 7),
        ({"RateLimit-Limit": "3600", "RateLimit-Remaining": "0"}, None),
        ({"RateLimit-Limit": "3600", "RateLimit-Remaining": "5"}, None),
        ({"Retry-After": "999999999"}, 3600),
        ({}, None),
    ],
)
def test_after_a_429_the_wait_is_what_retry_after_says(
    headers: dict[str, str], wait_s: float | None
) -> None:
    with (
        RawServer(always(error(429, "rate_limit_exceeded", "x", headers))) as server,
        Bench(server.url) as made,
    ):
        assert wait_s == made.failure(read(IP)).retry_after_s


def test_the_token_that_a_429_quotes_is_removed_and_the_correlation_id_kept() -> None:
    text = f"Limit of '3600' requests per hour for token '{TOKEN[:32]}...' reached."
    answer = error(429, "rate_limit_exceeded", text, {"X-Correlation-Id": "5d1f00aa"})
    with RawServer(always(answer)) as server, Bench(server.url) as made:
        result = made.call(read(IP))
    assert TOKEN[:12] not in repr(result)
    assert isinstance(result.outcome, Failure)
    assert result.outcome.correlation_id == "5d1f00aa"
    assert "token '[token]...' reached" in result.outcome.message


def test_a_message_becomes_one_short_line() -> None:
    answer = error(500, "server_error", "one\ntwo\x1b[31m\r\n" + "x" * 5000 + TOKEN)
    with RawServer(always(answer)) as server, Bench(server.url) as made:
        message = made.failure(read(IP)).message
    assert message.startswith("one two [31m xxx")
    assert len(message) == 300
    assert message.isprintable()


def test_the_token_in_the_error_of_an_action_is_removed() -> None:
    data = action_json(status="error", error={"code": "failed", "message": f"for {TOKEN}"})
    with (
        RawServer(always(http(201, {"action": data}))) as server,
        Bench(server.url) as made,
    ):
        outcome = made.call(assign(IP, ME)).outcome
    assert isinstance(outcome, MutationAccepted)
    assert outcome.action is not None
    assert outcome.action.error_message == "for [token]"

"""The adapter against the simulated cloud, over HTTP and HTTPS."""

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from hakeeper.core.calls import (
    ActionsRead,
    AllRead,
    Failure,
    FailureKind,
    MutationAccepted,
    OneRead,
    ReadActions,
    ReadServer,
    ServerRead,
)
from hakeeper.core.model import ActionStatus
from hakeeper.demo.cloud import HTML_502, Answer, Fault, Network, SimCloud
from tests.support.pool_bench import Bench
from tests.support.resources import CLOUD, LIST, assign, read
from tests.support.waiting import eventually


@dataclass
class Scene:
    """A cloud with two servers and a floating IP, and a client that is the first of them."""

    cloud: SimCloud
    made: Bench
    web: int
    me: int
    other: int
    token: str

    def wait_for_reset(self) -> None:
        """Wait until the reset of the idle connection has arrived at our end."""
        worker = self.made.pool._idle[-1]
        eventually(lambda: not worker.is_connected, what="the reset")

    def failure(self, fault: Fault, timeout_s: float = 20) -> Failure:
        """Make an assign that meets a fault."""
        with self.cloud.faulty(fault):
            return self.made.failure(assign(self.web, self.me), timeout_s)


@pytest.fixture(params=["http", "https"])
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    context, ca_file = None, None
    if request.param == "https":
        ca = trustme.CA()
        ca_file = tmp_path / "ca.pem"
        ca.cert_pem.write_to_path(str(ca_file))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert("127.0.0.1").configure_cert(context)
    with SimCloud(tls=context) as cloud:
        me, other = cloud.add_server("web1"), cloud.add_server("web2")
        web = cloud.add_floating_ip("web", "203.0.113.10", server=other)
        token = cloud.add_client("node1")
        cloud.set_rules(action_s=0.05)
        with Bench(cloud.url, token=lambda: token, ca_file=ca_file) as made:
            yield Scene(cloud, made, web, me, other, token)


def test_a_whole_claim_uses_one_connection_and_one_post(scene: Scene) -> None:
    made = scene.made
    listed = made.call(LIST).outcome
    assert isinstance(listed, AllRead)
    assert [(scene.web, scene.other)] == [(ip.id.key, ip.server_id) for ip in listed.reading.found]

    accepted = made.result(made.start(assign(scene.web, scene.me), urgent=True)).outcome
    assert isinstance(accepted, MutationAccepted)
    assert accepted.action is not None
    done = None
    while done is not ActionStatus.SUCCESS:
        answer = made.call(ReadActions(CLOUD, (accepted.action.id,))).outcome
        assert isinstance(answer, ActionsRead)
        (action,) = answer.actions
        done = action.status

    result = made.call(read(scene.web))
    assert isinstance(result.outcome, OneRead)
    assert scene.me == result.outcome.observation.server_id
    assert result.quota is not None
    assert result.quota.limit_per_hour == 3600
    assert scene.me == scene.cloud.holder(scene.web)
    assert len(scene.cloud.assigns()) == 1
    assert {1} == {request.connection for request in scene.cloud.requests()}


def test_more_floating_ips_than_fit_a_page_are_all_listed(scene: Scene) -> None:
    for number in range(120):
        scene.cloud.add_floating_ip(f"v6-{number}", f"2001:db8:1:{number:x}::/64")
    listed = scene.made.call(LIST).outcome
    assert isinstance(listed, AllRead)
    assert len(listed.reading.found) == 121
    assert len(scene.cloud.requests()) == 3


def test_a_server_that_is_off_is_read_so(scene: Scene) -> None:
    scene.cloud.set_server_status(scene.other, "off")
    outcome = scene.made.call(ReadServer(CLOUD, scene.other)).outcome
    assert isinstance(outcome, ServerRead)
    assert outcome.server.status == "off"
    assert outcome.server.zone == "eu-central"


def test_what_is_not_in_the_project_is_not_found(scene: Scene) -> None:
    for request in (read(1), ReadServer(CLOUD, 1), assign(1, scene.me)):
        assert scene.made.failure(request).kind is FailureKind.NOT_FOUND


def test_an_assign_to_the_server_that_has_it_says_so_and_nothing_of_a_lock(scene: Scene) -> None:
    failure = scene.made.failure(assign(scene.web, scene.other))
    assert (failure.kind, failure.code) == (FailureKind.ALREADY, "floating_ip_assigned")


def test_an_assign_during_an_action_says_locked(scene: Scene) -> None:
    scene.cloud.set_rules(action_s=60)
    assert isinstance(scene.made.call(assign(scene.web, scene.me)).outcome, MutationAccepted)
    failure = scene.made.failure(assign(scene.web, scene.other))
    assert (failure.kind, failure.code) == (FailureKind.LOCKED, "locked")


@pytest.mark.parametrize(
    ("fault", "kind", "code"),
    [
        (Fault(status=502, body=HTML_502), FailureKind.OUTCOME_UNKNOWN, "http_502"),
        (Fault(status=503, body=""), FailureKind.TRANSIENT, "http_503"),
        (Fault(status=504, commit=True), FailureKind.OUTCOME_UNKNOWN, "timeout"),
        (Fault(status=500), FailureKind.TRANSIENT, "server_error"),
        (Fault(answer=Answer.RESET, commit=True), FailureKind.OUTCOME_UNKNOWN, "connection_reset"),
        (Fault(answer=Answer.CLOSE, commit=True), FailureKind.OUTCOME_UNKNOWN, "connection_closed"),
        (Fault(answer=Answer.TRUNCATED), FailureKind.OUTCOME_UNKNOWN, "connection_closed"),
        (Fault(answer=Answer.MALFORMED), FailureKind.OUTCOME_UNKNOWN, "unreadable_answer"),
        (Fault(answer=Answer.HUGE), FailureKind.OUTCOME_UNKNOWN, "huge_answer"),
    ],
)
def test_whatever_becomes_of_an_assign_it_is_sent_once(
    scene: Scene, fault: Fault, kind: FailureKind, code: str
) -> None:
    failure = scene.failure(fault)
    found = failure.code
    if fault.answer is Answer.RESET and found == "connection_closed":
        found = "connection_reset"  # OpenSSL may see either
    assert (failure.kind, found) == (kind, code)
    assert len(scene.cloud.assigns()) == 1
    assert isinstance(scene.made.call(read(scene.web)).outcome, OneRead)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(answer=Answer.NEVER, commit=True),
        Fault(drip_s=0.1),
        Fault(answer_delay_s=60),
    ],
)
def test_an_answer_that_does_not_come_in_time_leaves_the_outcome_unknown(
    scene: Scene, fault: Fault
) -> None:
    failure = scene.failure(fault, 0.5)
    assert (failure.kind, failure.code) == (FailureKind.OUTCOME_UNKNOWN, "deadline")
    assert len(scene.cloud.assigns()) == 1


def test_a_429_without_retry_after_names_no_wait_and_keeps_the_token_to_itself(
    scene: Scene,
) -> None:
    scene.cloud.set_rate_limit(1800, remaining=0)
    failure = scene.made.failure(assign(scene.web, scene.me))
    assert (failure.kind, failure.retry_after_s) == (FailureKind.THROTTLED, None)
    assert failure.correlation_id
    assert "1800" in failure.message


def test_a_revoked_token_is_said_and_a_new_one_works(scene: Scene) -> None:
    scene.cloud.revoke("node1")
    assert scene.made.failure(LIST).kind is FailureKind.AUTH
    scene.cloud.add_client("node1", token=scene.token)
    assert isinstance(scene.made.call(LIST).outcome, AllRead)


def test_a_port_that_is_closed_refuses_and_works_again_when_it_is_open(scene: Scene) -> None:
    scene.made.call(read(scene.web))
    with scene.cloud.faulty(Fault(network=Network.REFUSE)):
        scene.wait_for_reset()
        failure = scene.made.failure(assign(scene.web, scene.me))
    assert (failure.kind, failure.code) == (FailureKind.TRANSIENT, "connection_refused")
    assert isinstance(scene.made.call(assign(scene.web, scene.me)).outcome, MutationAccepted)


def test_a_half_open_connection_is_given_up_at_the_deadline(scene: Scene) -> None:
    scene.made.call(read(scene.web))
    with scene.cloud.faulty(Fault(network=Network.FREEZE)):
        failure = scene.made.failure(assign(scene.web, scene.me), 0.5)
        assert isinstance(scene.made.call(read(scene.web)).outcome, OneRead)
    assert (failure.kind, failure.code) == (FailureKind.OUTCOME_UNKNOWN, "deadline")
    assert scene.cloud.assigns() == []


def test_a_connection_closed_while_idle_is_replaced(scene: Scene) -> None:
    scene.made.call(read(scene.web))
    scene.cloud.drop_connections()
    scene.wait_for_reset()
    assert isinstance(scene.made.call(assign(scene.web, scene.me)).outcome, MutationAccepted)
    assert [request.connection for request in scene.cloud.requests()] == [1, 2]


def test_a_hundred_claims_at_once_each_arrive_once(scene: Scene) -> None:
    scene.cloud.set_rules(lock_servers=False)
    numbers = [
        scene.cloud.add_floating_ip(f"ip{number}", f"198.51.100.{number}")
        for number in range(1, 101)
    ]
    calls = [scene.made.start(assign(number, scene.me), urgent=True) for number in numbers]
    for call in calls:
        assert isinstance(scene.made.result(call).outcome, MutationAccepted)
    assert sorted(numbers) == sorted(each.floating_ip or 0 for each in scene.cloud.assigns())
    scene.cloud.wait_for(lambda: {scene.me} == {scene.cloud.holder(number) for number in numbers})


def test_five_hundred_floating_ips_at_six_tenths_a_page_are_listed_in_the_time_of_a_call(
    scene: Scene,
) -> None:
    for number in range(499):
        address = f"198.51.{number // 250}.{number % 250}"
        scene.cloud.add_floating_ip(f"ip-{number}", address, server=scene.other)
    slow = Fault(method="GET", path="/floating_ips", answer_delay_s=0.6)
    with scene.cloud.faulty(slow):
        outcome = scene.made.call(LIST, 5.0).outcome
    assert isinstance(outcome, AllRead)
    assert len(outcome.reading.found) == 500

"""Failover IPs: what Robot lists, its switches, which take their time, and its refusals."""

import ipaddress
from collections.abc import Iterator

import pytest

from hakeeper.core.calls import (
    AllRead,
    CallResult,
    FailureKind,
    Mutate,
    MutationAccepted,
    OneRead,
    ReadAll,
    ReadOne,
)
from hakeeper.core.observation import Observation, ResourceId
from hakeeper.kinds import FAILOVER_IPS
from hakeeper.simulate.faults.kinds import Kind
from hakeeper.simulate.robot_cloud import main_ip, main_net
from tests.contracts.failovers import (
    LIST,
    FakeRobot,
    RealRobot,
    RobotPort,
    all_of,
    ip_of,
    net_of,
    one_of,
    read,
    route,
    step_of,
)
from tests.contracts.port import ME, OTHER, SECOND, SENT_S, STRANGER, retry_after_s, shows, told
from tests.contracts.real import Tls

IP, NETWORK = 1, 2
WEB, WEB6 = ip_of(IP), net_of(NETWORK)
UNKNOWN_IP = "203.0.113.9"
ALREADY = (FailureKind.ALREADY, "failover_already_routed", 409)
LOCKED = (FailureKind.LOCKED, "failover_locked", 409)
NOT_FOUND = (FailureKind.NOT_FOUND, "not_found", 404)
NO_SUCH_SERVER = (FailureKind.REFUSED, "failover_new_server_not_found", 404)
AUTH = (FailureKind.AUTH, "unauthorized", 401)
THROTTLED = (FailureKind.THROTTLED, "rate_limit_exceeded", 403)
FAILED = (FailureKind.OUTCOME_UNKNOWN, "failover_failed", 500)
MAINTENANCE = (FailureKind.TRANSIENT, "maintenance", 503)


@pytest.fixture(params=["fake", "real"])
def port(request: pytest.FixtureRequest, tls: Tls) -> Iterator[RobotPort]:
    made: RobotPort = FakeRobot() if request.param == "fake" else RealRobot(tls)
    yield made
    made.close()


# --- reading -------------------------------------------------------------------------------------


@shows(ReadAll, AllRead)
def test_an_account_without_failover_ips_has_an_empty_list(port: RobotPort) -> None:
    assert () == all_of(port)


@shows(ReadAll, ReadOne, AllRead, OneRead)
def test_failover_ips_of_both_families_are_read_with_the_main_address_of_their_server(
    port: RobotPort,
) -> None:
    port.add_ip(IP, OTHER)
    port.add_network(NETWORK, STRANGER)
    port.add_ip(3, None)
    web = Observation(
        id=ResourceId(FAILOVER_IPS.name, WEB),
        label=WEB,
        network=ipaddress.ip_network(WEB),
        server_id=main_ip(OTHER),
    )
    web6 = Observation(
        id=ResourceId(FAILOVER_IPS.name, WEB6),
        label=f"{WEB6}/64",
        network=ipaddress.ip_network(f"{WEB6}/64"),
        server_id=main_net(STRANGER),
    )
    assert [web, web6] == [one_of(port, address) for address in (WEB, WEB6)]
    assert None is one_of(port, ip_of(3)).server_id
    assert 3 == len(all_of(port))
    port.move(IP, ME)
    assert main_ip(ME) == one_of(port, WEB).server_id


@shows(FailureKind.NOT_FOUND)
def test_a_failover_ip_that_is_not_there_is_not_found(port: RobotPort) -> None:
    port.add_ip(IP, OTHER)
    assert NOT_FOUND == port.failure(read(UNKNOWN_IP))
    assert NOT_FOUND == port.failure(route(UNKNOWN_IP))


# --- switching -----------------------------------------------------------------------------------


def _took_s(result: CallResult) -> float:
    assert result.sent_at_s is not None
    return result.finished_at_s - result.sent_at_s


@shows(Mutate, MutationAccepted)
def test_a_switch_is_answered_when_it_is_done(port: RobotPort) -> None:
    port.switch_takes(0.5)
    port.add_ip(IP, OTHER)
    result = port.call(step_of(port, WEB))
    assert MutationAccepted(None) == result.outcome
    assert 0.5 <= _took_s(result)
    assert ME == port.holder(IP)
    assert (main_ip(ME), False) == (one_of(port, WEB).server_id, one_of(port, WEB).moving)


@shows(Mutate, MutationAccepted)
def test_a_network_of_ipv6_goes_to_the_main_network(port: RobotPort) -> None:
    port.switch_takes(0.0)
    port.add_network(NETWORK, None)
    request = step_of(port, WEB6)
    assert main_net(ME) == request.step.holder
    assert MutationAccepted(None) == port.answer(request)
    assert ME == port.holder(NETWORK)


@shows(Kind.ACTION_ENDLESS, FailureKind.LOCKED, FailureKind.OUTCOME_UNKNOWN)
def test_what_is_being_switched_is_moving_and_locked_and_no_other_is(port: RobotPort) -> None:
    port.switch_takes(0.0)
    port.add_ip(IP, OTHER)
    port.add_ip(3, OTHER)
    with port.fault(Kind.ACTION_ENDLESS):
        call_id = port.start(route(WEB))
        port.until(lambda: port.is_switching(IP), "the switch")
        found = one_of(port, WEB)
        assert (main_ip(OTHER), True) == (found.server_id, found.moving)
        assert LOCKED == port.failure(route(WEB))
        assert LOCKED == port.failure(route(WEB, main_ip(OTHER)))
        assert not one_of(port, ip_of(3)).moving
    assert FailureKind.OUTCOME_UNKNOWN is told(port.result(call_id))[0]
    assert OTHER == port.holder(IP)
    assert not one_of(port, WEB).moving
    port.answer(route(WEB))


@shows(Kind.ACTION_ENDLESS, FailureKind.LOCKED)
def test_robot_need_not_say_what_is_moving(port: RobotPort) -> None:
    port.switch_takes(0.0)
    port.add_ip(IP, OTHER)
    with port.fault(Kind.ACTION_ENDLESS):
        call_id = port.start(route(WEB))
        port.until(lambda: port.is_switching(IP), "the switch")
        port.hide_moving()
        assert not one_of(port, WEB).moving
        assert LOCKED == port.failure(route(WEB))
    port.result(call_id)


@shows(FailureKind.OUTCOME_UNKNOWN)
def test_a_switch_goes_on_when_nobody_waits_for_it_any_more(port: RobotPort) -> None:
    port.switch_takes(1.5)
    port.add_ip(IP, OTHER)
    one_of(port, WEB)
    result = port.missed_deadline(route(WEB), SENT_S)
    assert (FailureKind.OUTCOME_UNKNOWN, "deadline", None) == told(result)
    port.until(lambda: port.holder(IP) == ME, "the switch")
    assert main_ip(ME) == one_of(port, WEB).server_id


@shows(Kind.ACTION_ERROR, FailureKind.OUTCOME_UNKNOWN)
def test_a_switch_that_fails_leaves_the_route_and_says_so(port: RobotPort) -> None:
    port.switch_takes(0.2)
    port.add_ip(IP, OTHER)
    with port.fault(Kind.ACTION_ERROR):
        result = port.call(route(WEB))
    assert FAILED == told(result)
    assert 0.2 <= _took_s(result)
    assert OTHER == port.holder(IP)


# --- refusals ------------------------------------------------------------------------------------


@shows(FailureKind.ALREADY)
def test_what_is_routed_to_us_is_said_to_be_so(port: RobotPort) -> None:
    port.add_ip(IP, ME)
    port.add_network(NETWORK, ME)
    assert ALREADY == port.failure(route(WEB))
    assert ALREADY == port.failure(route(WEB6, main_net(ME)))


@shows(FailureKind.REFUSED)
def test_a_server_that_is_not_there_or_named_by_the_other_family_is_refused(
    port: RobotPort,
) -> None:
    port.add_ip(IP, OTHER)
    port.add_network(NETWORK, OTHER)
    for address, targets in (
        (WEB, ("203.0.113.77", main_net(ME), main_net(77))),
        (WEB6, (main_ip(ME), "2001:db8:77::")),
    ):
        for target in targets:
            assert NO_SUCH_SERVER == port.failure(route(address, target))
    assert (OTHER, OTHER) == (port.holder(IP), port.holder(NETWORK))


@shows(Kind.LOCKED, FailureKind.LOCKED)
def test_a_lock_of_somebody_else_refuses_a_switch(port: RobotPort) -> None:
    port.add_ip(IP, OTHER)
    with port.fault(Kind.LOCKED):
        assert LOCKED == port.failure(route(WEB))
    assert OTHER == port.holder(IP)


@shows(Kind.UNAUTHORIZED, FailureKind.AUTH)
def test_a_wrong_login_can_do_nothing_until_it_is_right(port: RobotPort) -> None:
    port.switch_takes(0.0)
    port.add_ip(IP, OTHER)
    with port.fault(Kind.UNAUTHORIZED):
        assert AUTH == port.failure(route(WEB))
        assert AUTH == port.failure(LIST)
    assert OTHER == port.holder(IP)
    port.answer(route(WEB))


@shows(Kind.UNAUTHORIZED, FailureKind.AUTH)
def test_three_wrong_logins_shut_out_the_right_one(port: RobotPort) -> None:
    port.add_ip(IP, OTHER)
    with port.fault(Kind.UNAUTHORIZED):
        for _ in range(3):
            assert AUTH == port.failure(read(WEB))
    assert AUTH == port.failure(read(WEB))
    assert AUTH == port.failure(route(WEB))
    assert OTHER == port.holder(IP)


@shows(FailureKind.THROTTLED)
def test_a_spent_quota_says_after_how_long_one_more_is_granted(port: RobotPort) -> None:
    port.add_ip(IP, OTHER)
    port.spend()
    for request, wait_s in ((LIST, 36.0), (read(WEB), 36.0), (route(WEB), 72.0)):
        result = port.call(request)
        assert (THROTTLED, wait_s) == (told(result), retry_after_s(result))
    assert OTHER == port.holder(IP)


@shows(Kind.ERROR_5XX, FailureKind.TRANSIENT)
def test_maintenance_does_nothing(port: RobotPort) -> None:
    port.add_ip(IP, OTHER)
    with port.fault(Kind.ERROR_5XX, SECOND):
        for request in (route(WEB), LIST, read(WEB)):
            assert MAINTENANCE == port.failure(request)
    assert OTHER == port.holder(IP)


@shows(Kind.LOST_ANSWER, FailureKind.OUTCOME_UNKNOWN, FailureKind.TRANSIENT)
def test_a_switch_whose_answer_is_lost_is_unknown_and_goes_on(port: RobotPort) -> None:
    port.switch_takes(0.2)
    port.add_ip(IP, OTHER)
    with port.fault(Kind.LOST_ANSWER):
        unknown = (FailureKind.OUTCOME_UNKNOWN, "connection_closed", None)
        assert unknown == port.failure(route(WEB))
        assert (FailureKind.TRANSIENT, "connection_closed", None) == port.failure(read(WEB))
    port.until(lambda: port.holder(IP) == ME, "the switch")
    assert ALREADY == port.failure(route(WEB))

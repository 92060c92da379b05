"""Answers that are no: from the API, and from the gateways before it."""

from hakeeper.core.calls import FailureKind, ReadServer
from hakeeper.simulate.faults.kinds import Kind
from tests.contracts.port import (
    FIRST,
    IP,
    ME,
    OTHER,
    READS,
    SECOND,
    Port,
    Told,
    left,
    retry_after_s,
    shows,
    told,
)
from tests.support.resources import CLOUD, assign

THROTTLED = (FailureKind.THROTTLED, "rate_limit_exceeded", 429)


def _refused(port: Port, mutating: Told, reading: Told) -> None:
    """Make an assign and every read, all of which must fail so; the assign is not done."""
    assert mutating == port.failure(assign(IP, ME))
    assert OTHER == port.holder(IP)
    for request in READS:
        assert reading == port.failure(request), request


@shows(Kind.ERROR_5XX, FailureKind.TRANSIENT)
def test_an_error_of_the_servers_is_the_apis_own_word_that_nothing_was_done(port: Port) -> None:
    port.add_ip(IP, OTHER)
    with port.fault(Kind.ERROR_5XX, FIRST):
        _refused(port, *(2 * [(FailureKind.TRANSIENT, "server_error", 500)]))
    with port.fault(Kind.ERROR_5XX, SECOND):
        _refused(port, *(2 * [(FailureKind.TRANSIENT, "unavailable", 503)]))


@shows(Kind.GATEWAY, FailureKind.OUTCOME_UNKNOWN, FailureKind.TRANSIENT)
def test_a_gateway_that_lost_sight_leaves_only_an_assign_unknown(port: Port) -> None:
    port.add_ip(IP, OTHER)
    for value, code, status in ((FIRST, "bad_gateway", 502), (SECOND, "timeout", 504)):
        with port.fault(Kind.GATEWAY, value):
            unknown = (FailureKind.OUTCOME_UNKNOWN, code, status)
            _refused(port, unknown, (FailureKind.TRANSIENT, code, status))


@shows(Kind.UNAUTHORIZED, FailureKind.AUTH)
def test_a_token_that_is_not_valid_can_do_nothing_until_it_is(port: Port) -> None:
    port.add_ip(IP, OTHER)
    with port.fault(Kind.UNAUTHORIZED):
        _refused(port, *(2 * [(FailureKind.AUTH, "unauthorized", 401)]))
    port.answer(assign(IP, ME))


@shows(Kind.READ_ONLY, FailureKind.AUTH)
def test_a_token_that_may_only_read_reads(port: Port) -> None:
    port.add_ip(IP, OTHER)
    with port.fault(Kind.READ_ONLY):
        assert (FailureKind.AUTH, "token_readonly", 401) == port.failure(assign(IP, ME))
        assert OTHER == port.holder(IP)
        for request in READS:
            port.answer(request)
    port.answer(assign(IP, ME))


@shows(Kind.THROTTLED, FailureKind.THROTTLED)
def test_a_429_says_how_long_to_wait(port: Port) -> None:
    port.add_ip(IP, OTHER)
    with port.fault(Kind.THROTTLED, FIRST):
        _refused(port, THROTTLED, THROTTLED)
        result = port.call(ReadServer(CLOUD, ME))
    assert (24.0, 0) == (retry_after_s(result), left(result))
    with port.fault(Kind.THROTTLED, SECOND):
        assert 3600.0 == retry_after_s(port.call(ReadServer(CLOUD, ME)))


@shows(Kind.THROTTLED, FailureKind.THROTTLED)
def test_a_429_that_does_not_say_so_leaves_it_open(port: Port) -> None:
    with port.fault(Kind.THROTTLED, 0.1):
        result = port.call(ReadServer(CLOUD, ME))
    assert THROTTLED == told(result)
    assert (None, 0) == (retry_after_s(result), left(result))

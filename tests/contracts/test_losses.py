"""Calls without a usable answer: what was not sent was not done, and the rest is unknown."""

from hakeeper.core.calls import FailureKind, ReadServer
from hakeeper.core.model import ActionStatus
from hakeeper.simulate.faults.kinds import Kind
from tests.contracts.port import (
    FIRST,
    IP,
    ME,
    OTHER,
    READS,
    SECOND,
    SENT_S,
    SHORT_S,
    Port,
    Told,
    action_of,
    retry_after_s,
    shows,
    told,
)
from tests.support.resources import CLOUD, assign

TRANSIENT, UNKNOWN = FailureKind.TRANSIENT, FailureKind.OUTCOME_UNKNOWN
READ = ReadServer(CLOUD, OTHER)


def _unsent(port: Port, kind: Kind, code: str) -> None:
    """Make an assign and every read without a connection: none may be sent."""
    port.add_ip(IP, OTHER)
    with port.fault(kind):
        for request in (assign(IP, ME), *READS):
            result = port.call(request)
            assert (TRANSIENT, code, None) == told(result)
            assert result.sent_at_s is None
    assert OTHER == port.holder(IP)


@shows(Kind.REFUSED, TRANSIENT)
def test_a_refused_connection_sends_nothing(port: Port) -> None:
    _unsent(port, Kind.REFUSED, "connection_refused")


@shows(Kind.OUTAGE, TRANSIENT)
def test_an_outage_refuses_even_those_that_had_a_connection(port: Port) -> None:
    port.warm()
    _unsent(port, Kind.OUTAGE, "connection_refused")


@shows(Kind.DNS, TRANSIENT)
def test_a_name_without_an_address_sends_nothing(port: Port) -> None:
    _unsent(port, Kind.DNS, "dns")


@shows(Kind.TLS, TRANSIENT)
def test_a_certificate_that_is_not_trusted_gets_nothing(port: Port) -> None:
    _unsent(port, Kind.TLS, "tls")


def _unsent_at_the_deadline(port: Port, code: str) -> None:
    for request in (assign(IP, ME), READ):
        result = port.missed_deadline(request, SHORT_S)
        assert (TRANSIENT, code, None) == told(result)
        assert result.sent_at_s is None
    assert OTHER == port.holder(IP)


@shows(Kind.DNS, TRANSIENT)
def test_a_resolver_that_hangs_ends_at_the_deadline(port: Port) -> None:
    port.add_ip(IP, OTHER)
    with port.fault(Kind.DNS, SECOND):
        _unsent_at_the_deadline(port, "dns")


@shows(Kind.BLACKHOLE, TRANSIENT)
def test_a_host_that_does_not_take_the_connection_ends_at_the_deadline(port: Port) -> None:
    port.add_ip(IP, OTHER)
    with port.fault(Kind.BLACKHOLE):
        _unsent_at_the_deadline(port, "connect_timeout")


@shows(Kind.SLOW, TRANSIENT)
def test_a_handshake_that_takes_too_long_ends_at_the_deadline(port: Port) -> None:
    port.add_ip(IP, OTHER)
    with port.fault(Kind.SLOW, SECOND):
        _unsent_at_the_deadline(port, "tls")


# --- sent, and never answered --------------------------------------------------------------------


def _lost_at_the_deadline(port: Port, kind: Kind, value: float, holder: int) -> None:
    """Make an assign and a read on a warm connection: both go out and hear nothing."""
    port.add_ip(IP, OTHER)
    port.warm()
    with port.fault(kind, value):
        result = port.missed_deadline(assign(IP, ME), SENT_S)
        assert (UNKNOWN, "deadline", None) == told(result)
        assert result.sent_at_s is not None
        assert holder == port.holder(IP)


def _read_at_the_deadline(port: Port, kind: Kind, value: float) -> None:
    port.warm()
    with port.fault(kind, value):
        result = port.missed_deadline(READ, SENT_S)
        assert (TRANSIENT, "deadline", None) == told(result)
        assert result.sent_at_s is not None


@shows(Kind.LOST_REQUEST, UNKNOWN, TRANSIENT)
def test_a_request_that_never_arrives_is_unknown_at_its_deadline(port: Port) -> None:
    _lost_at_the_deadline(port, Kind.LOST_REQUEST, FIRST, OTHER)
    _read_at_the_deadline(port, Kind.LOST_REQUEST, FIRST)


@shows(Kind.HALF_OPEN, UNKNOWN, TRANSIENT)
def test_a_connection_that_died_in_silence_takes_one_call_with_it(port: Port) -> None:
    _lost_at_the_deadline(port, Kind.HALF_OPEN, FIRST, OTHER)
    _read_at_the_deadline(port, Kind.HALF_OPEN, FIRST)


@shows(Kind.SLOW_DRIP, UNKNOWN, TRANSIENT)
def test_an_answer_that_comes_byte_by_byte_is_no_answer_and_the_assign_is_done(port: Port) -> None:
    _lost_at_the_deadline(port, Kind.SLOW_DRIP, FIRST, ME)
    _read_at_the_deadline(port, Kind.SLOW_DRIP, FIRST)


@shows(Kind.SLOW, UNKNOWN)
def test_a_slow_answer_is_no_answer_after_the_deadline_and_the_assign_may_be_done(
    port: Port,
) -> None:
    port.add_ip(IP, OTHER)
    port.warm()
    with port.fault(Kind.SLOW, SECOND):
        result = port.missed_deadline(assign(IP, ME), SENT_S)
        assert (UNKNOWN, "deadline", None) == told(result)
        port.until(lambda: port.holder(IP) == ME, "its late effect")


@shows(Kind.SLOW)
def test_a_slow_answer_before_the_deadline_is_an_answer(port: Port) -> None:
    port.add_ip(IP, OTHER)
    with port.fault(Kind.SLOW, FIRST):
        assert ActionStatus.SUCCESS is action_of(port.answer(assign(IP, ME))).status


@shows(Kind.LATE_LANDING, UNKNOWN)
def test_a_request_that_wanders_lands_after_its_result_even_over_a_newer_holder(port: Port) -> None:
    port.add_ip(IP, OTHER)
    port.warm()
    with port.fault(Kind.LATE_LANDING):
        result = port.missed_deadline(assign(IP, ME), SENT_S)
        assert (UNKNOWN, "deadline", None) == told(result)
        assert OTHER == port.holder(IP)
    port.move(IP, None)
    port.land()
    assert ME == port.holder(IP)


def _done_but_lost(port: Port, kind: Kind, mutating: Told, reading: Told) -> None:
    port.add_ip(IP, OTHER)
    with port.fault(kind):
        result = port.call(assign(IP, ME))
        assert mutating == told(result)
        assert result.sent_at_s is not None
        assert ME == port.holder(IP)
        for request in READS:
            assert reading == port.failure(request), request


@shows(Kind.LOST_ANSWER, UNKNOWN, TRANSIENT)
def test_an_answer_lost_with_its_connection_leaves_a_done_assign_unknown(port: Port) -> None:
    lost = ("connection_closed", None)
    _done_but_lost(port, Kind.LOST_ANSWER, (UNKNOWN, *lost), (TRANSIENT, *lost))


@shows(Kind.MALFORMED, UNKNOWN, TRANSIENT)
def test_a_success_that_cannot_be_read_leaves_a_done_assign_unknown(port: Port) -> None:
    code = "unreadable_answer"
    _done_but_lost(port, Kind.MALFORMED, (UNKNOWN, code, 201), (TRANSIENT, code, 200))


@shows(Kind.MALFORMED, FailureKind.REFUSED, FailureKind.NOT_FOUND, FailureKind.LOCKED)
def test_a_refusal_that_cannot_be_read_is_classed_by_its_status(port: Port) -> None:
    port.rules(action_s=3600.0)
    port.add_ip(IP, ME)
    port.add_ip(2, OTHER)
    port.answer(assign(2, ME))
    with port.fault(Kind.MALFORMED):
        assert (FailureKind.REFUSED, "http_422", 422) == port.failure(assign(IP, ME))
        assert (FailureKind.LOCKED, "http_423", 423) == port.failure(assign(2, ME))
        assert (FailureKind.NOT_FOUND, "http_404", 404) == port.failure(ReadServer(CLOUD, 77_777))
        port.set_quota(60, 0)
        result = port.call(assign(2, ME))
    assert (FailureKind.THROTTLED, "http_429", 429) == told(result)
    assert retry_after_s(result) is None


@shows(Kind.LOST_ANSWER, FailureKind.OUTCOME_UNKNOWN)
def test_a_refusal_that_is_lost_is_as_unknown_as_a_success(port: Port) -> None:
    port.add_ip(IP, ME)
    with port.fault(Kind.LOST_ANSWER):
        assert (UNKNOWN, "connection_closed", None) == port.failure(assign(IP, ME))
    assert ME == port.holder(IP)


@shows(ReadServer)
def test_after_a_loss_the_next_call_is_answered(port: Port) -> None:
    for kind in (Kind.LOST_ANSWER, Kind.MALFORMED, Kind.GATEWAY, Kind.REFUSED):
        with port.fault(kind):
            assert port.failure(READ)[0] is TRANSIENT
        port.answer(READ)


@shows(Kind.LOST_ANSWER, Kind.LOST_REQUEST, Kind.SLOW_DRIP, Kind.SLOW)
def test_a_connection_that_lost_an_answer_is_not_used_again(port: Port) -> None:
    port.add_ip(IP, OTHER)
    for kind in (Kind.LOST_ANSWER, Kind.LOST_REQUEST, Kind.SLOW_DRIP):
        port.warm()
        with port.fault(kind):
            assert port.failure(READ, SHORT_S)[0] is TRANSIENT
        with port.fault(Kind.SLOW, SECOND):
            _unsent_at_the_deadline(port, "tls")


@shows(Kind.MALFORMED, Kind.GATEWAY, Kind.SLOW)
def test_a_connection_on_which_anything_was_answered_is_used_again(port: Port) -> None:
    for kind in (Kind.MALFORMED, Kind.GATEWAY):
        with port.fault(kind):
            port.failure(READ)
        with port.fault(Kind.SLOW, SECOND):
            result = port.missed_deadline(READ, SENT_S)
        assert (TRANSIENT, "deadline", None) == told(result)
        assert result.sent_at_s is not None

"""What was cancelled before it was sent is never sent; what was sent goes its way."""

from hakeeper.core.calls import FailureKind, MutationAccepted, ReadServer
from hakeeper.simulate.faults.kinds import Kind
from tests.contracts.port import IP, ME, OTHER, SECOND, SENT_S, Port, shows, told
from tests.support.resources import CLOUD, assign

CANCELLED = (FailureKind.CANCELLED, "cancelled", None)


@shows(FailureKind.CANCELLED, Kind.BLACKHOLE)
def test_a_call_cancelled_before_it_is_sent_is_never_sent(port: Port) -> None:
    port.add_ip(IP, OTHER)
    with port.fault(Kind.BLACKHOLE):
        for request in (assign(IP, ME), ReadServer(CLOUD, OTHER)):
            call_id = port.start(request)
            port.cancel(call_id)
            result = port.result(call_id)
            assert CANCELLED == told(result)
            assert result.sent_at_s is None
    port.warm()
    assert OTHER == port.holder(IP)


@shows(MutationAccepted, Kind.SLOW)
def test_a_call_cancelled_after_it_was_sent_is_answered_as_if_it_had_not_been(port: Port) -> None:
    port.add_ip(IP, OTHER)
    with port.fault(Kind.SLOW):
        call_id = port.start(assign(IP, ME))
        port.until(lambda: port.is_sent(call_id), "its first byte")
        port.cancel(call_id)
        assert isinstance(port.result(call_id).outcome, MutationAccepted)
    assert ME == port.holder(IP)


@shows(FailureKind.OUTCOME_UNKNOWN, Kind.SLOW)
def test_a_call_cancelled_after_it_was_sent_still_ends_at_its_deadline(port: Port) -> None:
    port.add_ip(IP, OTHER)
    port.warm()
    with port.fault(Kind.SLOW, SECOND):
        call_id = port.start(assign(IP, ME), SENT_S)
        port.until(lambda: port.is_sent(call_id), "its first byte")
        port.cancel(call_id)
        result = port.result(call_id)
        assert (FailureKind.OUTCOME_UNKNOWN, "deadline", None) == told(result)
        port.until(lambda: port.holder(IP) == ME, "what was sent to be done")


@shows(MutationAccepted)
def test_cancelling_what_has_ended_or_never_was_changes_nothing(port: Port) -> None:
    port.add_ip(IP, OTHER)
    call_id = port.start(assign(IP, ME))
    assert isinstance(port.result(call_id).outcome, MutationAccepted)
    port.cancel(call_id)
    port.cancel(77_777)
    port.warm()


@shows(FailureKind.CANCELLED, Kind.BLACKHOLE)
def test_cancelling_twice_ends_a_call_once(port: Port) -> None:
    with port.fault(Kind.BLACKHOLE):
        call_id = port.start(ReadServer(CLOUD, ME))
        port.cancel(call_id)
        port.cancel(call_id)
        assert CANCELLED == told(port.result(call_id))


@shows(FailureKind.CANCELLED, MutationAccepted)
def test_of_many_calls_only_the_cancelled_one_is_not_done(port: Port) -> None:
    for number in (1, 2, 3):
        port.add_ip(number, OTHER)
    with port.fault(Kind.BLACKHOLE):
        call_id = port.start(assign(2, ME))
        port.cancel(call_id)
        assert CANCELLED == told(port.result(call_id))
    for number in (1, 3):
        port.answer(assign(number, ME))
    assert [ME, OTHER, ME] == [port.holder(number) for number in (1, 2, 3)]

"""The bucket of the project, as each answer shows it."""

from hakeeper.core.calls import (
    AllRead,
    CallResult,
    Failure,
    FailureKind,
    Mutate,
    Quota,
    ReadAll,
    ReadServer,
)
from hakeeper.simulate.faults.kinds import Kind
from tests.contracts.port import (
    IP,
    ME,
    OTHER,
    READS,
    SENT_S,
    Port,
    left,
    retry_after_s,
    shows,
    told,
)
from tests.support.resources import CLOUD, LIST, assign

THROTTLED = (FailureKind.THROTTLED, "rate_limit_exceeded", 429)
SLOW_PER_HOUR, FAST_PER_HOUR = 60, 36_000_000
"""In the first nothing flows in while a story is told, in the second everything does."""


@shows(ReadServer)
def test_the_limit_is_reported_with_every_answer(port: Port) -> None:
    port.set_quota(SLOW_PER_HOUR, 20)
    assert Quota(limit_per_hour=60, remaining=19) == port.call(ReadServer(CLOUD, ME)).quota


@shows(FailureKind.NOT_FOUND, FailureKind.ALREADY)
def test_every_call_costs_one_whether_it_is_granted_or_refused(port: Port) -> None:
    port.set_quota(SLOW_PER_HOUR, 30)
    port.add_ip(IP, OTHER)
    requests = (*READS, assign(IP, ME), assign(IP, ME), assign(2, ME), ReadServer(CLOUD, 77_777))
    expected = [30 - made for made in range(1, len(requests) + 1)]
    assert expected == [left(port.call(request)) for request in requests]


@shows(
    Kind.ERROR_5XX,
    Kind.GATEWAY,
    Kind.LOCKED,
    Kind.UNAUTHORIZED,
    Kind.READ_ONLY,
    Kind.MALFORMED,
    Kind.SLOW,
)
def test_a_call_that_a_fault_answers_costs_one_too(port: Port) -> None:
    kinds = (
        Kind.ERROR_5XX,
        Kind.GATEWAY,
        Kind.LOCKED,
        Kind.UNAUTHORIZED,
        Kind.READ_ONLY,
        Kind.MALFORMED,
        Kind.SLOW,
    )
    port.set_quota(SLOW_PER_HOUR, 30)
    port.add_ip(IP, OTHER)
    lefts: list[int] = []
    for kind in kinds:
        with port.fault(kind):
            lefts.append(left(port.call(assign(IP, ME))))
    assert [30 - made for made in range(1, len(kinds) + 1)] == lefts


@shows(Kind.LOST_ANSWER)
def test_a_call_whose_answer_is_lost_costs_one_too(port: Port) -> None:
    port.set_quota(SLOW_PER_HOUR, 30)
    port.add_ip(IP, OTHER)
    with port.fault(Kind.LOST_ANSWER):
        assert port.call(assign(IP, ME)).quota is None
    assert 28 == left(port.call(ReadServer(CLOUD, ME)))


@shows(ReadAll, AllRead)
def test_a_list_costs_one_for_each_page_of_fifty(port: Port) -> None:
    port.set_quota(SLOW_PER_HOUR, 30)
    lefts: list[int] = []
    have = 0
    for number in (0, 1, 50, 51, 100, 101):
        for new in range(have + 1, number + 1):
            port.add_ip(new, OTHER)
        have = number
        lefts.append(left(port.call(LIST)))
    assert [29, 28, 27, 25, 23, 20] == lefts


@shows(Kind.LOST_ANSWER, Kind.MALFORMED, Kind.SLOW_DRIP, Kind.ERROR_5XX)
def test_a_list_that_fails_with_its_first_page_costs_one(port: Port) -> None:
    kinds = (Kind.LOST_ANSWER, Kind.MALFORMED, Kind.SLOW_DRIP, Kind.ERROR_5XX)
    port.set_quota(SLOW_PER_HOUR, 30)
    for number in range(1, 52):
        port.add_ip(number, OTHER)
    for kind in kinds:
        port.warm()
        with port.fault(kind):
            assert FailureKind.TRANSIENT is port.failure(LIST, SENT_S)[0]
    assert 30 - 2 * len(kinds) - 1 == left(port.call(ReadServer(CLOUD, ME)))


@shows(FailureKind.THROTTLED)
def test_a_list_that_runs_out_of_calls_between_two_pages_is_no_list(port: Port) -> None:
    for number in range(1, 52):
        port.add_ip(number, OTHER)
    port.set_quota(SLOW_PER_HOUR, 1)
    assert THROTTLED == port.failure(LIST)


@shows(Kind.QUOTA_EATEN, FailureKind.THROTTLED)
def test_another_tool_may_use_the_quota_up(port: Port) -> None:
    port.set_quota(SLOW_PER_HOUR, 20)
    with port.fault(Kind.QUOTA_EATEN, 1.0):
        port.set_quota(SLOW_PER_HOUR, 0)
        assert THROTTLED == port.failure(ReadServer(CLOUD, ME))


@shows(Kind.SPENDERS, FailureKind.THROTTLED)
def test_other_tools_may_take_whatever_flows_into_the_quota(port: Port) -> None:
    port.set_quota(SLOW_PER_HOUR, 20)
    with port.fault(Kind.SPENDERS):
        port.until(
            lambda: THROTTLED == told(port.call(ReadServer(CLOUD, ME))), "the quota being used up"
        )


@shows(FailureKind.THROTTLED)
def test_an_empty_bucket_refuses_undone_and_names_no_time_to_wait(port: Port) -> None:
    port.add_ip(IP, OTHER)
    port.set_quota(SLOW_PER_HOUR, 0)
    for request in (assign(IP, ME), *READS):
        result = port.call(request)
        assert THROTTLED == told(result)
        assert (None, 0) == (retry_after_s(result), left(result))
    assert OTHER == port.holder(IP)


def _served(result: CallResult) -> bool:
    return not isinstance(result.outcome, Failure)


@shows(Mutate)
def test_a_bucket_fills_again_with_time(port: Port) -> None:
    port.add_ip(IP, OTHER)
    port.set_quota(FAST_PER_HOUR, 0)
    port.until(lambda: _served(port.call(assign(IP, ME))), "a call that flowed in")
    assert ME == port.holder(IP)


@shows(ReadServer)
def test_a_bucket_never_holds_more_than_an_hour(port: Port) -> None:
    port.set_quota(FAST_PER_HOUR, FAST_PER_HOUR - 20)

    def filled() -> bool:
        remaining = left(port.call(ReadServer(CLOUD, ME)))
        assert remaining <= FAST_PER_HOUR
        return remaining >= FAST_PER_HOUR - 1

    for _ in range(3):
        port.until(filled, "a full bucket")

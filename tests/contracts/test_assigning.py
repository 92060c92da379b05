"""What becomes of an assign that the cloud hears."""

from hakeeper.core.calls import FailureKind, Mutate, MutationAccepted, ReadActions
from hakeeper.core.model import ActionStatus
from hakeeper.simulate.faults.kinds import Kind
from tests.contracts.port import IP, ME, OTHER, Port, action_of, left, shows, status_of, told
from tests.support.resources import CLOUD, assign

LOCKED = (FailureKind.LOCKED, "locked", 423)
ALREADY = (FailureKind.ALREADY, "floating_ip_assigned", 422)
NOT_FOUND = (FailureKind.NOT_FOUND, "not_found", 404)


@shows(Mutate, MutationAccepted)
def test_an_assign_moves_an_address_from_another_and_from_nobody(port: Port) -> None:
    port.add_ip(IP, OTHER)
    port.add_ip(2, None)
    for number in (IP, 2):
        action = action_of(port.answer(assign(number, ME)))
        assert ActionStatus.SUCCESS is action.status
        assert ME == port.holder(number)


@shows(MutationAccepted)
def test_an_accepted_action_runs_first_and_succeeds_later(port: Port) -> None:
    port.rules(action_s=0.3)
    port.add_ip(IP, OTHER)
    action = action_of(port.answer(assign(IP, ME)))
    assert ActionStatus.RUNNING is action.status
    port.until(lambda: status_of(port, action) is ActionStatus.SUCCESS, "its end")
    assert ME == port.holder(IP)


@shows(Kind.ACTION_ENDLESS)
def test_the_holder_may_change_when_an_assign_is_accepted(port: Port) -> None:
    port.rules(holder_at_accept=True)
    port.add_ip(IP, OTHER)
    with port.fault(Kind.ACTION_ENDLESS):
        assert ActionStatus.RUNNING is action_of(port.answer(assign(IP, ME))).status
        assert ME == port.holder(IP)


@shows(Kind.ACTION_ENDLESS)
def test_the_holder_may_change_only_when_the_action_ends(port: Port) -> None:
    port.rules(action_s=0.3, holder_at_accept=False)
    port.add_ip(IP, OTHER)
    port.add_ip(2, OTHER)
    with port.fault(Kind.ACTION_ENDLESS):
        port.answer(assign(IP, ME))
        assert OTHER == port.holder(IP)
    action = action_of(port.answer(assign(2, ME)))
    port.until(lambda: status_of(port, action) is ActionStatus.SUCCESS, "its end")
    assert (OTHER, ME) == (port.holder(IP), port.holder(2))


@shows(Kind.ACTION_ERROR)
def test_an_action_that_fails_says_why_and_moves_nothing(port: Port) -> None:
    for at_once, number in ((True, 1), (False, 2)):
        port.rules(holder_at_accept=at_once)
        port.add_ip(number, OTHER)
        with port.fault(Kind.ACTION_ERROR):
            action = action_of(port.answer(assign(number, ME)))
        assert (ActionStatus.ERROR, "action_failed") == (action.status, action.error_code)
        assert action == action_of(port.answer(ReadActions(CLOUD, (action.id,))))
        assert OTHER == port.holder(number)


@shows(Kind.SOME_LOCKED)
def test_one_address_may_be_locked_while_another_is_served(port: Port) -> None:
    port.add_ip(1, OTHER)
    port.add_ip(2, OTHER)
    with port.fault(Kind.SOME_LOCKED):
        assert LOCKED == port.failure(assign(1, ME))
        action_of(port.answer(assign(2, ME)))
    assert (OTHER, ME) == (port.holder(1), port.holder(2))


@shows(Kind.LOST_WRITE)
def test_an_action_may_succeed_and_move_nothing(port: Port) -> None:
    for at_once, number in ((True, 1), (False, 2)):
        port.rules(holder_at_accept=at_once)
        port.add_ip(number, OTHER)
        with port.fault(Kind.LOST_WRITE):
            action = action_of(port.answer(assign(number, ME)))
            assert ActionStatus.SUCCESS is action.status
            assert OTHER == port.holder(number)
        port.answer(assign(number, ME))
        assert ME == port.holder(number)


@shows(FailureKind.ALREADY)
def test_an_address_that_we_have_is_refused_as_assigned(port: Port) -> None:
    port.add_ip(IP, ME)
    assert ALREADY == port.failure(assign(IP, ME))
    assert ME == port.holder(IP)


@shows(FailureKind.LOCKED, Kind.ACTION_ENDLESS)
def test_a_running_action_locks_its_address_until_it_ends(port: Port) -> None:
    port.rules(holder_at_accept=False)
    port.add_ip(IP, OTHER)
    with port.fault(Kind.ACTION_ENDLESS):
        action = action_of(port.answer(assign(IP, ME)))
        assert LOCKED == port.failure(assign(IP, ME))
    ended = action_of(port.answer(ReadActions(CLOUD, (action.id,))))
    assert (ActionStatus.ERROR, "action_failed") == (ended.status, ended.error_code)
    port.answer(assign(IP, ME))
    assert ME == port.holder(IP)


@shows(FailureKind.LOCKED, Kind.ACTION_ENDLESS)
def test_the_lock_is_said_before_that_the_address_is_ours(port: Port) -> None:
    port.rules(holder_at_accept=True)
    port.add_ip(IP, OTHER)
    with port.fault(Kind.ACTION_ENDLESS):
        port.answer(assign(IP, ME))
        assert ME == port.holder(IP)
        assert LOCKED == port.failure(assign(IP, ME))


@shows(FailureKind.LOCKED, Kind.ACTION_ENDLESS)
def test_a_running_action_locks_its_server_only_where_the_cloud_does_so(port: Port) -> None:
    for number in (1, 2, 3):
        port.add_ip(number, OTHER)
    with port.fault(Kind.ACTION_ENDLESS):
        port.answer(assign(1, ME))
        port.answer(assign(2, ME))
        port.rules(lock_servers=True)
        assert LOCKED == port.failure(assign(3, ME))
    assert OTHER == port.holder(3)


@shows(FailureKind.NOT_FOUND)
def test_an_address_that_nobody_knows_cannot_be_assigned(port: Port) -> None:
    assert NOT_FOUND == port.failure(assign(77_777, ME))


@shows(Kind.LOCKED, FailureKind.LOCKED)
def test_a_lock_of_somebody_else_refuses_an_assign(port: Port) -> None:
    port.add_ip(IP, OTHER)
    with port.fault(Kind.LOCKED):
        assert LOCKED == port.failure(assign(IP, ME))
    assert OTHER == port.holder(IP)


@shows(Kind.DUPLICATED)
def test_a_request_that_lands_twice_has_one_result_and_takes_an_address_back(port: Port) -> None:
    port.set_quota(60, 20)
    port.add_ip(IP, OTHER)
    with port.fault(Kind.DUPLICATED):
        assert ActionStatus.SUCCESS is action_of(port.answer(assign(IP, ME))).status
        port.move(IP, OTHER)
        port.land()
    assert ME == port.holder(IP)


@shows(FailureKind.ALREADY)
def test_two_assigns_at_the_same_time_are_one_move_and_one_refusal(port: Port) -> None:
    port.set_quota(60, 20)
    port.add_ip(IP, OTHER)
    port.warm()
    calls = [port.start(assign(IP, ME)) for _ in range(2)]
    results = [port.result(call_id) for call_id in calls]
    (refused,) = (each for each in results if not isinstance(each.outcome, MutationAccepted))
    assert ALREADY == told(refused)
    assert {18, 17} == {left(each) for each in results}

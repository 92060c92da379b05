"""What readings say, and what they do not."""

from hakeeper.core.calls import (
    ActionsRead,
    AllRead,
    Answer,
    FailureKind,
    Identified,
    Identify,
    MutationAccepted,
    OneRead,
    ReadActions,
    ReadAll,
    ReadOne,
    ReadServer,
    ServerRead,
)
from hakeeper.core.model import ActionStatus, Server
from hakeeper.core.observation import Key, Observation
from hakeeper.simulate.faults.kinds import Kind
from tests.contracts.port import IP, ME, OTHER, STRANGER, ZONE, Port, action_of, shows, status_of
from tests.support.resources import CLOUD, LIST, assign, by_network, fip, listed, read

NOT_FOUND = (FailureKind.NOT_FOUND, "not_found", 404)
NOBODY_KNOWS = 77_777


def all_of(port: Port) -> tuple[Observation, ...]:
    """Read all addresses."""
    answer = port.answer(LIST)
    assert isinstance(answer, AllRead)
    assert () == answer.reading.unreadable
    return answer.reading.found


def holders_of(port: Port) -> dict[Key, Key | None]:
    """Read all holders."""
    found = all_of(port)
    holders = {each.id.key: each.server_id for each in found}
    assert len(holders) == len(found)
    return holders


def one_of(port: Port, floating_ip_id: int) -> Observation:
    """Read one address."""
    answer = port.answer(read(floating_ip_id))
    assert isinstance(answer, OneRead)
    return answer.observation


@shows(Identify, Identified)
def test_this_machine_is_the_server_that_the_api_confirms(port: Port) -> None:
    server = Server(id=ME, name="node1", status="running", zone=ZONE)
    assert Identified(server, "the world") == port.answer(Identify(CLOUD))
    assert Identified(server, "the world") == port.answer(Identify(CLOUD, ME))


@shows(FailureKind.NOT_FOUND)
def test_a_server_that_was_deleted_cannot_be_identified_or_read_or_given_an_address(
    port: Port,
) -> None:
    port.add_ip(IP, OTHER)
    port.remove_server(ME)
    assert NOT_FOUND == port.failure(Identify(CLOUD))
    assert NOT_FOUND == port.failure(ReadServer(CLOUD, ME))
    assert NOT_FOUND == port.failure(assign(IP, ME))
    assert OTHER == port.holder(IP)


@shows(ReadAll, AllRead)
def test_a_project_without_addresses_has_an_empty_list(port: Port) -> None:
    assert listed(()) == port.answer(LIST)


@shows(ReadAll, AllRead)
def test_a_list_of_many_pages_has_each_address_with_its_holder_once(port: Port) -> None:
    holders = (ME, OTHER, STRANGER, None)
    expected = {number: holders[number % 4] for number in range(1, 121)}
    for number, holder in expected.items():
        port.add_ip(number, holder)
    assert holders_of(port) == expected


@shows(ReadOne, OneRead, FailureKind.NOT_FOUND)
def test_an_address_is_read_by_its_id_and_the_list_says_the_same(port: Port) -> None:
    port.add_ip(IP, OTHER)
    port.add_ip(2, None)
    found = one_of(port, IP)
    assert (fip(IP), "ip-1", OTHER) == (found.id, found.name, found.server_id)
    assert ("10.0.0.1", ZONE, False) == (str(found), found.zone, found.blocked)
    assert found.network is not None
    assert "10.0.0.1" == str(by_network(found.network))
    assert one_of(port, 2).server_id is None
    assert found in all_of(port)
    assert NOT_FOUND == port.failure(read(NOBODY_KNOWS))


@shows(ReadServer, ServerRead, FailureKind.NOT_FOUND)
def test_a_server_is_read_with_its_state(port: Port) -> None:
    server = Server(id=OTHER, name="node2", status="running", zone=ZONE)
    assert ServerRead(server) == port.answer(ReadServer(CLOUD, OTHER))
    port.set_status(OTHER, "off")
    answer = port.answer(ReadServer(CLOUD, OTHER))
    assert isinstance(answer, ServerRead)
    assert "off" == answer.server.status
    assert NOT_FOUND == port.failure(ReadServer(CLOUD, NOBODY_KNOWS))


def assigned(port: Port, floating_ip_id: int) -> Key:
    """Assign an address to us and return the action's id."""
    answer = port.answer(assign(floating_ip_id, ME))
    assert isinstance(answer, MutationAccepted)
    return action_of(answer).id


def statuses(answer: Answer) -> dict[Key, ActionStatus]:
    """Return the states of the actions that were read."""
    assert isinstance(answer, ActionsRead)
    return {action.id: action.status for action in answer.actions}


@shows(ReadActions, ActionsRead, Kind.ACTION_ERROR, Kind.ACTION_ENDLESS)
def test_actions_are_read_together_in_all_their_states_and_unknown_ones_are_missing(
    port: Port,
) -> None:
    for number in (1, 2, 3):
        port.add_ip(number, OTHER)
    good = assigned(port, 1)
    with port.fault(Kind.ACTION_ERROR):
        bad = assigned(port, 2)
    with port.fault(Kind.ACTION_ENDLESS):
        endless = assigned(port, 3)
        answer = port.answer(ReadActions(CLOUD, (good, bad, endless, NOBODY_KNOWS)))
    expected = {
        good: ActionStatus.SUCCESS,
        bad: ActionStatus.ERROR,
        endless: ActionStatus.RUNNING,
    }
    assert expected == statuses(answer)
    assert ActionsRead(()) == port.answer(ReadActions(CLOUD, (NOBODY_KNOWS,)))


@shows(ReadActions, ActionsRead)
def test_one_call_reads_twenty_five_actions_and_no_more(port: Port) -> None:
    for number in range(1, 27):
        port.add_ip(number, OTHER)
    actions = [assigned(port, number) for number in range(1, 27)]
    some = dict.fromkeys(actions[:25], ActionStatus.SUCCESS)
    assert some == statuses(port.answer(ReadActions(CLOUD, tuple(actions[:25]))))
    assert some == statuses(port.answer(ReadActions(CLOUD, tuple(actions))))


@shows(Kind.ACTION_SLOW)
def test_an_action_may_take_its_time_and_still_succeed(port: Port) -> None:
    port.add_ip(IP, OTHER)
    with port.fault(Kind.ACTION_SLOW):
        action = action_of(port.answer(assign(IP, ME)))
    assert ActionStatus.RUNNING is action.status
    port.until(lambda: status_of(port, action) is ActionStatus.SUCCESS, "its end")
    assert ME == port.holder(IP)


# --- readings that are not the truth -------------------------------------------------------------


@shows(Kind.OTHER_ACTOR)
def test_another_actor_is_seen_by_the_next_reading(port: Port) -> None:
    port.add_ip(IP, ME)
    port.move(IP, OTHER)
    assert OTHER == one_of(port, IP).server_id
    port.move(IP, None)
    assert {IP: None} == holders_of(port)


def assign_unseen(port: Port, kind: Kind) -> None:
    """Assign while readings show who was the holder; it is done all the same."""
    port.add_ip(IP, OTHER)
    with port.fault(kind):
        assigned(port, IP)
        assert ME == port.holder(IP)
        assert OTHER == one_of(port, IP).server_id
        assert {IP: OTHER} == holders_of(port)


@shows(Kind.STALE_READ)
def test_a_stale_reading_shows_who_was_the_holder_and_the_assign_is_still_done(port: Port) -> None:
    assign_unseen(port, Kind.STALE_READ)
    assert ME == one_of(port, IP).server_id
    assert {IP: ME} == holders_of(port)


@shows(Kind.LAGGING)
def test_a_reading_that_lags_shows_the_holder_of_a_moment_ago(port: Port) -> None:
    assign_unseen(port, Kind.LAGGING)
    assert {IP: ME} == holders_of(port)


@shows(Kind.GONE, FailureKind.NOT_FOUND)
def test_an_address_that_is_gone_is_found_by_no_call(port: Port) -> None:
    port.add_ip(IP, OTHER)
    with port.fault(Kind.GONE):
        assert {} == holders_of(port)
        assert NOT_FOUND == port.failure(read(IP))
        assert NOT_FOUND == port.failure(assign(IP, ME))
    assert {IP: OTHER} == holders_of(port)


@shows(Kind.PAGE_SLIP)
def test_an_address_may_slip_from_one_page_to_the_one_that_was_read(port: Port) -> None:
    for number in range(1, 61):
        port.add_ip(number, OTHER)
    with port.fault(Kind.PAGE_SLIP):
        missing = set(range(1, 61)) - set(holders_of(port))
    (slipped,) = missing
    assert OTHER == one_of(port, slipped).server_id

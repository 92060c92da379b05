"""Alias IPs: lists of networks and of their members, and requests that replace a list."""

import ipaddress
from collections.abc import Iterator
from dataclasses import replace

import pytest

from hakeeper.core.calls import AllRead, FailureKind, Mutate, MutationAccepted, ReadActions, ReadAll
from hakeeper.core.model import ActionStatus
from hakeeper.core.observation import ResourceId
from hakeeper.kinds import ALIAS_IPS
from hakeeper.simulate.faults.kinds import Kind
from tests.contracts.aliases import (
    NETWORKS,
    WHOLE,
    AliasPort,
    FakeAliases,
    RealAliases,
    ip_of,
    notes,
    own_ip,
    parts_of,
    read_list,
    ref_of,
    seen,
    step_of,
    within,
)
from tests.contracts.port import ME, OTHER, STRANGER, action_of, shows, status_of
from tests.contracts.real import Tls
from tests.support.resources import CLOUD

FIRST, SECOND = NETWORKS
FOREIGN = tuple(f"10.64.128.{number}" for number in range(1, 7))
NOT_FOUND = (FailureKind.NOT_FOUND, "not_found", 404)
LOCKED = (FailureKind.LOCKED, "locked", 423)
TAKEN = (FailureKind.ALREADY, "ip_not_available", 422)
TOO_MANY = (FailureKind.REFUSED, "invalid_input", 422)


@pytest.fixture(params=["fake", "real"])
def port(request: pytest.FixtureRequest, tls: Tls) -> Iterator[AliasPort]:
    made: AliasPort = FakeAliases() if request.param == "fake" else RealAliases(tls)
    yield made
    made.close()


def _scene(port: AliasPort) -> None:
    """Two of ours with the other server in the first network, one that nobody has, and foreign."""
    for number, holder in ((2, OTHER), (4, OTHER), (6, None), (3, ME)):
        port.add_ip(number, holder)
    port.add_foreign(FIRST, FOREIGN[0], ME)
    port.add_foreign(FIRST, FOREIGN[1], OTHER)
    port.add_foreign(SECOND, "10.65.128.1", STRANGER)


# --- reading -------------------------------------------------------------------------------------


@shows(ReadAll, AllRead)
def test_the_whole_list_has_networks_with_names_ranges_and_all_members(port: AliasPort) -> None:
    _scene(port)
    first, second = (parts_of(read_list(port))[network] for network in NETWORKS)
    assert ("net-64", ipaddress.ip_network("10.64.0.0/16")) == (first.name, first.network)
    assert ("net-65", ipaddress.ip_network("10.65.0.0/16")) == (second.name, second.network)
    assert (
        ("1", own_ip(FIRST, ME), FOREIGN[0]),
        ("2", own_ip(FIRST, OTHER), ip_of(2), ip_of(4), FOREIGN[1]),
        ("999", own_ip(FIRST, STRANGER)),
    ) == first.rows
    assert (
        ("1", own_ip(SECOND, ME), ip_of(3)),
        ("2", own_ip(SECOND, OTHER)),
        ("999", own_ip(SECOND, STRANGER), "10.65.128.1"),
    ) == second.rows


@shows(ReadAll, AllRead)
def test_an_alias_ip_is_observed_with_its_holder_network_and_all_lists_there(
    port: AliasPort,
) -> None:
    _scene(port)
    found = seen(port, 2)
    assert (ResourceId(ALIAS_IPS.name, "64/10.64.0.2"), OTHER) == (found.id, found.server_id)
    assert ("10.64.0.2", FIRST, False) == (found.label, found.part, found.moving)
    assert notes(found) == {
        "1": ("65:1", FOREIGN[0]),
        "2": ("", ip_of(2), ip_of(4), FOREIGN[1]),
        "999": ("65:1",),
    }
    assert None is seen(port, 6).server_id
    assert (ME, SECOND) == (seen(port, 3).server_id, seen(port, 3).part)


@shows(ReadAll, AllRead)
def test_the_members_of_one_network_are_those_of_the_whole_list(port: AliasPort) -> None:
    _scene(port)
    whole = read_list(port)
    for some in ((FIRST,), (SECOND,), NETWORKS):
        reading = read_list(port, within(*some))
        for network, part in parts_of(reading).items():
            assert ("", None) == (part.name, part.network)
            assert parts_of(whole)[network].rows == part.rows
        assert some == tuple(part.key for part in reading.parts)
    known = seen(port, 2)
    again = ALIAS_IPS.find(ref_of(2), known, read_list(port, within(FIRST)))
    assert again is not None
    assert notes(known) == notes(again)
    assert known == replace(again, note=known.note)


@shows(FailureKind.NOT_FOUND)
def test_the_members_of_a_network_that_is_not_there_are_not_found(port: AliasPort) -> None:
    assert NOT_FOUND == port.failure(within(77))
    assert NOT_FOUND == port.failure(within(FIRST, 77))


@shows(FailureKind.NOT_FOUND, AllRead)
def test_an_api_without_lists_of_members_still_has_the_whole_list(port: AliasPort) -> None:
    _scene(port)
    port.hide_members()
    assert NOT_FOUND == port.failure(within(FIRST))
    assert OTHER == seen(port, 2).server_id


@shows(AllRead)
def test_a_server_that_is_not_attached_is_in_no_list(port: AliasPort) -> None:
    _scene(port)
    port.detach(OTHER)
    assert {"1", "999"} == notes(seen(port, 2)).keys()
    assert None is seen(port, 2).server_id


# --- moving --------------------------------------------------------------------------------------


@shows(Mutate, MutationAccepted)
def test_a_move_is_a_release_and_a_take_and_leaves_what_is_foreign(port: AliasPort) -> None:
    _scene(port)
    for name, holder in (("release", None), ("take", ME)):
        request = step_of(port, 2)
        assert name == request.step.name
        action = action_of(port.answer(request))
        assert ActionStatus.SUCCESS is action.status
        assert holder == port.holder(2) == seen(port, 2).server_id
    assert OTHER == port.holder(4)
    assert (ME, OTHER) == tuple(port.holder_of(FIRST, ip) for ip in FOREIGN[:2])


@shows(MutationAccepted)
def test_one_request_moves_several(port: AliasPort) -> None:
    _scene(port)
    for holder in (None, ME):
        port.answer(step_of(port, 2, 4))
        assert (holder, holder) == (port.holder(2), port.holder(4))
    assert {
        "1": ("65:1", ip_of(2), ip_of(4), FOREIGN[0]),
        "2": ("", FOREIGN[1]),
        "999": ("65:1",),
    } == (notes(seen(port, 2)))


@shows(Mutate, MutationAccepted)
def test_an_action_runs_first_and_the_list_changes_when_it_ends(port: AliasPort) -> None:
    port.rules(action_s=0.5, holder_at_accept=False)
    _scene(port)
    action = action_of(port.answer(step_of(port, 2)))
    assert ActionStatus.RUNNING is action.status
    port.until(lambda: status_of(port, action) is ActionStatus.SUCCESS, "its end")
    assert None is port.holder(2)
    assert None is seen(port, 2).server_id


@shows(Kind.ACTION_ENDLESS)
def test_a_list_may_change_when_it_is_accepted_or_only_at_its_end(port: AliasPort) -> None:
    _scene(port)
    for at_once, number, holder in ((True, 6, ME), (False, 8, None)):
        port.add_ip(number, None)
        port.rules(holder_at_accept=at_once)
        request = step_of(port, number)
        with port.fault(Kind.ACTION_ENDLESS):
            assert ActionStatus.RUNNING is action_of(port.answer(request)).status
            assert holder == port.holder(number) == seen(port, number).server_id


@shows(Kind.ACTION_ERROR)
def test_an_action_that_fails_changes_no_list(port: AliasPort) -> None:
    _scene(port)
    request = step_of(port, 2)
    with port.fault(Kind.ACTION_ERROR):
        action = action_of(port.answer(request))
    assert (ActionStatus.ERROR, "action_failed") == (action.status, action.error_code)
    assert action == action_of(port.answer(ReadActions(CLOUD, (action.id,))))
    assert OTHER == port.holder(2)


@shows(MutationAccepted)
def test_a_request_upon_an_old_list_undoes_what_others_did_meanwhile(port: AliasPort) -> None:
    _scene(port)
    port.add_foreign(FIRST, FOREIGN[2], None)
    old = step_of(port, 6)
    port.add_foreign(FIRST, FOREIGN[0], None)
    port.add_foreign(FIRST, FOREIGN[2], ME)
    port.answer(old)
    assert ME == port.holder(6)
    assert (ME, None) == (port.holder_of(FIRST, FOREIGN[0]), port.holder_of(FIRST, FOREIGN[2]))


@shows(MutationAccepted)
def test_what_another_server_has_when_an_action_ends_stays_there(port: AliasPort) -> None:
    port.rules(action_s=0.5, holder_at_accept=False)
    _scene(port)
    action = action_of(port.answer(step_of(port, 6)))
    port.move(6, STRANGER)
    port.until(lambda: status_of(port, action) is ActionStatus.SUCCESS, "its end")
    assert STRANGER == port.holder(6)
    assert {"1": ("65:1", FOREIGN[0]), "999": ("65:1", ip_of(6))}.items() <= notes(
        seen(port, 6)
    ).items()


# --- refusals ------------------------------------------------------------------------------------


@shows(FailureKind.NOT_FOUND)
def test_a_server_that_is_not_attached_has_no_list(port: AliasPort) -> None:
    _scene(port)
    take = step_of(port, 6)
    port.detach(ME)
    assert NOT_FOUND == port.failure(take)
    assert None is port.holder(6)


@shows(FailureKind.REFUSED)
def test_a_server_has_five_at_most_in_all_its_networks(port: AliasPort) -> None:
    _scene(port)
    take = step_of(port, 6)
    for ip in FOREIGN[2:5]:
        port.add_foreign(FIRST, ip, ME)
    full = step_of_full(take, *FOREIGN[2:5])
    assert TOO_MANY == port.failure(full)
    assert None is port.holder(6)
    port.add_foreign(FIRST, FOREIGN[0], None)
    less = step_of_full(replace(take, step=replace(take.step, given=())), *FOREIGN[2:5])
    port.answer(less)
    assert ME == port.holder(6)


def step_of_full(take: Mutate, *more: str) -> Mutate:
    """Say that these are in the list as well."""
    return replace(take, step=replace(take.step, given=(*take.step.given, *more)))


@shows(FailureKind.ALREADY)
def test_what_another_server_has_is_not_available(port: AliasPort) -> None:
    _scene(port)
    take = step_of(port, 6)
    port.move(6, OTHER)
    assert TAKEN == port.failure(take)
    assert OTHER == port.holder(6)


@shows(FailureKind.REFUSED)
def test_too_many_is_said_before_that_one_is_not_available(port: AliasPort) -> None:
    _scene(port)
    take = step_of_full(step_of(port, 6), *FOREIGN[2:6])
    port.move(6, OTHER)
    assert TOO_MANY == port.failure(take)


@shows(FailureKind.LOCKED, Kind.ACTION_ENDLESS)
def test_a_server_whose_list_is_being_changed_is_locked_and_no_other(port: AliasPort) -> None:
    _scene(port)
    port.rules(holder_at_accept=False, lock_servers=True)
    release, take, elsewhere = step_of(port, 2), step_of(port, 6), step_of(port, 5)
    with port.fault(Kind.ACTION_ENDLESS):
        port.answer(take)
        assert LOCKED == port.failure(take)
        assert LOCKED == port.failure(elsewhere)
        action_of(port.answer(release))
    port.answer(take)
    assert ME == port.holder(6)


@shows(Kind.LOCKED, FailureKind.LOCKED)
def test_a_lock_of_somebody_else_refuses_a_change_of_a_list(port: AliasPort) -> None:
    _scene(port)
    release = step_of(port, 2)
    with port.fault(Kind.LOCKED):
        assert LOCKED == port.failure(release)
    assert OTHER == port.holder(2)


@shows(FailureKind.NOT_FOUND)
def test_a_list_of_an_unknown_network_or_server_is_not_found(port: AliasPort) -> None:
    _scene(port)
    take = step_of(port, 6)
    network = replace(take, resource=ResourceId(ALIAS_IPS.name, "77/10.64.0.6"))
    assert NOT_FOUND == port.failure(network)
    server = replace(take, step=replace(take.step, holder=77, lane="alias_ip/64/77"))
    assert NOT_FOUND == port.failure(server)


@shows(Kind.LOST_ANSWER, FailureKind.OUTCOME_UNKNOWN, FailureKind.TRANSIENT)
def test_a_change_whose_answer_is_lost_is_done_and_unknown(port: AliasPort) -> None:
    _scene(port)
    release = step_of(port, 2)
    with port.fault(Kind.LOST_ANSWER):
        unknown = (FailureKind.OUTCOME_UNKNOWN, "connection_closed", None)
        assert unknown == port.failure(release)
        transient = (FailureKind.TRANSIENT, "connection_closed", None)
        assert transient == port.failure(WHOLE)
        assert transient == port.failure(within(FIRST))
    assert None is port.holder(2)


@shows(Kind.ERROR_5XX, FailureKind.TRANSIENT)
def test_a_change_that_the_api_did_not_take_in_is_not_done(port: AliasPort) -> None:
    _scene(port)
    release = step_of(port, 2)
    with port.fault(Kind.ERROR_5XX, 0.9):
        unavailable = (FailureKind.TRANSIENT, "unavailable", 503)
        assert unavailable == port.failure(release)
        assert unavailable == port.failure(WHOLE)
    assert OTHER == port.holder(2)

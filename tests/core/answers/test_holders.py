"""What becomes of an answer that shows holders: found, named, held, or not."""

from dataclasses import replace
from ipaddress import ip_network

import pytest

from hakeeper.core.answers.results import take_result
from hakeeper.core.calls import (
    OneRead,
    ReadOne,
)
from hakeeper.core.claim.last_decision import NotInProject
from hakeeper.core.claim.stages import (
    Verify,
)
from hakeeper.core.model import Server
from hakeeper.core.observation import (
    Nobody,
    Observation,
    Other,
    Reading,
    ResourceRef,
    Unknown,
    Us,
)
from hakeeper.core.state import State
from hakeeper.kinds import FLOATING_IPS
from hakeeper.kinds.floating_ip import by_id, by_name, by_network
from tests.core.answers.scene import (
    KIND,
    answer,
    entry,
)
from tests.core.faults import failure
from tests.core.standing import (
    CLAIM,
    HELD,
    cloud_of,
    ended,
    ip,
    put,
    reported,
    resource_of,
    standing,
    under_way,
    verifying,
)
from tests.support.resources import (
    LIST,
    fip,
    listed,
    odd_floating_ip,
    read,
)


def test_a_read_of_one_says_nothing_of_the_others() -> None:
    state = standing(2)
    resource_of(state, 2).observation = None
    answer(state, read(1), OneRead(ip(1, None)))
    answer(state, read(3), OneRead(ip(3, 1)))
    assert (Nobody(), 100.0) == (resource_of(state, 1).holder, resource_of(state, 1).holder_at_s)
    assert Unknown("not read yet") == resource_of(state, 2).holder


def test_a_read_that_was_refused_is_refused_no_more_when_the_list_has_it() -> None:
    state = standing()
    answer(state, read(1), failure(KIND.NOT_FOUND))
    assert ReadOne in cloud_of(state).health.refusals
    answer(state, LIST, listed((ip(1),)))
    assert ReadOne not in cloud_of(state).health.refusals


def test_a_list_finds_the_addresses_and_tells_each_once() -> None:
    state = standing(2, known=False)
    seen = listed((ip(2, 1), ip(1, 7)))
    assert ["address.resolved"] * 2 == answer(state, LIST, seen)
    resolved = entry(state, "address.resolved")
    assert ("203.0.113.1", 1) == (resolved.fields["address"], resolved.fields["resource_id"])
    assert (Other(7), Us()) == (resource_of(state, 1).holder, resource_of(state, 2).holder)
    assert ip(1, 7) == resource_of(state, 1).observation
    assert [] == answer(state, LIST, seen)


def test_an_address_that_is_lost_is_reported_once_and_once_again_when_it_is_found() -> None:
    state = standing(1, known=False)
    there, gone = listed((ip(1),)), listed((ip(3),))
    answer(state, LIST, there)
    assert ["address.unresolved"] == answer(state, LIST, gone)
    assert (None, True) == (resource_of(state).observation, resource_of(state).unresolved_reported)
    assert [] == answer(state, LIST, gone)
    assert ["address.resolved"] == answer(state, LIST, there)
    assert [] == answer(state, LIST, there)


def shown(state: State, *floating_ips: Observation) -> list[str]:
    return answer(state, LIST, listed(floating_ips))


def test_another_floating_ip_that_has_the_configured_name_now_is_the_one_that_is_meant() -> None:
    state = standing()
    put(state, HELD)
    known = resource_of(state).observation
    assert known is not None
    shown(state, replace(known, name="other"), replace(known, id=fip(77)))
    found = resource_of(state).observation
    assert found is not None
    assert fip(77) == found.id


def test_a_claim_whose_address_is_not_there_lists_again_after_a_while() -> None:
    state = standing(2)
    reading, holding = put(state, verifying(5.0), 1), put(state, HELD, 2)
    answer(state, LIST, listed(()), 200.0)
    assert (Verify(CLAIM, 5.0, 212.0), HELD) == (reading.stage, holding.stage)
    missing = NotInProject("floating IP", "ip1")
    assert (missing, 200.0) == (reading.decision, reading.decided_at_s)
    assert holding.decision is None


def test_a_list_of_a_kind_that_a_reload_has_dropped_meanwhile_says_nothing() -> None:
    state = standing(1, known=False)
    call_id = under_way(state, LIST)
    del state.apis.kinds[FLOATING_IPS.name]
    take_result(state, ended(call_id, listed((ip(1),))), 200.0)
    assert [] == reported(state)
    assert resource_of(state, 1).observation is None


def test_an_address_that_is_not_there_does_not_hide_the_next_one() -> None:
    state = standing(2, known=False)
    assert ["address.unresolved", "address.resolved"] == answer(state, LIST, listed((ip(2),)))


WHY = "floating IP 1: server is missing"
ODD = odd_floating_ip(id=1, name="ip1", network=ip_network("203.0.113.1/32"), why=WHY)
STRANGE = odd_floating_ip(id=8, name="x", network=ip_network("203.0.113.8/32"), why="no concern")
BLANK = odd_floating_ip(id=None, name=None, network=None, why="floating_ip is no object")


def test_an_odd_one_that_is_not_ours_changes_nothing() -> None:
    state = standing(1, known=False)
    seen = listed((ip(1, 7),), (STRANGE, BLANK))
    assert ["address.resolved"] == answer(state, LIST, seen)
    assert Other(7) == resource_of(state).holder
    assert ["address.unresolved"] == answer(state, LIST, listed((), (STRANGE,)))
    assert "no concern" not in entry(state, "address.unresolved").message


def test_one_of_ours_that_is_odd_is_told_as_that_and_hides_no_other() -> None:
    state = standing(2, known=False)
    seen = listed((ip(2, 1),), (ODD,))
    assert ["address.unresolved", "address.resolved"] == answer(state, LIST, seen)
    assert WHY in entry(state, "address.unresolved").message
    assert Us() == resource_of(state, 2).holder


def test_one_that_is_known_stays_known_while_the_list_is_odd() -> None:
    state = standing(1)
    before = resource_of(state).observation, resource_of(state).holder_at_s
    assert [] == answer(state, LIST, listed((), (ODD,)))
    assert before == (resource_of(state).observation, resource_of(state).holder_at_s)
    assert before[0] is not None


@pytest.mark.parametrize(
    "ref", [by_id(1), by_name("ip1"), by_network(ip_network("203.0.113.1/32"))]
)
def test_what_cannot_be_read_may_be_meant_by_any_word(ref: ResourceRef) -> None:
    odd = (FLOATING_IPS.why_unreadable(ref, Reading((), (each,))) for each in (ODD, STRANGE, BLANK))
    assert (WHY, None, BLANK.why) == tuple(odd)


@pytest.mark.parametrize(
    ("blocked", "zone", "events"),
    [
        (False, "eu-central", []),
        (False, "", []),
        (True, "", ["address.blocked"]),
        (False, "us-east", ["address.zone_mismatch"]),
    ],
)
def test_what_is_odd_about_an_address_is_reported_when_it_is_found(
    *, blocked: bool, zone: str, events: list[str]
) -> None:
    state = standing(1, known=False)
    seen = listed((ip(1, blocked=blocked, zone=zone),))
    assert ["address.resolved", *events] == answer(state, LIST, seen)


def test_a_zone_that_one_side_does_not_tell_is_nothing_odd() -> None:
    state = standing(1, known=False)
    seen = listed((ip(1, zone="us-east"),))
    cloud_of(state).server = None
    assert ["address.resolved"] == answer(state, LIST, seen)
    state = standing(1, known=False)
    cloud_of(state).server = Server(id=1, name="node1", status="running")
    assert ["address.resolved"] == answer(state, LIST, seen)


@pytest.mark.parametrize(
    ("ref", "found"),
    [
        (by_id(2), 2),
        (by_name("ip2"), 2),
        (by_network(ip_network("203.0.113.2/32")), 2),
        (by_id(9), None),
        (by_name("ip9"), None),
        (by_network(ip_network("203.0.113.0/24")), None),
    ],
)
def test_an_address_is_found_by_what_the_configuration_says(
    ref: ResourceRef, found: int | None
) -> None:
    matched = FLOATING_IPS.find(ref, None, Reading((ip(1), ip(2), ip(3))))
    assert matched == (None if found is None else ip(found))


def test_reads_that_fail_wait_longer_each_time_and_are_reported_once() -> None:
    state = standing()
    waits_s = []
    events = []
    for now in (200.0, 300.0, 400.0):
        state.effects = []
        call_id = under_way(state, LIST, now)
        take_result(state, ended(call_id, failure(KIND.TRANSIENT)), now)
        events += reported(state)
        waits_s.append(cloud_of(state).reads_from_s - now)
    assert ([0.25, 0.5, 1.0], ["api.failed"]) == (waits_s, events)
    assert failure(KIND.TRANSIENT) == cloud_of(state).health.failure


def test_reads_that_fail_side_by_side_are_one_attempt() -> None:
    state = standing(3)
    side_by_side = [under_way(state, request, 100.0) for request in (LIST, read(1), read(2))]
    for call_id in side_by_side:
        take_result(state, ended(call_id, failure(KIND.TRANSIENT)), 105.0)
    assert 105.25 == cloud_of(state).reads_from_s
    later = under_way(state, LIST, 105.25)
    take_result(state, ended(later, failure(KIND.TRANSIENT)), 110.0)
    assert 110.5 == cloud_of(state).reads_from_s


def test_a_read_that_fails_after_another_was_answered_is_the_first_to_fail() -> None:
    state = standing()
    failing = [under_way(state, read(number), 100.0) for number in (1, 2)]
    take_result(state, ended(failing[0], failure(KIND.TRANSIENT)), 105.0)
    answer(state, LIST, listed((ip(1),)), 106.0)
    take_result(state, ended(failing[1], failure(KIND.TRANSIENT)), 107.0)
    assert 107.25 == cloud_of(state).reads_from_s


def test_a_list_that_is_not_found_waits_for_an_operator_and_keeps_the_addresses() -> None:
    state = standing()
    answer(state, LIST, failure(KIND.NOT_FOUND), 200.0)
    assert (212.0, ip(1)) == (cloud_of(state).reads_from_s, resource_of(state).observation)


def test_a_read_that_fails_otherwise_keeps_the_address() -> None:
    state = standing()
    answer(state, read(1), failure(KIND.REFUSED), 200.0)
    assert (212.0, ip(1)) == (cloud_of(state).reads_from_s, resource_of(state).observation)


def test_a_404_for_one_address_forgets_that_one_and_lists_again_soon() -> None:
    state = standing(2)
    cloud_of(state).read_attempt = 2
    answer(state, read(1), failure(KIND.NOT_FOUND), 200.0)
    assert (None, ip(2)) == (resource_of(state, 1).observation, resource_of(state, 2).observation)
    assert (201.0, 3) == (cloud_of(state).reads_from_s, cloud_of(state).read_attempt)


def test_a_read_that_was_cancelled_is_no_news_and_no_trouble() -> None:
    state = standing()
    assert [] == answer(state, LIST, failure(KIND.CANCELLED))
    assert cloud_of(state).health.failure is None

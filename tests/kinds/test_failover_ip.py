"""Failover IPs alone: what names one, which of a list is meant, which request moves it."""

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_network

import pytest

from hakeeper.adapters.hetzner.errors import kind_of
from hakeeper.core.calls import FailureKind, Obstacle, Step
from hakeeper.core.kind import HttpRequest, Json, UnreadableAnswer
from hakeeper.core.observation import BY_NETWORK, Key, Observation, Reading, ResourceId, ResourceRef
from hakeeper.kinds import FAILOVER_IPS
from hakeeper.kinds.apis import ROBOT
from hakeeper.kinds.failover_ip import NAME, NO_MAIN_IP, keys_of
from tests.support.resources import this_server

US, OTHERS = "198.51.100.1", "198.51.100.2"
OUR_NET, THEIR_NET = "2001:db8:a::", "2001:db8:b::"
SERVER = this_server(US, OUR_NET)
V4 = Observation(
    id=ResourceId(NAME, "203.0.113.7"),
    label="203.0.113.7",
    network=ip_network("203.0.113.7"),
    server_id=OTHERS,
)
V6 = Observation(
    id=ResourceId(NAME, "2001:db8:fa11::"),
    label="2001:db8:fa11::/64",
    network=ip_network("2001:db8:fa11::/64"),
    server_id=THEIR_NET,
)
SUBNET = Observation(
    id=ResourceId(NAME, "192.0.2.8"),
    label="192.0.2.8/29",
    network=ip_network("192.0.2.8/29"),
    server_id=None,
)
ALL = Reading((V4, V6, SUBNET))


def ref(text: str) -> ResourceRef:
    return ResourceRef(NAME, BY_NETWORK, text)


def body(ip: str, netmask: str, active: str | None, **more: Json) -> dict[str, Json]:
    members: dict[str, Json] = {"ip": ip, "netmask": netmask, "server_ip": US}
    return {"failover": {**members, "active_server_ip": active, **more}}


def entries(*bodies: Json) -> list[Json]:
    return list(bodies)


LIST = FAILOVER_IPS.list_requests(())[0]


def test_it_belongs_to_robot() -> None:
    assert ROBOT is FAILOVER_IPS.api


# --- what an item of the configuration names ------------------------------------------------


@pytest.mark.parametrize(
    ("item", "text"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.7/32", "203.0.113.7"),
        ("192.0.2.8/29", "192.0.2.8/29"),
        ("2001:db8:fa11::", "2001:db8:fa11::/64"),
        ("2001:DB8:FA11:0::/64", "2001:db8:fa11::/64"),
        ("2001:db8:fa11::5", "2001:db8:fa11::/64"),
        ("2001:db8:fa00::/56", "2001:db8:fa00::/56"),
    ],
)
def test_an_item_is_an_address_or_a_network(item: str, text: str) -> None:
    assert ref(text) == FAILOVER_IPS.ref(item)


@pytest.mark.parametrize(
    ("item", "why"),
    [
        (7, "is not a valid address or network"),
        ("web", "is not a valid address or network"),
        ("203.0.113.300", "is not a valid address or network"),
        ("192.0.2.9/29", "is an address in the network `192.0.2.8/29`; write that"),
        ("2001:db8:fa11::5/64", "is an address in the network `2001:db8:fa11::/64`; write that"),
        ("127.0.0.1", "can never be a failover IP (loopback, link-local, multicast or reserved)"),
        ("fe80::", "can never be a failover IP (loopback, link-local, multicast or reserved)"),
        ("224.0.0.18", "can never be a failover IP (loopback, link-local, multicast or reserved)"),
    ],
)
def test_what_can_be_none_is_refused_with_the_way_out(item: int | str, why: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        FAILOVER_IPS.ref(item)
    assert why == str(caught.value)


@pytest.mark.parametrize("seen", ALL.found)
def test_the_one_that_is_meant_is_found(seen: Observation) -> None:
    assert seen == FAILOVER_IPS.find(ref(seen.label), None, ALL)
    others = tuple(each for each in ALL.found if each is not seen)
    assert FAILOVER_IPS.find(ref(seen.label), None, Reading(others)) is None


def test_a_part_of_one_is_told_from_what_is_not_there() -> None:
    why = FAILOVER_IPS.why_not_found(ref("192.0.2.9"), ALL)
    assert why == "it is part of the failover IP 192.0.2.8/29, which moves as a whole"
    assert FAILOVER_IPS.why_not_found(ref("192.0.2.20"), ALL) is None
    assert FAILOVER_IPS.why_not_found(ref("2001:db8:fa12::/64"), ALL) is None


# --- the next step ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seen", "target"), [(V4, US), (V6, OUR_NET), (SUBNET, US), (replace(V4, server_id=US), US)]
)
def test_it_is_routed_to_our_main_address_of_its_family(seen: Observation, target: str) -> None:
    step = FAILOVER_IPS.next_step(seen, SERVER)
    assert Step("route", target, lane=f"failover_ip/{seen.id.key}") == step
    assert isinstance(step, Step)
    request = FAILOVER_IPS.request_of((seen.id,), step)
    path = f"/failover/{seen.id.key}"
    assert HttpRequest(method="POST", path=path, body={"active_server_ip": target}) == request


def test_without_a_main_address_of_its_family_nothing_is_asked_for() -> None:
    obstacle = FAILOVER_IPS.next_step(V6, this_server(US))
    assert isinstance(obstacle, Obstacle)
    assert obstacle.code == NO_MAIN_IP
    assert "set `robot.server` in hakeeper.yaml" in obstacle.message


def test_the_keys_of_a_server_are_its_main_address_and_the_network_of_its_main_subnet() -> None:
    assert (US, OUR_NET) == keys_of([ip_network(f"{OUR_NET}/64"), ip_network(US)])


# --- what its API answers --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        (body("203.0.113.7", "255.255.255.255", OTHERS), V4),
        (body("2001:db8:fa11::", "ffff:ffff:ffff:ffff::", "2001:0db8:b::"), V6),
        (body("192.0.2.8", "255.255.255.248", None), SUBNET),
        (body("203.0.113.7", "255.255.255.255", OTHERS, status="ready"), V4),
        (
            body("203.0.113.7", "255.255.255.255", OTHERS, status="processing"),
            replace(V4, moving=True),
        ),
    ],
)
def test_one_is_read(answer: Json, seen: Observation) -> None:
    assert seen == FAILOVER_IPS.read_one(answer)
    assert Reading((seen,)) == FAILOVER_IPS.read_list(LIST, entries(answer))


WITHOUT_HOLDER: Mapping[str, Json] = {"ip": "203.0.113.7", "netmask": "255.255.255.255"}


@pytest.mark.parametrize(
    ("entry", "label", "why"),
    [
        ({"failover": WITHOUT_HOLDER}, "203.0.113.7", "active_server_ip is missing"),
        (body("203.0.113.7", "255.255.255.255", "web-1"), "203.0.113.7", "is no address"),
        (body("203.0.113.7", "255.0.255.0", OTHERS), None, "ip and netmask are no network"),
        (body("203.0.113.7", "32", OTHERS), None, "ip and netmask are no network"),
        (body("203.0.113.7", "::", OTHERS), None, "ip and netmask are no network"),
        (body("web", "255.255.255.255", OTHERS), None, "ip is no address"),
        ({"failover": None}, None, "failover_ip is no object"),
        (7, None, "is no object"),
        ({}, None, "failover is missing"),
    ],
)
def test_an_odd_one_spoils_no_other(entry: Json, label: str | None, why: str) -> None:
    reading = FAILOVER_IPS.read_list(
        LIST, entries(entry, body("2001:db8:fa11::", "ffff:ffff:ffff:ffff::", THEIR_NET))
    )
    assert (V6,) == reading.found
    (odd,) = reading.unreadable
    assert label == odd.label
    assert why in odd.why
    may_be = FAILOVER_IPS.why_unreadable(ref("203.0.113.7"), reading)
    assert odd.why == may_be
    assert (label is None) == (FAILOVER_IPS.why_unreadable(ref("192.0.2.1"), reading) is not None)
    with pytest.raises(UnreadableAnswer):
        FAILOVER_IPS.read_one(entry)


@pytest.mark.parametrize("answer", [{}, None, "maintenance"])
def test_what_is_no_list_is_refused(answer: Json) -> None:
    with pytest.raises(UnreadableAnswer):
        FAILOVER_IPS.read_list(LIST, answer)


def test_all_and_one_are_asked_for() -> None:
    assert HttpRequest(method="GET", path="/failover") == LIST
    one = FAILOVER_IPS.read_request(V6.id)
    assert HttpRequest(method="GET", path="/failover/2001:db8:fa11::") == one


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("failover_already_routed", FailureKind.ALREADY),
        ("failover_locked", FailureKind.LOCKED),
        ("failover_failed", FailureKind.OUTCOME_UNKNOWN),
        ("failover_not_complete", FailureKind.OUTCOME_UNKNOWN),
        ("failover_new_server_not_found", FailureKind.REFUSED),
    ],
)
def test_its_error_codes_have_classes(code: str, kind: FailureKind) -> None:
    assert kind == FAILOVER_IPS.codes[code]
    assert kind_of("not_found", 404) is FailureKind.NOT_FOUND


def test_a_holder_is_compared_however_it_is_written() -> None:
    key: Key | None = FAILOVER_IPS.read_one(
        body("2001:db8:fa11::", "ffff:ffff:ffff:ffff::", "2001:0DB8:000A:0000::")
    ).server_id
    assert OUR_NET == key

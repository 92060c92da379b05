"""What an API's answers say of floating IPs, and what of those that are odd."""

from ipaddress import ip_network
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hakeeper.core.kind import HttpRequest, Json, UnreadableAnswer
from hakeeper.core.observation import Observation, Reading, ResourceId
from hakeeper.kinds import FLOATING_IPS
from tests.support.hetzner_bodies import floating_ip_json
from tests.support.resources import by_id, by_name, fip, floating_ip

LIST = HttpRequest(method="GET", path="/floating_ips")
V4 = ip_network("203.0.113.10")
V6 = ip_network("2001:db8:1:2::/64")
WEB = floating_ip(id=4711, name="web", network=V4, server_id=42, network_zone="eu-central")


def page(*entries: object) -> Json:
    return cast("Json", {"floating_ips": [*entries]})


def without(*names: str, **changes: object) -> dict[str, object]:
    """A floating IP as the API shows it, without some of its members."""
    shown = floating_ip_json(9, ip="203.0.113.9") | changes
    return {name: value for name, value in shown.items() if name not in names}


def one(**changes: object) -> Observation:
    return FLOATING_IPS.read_one({"floating_ip": floating_ip_json(4711, **changes)})


def test_one_is_read_with_all_that_is_needed() -> None:
    assert WEB == one(name="web")
    assert ("floating_ip", 4711) == (WEB.id.kind, WEB.id.key)
    assert "203.0.113.10" == WEB.label == str(WEB)
    assert one(server=None).server_id is None
    assert one(blocked=True).blocked


@pytest.mark.parametrize(
    ("ip", "label", "network"),
    [
        ("2001:db8:1:2::/64", "2001:db8:1:2::/64", V6),
        ("2001:db8:1:2::", "2001:db8:1:2::/64", V6),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64", V6),
        ("203.0.113.10/32", "203.0.113.10", V4),
    ],
)
def test_an_address_is_read_as_what_moves(ip: str, label: str, network: object) -> None:
    seen = one(ip=ip)
    assert (label, network) == (seen.label, seen.network)
    assert seen == FLOATING_IPS.find(FLOATING_IPS.ref(ip), None, Reading((seen,)))


@pytest.mark.parametrize("odd_value", [None, [], {}, "eu-central", {"network_zone": 5}])
def test_what_is_not_needed_may_be_anything(odd_value: object) -> None:
    seen = one(home_location=odd_value, blocked=odd_value, labels=odd_value)
    assert ("", False) == (seen.zone, seen.blocked)


def test_names_from_outside_are_bounded() -> None:
    seen = one(name="x" * 9000, home_location={"network_zone": "z" * 9000})
    assert (256, 256) == (len(seen.name), len(seen.zone))


def test_a_list_is_read_in_its_order() -> None:
    assert Reading(()) == FLOATING_IPS.read_list(LIST, page())
    read = FLOATING_IPS.read_list(LIST, page(*(floating_ip_json(number) for number in (3, 1, 2))))
    assert [fip(3), fip(1), fip(2)] == [each.id for each in read.found]
    assert () == read.unreadable


IS_9 = "floating IP 9: "


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (None, (None, None, None, "floating_ip is no object")),
        (7, (None, None, None, "floating_ip is no object")),
        ([], (None, None, None, "floating_ip is no object")),
        ({}, (None, None, None, "server is missing")),
        (without("id"), (None, "ip-9", "203.0.113.9", "id is missing")),
        (without(id="9"), (None, "ip-9", "203.0.113.9", "id is no integer")),
        (without(id=True), (None, "ip-9", "203.0.113.9", "id is no integer")),
        (without(id=9.5), (None, "ip-9", "203.0.113.9", "id is no integer")),
        (without("server"), (9, "ip-9", "203.0.113.9", f"{IS_9}server is missing")),
        (without(server={"id": 42}), (9, "ip-9", "203.0.113.9", f"{IS_9}server is no integer")),
        (without("ip"), (9, "ip-9", None, f"{IS_9}ip is missing")),
        (without(ip=None), (9, "ip-9", None, f"{IS_9}ip is no string")),
        (without(ip="here"), (9, "ip-9", None, f"{IS_9}ip is no address")),
        (without(ip="here", name=None), (9, None, None, f"{IS_9}ip is no address")),
        (without("server", ip="2001:db8:1:2::1"),
            (9, "ip-9", "2001:db8:1:2::/64", f"{IS_9}server is missing")),
    ],
)  # fmt: skip
def test_an_odd_entry_hides_no_other_and_keeps_what_is_known_of_it(
    entry: object, expected: tuple[int | None, str | None, str | None, str]
) -> None:
    read = FLOATING_IPS.read_list(LIST, page(floating_ip_json(1), entry, floating_ip_json(2)))
    assert [fip(1), fip(2)] == [each.id for each in read.found]
    [seen] = read.unreadable
    assert expected == (seen.key, seen.name, seen.label, seen.why)


@pytest.mark.parametrize("entry", [without("name"), without(name=None), without(name=7)])
def test_one_without_a_name_is_found_by_the_rest_and_may_be_meant_by_any_name(
    entry: object,
) -> None:
    read = FLOATING_IPS.read_list(LIST, page(entry))
    [seen] = read.found
    assert "" == seen.name
    assert seen == FLOATING_IPS.find(by_id(9), None, read)
    assert FLOATING_IPS.find(by_name("web"), None, read) is None
    assert f"{IS_9}name is no string" == FLOATING_IPS.why_unreadable(by_name("web"), read)


@pytest.mark.parametrize(
    "answer", [None, [], 7, "x", {}, {"floating_ips": None}, {"floating_ips": {}}]
)
def test_a_list_that_is_none_is_unreadable(answer: Json) -> None:
    with pytest.raises(UnreadableAnswer, match="floating_ips"):
        FLOATING_IPS.read_list(LIST, answer)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (None, "what holds floating_ip is no object"),
        ({}, "floating_ip is missing"),
        ({"floating_ip": None}, "no object"),
        ({"floating_ip": {"server": None, "ip": "203.0.113.10"}}, "id is missing"),
        ({"floating_ip": {"id": 1, "ip": "203.0.113.10"}}, "server is missing"),
        ({"floating_ip": {"id": 1, "server": None}}, "ip is missing"),
        ({"floating_ip": {"id": 1, "server": True, "ip": "203.0.113.10"}}, "server is no integer"),
        ({"floating_ip": {"id": 1, "server": None, "ip": "203.0.113"}}, "ip is no address"),
    ],
)
def test_one_that_cannot_be_read_is_no_answer(answer: Json, why: str) -> None:
    with pytest.raises(UnreadableAnswer, match=why):
        FLOATING_IPS.read_one(answer)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(sorted(floating_ip_json())), JSON))
def test_whatever_an_entry_holds_it_is_read_or_told_of(changes: dict[str, object]) -> None:
    read = FLOATING_IPS.read_list(LIST, page(floating_ip_json(9) | changes, floating_ip_json(1)))
    assert ResourceId("floating_ip", 1) in [each.id for each in read.found]
    assert 2 <= len(read.found) + len(read.unreadable) <= 3

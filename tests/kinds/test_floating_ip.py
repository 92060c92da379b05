"""Floating IPs alone: what names one, which of a list is meant, which request moves it."""

from dataclasses import replace
from ipaddress import ip_network

import pytest

from hakeeper.adapters.hetzner.errors import kind_of
from hakeeper.core.calls import FailureKind, Step
from hakeeper.core.kind import HttpRequest
from hakeeper.core.observation import (
    Key,
    Reading,
    ResourceRef,
    Unreadable,
)
from hakeeper.kinds import FLOATING_IPS, KINDS
from hakeeper.kinds.apis import CLOUD
from tests.support.resources import (
    assign,
    by_id,
    by_name,
    by_network,
    fip,
    floating_ip,
    odd_floating_ip,
    this_server,
)

V4 = ip_network("203.0.113.10")
V6 = ip_network("2001:db8:1:2::/64")
WEB = floating_ip(id=4711, name="web", network=V4, server_id=42, network_zone="eu-central")
NET = floating_ip(id=4712, name="net", network=V6, server_id=None)
BOTH = Reading((WEB, NET))
ODD_WHY = "server is missing"


def test_it_is_known_by_its_name_and_belongs_to_the_cloud() -> None:
    assert FLOATING_IPS is KINDS["floating_ip"]
    assert CLOUD is FLOATING_IPS.api


# --- what an item of the configuration names ------------------------------------------------


@pytest.mark.parametrize(
    ("item", "ref"),
    [
        (4711, by_id(4711)),
        ("web", by_name("web")),
        ("web-1.example.com", by_name("web-1.example.com")),
        ("fe80", by_name("fe80")),
        ("wéb 1", by_name("wéb 1")),
        ("web/1", by_name("web/1")),
        ("web:1", by_name("web:1")),
        ("203.0.113.10", by_network(V4)),
        ("203.0.113.10/32", by_network(V4)),
        ("2001:db8:1:2::/64", by_network(V6)),
        ("2001:db8:1:2::", by_network(V6)),
        ("2001:db8:1:2::a", by_network(V6)),
        ("2001:DB8:1:2:0:0:0:a/64", by_network(V6)),
    ],
)
def test_an_item_is_an_id_a_name_an_address_or_a_network(item: int | str, ref: ResourceRef) -> None:
    assert ref == FLOATING_IPS.ref(item)


@pytest.mark.parametrize(
    ("ref", "shown", "network"),
    [
        (by_id(4711), "4711", None),
        (by_name("203.0.113.10"), "203.0.113.10", None),
        (by_network(V4), "203.0.113.10", V4),
        (by_network(V6), "2001:db8:1:2::/64", V6),
    ],
)
def test_what_names_one_shows_as_it_is_written_and_knows_its_network(
    ref: ResourceRef, shown: str, network: object
) -> None:
    assert shown == str(ref)
    assert network == ref.network


def test_an_id_a_name_and_an_address_of_one_text_are_three_things() -> None:
    assert 3 == len({by_id(7), by_name("7"), replace(by_network(V4), text="7")})


NEVER = "can never be a floating IP (loopback, link-local, multicast or reserved)"
NOT_ONE = "is not the address of a floating IP"
NO_ADDRESS = "is not a valid address"
HAS_PREFIX = "has a prefix: an IPv4 floating IP is one address; write `203.0.113.10` without it"
NO_64 = "is no /64: Hetzner moves IPv6 floating IPs as /64 networks; write `2001:db8:1:2::/64`"


@pytest.mark.parametrize(
    ("item", "why"),
    [
        ("127.0.0.1", NEVER),
        ("::1", NEVER),
        ("169.254.1.1", NEVER),
        ("fe80::1", NEVER),
        ("fe80::1/64", NEVER),
        ("224.0.0.18", NEVER),
        ("ff02::12", NEVER),
        ("0.0.0.0", NEVER),  # no socket
        ("::", NEVER),
        ("2001:db8:1:2::a%eth0", NOT_ONE),
        ("::ffff:203.0.113.10", NOT_ONE),
        ("203.0.113.10/24", HAS_PREFIX),
        ("203.0.113.10/", HAS_PREFIX),
        ("2001:db8:1:2::a/128", NO_64),
        ("2001:db8:1:2::/48", NO_64),
        ("2001:db8:1:2::/", NO_64),
        ("203.0.113", NO_ADDRESS),
        ("203.0.113.300", NO_ADDRESS),
        ("203.0.113.10.1/32", NO_ADDRESS),
        ("2001:db8:::1", NO_ADDRESS),
        ("2001:db8:1:2/64", NO_ADDRESS),
        ("12:30", NO_ADDRESS),
        ("2001:db8:1:2:z::", NO_ADDRESS),
    ],
)  # fmt: skip
def test_what_can_be_no_floating_ip_is_refused_with_the_way_out(item: str, why: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        FLOATING_IPS.ref(item)
    assert why == str(caught.value)


# --- which one of a list is meant -----------------------------------------------------------


@pytest.mark.parametrize("ref", [by_id(4711), by_name("web"), by_network(V4)])
def test_it_is_found_by_each_way_of_naming_it(ref: ResourceRef) -> None:
    assert WEB == FLOATING_IPS.find(ref, None, BOTH)
    assert FLOATING_IPS.find(ref, None, Reading((NET,))) is None


@pytest.mark.parametrize(
    "ref",
    [by_id(471), by_name("we"), by_name("Web"), by_name("4711"), by_name("203.0.113.10")],
)
def test_what_names_another_thing_finds_nothing(ref: ResourceRef) -> None:
    assert FLOATING_IPS.find(ref, None, BOTH) is None


def test_a_renamed_one_is_still_what_its_name_had_meant() -> None:
    renamed = replace(WEB, name="www")
    reading = Reading((NET, renamed))
    assert renamed == FLOATING_IPS.find(by_name("web"), WEB, reading)
    assert FLOATING_IPS.find(by_name("web"), None, reading) is None
    assert FLOATING_IPS.find(by_name("web"), replace(WEB, id=fip(9)), reading) is None


def test_whoever_has_the_name_now_is_meant_rather_than_the_one_that_had_it() -> None:
    renamed, named = replace(WEB, name="www"), replace(NET, name="web")
    for order in ((renamed, named), (named, renamed)):
        assert named == FLOATING_IPS.find(by_name("web"), WEB, Reading(order))


@pytest.mark.parametrize("ref", [by_id(9), by_network(ip_network("203.0.113.9"))])
def test_an_id_and_an_address_mean_nothing_else_than_before(ref: ResourceRef) -> None:
    assert FLOATING_IPS.find(ref, WEB, BOTH) is None


def odd(
    *,
    number: int | None = 9,
    name: str | None = "odd",
    network: object = "203.0.113.9",
) -> Unreadable:
    at = None if network is None else ip_network(str(network))
    return odd_floating_ip(id=number, name=name, network=at, why=ODD_WHY)


@pytest.mark.parametrize(
    ("ref", "seen"),
    [
        (by_id(9), odd()),
        (by_id(4711), odd(number=None)),
        (by_name("odd"), odd()),
        (by_name("web"), odd(name=None)),
        (by_network(ip_network("203.0.113.9")), odd()),
        (by_network(V6), odd(network=V6)),
        (by_network(V4), odd(network=None)),
    ],
)
def test_one_that_cannot_be_read_and_may_be_meant_says_why(
    ref: ResourceRef, seen: Unreadable
) -> None:
    harmless = odd(number=1, name="other", network="203.0.113.1")
    assert ODD_WHY == FLOATING_IPS.why_unreadable(ref, Reading((), (seen,)))
    assert ODD_WHY == FLOATING_IPS.why_unreadable(ref, Reading((WEB,), (harmless, seen)))
    assert FLOATING_IPS.why_unreadable(ref, Reading((WEB,), (harmless,))) is None


@pytest.mark.parametrize("ref", [by_id(4711), by_name("web"), by_network(V4)])
def test_one_that_is_surely_another_is_no_concern_of_ours(ref: ResourceRef) -> None:
    assert FLOATING_IPS.why_unreadable(ref, Reading((), (odd(),))) is None
    assert FLOATING_IPS.why_unreadable(ref, BOTH) is None


# --- how it is moved ------------------------------------------------------------------------


@pytest.mark.parametrize("holder", [None, 43, 42])
def test_one_assign_takes_it_from_whoever_has_it(holder: Key | None) -> None:
    step = FLOATING_IPS.next_step(replace(WEB, server_id=holder), this_server(42))
    assert Step("assign", 42, lane="floating_ip/4711") == step
    assert assign(4711, 42).step == step


def test_the_last_observation_is_good_enough_to_begin_with() -> None:
    assert FLOATING_IPS.acts_on_known


def test_two_of_them_may_be_moved_at_once() -> None:
    lanes = {FLOATING_IPS.next_step(seen, this_server(42)).lane for seen in (WEB, NET)}
    assert 2 == len(lanes)


def test_the_requests() -> None:
    step = FLOATING_IPS.next_step(WEB, this_server(42))
    assert HttpRequest(
        method="POST", path="/floating_ips/4711/actions/assign", body={"server": 42}
    ) == FLOATING_IPS.request_of([WEB.id], step)
    listing = HttpRequest(method="GET", path="/floating_ips")
    assert (listing,) == FLOATING_IPS.list_requests(())
    assert HttpRequest(method="GET", path="/floating_ips/4711") == FLOATING_IPS.read_request(WEB.id)


def test_that_it_has_its_holder_already_is_a_class_of_its_own() -> None:
    assert {"floating_ip_assigned": FailureKind.ALREADY} == FLOATING_IPS.codes
    assert FailureKind.ALREADY is kind_of("floating_ip_assigned", 422)

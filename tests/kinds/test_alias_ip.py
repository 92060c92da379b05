"""Alias IPs: how they are named, which network is meant, and which step comes next."""

from typing import cast

import pytest

from hakeeper.core.calls import Obstacle, Step
from hakeeper.core.kind import HttpRequest, Json, Kind, UnreadableAnswer
from hakeeper.core.observation import Observation, Part, Reading, ResourceRef
from hakeeper.kinds import ALIAS_IPS
from hakeeper.kinds.alias_ip import resource
from hakeeper.kinds.json_fields import network
from tests.support.resources import this_server

INTERNAL = Part(key=7, name="internal", network=network("10.0.0.0/16"))
OTHER = Part(key=8, name="other", network=network("10.1.0.0/16"))
TWIN = Part(key=9, name="twin", network=network("10.0.0.0/16"))
US, THEM = ("1", "10.0.0.2"), ("2", "10.0.0.3")


def members(*rows: tuple[str, ...], key: int = 7) -> Part:
    return Part(key=key, rows=rows)


def reading(*parts: Part) -> Reading:
    return Reading((), parts=parts)


def found(ip: str, *rows: tuple[str, ...]) -> Observation:
    seen = ALIAS_IPS.find(ALIAS_IPS.ref(ip), None, reading(INTERNAL, members(*rows)))
    assert seen is not None
    return seen


def before(network_id: int) -> Observation:
    """The alias IP as it was seen in this network once."""
    return Observation(id=resource(network_id, "10.0.0.100"), label="10.0.0.100", server_id=None)


def next_step(seen: Observation) -> Step:
    step = ALIAS_IPS.next_step(seen, this_server(1))
    assert isinstance(step, Step)
    return step


# --- the configuration -----------------------------------------------------------------------


def test_one_is_named_by_its_address_and_perhaps_its_network() -> None:
    assert "10.0.0.100" == str(ALIAS_IPS.ref("10.0.0.100"))
    named = ALIAS_IPS.ref("10.0.0.100", network="internal")
    assert ("10.0.0.100 in internal", "internal") == (str(named), named.within)
    assert network("10.0.0.100/32") == named.network


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (4711, "is not a valid address"),
        ("web", "is not a valid address"),
        ("10.0.0.100/24", "write `10.0.0.100` without it"),
        ("fd00::1", "is IPv6"),
        ("127.0.0.1", "can never be an alias IP"),
        ("224.0.0.18", "can never be an alias IP"),
    ],
)
def test_what_is_none_is_refused_with_the_reason(value: int | str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        ALIAS_IPS.ref(value)


# --- which one is meant ----------------------------------------------------------------------


def test_the_network_is_found_by_its_range() -> None:
    seen = ALIAS_IPS.find(ALIAS_IPS.ref("10.1.2.3"), None, reading(INTERNAL, OTHER))
    assert seen is not None
    assert (resource(8, "10.1.2.3"), None, "10.1.2.3") == (seen.id, seen.server_id, seen.label)
    assert 8 == seen.part


@pytest.mark.parametrize("name", ["twin", "9"])
def test_a_named_network_is_meant_among_several_of_one_range(name: str) -> None:
    ref = ALIAS_IPS.ref("10.0.0.100", network=name)
    seen = ALIAS_IPS.find(ref, None, reading(INTERNAL, TWIN))
    assert seen is not None
    assert resource(9, "10.0.0.100") == seen.id


@pytest.mark.parametrize(
    ("ref", "parts", "why"),
    [
        (
            ALIAS_IPS.ref("10.0.0.100"),
            (INTERNAL, TWIN),
            (
                "several networks have the address in their range: internal (id 7), 10.0.0.0/16 and"
                " twin (id 9), 10.0.0.0/16; say which one is meant, such as"
                " {ip: 10.0.0.100, network: 7}"
            ),
        ),
        (
            ALIAS_IPS.ref("192.168.1.1"),
            (INTERNAL, OTHER),
            (
                "no private network of this token's project has the address in its range (there is"
                " internal (id 7), 10.0.0.0/16 and other (id 8), 10.1.0.0/16)"
            ),
        ),
        (
            ALIAS_IPS.ref("192.168.1.1"),
            (),
            (
                "no private network of this token's project has the address in its range"
                " (there is none)"
            ),
        ),
        (
            ALIAS_IPS.ref("10.0.0.100", network="gone"),
            (INTERNAL,),
            "this token's project has no network gone",
        ),
        (
            ALIAS_IPS.ref("10.1.2.3", network="internal"),
            (INTERNAL, OTHER),
            "the address is not in the range of network internal (id 7), 10.0.0.0/16",
        ),
        (
            ALIAS_IPS.ref("10.0.0.3"),
            (INTERNAL, members(US, THEM)),
            (
                "the address is that of server 2 itself in network internal (id 7), 10.0.0.0/16;"
                " choose one that nobody has"
            ),
        ),
        (
            ALIAS_IPS.ref("10.0.0.9"),
            (INTERNAL, members(US, ("", "10.0.0.9"))),
            (
                "the address is that of a load balancer in network internal (id 7), 10.0.0.0/16;"
                " choose one that nobody has"
            ),
        ),
    ],
)
def test_the_reason_is_said_where_none_is_meant(
    ref: ResourceRef, parts: tuple[Part, ...], why: str
) -> None:
    read = reading(*parts)
    assert ALIAS_IPS.find(ref, None, read) is None
    assert ALIAS_IPS.why_unreadable(ref, read) is None
    assert why == ALIAS_IPS.why_not_found(ref, read)


def test_there_is_no_reason_where_one_is_found() -> None:
    assert ALIAS_IPS.why_not_found(ALIAS_IPS.ref("10.0.0.100"), reading(INTERNAL)) is None


def test_a_list_of_members_tells_of_a_network_that_is_known() -> None:
    known = before(9)
    read = reading(members((*THEM, "10.0.0.100"), key=9))
    for ref in (ALIAS_IPS.ref("10.0.0.100"), ALIAS_IPS.ref("10.0.0.100", network="its old name")):
        seen = ALIAS_IPS.find(ref, known, read)
        assert seen is not None
        assert (known.id, 2) == (seen.id, seen.server_id)


def test_a_network_whose_range_has_changed_is_not_what_was_meant() -> None:
    known = before(8)
    seen = ALIAS_IPS.find(ALIAS_IPS.ref("10.0.0.100"), known, reading(INTERNAL, OTHER))
    assert seen is not None
    assert resource(7, "10.0.0.100") == seen.id


def test_the_holder_is_the_server_that_lists_it() -> None:
    assert 2 == found("10.0.0.100", US, (*THEM, "10.0.0.99", "10.0.0.100")).server_id
    assert found("10.0.0.100", US, THEM).server_id is None


def test_the_pieces_of_a_network_are_put_together_and_the_newest_counts() -> None:
    parts = (members(US), INTERNAL, members((*THEM, "10.0.0.100")), members(THEM))
    seen = ALIAS_IPS.find(ALIAS_IPS.ref("10.0.0.100"), None, reading(*parts))
    assert seen is not None
    assert ((("1", ""), ("2", "")), None) == (seen.note, seen.server_id)


def test_alias_ips_in_other_networks_are_remembered_where_a_list_of_members_lacks_them() -> None:
    ref, elsewhere = ALIAS_IPS.ref("10.0.0.100"), (*US, "10.1.0.1", "10.1.0.2", "10.1.0.3")
    whole = reading(INTERNAL, OTHER, members(US, THEM), members(elsewhere, key=8))
    first = ALIAS_IPS.find(ref, None, whole)
    assert first is not None
    assert (("1", "8:3"), ("2", "")) == first.note
    again = ALIAS_IPS.find(ref, first, reading(members((*US, "10.0.0.98"), THEM)))
    assert again is not None
    assert (("1", "8:3", "10.0.0.98"), ("2", "")) == again.note
    assert 1 == next_step(again).most


def test_of_other_networks_that_are_read_as_well_the_new_lists_count() -> None:
    ref = ALIAS_IPS.ref("10.0.0.100")
    eighth = members((*US, "10.1.0.1", "10.1.0.2"), key=8)
    ninth = members((*US, "10.2.0.1"), THEM, key=9)
    first = ALIAS_IPS.find(ref, None, reading(INTERNAL, members(US, THEM), eighth, ninth))
    assert first is not None
    assert (("1", "8:2 9:1"), ("2", "")) == first.note
    ninth = members(US, (*THEM, "10.2.0.1"), key=9)
    again = ALIAS_IPS.find(ref, first, reading(members(US, THEM), ninth))
    assert again is not None
    assert (("1", "8:2"), ("2", "9:1")) == again.note
    assert 3 == next_step(again).most


def test_a_server_with_the_most_of_them_in_another_network_has_no_room() -> None:
    elsewhere = (*US, *(f"10.1.0.{number}" for number in range(5)))
    parts = (INTERNAL, OTHER, members(US, (*THEM, "10.0.0.100")), members(elsewhere, key=8))
    seen = ALIAS_IPS.find(ALIAS_IPS.ref("10.0.0.100"), None, reading(*parts))
    assert seen is not None
    without_room = ALIAS_IPS.next_step(seen, this_server(1))
    assert isinstance(without_room, Obstacle)
    said = "this server has 0 alias IPs in network 7 and 5 in others already, the most that"
    assert without_room.message.startswith(said)


# --- the next step ----------------------------------------------------------------------------


def test_it_is_taken_from_its_holder_whose_others_stay() -> None:
    step = next_step(found("10.0.0.100", US, (*THEM, "10.0.0.99", "10.0.0.100")))
    given = ("10.0.0.99", "10.0.0.100")
    assert Step("release", None, "alias_ip/7/2", given=given, most=5, room=5) == step
    assert HttpRequest(
        method="POST",
        path="/servers/2/actions/change_alias_ips",
        body={"network": 7, "alias_ips": ["10.0.0.99"]},
    ) == ALIAS_IPS.request_of([resource(7, "10.0.0.100")], step)


def test_it_is_added_to_our_list_if_nobody_has_it() -> None:
    step = next_step(found("10.0.0.100", (*US, "10.0.0.98"), THEM))
    assert Step("take", 1, "alias_ip/7/1", given=("10.0.0.98",), most=4) == step
    moved = [resource(7, "10.0.0.100"), resource(7, "10.0.0.101")]
    assert HttpRequest(
        method="POST",
        path="/servers/1/actions/change_alias_ips",
        body={"network": 7, "alias_ips": ["10.0.0.98", "10.0.0.100", "10.0.0.101"]},
    ) == ALIAS_IPS.request_of(moved, step)


def test_one_that_is_in_our_list_is_not_added_twice() -> None:
    step = next_step(found("10.0.0.100", (*US, "10.0.0.100"), THEM))
    request = ALIAS_IPS.request_of([resource(7, "10.0.0.100")], step)
    assert {"network": 7, "alias_ips": ["10.0.0.100"]} == request.body


def test_those_of_one_holder_go_with_one_request() -> None:
    rows = (US, (*THEM, "10.0.0.100", "10.0.0.101"))
    assert next_step(found("10.0.0.100", *rows)) == next_step(found("10.0.0.101", *rows))


@pytest.mark.parametrize("holder", [THEM, (*THEM, "10.0.0.100")])
def test_it_stays_where_it_is_while_we_cannot_have_it(holder: tuple[str, ...]) -> None:
    full = (*US, *(f"10.0.0.{number}" for number in range(11, 16)))
    without_room = ALIAS_IPS.next_step(found("10.0.0.100", full, holder), this_server(1))
    assert isinstance(without_room, Obstacle)
    assert ("no_room", "has 5 alias IPs in network 7 already") == (
        without_room.code,
        without_room.message[12:48],
    )
    outside = ALIAS_IPS.next_step(found("10.0.0.100", holder), this_server(1))
    assert isinstance(outside, Obstacle)
    assert "not_attached" == outside.code


def test_no_more_are_released_than_can_be_taken() -> None:
    nearly_full = (*US, *(f"10.0.0.{number}" for number in range(11, 15)))
    assert 1 == next_step(found("10.0.0.100", nearly_full, (*THEM, "10.0.0.100"))).most


# --- requests and answers ---------------------------------------------------------------------


def test_all_are_read_with_networks_and_servers_and_some_with_the_members() -> None:
    paths = [request.path for request in ALIAS_IPS.list_requests(())]
    assert ["/networks", "/servers"] == paths
    assert [HttpRequest(method="GET", path="/networks/7/members")] == [
        *ALIAS_IPS.list_requests((7,))
    ]
    kind: Kind = ALIAS_IPS
    assert kind.read_request(resource(7, "10.0.0.100")) is None


def read(path: str, answer: dict[str, object]) -> Reading:
    return ALIAS_IPS.read_list(HttpRequest(method="GET", path=path), cast("Json", answer))


def test_networks_are_read() -> None:
    entry = {"id": 7, "name": "internal", "ip_range": "10.0.0.0/16", "routes": []}
    assert reading(INTERNAL) == read("/networks", {"networks": [entry]})


def test_servers_are_read_as_far_as_they_are_in_networks() -> None:
    net = {"network": 7, "ip": "10.0.0.2", "alias_ips": ["10.0.0.100"], "mac_address": "…"}
    server = {"id": 1, "private_net": [net, net | {"network": 8, "alias_ips": []}]}
    answer = read("/servers", {"servers": [server, {"id": 3, "private_net": []}]})
    assert reading(members((*US, "10.0.0.100")), members(US, key=8)) == answer


@pytest.mark.parametrize(
    "server",
    [
        {"id": "x", "private_net": []},
        {"id": 3},
        {"id": 3, "private_net": [{"network": 7, "ip": "10.0.0.2", "alias_ips": ["web"]}]},
        {"id": 3, "private_net": [{"network": 7, "ip": "10.0.0.2"}]},
    ],
)
def test_one_of_an_odd_server_may_be_there(server: dict[str, object]) -> None:
    odd = read("/servers", {"servers": [server]})
    ref = ALIAS_IPS.ref("10.0.0.100")
    whole = Reading((), odd.unreadable, (INTERNAL,))
    assert ALIAS_IPS.find(ref, None, whole) is None
    assert "a server: " in (ALIAS_IPS.why_unreadable(ref, whole) or "")
    held = Reading((), odd.unreadable, (INTERNAL, members((*THEM, "10.0.0.100"))))
    assert ALIAS_IPS.find(ref, None, held) is not None


def test_members_are_read() -> None:
    server = {"id": 2, "type": "server", "ip": "10.0.0.3", "alias_ips": ["10.0.0.100"]}
    balancer = {"id": 5, "type": "load_balancer", "ip": "10.0.0.9", "alias_ips": []}
    coming = {"id": 4, "type": "server", "ip": None, "alias_ips": [], "status": "attaching"}
    answer = read("/networks/7/members", {"members": [server, balancer, coming]})
    rows = ((*THEM, "10.0.0.100"), ("", "10.0.0.9"), ("4", ""))
    assert reading(members(*rows)) == answer


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/networks", {}),
        ("/networks", {"networks": [{"id": 7}]}),
        ("/networks", {"networks": [{"id": 7, "ip_range": "web"}]}),
        ("/servers", {"servers": None}),
        ("/networks/7/members", {"members": [{"type": "server", "id": 2, "ip": "10.0.0.3"}]}),
        ("/networks/7/members", {"members": [{"id": 2}]}),
    ],
)
def test_an_answer_without_what_is_needed_cannot_be_used(
    path: str, answer: dict[str, object]
) -> None:
    with pytest.raises(UnreadableAnswer):
        read(path, answer)


def test_a_single_one_is_never_read() -> None:
    with pytest.raises(UnreadableAnswer, match="with their network"):
        ALIAS_IPS.read_one({})


# --- what a step leads to --------------------------------------------------------------------


def test_after_each_step_it_is_seen_where_the_step_has_brought_it() -> None:
    here, there = ("1", "10.0.0.2", "10.0.0.200"), ("2", "10.0.0.3", "10.0.0.100", "10.0.0.201")
    seen, other = found("10.0.0.100", here, there), found("10.0.0.201", here, there)
    release = next_step(seen)
    free = ALIAS_IPS.after(seen, (seen.id,), release)
    assert found("10.0.0.100", here, (*there[:2], "10.0.0.201")) == free
    take = next_step(free)
    ours = ALIAS_IPS.after(free, (seen.id,), take)
    rows = ((*here, "10.0.0.100"), (*there[:2], "10.0.0.201"))
    assert found("10.0.0.100", *rows) == ours
    # What another one is built upon has changed as well.
    between = ALIAS_IPS.after(other, (seen.id,), release)
    assert found("10.0.0.201", *rows) == ALIAS_IPS.after(between, (seen.id,), take)


@pytest.mark.parametrize(
    ("rows", "released", "taken"),
    [
        ((US, (*THEM, "10.0.0.100")), False, False),
        ((US, THEM), True, False),
        (((*US, "10.0.0.100"), THEM), True, True),
        ((US,), True, False),
    ],
)
def test_a_read_shows_what_a_step_has_changed_in_the_list_that_it_has_changed(
    rows: tuple[tuple[str, ...], ...], *, released: bool, taken: bool
) -> None:
    seen, moved = found("10.0.0.99", *rows), (resource(7, "10.0.0.100"),)
    assert released == ALIAS_IPS.reflects(seen, moved, Step("release", None, "alias_ip/7/2"))
    assert taken == ALIAS_IPS.reflects(seen, moved, Step("take", 1, "alias_ip/7/1"))


def test_a_step_in_another_network_changes_nothing() -> None:
    seen = found("10.0.0.100", ("1", "10.0.0.2"), ("2", "10.0.0.3", "10.0.0.100"))
    assert seen == ALIAS_IPS.after(seen, (resource(8, "10.0.0.100"),), next_step(seen))

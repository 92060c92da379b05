"""A reload: what stays is not disturbed, what goes is let go, what comes is read, then claimed."""

import ipaddress

import pytest

from hakeeper.core.calls import FailureKind, Identified, Identify, Mutate, ReadAll, ReadOne
from hakeeper.core.claim.resource import SPACING_S
from hakeeper.core.events import CancelCall, SettingsChanged
from hakeeper.core.model import Role, Settings
from hakeeper.core.observation import ResourceRef
from hakeeper.diagnosis.problems import Health
from hakeeper.kinds.floating_ip import by_id, by_name, by_network
from tests.core.driver import WEB, Node, World, one_node, settings
from tests.core.faults import failure
from tests.support.resources import CLOUD, IDENTIFY, assign, read

MAIL = 4712
BOTH = settings({"VI_1": ("web", "mail")})


def reload(node: Node, to: Settings, *, api_changed: bool = False) -> tuple[object, ...]:
    return node.feed(SettingsChanged(to, apis_changed=(CLOUD,) if api_changed else ()))


def held(config: Settings | None = None) -> tuple[World, Node]:
    world, node = one_node(config=config)
    world.cloud.add_ip(MAIL, "mail", "2001:db8:1:2::/64", 2)
    node.warm()
    node.line("VI_1", "MASTER")
    world.run_for(60.0)
    return world, node


def assigns_since(node: Node, since_s: float) -> list[object]:
    return [call.request for call in node.asked(Mutate, since_s=since_s)]


def test_an_address_that_is_added_and_ours_already_is_only_read() -> None:
    world, node = held()
    world.cloud.move(MAIL, 1)
    begun_s = world.now
    reload(node, BOTH)
    world.run_for(15.0)
    assert node.stage(1) == "held"
    assert [] == assigns_since(node, begun_s)


def test_an_address_that_is_added_on_a_backup_is_left_alone() -> None:
    world, node = held()
    node.line("VI_1", "BACKUP")
    reload(node, BOTH)
    world.run_for(120.0)
    assert world.cloud.holder(MAIL) == 2


def test_an_assign_of_a_removed_address_is_cancelled_and_its_end_means_nothing() -> None:
    world, node = one_node()
    node.warm()
    node.holding = (Mutate,)
    node.line("VI_1", "MASTER")
    [call] = node.open_calls(Mutate)
    effects = reload(node, settings({"VI_1": ()}))
    assert CancelCall(call.id) in effects
    node.release(call)
    world.run_for(60.0)
    assert 1 == len(node.assigns)


def test_an_assign_of_a_removed_instance_ends_in_peace() -> None:
    world, node = one_node()
    node.warm()
    node.holding = (Mutate,)
    node.line("VI_1", "MASTER")
    [call] = node.open_calls(Mutate)
    reload(node, settings({"VI_9": ("web",)}))
    node.release(call)
    world.run_for(60.0)
    assert 1 == len(node.assigns)


def test_an_instance_that_is_added_is_unknown_and_keepalived_is_asked() -> None:
    world, node = held(settings(can_query=True))
    node.dbus = {"VI_1": Role.MASTER}
    world.run_for(11.0)
    asked = len(node.queries)
    wider = settings({"VI_1": ("web",), "VI_2": ("mail",)}, can_query=True)
    reload(node, wider)
    assert "UNKNOWN" == node.role("VI_2")
    assert "MASTER" == node.role("VI_1")
    assert asked + 1 == len(node.queries)


def test_another_api_is_asked_who_we_are_before_any_assign() -> None:
    world, node = held()
    begun_s = world.now
    node.holding = (Identify,)
    reload(node, settings(), api_changed=True)
    [identify] = node.asked(Identify, since_s=begun_s)
    assert IDENTIFY == identify.request
    world.cloud.move(WEB, 2)
    node.lines(("VI_1", "BACKUP"), ("VI_1", "MASTER"))
    world.run_for(30.0)
    assert [] == assigns_since(node, begun_s)
    node.holding = ()
    node.release(identify)
    world.run_for(15.0)
    assert [assign(WEB, 1)] == assigns_since(node, begun_s)


def test_answers_of_the_api_before_the_reload_are_not_believed() -> None:
    world, node = held()
    node.holding = (Identify, ReadAll, ReadOne)
    reload(node, settings(), api_changed=True)
    [old_identify] = node.open_calls(Identify)
    [old_list] = node.open_calls(ReadAll)
    effects = reload(node, settings(), api_changed=True)
    assert {CancelCall(old_identify.id), CancelCall(old_list.id)} <= set(effects)
    world.cloud.add_server(77)
    node.answer(old_identify, Identified(world.cloud.servers[77], "the old API"))
    assert node.snapshot().server_id is None
    node.holding = ()
    for call in node.open_calls():
        node.release(call)
    world.run_for(15.0)
    assert node.snapshot().server_id == 1
    assert node.stage() == "held"


# --- how an address may be named -------------------------------------------------------------


@pytest.mark.parametrize(
    ("ref", "text"),
    [
        (by_name("mail"), "mail"),
        (by_id(MAIL), "4712"),
        (by_network(ipaddress.ip_network("2001:db8:1:2::/64")), "2001:db8:1:2::/64"),
    ],
)
def test_an_address_is_found_by_name_id_or_network(ref: ResourceRef, text: str) -> None:
    world, node = held(settings({"VI_1": (ref,)}))
    assert world.cloud.holder(MAIL) == 1
    [resolved] = node.reports("address.resolved")
    assert (MAIL, "2001:db8:1:2::/64") == (
        resolved.fields["resource_id"],
        resolved.fields["address"],
    )
    assert text == node.snapshot().roles[0].addresses[0].ref


def test_a_floating_ip_that_is_deleted_is_reported_and_taken_up_again() -> None:
    world, node = held()
    kept = world.cloud.resources.pop(WEB)
    world.run_for(30.0)
    assert 1 == len(node.reports("address.unresolved"))
    world.cloud.resources[WEB] = kept
    world.run_for(30.0)
    assert 2 == len(node.reports("address.resolved"))
    assert 1 == len(node.assigns)
    assert node.stage() == "held"


def test_a_floating_ip_deleted_while_it_is_read_alone_is_looked_for_in_the_list() -> None:
    world, node = held()
    del world.cloud.resources[WEB]
    node.line("VI_1", "MASTER")
    world.run_for(15.0)
    assert node.snapshot().health is Health.BROKEN


def test_a_name_that_goes_to_another_floating_ip_is_followed() -> None:
    world, node = held()
    world.cloud.resources.clear()
    world.cloud.add_ip(5000, "web", "203.0.113.99/32", 2)
    world.run_while(lambda: world.cloud.holder(5000) != 1, 15.0)
    assert 2 == len(node.reports("address.resolved"))


def test_an_assign_whose_end_nobody_knows_is_known_of_an_address_that_came_back_meanwhile() -> None:
    world, node = one_node()
    node.warm()
    node.holding = (Mutate,)
    node.line("VI_1", "MASTER")
    [call] = node.open_calls(Mutate)
    node.line("VI_1", "BACKUP")
    reload(node, settings({"VI_1": ()}))
    reload(node, settings())
    world.run_for(1.0)
    node.answer(call, failure(FailureKind.OUTCOME_UNKNOWN))
    begun_s = world.now
    node.line("VI_1", "MASTER")
    assert [] == assigns_since(node, begun_s)
    assert [read(WEB)] == [c.request for c in node.asked(ReadOne)][-1:]


def test_an_address_that_was_away_for_a_moment_is_not_assigned_twice_within_a_second() -> None:
    world, node = one_node()
    node.warm()
    node.holding = (Mutate,)
    node.line("VI_1", "MASTER")
    [call] = node.open_calls(Mutate)
    node.answer(call, failure(FailureKind.TRANSIENT))
    node.holding = ()
    sent_s = world.now
    reload(node, settings({"VI_1": ("mail",)}))
    world.run_for(0.3)
    reload(node, settings())
    world.run_while(lambda: world.cloud.holder(WEB) != 1, 15.0)
    first, again = node.asked(Mutate, since_s=sent_s)
    assert first is call
    assert again.at_s == pytest.approx(sent_s + SPACING_S)

"""What a label selector chooses: it comes and goes with each list of all floating IPs."""

from dataclasses import replace

import pytest

from hakeeper.core.calls import FailureKind, Mutate, ReadAll, ReadOne
from hakeeper.core.choice import FEW, Owner
from hakeeper.core.claim.resource import SPACING_S
from hakeeper.core.decisions.decision import Decision
from hakeeper.core.decisions.selectors import (
    ResourceChosenTwice,
    ResourceDeselected,
    ResourceSelected,
    SelectorBroad,
    SelectorEmpty,
)
from hakeeper.core.events import SettingsChanged
from hakeeper.core.model import Settings
from hakeeper.core.observation import Observation, ResourceRef, Unreadable
from hakeeper.diagnosis.operator_problems import ChosenTwice, NothingChosen
from hakeeper.diagnosis.snapshot import AddressPicture
from hakeeper.kinds.floating_ip import by_id, by_label, by_name
from hakeeper.kinds.label_selector import note_of
from tests.core.driver import WEB, Node, World, decisions, instance, one_node, settings
from tests.core.faults import failure
from tests.support.resources import fip, listed

MAIL, NEWS = WEB + 1, WEB + 2
SELECTOR, OTHER = by_label("role=web"), by_label("env=prod")
VI_1, VI_2 = instance("VI_1"), instance("VI_2")
LABELLED = settings({"VI_1": (SELECTOR,)})
SELECTED = (ResourceSelected, ResourceDeselected, ResourceChosenTwice, SelectorEmpty, SelectorBroad)


def label(world: World, number: int, **labels: str) -> None:
    found = world.cloud.resources
    found[number] = replace(found[number], note=note_of(labels))


def scene(config: Settings = LABELLED) -> tuple[World, Node]:
    """A cloud with web, mail and news at node2; only web has the label."""
    world, node = one_node(config=config)
    world.cloud.add_ip(MAIL, "mail", "203.0.113.11/32", 2)
    world.cloud.add_ip(NEWS, "news", "203.0.113.12/32", 2)
    label(world, WEB, role="web")
    return world, node


def master(config: Settings = LABELLED) -> tuple[World, Node]:
    world, node = scene(config)
    node.warm()
    for vrrp in config.resources:
        node.line(vrrp.name, "MASTER")
    world.run_for(60.0)
    return world, node


def claiming_anew() -> tuple[World, Node, float]:
    """Be MASTER for long, lose web, and have sent the assign that brings it back just now."""
    world, node = master()
    world.cloud.move(WEB, 2)
    world.run_while(lambda: len(node.assigns) < 2, 30.0)
    world.run_for(0.0)
    return world, node, node.assigns[-1]


def said(node: Node, *kinds: type[Decision]) -> list[Decision]:
    wanted = kinds or SELECTED
    made = decisions(effect for _, who, effect in node.world.log if who is node)
    return [each for each in made if isinstance(each, wanted)]


def show(world: World, node: Node, *seen: Observation, odd: tuple[Unreadable, ...] = ()) -> None:
    """Answer the next list with these."""
    node.holding = (ReadAll,)
    world.run_while(lambda: not node.open_calls(ReadAll), 100.0)
    [call] = node.open_calls(ReadAll)
    node.holding = ()
    node.answer(call, listed(seen, odd))


def assigned(node: Node, since_s: float) -> list[Mutate]:
    calls = node.asked(Mutate, since_s=since_s)
    return [call.request for call in calls if isinstance(call.request, Mutate)]


def addresses(node: Node) -> dict[str, list[str]]:
    """Return what each instance has, in its order."""
    picture = node.snapshot()
    return {role.name: [one.address for one in role.addresses] for role in picture.roles}


def pictures(node: Node) -> list[AddressPicture]:
    return [one for role in node.snapshot().roles for one in role.addresses]


def troubles(node: Node) -> list[object]:
    """Return those of selectors; the scene has others, of keepalived."""
    found = (each.trouble for each in node.snapshot().problems)
    return [each for each in found if isinstance(each, NothingChosen | ChosenTwice)]


def reload(node: Node, to: Settings) -> None:
    node.config = to
    node.feed(SettingsChanged(to))


# --- coming and going ---------------------------------------------------------------------------


def test_what_has_the_label_is_claimed_and_nothing_else() -> None:
    world, node = master()
    assert (1, 2, 2) == tuple(map(world.cloud.holder, (WEB, MAIL, NEWS)))
    assert [ResourceSelected(VI_1, "203.0.113.10", SELECTOR, fip(WEB))] == said(node)
    [one] = pictures(node)
    assert ("label role=web", True, True) == (one.ref, one.chosen, one.confirmed)
    [picture] = node.snapshot().roles[0].selectors
    assert ("label role=web", "floating_ip", 1, 3) == (
        picture.ref,
        picture.resource_kind,
        picture.count,
        picture.listed,
    )


def test_nothing_is_known_before_the_first_list() -> None:
    _, node = scene()
    node.holding = (ReadAll,)
    node.start()
    [picture] = node.snapshot().roles[0].selectors
    assert (None, None) == (picture.count, picture.listed)
    assert {"VI_1": []} == addresses(node)
    assert [] == troubles(node)


def test_who_gets_the_label_is_read_and_claimed_by_a_master() -> None:
    world, node = master()
    world.cloud.move(NEWS, 1)
    label(world, MAIL, role="web")
    label(world, NEWS, role="web")
    begun_s = world.now
    world.run_for(15.0)
    assert 1 == world.cloud.holder(MAIL)
    assert [fip(MAIL)] == [a.resource for a in assigned(node, begun_s)]
    assert {"VI_1": ["203.0.113.10", "203.0.113.11", "203.0.113.12"]} == addresses(node)
    assert all(one.confirmed for one in pictures(node))


def test_a_standby_learns_of_it_and_claims_it_with_the_rest() -> None:
    world, node = scene()
    node.warm()
    label(world, MAIL, role="web")
    world.run_for(61.0)
    assert {"VI_1": ["203.0.113.10", "203.0.113.11"]} == addresses(node)
    assert [] == node.assigns
    node.line("VI_1", "MASTER")
    world.run_for(5.0)
    assert (1, 1) == tuple(map(world.cloud.holder, (WEB, MAIL)))


def test_a_master_that_has_none_yet_looks_as_often_as_one_that_has() -> None:
    world, node = scene()
    label(world, WEB)
    node.warm()
    node.line("VI_1", "MASTER")
    world.run_for(75.0)  # between two looks of a standby
    label(world, MAIL, role="web")
    world.run_for(LABELLED.interval_s + 1.0)
    assert 1 == world.cloud.holder(MAIL)


def test_who_loses_the_label_is_let_go_and_stays_where_it_is() -> None:
    world, node = master()
    label(world, WEB)
    world.run_for(15.0)
    assert ResourceDeselected(VI_1, "203.0.113.10", SELECTOR, None, is_listed=True) in said(node)
    assert {"VI_1": []} == addresses(node)
    assert 1 == world.cloud.holder(WEB)
    world.cloud.move(WEB, 2)
    world.run_for(60.0)
    assert 2 == world.cloud.holder(WEB)


def test_a_claim_that_was_not_sent_is_cancelled_and_its_end_means_nothing() -> None:
    world, node = scene()
    node.warm()
    node.holding = (Mutate,)
    node.line("VI_1", "MASTER")
    [call] = node.open_calls(Mutate)
    label(world, WEB)
    world.run_for(15.0)
    assert call.cancelled
    node.holding = ()
    node.release(call)
    world.run_for(30.0)
    assert 1 == len(node.assigns)
    assert {"VI_1": []} == addresses(node)


def test_who_comes_back_at_once_is_not_assigned_twice_within_a_second() -> None:
    world, node, sent_s = claiming_anew()
    label(world, WEB)
    reload(node, LABELLED)
    world.run_for(0.0)
    world.cloud.move(WEB, 2)
    label(world, WEB, role="web")
    reload(node, LABELLED)
    world.run_for(10.0)
    assert 2 == len(said(node, ResourceSelected))
    assert 1 == world.cloud.holder(WEB)
    again_s = next(at_s for at_s in node.assigns if at_s > sent_s)
    assert again_s >= sent_s + SPACING_S
    assert again_s < sent_s + 2 * SPACING_S


# --- lists that do not show all -----------------------------------------------------------------


def test_one_list_without_it_lets_go_of_nothing_and_two_do() -> None:
    world, node = master()
    world.cloud.faults.slipped.append(WEB)
    world.run_for(10.0)
    assert {"VI_1": ["203.0.113.10"]} == addresses(node)
    world.run_for(10.0)
    assert {"VI_1": []} == addresses(node)
    assert ResourceDeselected(VI_1, "203.0.113.10", SELECTOR, None, is_listed=False) in said(node)


def test_a_list_that_has_it_again_makes_up_for_one_that_had_not() -> None:
    world, node = master()
    for _ in range(3):
        world.cloud.faults.slipped.append(WEB)
        world.run_for(10.0)
        world.cloud.faults.slipped.clear()
        world.run_for(10.0)
    assert {"VI_1": ["203.0.113.10"]} == addresses(node)
    assert 1 == len(said(node))


def test_a_list_that_fails_lets_go_of_nothing() -> None:
    world, node = master()
    world.cloud.fail(failure(FailureKind.TRANSIENT), ReadAll)
    world.run_for(120.0)
    assert {"VI_1": ["203.0.113.10"]} == addresses(node)
    assert 1 == len(said(node))


def odd(key: int | None) -> Unreadable:
    return Unreadable(key=key, name=None, label=None, why="labels are no object of strings")


@pytest.mark.parametrize("key", [WEB, None])
@pytest.mark.parametrize("is_found", [True, False])
def test_one_whose_labels_cannot_be_read_keeps_its_state(
    key: int | None,
    is_found: bool,  # noqa: FBT001  # whether its holder can be read at least
) -> None:
    world, node = master()
    web = world.cloud.resources[WEB]
    mail = world.cloud.resources[MAIL]
    if key is None and is_found:  # then it is another one that is odd
        web = replace(web, note=note_of({"role": "web", "tier": "front"}))
    elif is_found:
        web = replace(web, note=())
    seen = (web, mail) if is_found else (mail,)
    for _ in range(3):
        show(world, node, *seen, odd=(odd(key),))
    assert {"VI_1": ["203.0.113.10"]} == addresses(node)
    assert 1 == len(said(node))


def test_one_whose_labels_cannot_be_read_is_not_chosen() -> None:
    world, node = master()
    mail = replace(world.cloud.resources[MAIL], note=())
    for _ in range(3):
        show(world, node, world.cloud.resources[WEB], mail, odd=(odd(MAIL),))
    assert {"VI_1": ["203.0.113.10"]} == addresses(node)


def test_an_older_list_that_comes_late_says_nothing_of_labels() -> None:
    world, node = master()
    reload(node, LABELLED)
    node.holding = (ReadAll,)
    world.run_while(lambda: not node.open_calls(ReadAll), 100.0)
    [old] = node.open_calls(ReadAll)
    state = node.core.state
    selection = state.selections[SELECTOR]
    selection.asked_at_s = old.at_s + 1.0  # as if a later one had been quicker
    node.answer(old, listed(tuple(world.cloud.resources[each] for each in (MAIL, NEWS))))
    assert {"VI_1": ["203.0.113.10"]} == addresses(node)
    assert frozenset() == selection.missing


def test_a_claim_to_one_that_no_list_shows_and_none_refutes_does_not_ask_without_end() -> None:
    world, node = scene()
    node.warm()
    node.holding = (ReadAll, ReadOne)
    node.lines(("VI_1", "MASTER"), live=False)
    [one] = node.open_calls(ReadOne)
    node.answer(one, failure(FailureKind.NOT_FOUND, "not_found"))
    world.run_while(lambda: not node.open_calls(ReadAll), 30.0)
    [whole] = node.open_calls(ReadAll)
    node.answer(whole, listed((world.cloud.resources[MAIL],), (odd(None),)))
    world.run_for(0.0)
    assert [] == node.open_calls(ReadAll)
    assert {"VI_1": [str(WEB)]} == addresses(node)


# --- named, and chosen as well ------------------------------------------------------------------


def test_who_is_named_stays_with_its_name() -> None:
    world, node = master(settings({"VI_1": (SELECTOR, "web")}))
    assert ["web"] == [one.ref for one in pictures(node)]
    assert not pictures(node)[0].chosen
    assert [] == said(node)
    assert 1 == world.cloud.holder(WEB)


def test_who_is_named_for_another_instance_stays_there_and_that_is_said_once() -> None:
    _, node = master(settings({"VI_1": (SELECTOR,), "VI_2": ("web",)}))
    assert {"VI_1": [], "VI_2": ["203.0.113.10"]} == addresses(node)
    owner = Owner(VI_2, by_name("web"))
    assert [ResourceChosenTwice(VI_1, "203.0.113.10", SELECTOR, owner)] == said(node)
    assert [] == troubles(node)


def test_the_first_selector_in_the_configuration_has_it_and_the_other_is_a_trouble() -> None:
    world, node = scene(settings({"VI_1": (SELECTOR,), "VI_2": (OTHER,)}))
    label(world, WEB, env="prod")
    node.start()
    node.lines(("VI_1", "MASTER"), ("VI_2", "MASTER"))
    world.run_for(60.0)
    assert {"VI_1": [], "VI_2": ["203.0.113.10"]} == addresses(node)
    label(world, WEB, env="prod", role="web")
    world.run_for(30.0)
    assert {"VI_1": ["203.0.113.10"], "VI_2": []} == addresses(node)
    owner = Owner(VI_1, SELECTOR)
    assert [
        ResourceSelected(VI_2, "203.0.113.10", OTHER, fip(WEB)),
        ResourceDeselected(VI_2, "203.0.113.10", OTHER, owner, is_listed=True),
        ResourceChosenTwice(VI_2, "203.0.113.10", OTHER, owner),
        ResourceSelected(VI_1, "203.0.113.10", SELECTOR, fip(WEB)),
    ] == said(node, ResourceSelected, ResourceDeselected, ResourceChosenTwice)
    assert [ChosenTwice(VI_2, "203.0.113.10", "label env=prod", owner)] == troubles(node)


def test_two_selectors_of_one_instance_may_choose_the_same() -> None:
    world, node = master(settings({"VI_1": (SELECTOR, OTHER)}))
    label(world, WEB, role="web", env="prod")
    world.run_for(15.0)
    label(world, WEB, env="prod")
    begun_s = world.now
    world.run_for(30.0)
    [one] = pictures(node)
    assert ("label env=prod", True) == (one.ref, one.confirmed)
    assert [] == node.asked(Mutate, since_s=begun_s)
    assert [] == said(node, ResourceDeselected, ResourceChosenTwice)


# --- reloads ------------------------------------------------------------------------------------


def test_a_reload_that_keeps_a_selector_disturbs_nothing() -> None:
    world, node = master()
    reload(node, settings({"VI_1": (SELECTOR, "mail")}))
    assert ["203.0.113.10", "mail"] == addresses(node)["VI_1"]
    assert "held" == node.stage()
    world.run_for(15.0)
    assert 1 == len(said(node))


@pytest.mark.parametrize("to", [{"VI_1": ("mail",)}, {"VI_1": ("mail",), "VI_2": (SELECTOR,)}])
def test_a_reload_that_takes_a_selector_away_lets_go_of_what_it_chose(
    to: dict[str, tuple[str | ResourceRef, ...]],
) -> None:
    _, node = master()
    reload(node, settings(to))
    assert ["mail"] == addresses(node)["VI_1"]


def test_a_reload_may_name_what_was_chosen_and_it_stays_as_it_is() -> None:
    world, node = master()
    begun_s = world.now
    reload(node, settings({"VI_1": (by_id(WEB), SELECTOR)}))
    [one] = pictures(node)
    assert (str(WEB), False, "held") == (one.ref, one.chosen, one.stage)
    world.run_for(30.0)
    assert [] == node.asked(Mutate, since_s=begun_s)
    assert 1 == len(pictures(node))


@pytest.mark.parametrize(("selecting", "naming"), [("VI_1", "VI_2"), ("VI_2", "VI_1")])
def test_a_reload_may_give_what_was_chosen_to_another_instance(selecting: str, naming: str) -> None:
    before: dict[str, tuple[str | ResourceRef, ...]] = {selecting: (SELECTOR,), naming: ("mail",)}
    to = {**before, naming: (by_id(WEB),)}
    world, node = master(settings(dict(sorted(before.items()))))
    reload(node, settings(dict(sorted(to.items()))))
    assert {selecting: [], naming: [str(WEB)]} == addresses(node)
    world.run_for(15.0)
    assert {selecting: [], naming: ["203.0.113.10"]} == addresses(node)


def test_who_is_named_after_it_was_chosen_knows_when_it_was_assigned_last() -> None:
    world, node, sent_s = claiming_anew()
    world.cloud.move(WEB, 2)
    reload(node, settings({"VI_1": (SELECTOR, "web")}))
    world.run_for(10.0)
    assert 1 == world.cloud.holder(WEB)
    again_s = next(at_s for at_s in node.assigns if at_s > sent_s)
    assert again_s >= sent_s + SPACING_S
    assert again_s < sent_s + 2 * SPACING_S
    assert ["web"] == [one.ref for one in pictures(node)]


# --- too few, too many --------------------------------------------------------------------------


def test_a_selector_that_chooses_nothing_is_a_trouble_and_said_once() -> None:
    world, node = scene(settings({"VI_1": ("mail", OTHER)}))
    node.warm()
    world.run_for(200.0)
    assert [SelectorEmpty(VI_1, OTHER, 3)] == said(node)
    assert [NothingChosen(VI_1, "floating IP", "label env=prod", 3)] == troubles(node)
    label(world, NEWS, env="prod")
    world.run_for(61.0)
    assert [] == troubles(node)
    label(world, NEWS)
    world.run_for(61.0)
    assert 2 == len(said(node, SelectorEmpty))


@pytest.mark.parametrize(
    ("chosen", "listed_", "is_broad"),
    [
        (FEW, FEW, False),
        (FEW + 1, FEW + 1, True),
        (FEW + 1, 2 * FEW + 1, True),
        (FEW + 1, 2 * FEW + 2, False),
    ],
)
def test_a_selector_that_chooses_most_of_the_project_is_said_once(
    chosen: int,
    listed_: int,
    is_broad: bool,  # noqa: FBT001  # what is expected
) -> None:
    world, node = scene()
    for number in range(3, listed_):
        world.cloud.add_ip(WEB + number, f"ip{number}", f"203.0.113.{10 + number}/32", 2)
    for number in range(listed_):
        label(world, WEB + number, **({"role": "web"} if number < chosen else {}))
    node.warm()
    world.run_for(200.0)
    expected = [SelectorBroad(VI_1, SELECTOR, chosen, listed_)] if is_broad else []
    assert expected == said(node, SelectorBroad)
    assert chosen == len(pictures(node))
    assert [] == troubles(node)

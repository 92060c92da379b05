"""Two kinds by two APIs side by side: what one API suffers from delays nothing of the other.

Beside the floating IP `web` there is a berth of the made-up kind, whose API answers when the work
is done, and which is cleared before it is given to another ship.
"""

from typing import cast

import pytest

from hakeeper.core.calls import (
    FailureKind,
    Identify,
    Mutate,
    ReadAll,
    ReadOne,
    ReadServer,
)
from hakeeper.core.events import SettingsChanged
from hakeeper.core.kind import Kind
from hakeeper.kinds import KINDS
from tests.core.cloud import Cloud
from tests.core.driver import WEB, Node, World, settings
from tests.core.faults import failure
from tests.core.pier import ONE_LANE, berth, ship
from tests.support.made_up_kind import BERTHS, ELSEWHERE
from tests.support.resources import CLOUD, LIST, assign

BOTH = settings({"VI_1": ("web", berth("north"))})
LATENCY_S = 0.1


def add(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    """Add the line that makes a kind one of ours."""
    monkeypatch.setitem(cast("dict[str, Kind]", KINDS), kind.name, kind)


@pytest.fixture(autouse=True)
def berths(monkeypatch: pytest.MonkeyPatch) -> None:
    add(BERTHS, monkeypatch)


def scene(holder: int | None = 2, names: tuple[str, ...] = ("north",)) -> tuple[World, Node]:
    """Make a BACKUP with `web` and these berths, which another server has."""
    world = World()
    world.cloud.nature.latency_s = world.pier.nature.latency_s = LATENCY_S
    world.cloud.add_server(2)
    world.cloud.add_ip(WEB, "web", "203.0.113.10/32", 2)
    for name in names:
        world.pier.give(name, holder)
    node = world.add_node(1, settings({"VI_1": ("web", *map(berth, names))}))
    node.start()
    node.line("VI_1", "BACKUP")
    world.run_for(30.0)
    return world, node


def held_after_s(world: World, node: Node, index: int) -> float:
    """Become MASTER; return how long the claim of this resource took."""
    node.line("VI_1", "MASTER")
    return world.run_while(lambda: node.stage(index) != "held", 60.0)


# --- two steps, and no action ---------------------------------------------------------------------


def test_a_berth_that_is_ours_already_needs_none() -> None:
    world, node = scene(holder=1)
    held_after_s(world, node, 1)
    assert [] == world.pier.steps


def test_one_that_is_taken_between_the_steps_is_cleared_once_more() -> None:
    world, node = scene()
    node.line("VI_1", "MASTER")
    world.run_while(lambda: world.pier.steps == [], 60.0)
    world.pier.give("north", 3)
    world.run_while(lambda: node.stage(1) != "held", 60.0)
    assert [("clear", "north"), ("clear", "north"), ("moor", "north")] == world.pier.steps


@pytest.mark.parametrize("commits", [True, False])
def test_a_step_whose_outcome_is_unknown_is_read_and_taken_up_where_it_stands(
    commits: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    world, node = scene()
    why = failure(FailureKind.OUTCOME_UNKNOWN)
    fault = world.pier.fail(why, Mutate, times=1.0)
    fault.commits = commits
    held_after_s(world, node, 1)
    assert [("clear", "north"), ("moor", "north")] == world.pier.steps
    assert (2 if commits else 3) == len(
        [c for c in node.asked(Mutate) if c.request != assign(WEB, 1)]
    )


# --- lanes ----------------------------------------------------------------------------------------


def test_steps_of_one_lane_go_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    add(ONE_LANE, monkeypatch)
    world, node = scene(None, ("north", "south", "west"))
    node.line("VI_1", "MASTER")
    most = 0

    def going_on() -> bool:
        nonlocal most
        open_ = [c for c in node.open_calls(Mutate) if c.request != assign(WEB, 1)]
        most = max(most, len(open_))
        return any(node.stage(index) != "held" for index in range(4))

    world.run_while(going_on, 60.0)
    assert 1 == most
    assert {ship(1)} == {berth.server_id for berth in world.pier.resources.values()}


def test_steps_of_lanes_of_their_own_go_together() -> None:
    world, node = scene(None, ("north", "south", "west"))
    node.line("VI_1", "MASTER")
    world.run_while(lambda: len(node.open_calls(Mutate)) < 3, 1.0)
    world.run_while(lambda: any(node.stage(n) != "held" for n in range(4)), 60.0)


# --- what one API suffers from --------------------------------------------------------------------

ILLS = [kind for kind in FailureKind if kind is not FailureKind.CANCELLED]


def fail(api: Cloud, ill: FailureKind | None) -> None:
    """Let an API be ill in this way; None: it does not know this server."""
    if ill is None:
        api.fail(failure(FailureKind.NOT_FOUND), Identify)
    else:
        api.fail(failure(ill, retry_after_s=20.0 if ill is FailureKind.THROTTLED else None))


@pytest.mark.parametrize("sick", [CLOUD, ELSEWHERE.name])
@pytest.mark.parametrize("ill", [*ILLS, None], ids=str)
def test_an_api_that_is_ill_delays_no_claim_by_the_other(
    sick: str, ill: FailureKind | None
) -> None:
    index = 1 if sick == CLOUD else 0
    world, node = scene()
    healthy_s = held_after_s(world, node, index)
    world, node = scene()
    fail(world.cloud if sick == CLOUD else world.pier, ill)
    if ill is None:
        node.feed(SettingsChanged(BOTH, apis_changed=(sick,)))
    world.run_for(30.0)
    assert healthy_s == pytest.approx(held_after_s(world, node, index))
    assert "held" != node.stage(1 - index)
    world.cloud.heal()
    world.pier.heal()
    world.run_while(lambda: node.stage(1 - index) != "held", 60.0)


def test_a_429_of_one_api_holds_all_its_calls_and_none_of_the_other() -> None:
    world, node = scene()
    world.pier.fail(failure(FailureKind.THROTTLED, retry_after_s=25.0))
    pier = node.core.state.apis.apis[ELSEWHERE.name].health
    world.run_while(lambda: pier.held_until_s < world.now, 120.0)
    before = len(node.calls)
    node.line("VI_1", "MASTER")
    world.run_for(20.0)
    asked = [call.request for call in node.calls[before:]]
    assert [] == [one for one in asked if world.api_of(one) is world.pier]
    assert LIST in asked
    assert "held" == node.stage(0)


# --- who we are, and what is remembered -----------------------------------------------------------


def test_each_api_has_its_own_id_for_this_server_and_both_are_remembered() -> None:
    world, node = scene()
    assert node.saved is not None
    assert {CLOUD: 1, ELSEWHERE.name: "ship-1"} == node.saved.servers
    begun_s = len(node.calls)
    node.restart()
    asked = [c.request for c in node.calls[begun_s:] if isinstance(c.request, Identify)]
    assert [Identify(CLOUD, 1), Identify(ELSEWHERE.name, "ship-1")] == asked
    world.run_for(1.0)


def test_a_reload_that_changes_one_api_leaves_the_other_as_it_is() -> None:
    world, node = scene()
    held_after_s(world, node, 1)
    world.run_for(60.0)
    before = len(node.calls)
    node.feed(SettingsChanged(BOTH, apis_changed=(ELSEWHERE.name,)))
    world.run_for(5.0)
    asked = [c.request for c in node.calls[before:] if isinstance(c.request, Identify)]
    assert [Identify(ELSEWHERE.name, None)] == asked
    assert 1 == node.snapshot().server_id
    assert ["held", "held"] == [node.stage(0), node.stage(1)]


def test_an_api_comes_and_goes_with_what_the_configuration_names() -> None:
    world, node = scene()
    held_after_s(world, node, 1)
    world.run_for(60.0)
    node.feed(SettingsChanged(settings()))
    world.run_for(5.0)
    before = len(node.calls)
    world.run_for(600.0)
    assert {id(world.cloud)} == {id(world.api_of(c.request)) for c in node.calls[before:]}
    node.feed(SettingsChanged(BOTH))
    world.run_while(lambda: node.stage(1) != "held", 60.0)
    assert [("clear", "north"), ("moor", "north")] == world.pier.steps


def test_another_token_of_an_api_that_nothing_needs_any_more_is_no_matter() -> None:
    world, node = scene()
    held_after_s(world, node, 0)
    before = len(node.calls)
    node.feed(SettingsChanged(settings(), apis_changed=(ELSEWHERE.name,)))
    world.run_for(5.0)
    assert [] == [c for c in node.calls[before:] if isinstance(c.request, Identify)]
    assert "held" == node.stage(0)


def test_an_answer_of_an_api_that_a_reload_took_away_is_of_no_more_use() -> None:
    world, node = scene()
    node.holding = (ReadAll, ReadOne)
    node.line("VI_1", "MASTER")
    calls = [c for c in node.open_calls() if world.api_of(c.request) is world.pier]
    assert [] != calls
    node.feed(SettingsChanged(settings()))
    node.holding = ()
    for call in calls:
        node.answer(call, world.pier.answer(call.request, ship(1)))
    world.run_for(30.0)
    assert [] == world.pier.steps


def test_whether_a_holder_runs_is_asked_of_its_own_api() -> None:
    world, node = scene()
    held_after_s(world, node, 1)
    for _ in range(8):
        world.pier.give("north", 2)
        world.run_for(15.0)
    assert node.stage(1) == "hold-down"
    asked = {c.request for c in node.asked(ReadServer, since_s=world.now - 60.0)}
    assert {ReadServer(ELSEWHERE.name, "ship-2")} == asked

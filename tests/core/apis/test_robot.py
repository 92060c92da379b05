"""An API that takes a minute for a move, grants 50 an hour, and blocks who logs in wrongly.

Robot's failover IPs beside the floating IP `web`: what is slow or spent there delays nothing of the
cloud, and no trouble makes more requests than Robot grants.
"""

from itertools import pairwise

import pytest

from hakeeper.core.calls import Identified, Identify, Mutate, ReadAll, ReadOne
from hakeeper.core.events import SettingsChanged
from hakeeper.core.model import Server
from hakeeper.diagnosis.problems import Health, Pending
from hakeeper.kinds.apis import ROBOT
from hakeeper.simulate.robot_cloud import SWITCH_S, main_ip
from tests.core.driver import Node
from tests.core.robot_scene import (
    AWAY,
    WRONG_LOGIN,
    at_robot,
    flap,
    held_after_s,
    scene,
    switches,
)


def pending(node: Node) -> list[Health]:
    """Return how bad it is that claims are not done yet."""
    return [p.health for p in node.snapshot().problems if isinstance(p.trouble, Pending)]


# --- a move --------------------------------------------------------------------------------------


def test_a_new_master_switches_at_once_and_is_sure_a_read_after_the_switch() -> None:
    world, (node,) = scene()
    node.line("VI_1", "MASTER")
    assert SWITCH_S <= held_after_s(world, node, 1) <= SWITCH_S + 1.0
    assert [1] == [seen.server_id for seen in world.robot.resources.values()]
    (switch,) = switches(world, node)
    assert switch.timeout_s == ROBOT.patience.step_timeout_s
    assert 1 == len([c for c in at_robot(world, node) if isinstance(c.request, ReadOne)])


def test_its_minute_delays_no_floating_ip() -> None:
    world, (node,) = scene()
    node.line("VI_1", "MASTER")
    assert held_after_s(world, node, 0) < 1.0


def test_what_takes_its_minute_is_no_reason_to_wake_anybody() -> None:
    world, (node,) = scene()
    node.line("VI_1", "MASTER")
    world.run_for(SWITCH_S - 1.0)
    assert [Health.DEGRADED] == pending(node)
    world.run_for(5.0)
    assert [] == pending(node)
    world.robot.nature.action_s = 3600.0
    node.line("VI_1", "BACKUP")
    world.robot.move(1, 9)
    node.line("VI_1", "MASTER")
    world.run_for(130.0)
    assert [Health.BROKEN] == pending(node)


@pytest.mark.parametrize("shows", [True, False])
def test_a_switch_of_somebody_else_that_is_under_way_is_waited_for(
    shows: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    """The old master's switch went out right before it died, and keeps the address locked."""
    world, (old, new) = scene(nodes=2)
    world.robot.shows_moving = shows
    old.line("VI_1", "MASTER")
    world.run_for(10.0)
    old.line("VI_1", "BACKUP")
    new.line("VI_1", "MASTER")
    takes_s = held_after_s(world, new, 1)
    assert takes_s < 2 * SWITCH_S + 60.0
    assert len(switches(world, new)) <= 5


def test_what_is_read_while_it_is_moving_decides_nothing() -> None:
    world, (node,) = scene()
    node.line("VI_1", "MASTER")
    held_after_s(world, node, 1)
    world.robot.answer(Mutate(world.robot.resources[1].id, AWAY), 9)
    before = world.now
    world.run_for(SWITCH_S - 5.0)
    assert [] == switches(world, node, before)
    world.run_while(lambda: world.robot.holder(1) == 1, 10.0)
    world.run_while(lambda: world.robot.holder(1) != 1, 400.0)


# --- who we are ----------------------------------------------------------------------------------


def test_a_server_has_several_names_and_all_of_them_are_us() -> None:
    _, (node,) = scene()
    api = node.core.state.apis.apis[ROBOT.name]
    assert api.server is not None
    assert (main_ip(1),) == api.server.keys
    assert api.known_server_id == main_ip(1)


def test_the_status_has_both_apis_and_takes_no_switch_for_a_slow_answer() -> None:
    world, (node,) = scene()
    shown = node.snapshot()
    cloud, robot = shown.apis
    assert ("cloud", 1, "node1") == (cloud.name, cloud.server_id, cloud.server_name)
    assert ("robot", "Robot", main_ip(1)) == (robot.name, robot.title, robot.server_id)
    assert ("ok", "ok", 1) == (robot.state, shown.api, shown.server_id)
    assert robot.quota_left is None
    node.line("VI_1", "MASTER")
    held_after_s(world, node, 1)
    latency_s = node.snapshot().apis[1].latency_s
    assert latency_s is not None
    assert latency_s < 1.0


# --- logging in ----------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 4])
def test_a_refused_login_is_not_tried_again_for_ten_minutes(count: int) -> None:
    world, (node,) = scene(count, ready_s=0.0)
    world.robot.fail(WRONG_LOGIN, ReadAll, ReadOne, Mutate)
    node.restart()
    for _ in range(200):
        flap(world, node)
    times = [call.at_s for call in at_robot(world, node)]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert len(times) >= 3
    assert min(gaps) >= 600.0 - 1e-6
    assert node.tokens_reloaded >= 3


def test_until_a_login_was_accepted_one_thing_is_asked_for_at_a_time() -> None:
    world, (node,) = scene(4, ready_s=0.0)
    node.restart()
    node.line("VI_1", "MASTER")
    most = 0
    until_s = world.now + 30.0

    def waits() -> bool:
        nonlocal most
        calls = at_robot(world, node)
        if not any(call.done for call in calls):
            most = max(most, len(calls))
        return world.now < until_s

    world.run_while(waits, 60.0)
    assert 1 == most


def test_that_this_is_another_machine_is_found_out_here_and_proves_no_login() -> None:
    world, (node,) = scene(ready_s=0.0)
    node.holding = (Identify, ReadAll)
    node.restart()
    (call,) = (c for c in node.open_calls(Identify) if world.api_of(c.request) is world.robot)
    elsewhere = Server(id="198.18.0.7", name="another", status="running", own=())
    node.answer(call, Identified(elsewhere, "configuration", is_here=False))
    assert not node.core.state.apis.apis[ROBOT.name].health.is_let_in
    assert 1 == len(node.reports("server.unidentified"))


def test_the_third_reload_with_a_wrong_login_waits() -> None:
    """So many refused logins in ten minutes block this server's address."""
    world, (node,) = scene(ready_s=0.0)
    world.robot.fail(WRONG_LOGIN, ReadAll, ReadOne, Mutate)
    for _ in range(5):
        node.feed(SettingsChanged(node.config))
        world.run_for(60.0)
    world.run_for(1200.0)
    times = [call.at_s for call in at_robot(world, node)]
    assert 2 == len([at_s for at_s in times if at_s < times[0] + 600.0 - 1e-6])
    assert len(times) >= 4


def test_a_reload_tries_the_login_at_once_and_a_good_one_claims() -> None:
    world, (node,) = scene(ready_s=0.0)
    world.robot.fail(WRONG_LOGIN, ReadAll, ReadOne, Mutate)
    node.line("VI_1", "MASTER")
    world.run_for(60.0)
    assert Health.BROKEN is node.snapshot().health
    world.robot.heal()
    node.feed(SettingsChanged(node.config))
    assert held_after_s(world, node, 1) <= SWITCH_S + 5.0


def test_a_machine_that_knows_which_server_it_is_has_not_logged_in_yet() -> None:
    world, (node,) = scene()
    world.robot.fail(WRONG_LOGIN, ReadAll, ReadOne, Mutate)
    node.restart()
    api = node.core.state.apis.apis[ROBOT.name]
    world.run_while(lambda: api.server is None, 5.0)
    assert api.health.is_careful
    assert "not asked yet" == node.snapshot().apis[1].state


def test_to_know_which_server_this_is_takes_no_request_and_waits_for_none() -> None:
    """Other reads have used up our part of what Robot grants."""
    world, (node,) = scene()
    budget = node.core.state.apis.apis[ROBOT.name].budget
    budget.spend(world.now, int(budget.left(world.now)))
    left = budget.left(world.now)
    node.feed(SettingsChanged(node.config, (ROBOT.name,)))
    world.run_for(1.0)
    assert (main_ip(1),) == node.core.state.apis.apis[ROBOT.name].server.keys  # type: ignore[union-attr]
    assert left - 1.0 <= budget.left(world.now)

"""What Robot grants in an hour is enough, whatever flaps, fails or fights."""

import pytest

from hakeeper.core.calls import FailureKind, Mutate, ReadAll
from tests.core.faults import failure
from tests.core.robot_scene import (
    HOUR_S,
    at_robot,
    flap,
    most_in_an_hour,
    scene,
    switches,
)


def test_idle_nodes_leave_most_of_what_robot_grants() -> None:
    world, (one, two) = scene(count=3, nodes=2)
    one.line("VI_1", "MASTER")
    world.run_for(HOUR_S)
    begun_s = world.now
    world.run_for(2 * HOUR_S)
    for node in (one, two):
        reads = at_robot(world, node, begun_s)
        assert {ReadAll} == {type(call.request) for call in reads}
        assert 10 <= most_in_an_hour(reads) <= 17


@pytest.mark.parametrize("trouble", [None, *FailureKind], ids=str)
def test_whatever_flaps_and_fails_no_hour_sees_more_than_half_of_what_robot_grants(
    trouble: FailureKind | None,
) -> None:
    world, (node,) = scene(count=4)
    if trouble is not None:
        world.robot.fail(failure(trouble), Mutate)
    end_s = world.now + 1.5 * HOUR_S
    while world.now < end_s:
        flap(world, node)
    calls = at_robot(world, node)
    posts = [call for call in calls if isinstance(call.request, Mutate)]
    assert most_in_an_hour(posts) <= 25
    assert most_in_an_hour([c for c in calls if not isinstance(c.request, Mutate)]) <= 50


def test_two_masters_that_fight_leave_ten_switches_an_hour() -> None:
    world, nodes = scene(count=2, nodes=2)
    for node in nodes:
        node.line("VI_1", "MASTER")
    world.run_for(6 * HOUR_S)
    posts = sorted((c for n in nodes for c in switches(world, n)), key=lambda call: call.at_s)
    assert most_in_an_hour(posts) <= 40
    late = [call for call in posts if call.at_s > world.now - 4 * HOUR_S]
    assert most_in_an_hour(late) <= 2 * 8

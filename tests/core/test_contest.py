"""Two or more nodes that all believe they are MASTER, for hours."""

from collections.abc import Callable
from random import Random

import pytest
from core.driver import WEB, Node, World

from hakeeper.core.calls import ReadServer
from hakeeper.core.contest import hold_off_s

TEN_MINUTES_S = 600.0
SEEDS = range(200)


def split(seed: int, nodes: int = 2, apart_s: float = 5.0) -> tuple[World, list[Node], float]:
    """Node 1 is MASTER and holds the address; then the others become MASTER as well."""
    world = World()
    world.cloud.latency_s = 0.05
    world.cloud.action_s = Random(seed).choice((0.0, 0.4, 2.0))
    world.cloud.add_ip(WEB, "web", "203.0.113.10/32", None)
    made = [world.add_node(n + 1, seed=1000 * seed + n) for n in range(nodes)]
    for node in made:
        node.warm()
    made[0].line("VI_1", "MASTER")
    world.run_for(300.0)
    begun_s = world.now
    rng = Random(seed)
    for node in made[1:]:
        world.run_for(rng.uniform(0.0, apart_s))
        node.line("VI_1", "MASTER")
    return world, made, begun_s


def moves(world: World, begun_s: float) -> list[float]:
    return [move.at_s - begun_s for move in world.cloud.moves if move.at_s >= begun_s]


def assert_bounded(world: World, begun_s: float) -> None:
    at_s = moves(world, begun_s)
    assert len([s for s in at_s if s <= TEN_MINUTES_S]) <= 6, at_s
    later = [s for s in at_s if s > TEN_MINUTES_S]
    gaps = [b - a for a, b in zip(later, later[1:], strict=False)]
    assert all(gap > TEN_MINUTES_S for gap in gaps), at_s


@pytest.mark.parametrize("nodes", [2, 3, 4])
def test_a_split_brain_of_hours_moves_the_address_six_times_and_then_hardly(nodes: int) -> None:
    for seed in SEEDS:
        world, made, begun_s = split(seed, nodes)
        world.run_for(7200.0)
        assert_bounded(world, begun_s)
        assert len(moves(world, begun_s)) >= 4

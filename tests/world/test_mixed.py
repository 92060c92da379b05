"""Worlds with several kinds: every rule of each holds, and none delays another.

`python -m tests.world --kind all` runs many of them.
"""

from collections import Counter

import pytest

from hakeeper.kinds import ALIAS_IPS, FAILOVER_IPS, FLOATING_IPS
from hakeeper.simulate.plan import draw
from hakeeper.simulate.twins import ALL, fitted, moved_in
from hakeeper.simulate.world import World
from tests.world.judge import judged
from tests.world.many import run_seeds
from tests.world.rules import OF_SEVERAL

SEEDS = range(20)
FLOATING, ALIAS, FAILOVER = FLOATING_IPS.name, ALIAS_IPS.name, FAILOVER_IPS.name


@pytest.mark.parametrize("seed", SEEDS)
def test_every_rule_of_the_world_holds_for_several_kinds_together(seed: int) -> None:
    assert [] == judged(draw(seed, 0.5), kinds=moved_in(ALL)).violations


def test_every_rule_about_several_kinds_is_put_to_the_test() -> None:
    tally = run_seeds(SEEDS, 0.5, ALL).tally
    assert [] == [rule for rule in OF_SEVERAL if not tally.evaluated[rule]]


def test_instances_have_one_kind_or_both_together_or_each_its_own() -> None:
    drawn: Counter[frozenset[frozenset[str]]] = Counter()
    for seed in range(200):
        parts = fitted(draw(seed), moved_in(ALL)).shape.parts
        assert all(len(part.kinds) == part.addresses > 0 for part in parts)
        drawn[frozenset(frozenset(part.kinds) for part in parts)] += 1
    floating, alias, failover = (frozenset({each}) for each in (FLOATING, ALIAS, FAILOVER))
    every = floating | alias | failover
    for mix in ({floating}, {alias}, {failover}, {every}, {floating, alias, failover}):
        assert drawn[frozenset(mix)] > 1, mix


def test_a_plan_that_was_fitted_stays_as_it_is() -> None:
    plan = fitted(draw(3), moved_in(ALL))
    assert plan == fitted(plan, moved_in(ALL))


def test_kinds_of_one_api_share_its_servers_its_quota_and_its_faults() -> None:
    world = World(draw(3), kinds=moved_in(ALL))
    floating, alias = (world.clouds.twins[name] for name in (FLOATING, ALIAS))
    assert floating.project is alias.project
    assert floating.project is not world.clouds.twins[FAILOVER].project
    assert {number: world.clouds.of(number).kind.name for number in world.layout.numbers} == (
        world.layout.kind_of
    )

"""Worlds with failover IPs: every rule holds at an API that is slow, grants little, and blocks.

`python -m tests.world --kind failover_ip` runs many of them.
"""

import pytest

from hakeeper.kinds import FAILOVER_IPS
from hakeeper.kinds.apis import CLOUD, ROBOT
from hakeeper.simulate.due_times import REPAIR_S, due_times
from hakeeper.simulate.faults.kinds import OF_ROBOT
from hakeeper.simulate.plan import draw
from hakeeper.simulate.project import Nature
from hakeeper.simulate.robot_cloud import SWITCH_S, nature
from hakeeper.simulate.twins import fitted
from tests.world.judge import judged
from tests.world.many import run_seeds
from tests.world.rules import OF_FAILOVER_IPS

SEEDS = range(30)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_rule_of_the_world_holds_for_failover_ips(seed: int) -> None:
    assert [] == judged(draw(seed), kinds=(FAILOVER_IPS,)).violations


def test_every_rule_about_failover_ips_is_put_to_the_test() -> None:
    tally = run_seeds(SEEDS, 1.0, FAILOVER_IPS.name).tally
    assert [] == [rule for rule in OF_FAILOVER_IPS if not tally.evaluated[rule]]
    assert [] == [kind for kind in OF_ROBOT if not tally.injected[kind.value]]
    assert tally.claim_moves["Moving", "Verify", "Verify"]


def test_a_plan_that_was_fitted_stays_as_it_is() -> None:
    plan = fitted(draw(3), (FAILOVER_IPS,))
    assert plan == fitted(plan, (FAILOVER_IPS,))
    assert plan.only({1}) == fitted(plan.only({1}), (FAILOVER_IPS,))


def test_what_is_demanded_follows_from_the_patience_and_the_quota() -> None:
    due = due_times(ROBOT, nature())
    assert due.idle_s + 2 * SWITCH_S < due.repair_s < 3 * due.idle_s
    assert REPAIR_S == due_times(CLOUD, Nature()).repair_s

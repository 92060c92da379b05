"""Worlds with alias IPs: every rule holds, and what belongs to others stays where it is.

`python -m tests.world --kind alias_ip` runs many of them.
"""

import pytest

from hakeeper.core.calls import Mutate
from hakeeper.kinds import ALIAS_IPS
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.faults.kinds import OF_NETWORKS, Fault, Kind
from hakeeper.simulate.node import Node
from hakeeper.simulate.observer import ListChange, Observer
from hakeeper.simulate.plan import Course, Plan, Shape, draw
from hakeeper.simulate.twins import fitted
from hakeeper.simulate.world import World
from tests.world.judge import judged
from tests.world.many import run_seeds
from tests.world.rules import OF_ALIAS_IPS

SEEDS = range(30)
ELECTED_S = 30.0


@pytest.mark.parametrize("seed", SEEDS)
def test_every_rule_of_the_world_holds_for_alias_ips(seed: int) -> None:
    assert [] == judged(draw(seed), kinds=(ALIAS_IPS,)).violations


def test_every_rule_about_alias_ips_is_put_to_the_test_and_others_do_their_worst() -> None:
    tally = run_seeds(SEEDS, 0.3, ALIAS_IPS.name).tally
    assert [] == [rule for rule in OF_ALIAS_IPS if not tally.evaluated[rule]]
    assert [] == [kind for kind in OF_NETWORKS if not tally.injected[kind.value]]
    moves = tally.claim_moves  # those that floating IPs cannot make: see OF_TWO_STEPS
    assert moves["Failed", "MutateDue", "Verify"]
    assert [after for what, _, after in moves if (what, after) == ("Seen", "Verify")]


def test_a_plan_that_was_fitted_stays_as_it_is() -> None:
    plan = fitted(draw(3), (ALIAS_IPS,))
    assert plan == fitted(plan, (ALIAS_IPS,))
    assert plan.only({1}) == fitted(plan.only({1}), (ALIAS_IPS,))


# --- a single move ---------------------------------------------------------------------------


class _Written(Observer):
    """What is sent once keepalived has elected, and what becomes of the lists."""

    def __init__(self, agenda: Agenda) -> None:
        self._agenda = agenda
        self.steps: list[tuple[int, str, int]] = []
        self.changes: list[ListChange] = []

    def assign_sent(self, node: Node, request: Mutate) -> None:
        if self._agenda.elapsed_s > ELECTED_S:
            self.steps.append((node.server_id, request.step.name, len(request.resources)))

    def list_changed(self, change: ListChange) -> None:
        self.changes.append(change)


def _failover(*more: Fault, **shape: object) -> tuple[World, _Written]:
    """Run a world in which the master's keepalived fails for a while, and nothing else happens."""
    fault = Fault(Kind.FAILOVER, 60.0, 20.0, 0, 1, 0.5, 1)
    plan = Plan(
        seed=2,
        shape=Shape(**shape),  # type: ignore[arg-type]  # names of real fields
        course=Course.SWARM,
        chaos_s=120.0,
        faults=(fault, *more),
        fits=ALIAS_IPS.name,
    )
    world = World(plan, kinds=(ALIAS_IPS,))
    written = _Written(world.agenda)
    world.observers.add(written)
    assert [] == world.run()
    return world, written


@pytest.mark.parametrize("action_s", [0.0, 1.2])
def test_all_alias_ips_of_an_instance_move_with_one_release_and_one_take(action_s: float) -> None:
    _, written = _failover(addresses=3, action_s=action_s)
    there = [(2, "release", 3), (2, "take", 3)]
    back = [(1, "release", 3), (1, "take", 3)]
    assert there + back == written.steps


def test_what_others_have_there_stays() -> None:
    world, written = _failover(addresses=3)
    ours = {world.clouds.resource(number).label for number in (1, 2, 3)}
    assert {()} != {change.before for change in written.changes}
    for change in written.changes:
        assert [*_without(change.before, ours)] == [*_without(change.after, ours)]


def _without(ips: tuple[str, ...], ours: set[str]) -> list[str]:
    return [ip for ip in ips if ip not in ours]


def test_nothing_is_released_for_a_server_without_room() -> None:
    full = Fault(Kind.NO_ROOM, 50.0, 40.0, 1, 0, 0.5, 2)
    _, written = _failover(full, addresses=3)
    assert [] == written.steps

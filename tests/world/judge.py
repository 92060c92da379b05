"""Runs a world, looks at everything that happens in it, and says what must never be.

Each room has rules of one kind, named in `rules.py`, and observes what these are about; the rooms
hear of it in the same order always. How long an address may be away is checked by
`hakeeper.simulate.repairs`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hakeeper.core.kind import Kind
from hakeeper.kinds import FLOATING_IPS
from hakeeper.simulate.alias_cloud import AliasCloud
from hakeeper.simulate.observer import Observer
from hakeeper.simulate.plan import Plan
from hakeeper.simulate.robot_cloud import RobotCloud
from hakeeper.simulate.verdicts import Violation
from hakeeper.simulate.world import World
from tests.world.alias_rules import AliasRules
from tests.world.call_rules import CallRules
from tests.world.counts import Counts
from tests.world.fingerprint import Fingerprint
from tests.world.gap_rules import GapRules
from tests.world.hang_rules import HangRules
from tests.world.kinds_rules import KindsRules
from tests.world.loss_rules import LossRules
from tests.world.move_rules import MoveRules
from tests.world.narrator import Narrator
from tests.world.pause_rules import PauseRules
from tests.world.quiet_rules import QuietRules
from tests.world.robot_rules import RobotRules
from tests.world.role_rules import RoleRules
from tests.world.save_rules import SaveRules
from tests.world.send_rules import SendRules
from tests.world.step_down_rules import StepDownRules
from tests.world.take_rules import TakeRules
from tests.world.tally import Tally
from tests.world.tick_rules import TickRules


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of one world."""

    violations: list[Violation]
    tally: Tally
    digest: int
    """The same for the same plan, on every machine and in every process."""
    story: list[str]


def judged(
    plan: Plan,
    *,
    kinds: Sequence[Kind] = (FLOATING_IPS,),
    story: bool = False,
    go_on: bool = False,
) -> Judged:
    """Run a world and judge it. `story`: keep what happens; `go_on`: a violation ends nothing."""
    world = World(plan, kinds=kinds, go_on=go_on)
    counts, fingerprint, narrator = Counts(), Fingerprint(), Narrator(world.agenda)
    if story:
        world.observers.add(narrator)
    for observer in (counts, fingerprint, *_rooms(world, counts.tally)):
        world.observers.add(observer)
    violations = world.run()
    tally = counts.tally
    tally.add(world.measured)
    tally.worlds, tally.simulated_s = 1, world.agenda.elapsed_s
    return Judged(violations, tally, fingerprint.digest, narrator.story)


def _rooms(world: World, tally: Tally) -> Iterator[Observer]:
    """Yield the rules of one world, room by room."""
    layout, agenda, clouds, nodes = world.layout, world.agenda, world.clouds, world.nodes
    demand = world.verdicts.demand
    number_of = {str(clouds.resource(number)): number for number in layout.numbers}
    roles = RoleRules(number_of, agenda, demand)
    yield roles
    yield CallRules(layout, agenda, clouds, number_of, roles, demand)
    yield LossRules(layout, number_of, agenda, clouds, demand)
    yield MoveRules(tally, demand)
    yield HangRules(layout.shape.interval_s, demand)
    yield SendRules(layout, agenda, world.exemptions, demand)
    yield PauseRules(layout, agenda, clouds, world.paths, demand)
    yield StepDownRules(agenda, clouds, demand)
    yield TakeRules(layout, agenda, clouds, world.paths, world.exemptions, demand)
    yield SaveRules(agenda, nodes, demand)
    yield QuietRules(agenda, nodes, clouds, world.repairs.unserved, demand)
    if any(kind.releases_first for kind in clouds.kinds.values()):
        yield GapRules(layout, agenda, clouds, world.paths, demand)
    for cloud in clouds.twins.values():
        if isinstance(cloud, AliasCloud):
            yield AliasRules(layout, agenda, cloud, demand)
        if isinstance(cloud, RobotCloud):
            yield RobotRules(layout, cloud, demand)
    if len(clouds.kinds) > 1:
        yield KindsRules(layout, agenda, clouds, world.paths, demand)
    yield TickRules(world.verdicts, world.stop)

"""Runs worlds until everything that can happen in one has happened.

The worlds that showed something new stand in cover.json and are run first.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hakeeper.sim.world.cells import untaken, untold
from hakeeper.sim.world.kinds import Fault, Kind
from hakeeper.sim.world.many import never_seen
from hakeeper.sim.world.plan import Course, Plan, Shape, draw
from hakeeper.sim.world.tally import Tally
from hakeeper.sim.world.world import World
from world.bugs import HOURS, SEEDS

RECORD = Path(__file__).with_name("cover.json")
"""The seeds of worlds that show everything together."""


def _fault(kind: Kind, at_s: float, lasts_s: float, value: float, serial: int) -> Fault:
    return Fault(kind, at_s, lasts_s, node=0, other=1, value=value, serial=serial)


HAND_MADE = tuple(
    Plan(seed=number, shape=Shape(dbus=True), course=Course.SWARM, chaos_s=120.0, faults=faults)
    for number, faults in enumerate(
        (
            # hakeeper hangs while a keepalived in fault is replaced by another one in fault
            (
                _fault(Kind.NOBODY, 40.0, 40.0, 0.5, 0),
                _fault(Kind.HANG, 50.0, 10.0, 0.1, 1),
                _fault(Kind.CHILD_CRASH, 55.0, 0.0, 0.5, 2),
            ),
            # a restart without a state file, a keepalived that does not answer, a forged DELETED
            (
                _fault(Kind.KEEPALIVED_FROZEN, 40.0, 40.0, 0.5, 0),
                _fault(Kind.STATE_TORN, 45.0, 0.0, 0.1, 1),
                _fault(Kind.STRAY_LINES, 60.0, 0.0, 0.55, 3),
            ),
        )
    )
)
"""What is too rare to wait for."""


@dataclass(slots=True)
class Cover:
    """What many worlds showed."""

    tally: Tally = field(default_factory=Tally)
    violations: list[str] = field(default_factory=list)
    useful: list[int] = field(default_factory=list)
    """The seeds of those that showed what none before them did."""

    def missing(self) -> list[str]:
        """Name what can happen in a world, and did not."""
        tally = self.tally
        return [*never_seen(tally), *untaken(tally.transitions), *untold(tally.reports)]

    def see(self, seeds: Iterable[int]) -> Iterator[int]:
        """Run these worlds until nothing is missing; yield how much is, after each of them."""
        for plan in HAND_MADE:
            self._run(plan)
        before = len(self.missing())
        for seed in seeds:
            if not before:
                return
            self._run(draw(seed, HOURS))
            left = len(self.missing())
            if left < before:
                self.useful.append(seed)
            before = left
            yield left

    def _run(self, plan: Plan) -> None:
        outcome = World(plan).run()
        self.tally.add(outcome.tally)
        self.violations += [f"world {plan.seed}: {violation}" for violation in outcome.violations]


def known() -> list[int]:
    """Return what is recorded."""
    seeds: list[int] = json.loads(RECORD.read_text())
    return seeds


def busiest(seeds: Iterable[int]) -> list[int]:
    """Return these seeds, those with the most faults first."""
    return sorted(seeds, key=lambda seed: -len(draw(seed, HOURS).faults))


def record(cover: Cover) -> None:
    """Write down which worlds were useful."""
    RECORD.write_text(json.dumps(cover.useful) + "\n")


def seen() -> Cover:
    """Run the worlds that are known to be useful, and others if that is not enough."""
    cover = Cover()
    for _ in cover.see([*known(), *range(SEEDS)]):
        pass
    return cover

"""Runs worlds until everything that can happen in one has happened.

The worlds that showed something new stand in cover.json and are run first.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hakeeper.sim.world.cells import untaken, untold
from hakeeper.sim.world.many import never_seen
from hakeeper.sim.world.plan import draw
from hakeeper.sim.world.watch import Tally
from hakeeper.sim.world.world import World
from world.bugs import HOURS, SEEDS

RECORD = Path(__file__).with_name("cover.json")
"""The seeds of worlds that show everything together."""


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
        before = len(self.missing())
        for seed in seeds:
            if not before:
                return
            outcome = World(draw(seed, HOURS)).run()
            self.tally.add(outcome.tally)
            self.violations += [f"seed {seed}: {violation}" for violation in outcome.violations]
            left = len(self.missing())
            if left < before:
                self.useful.append(seed)
            before = left
            yield left


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

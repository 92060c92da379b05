"""Looks for planted bugs in the worlds of one seed after the other."""

from collections.abc import Iterator
from dataclasses import dataclass

from hakeeper.sim.world.plan import draw
from hakeeper.sim.world.world import World
from world.bugs import HOURS, SEEDS, Bug


@dataclass(frozen=True, slots=True)
class Catch:
    """A world in which a bug was seen, and every rule that saw it there."""

    bug: Bug
    seed: int
    rules: tuple[str, ...]
    worlds: int
    """How many worlds were run until then."""

    @property
    def alone(self) -> bool:
        """Whether no other rule would have seen it in this world."""
        return self.rules == (self.bug.rule,)

    def __str__(self) -> str:
        """Return a row of the table."""
        return f"| {self.bug.name} | {', '.join(self.rules)} | {self.seed + 1} |"


HEADING = "| planted bug | rules that saw it | seeds until then |\n|---|---|---:|"


def broken_rules(bug: Bug, seed: int) -> tuple[str, ...]:
    """Return the rules that are broken in one world with this bug, its own rule first."""
    with bug.planted():
        violations = World(draw(seed, HOURS), go_on=True).run().violations
    rules = sorted({violation.rule for violation in violations})
    return tuple(sorted(rules, key=lambda rule: rule != bug.rule))


def hunt(bug: Bug, *, known_first: bool) -> Catch | None:
    """Try worlds until the bug's rule sees it; None if it does not in any of them.

    `known_first`: begin with the one in which it was seen before.
    """
    for worlds, seed in enumerate(_seeds(bug, known_first=known_first), start=1):
        rules = broken_rules(bug, seed)
        if bug.rule in rules:
            return Catch(bug, seed, rules, worlds)
    return None


def _seeds(bug: Bug, *, known_first: bool) -> Iterator[int]:
    if known_first:
        yield bug.seed
    yield from range(SEEDS)

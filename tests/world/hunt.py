"""Looks for planted bugs, and for rare cells of the role table, in the worlds of many seeds.

What was found before stands in seeds.json and is tried first: so the tests are quick, and still
find what they look for when the worlds have changed. `python -m tests.world.find_bugs --record`
writes it anew.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hakeeper.simulate.plan import draw
from hakeeper.simulate.twins import fitted, moved_in
from tests.world.alias_bugs import ALIAS_BUGS
from tests.world.bug import HOURS, SEEDS, Bug
from tests.world.bugs import BUGS
from tests.world.failover_bugs import FAILOVER_BUGS
from tests.world.judge import judged
from tests.world.mixed_bugs import MIXED_BUGS
from tests.world.pause_bugs import PAUSE_BUGS
from tests.world.step_down_bugs import STEP_DOWN_BUGS
from tests.world.take_bugs import TAKE_BUGS

RECORD = Path(__file__).with_name("seeds.json")
"""By name, the seed of a world that shows it."""


EVERY_BUG = (
    *BUGS,
    *PAUSE_BUGS,
    *STEP_DOWN_BUGS,
    *TAKE_BUGS,
    *ALIAS_BUGS,
    *FAILOVER_BUGS,
    *MIXED_BUGS,
)


@dataclass(frozen=True, slots=True)
class Catch:
    """A world in which a bug was seen, and every rule that saw it there, the bug's own first."""

    bug: Bug
    seed: int
    rules: tuple[str, ...]

    @property
    def alone(self) -> bool:
        """Whether no other rule would have seen it in this world."""
        return self.rules == (self.bug.rule,)

    def __str__(self) -> str:
        """Return a row of the table."""
        return f"| {self.bug.name} | {', '.join(self.rules)} | {self.seed + 1} |"


HEADING = "| planted bug | rules that saw it | seeds until then |\n|---|---|---:|"


def known() -> dict[str, int]:
    """Return what is recorded."""
    found: dict[str, int] = json.loads(RECORD.read_text())
    return found


def record(catches: list[Catch]) -> None:
    """Write the seeds down; what was not looked for stays."""
    names = {bug.name for bug in EVERY_BUG}
    seeds = {name: seed for name, seed in known().items() if name in names}
    seeds.update((catch.bug.name, catch.seed) for catch in catches)
    RECORD.write_text(json.dumps(seeds, indent=1, sort_keys=True) + "\n")


def broken_rules(bug: Bug, seed: int) -> tuple[str, ...]:
    """Return the rules that are broken in one world with this bug, its own rule first."""
    with bug.planted():
        violations = judged(draw(seed, HOURS), kinds=moved_in(bug.kind), go_on=True).violations
    rules = sorted({violation.rule for violation in violations})
    return tuple(sorted(rules, key=lambda rule: rule != bug.rule))


def hunt(bug: Bug, *, known_first: bool = True) -> Catch | None:
    """Try worlds until the bug's rule sees it; None if it does not in any of them.

    A bug that is to prove its rule must be seen by that rule alone.
    """
    for seed in _seeds(bug, known_first=known_first):
        if bug.needs is not None and not _has(seed, bug):
            continue
        catch = Catch(bug, seed, broken_rules(bug, seed))
        if catch.alone or (bug.rule in catch.rules and not bug.proves):
            return catch
    return None


def _has(seed: int, bug: Bug) -> bool:
    faults = fitted(draw(seed, HOURS), moved_in(bug.kind)).faults
    return any(fault.kind is bug.needs for fault in faults)


def _seeds(bug: Bug, *, known_first: bool) -> Iterator[int]:
    seed = known().get(bug.name)
    if known_first and seed is not None:
        yield seed
    yield from range(SEEDS)

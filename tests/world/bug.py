"""Bugs to plant: each a line that somebody might write one day, and the rule that must see it.

Where they show stands in seeds.json; `python -m tests.world.find_bugs` looks for them.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from hakeeper.kinds import FLOATING_IPS
from hakeeper.simulate.faults.kinds import Kind
from tests.world.planting import Change

SEEDS = 1000
"""Each bug must be found within so many."""
HOURS = 1.0
"""About how long a world is."""


@dataclass(frozen=True, slots=True)
class Bug:
    """One bug. `rule` must see it, and no other rule in the same world if it `proves` that one."""

    name: str
    what: str
    rule: str
    changes: tuple[Change, ...]
    proves: bool = False
    needs: Kind | None = None
    """It shows only in worlds with this kind of fault."""
    kind: str = FLOATING_IPS.name
    """What is moved in the worlds that show it."""

    @contextmanager
    def planted(self) -> Iterator[None]:
        """Return a context in which hakeeper has the bug."""
        with ExitStack() as stack:
            for change in self.changes:
                stack.enter_context(change.planted())
            yield

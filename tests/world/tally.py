"""What is counted while worlds are judged."""

from collections import Counter
from dataclasses import dataclass, field

from hakeeper.simulate.measured import Measured


@dataclass(slots=True)
class Tally(Measured):
    """What was measured and counted in one world, or in many."""

    worlds: int = 0
    simulated_s: float = 0.0
    struck: Counter[str] = field(default_factory=Counter)
    """How many calls each kind of API fault struck."""
    transitions: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(what was said, role before) of the role table."""
    claim_moves: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """(what happened, stage before, stage after) of the claim table."""
    reports: Counter[str] = field(default_factory=Counter)
    events: int = 0
    calls: int = 0
    runs: int = 0

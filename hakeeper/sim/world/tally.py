"""What is counted while worlds run."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Tally:
    """What was counted in one world, or in many."""

    worlds: int = 0
    simulated_s: float = 0.0
    injected: Counter[str] = field(default_factory=Counter)
    bitten: Counter[str] = field(default_factory=Counter)
    """How many calls each kind of API fault struck."""
    evaluated: Counter[str] = field(default_factory=Counter)
    """How often each rule was put to the test."""
    transitions: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(what was said, role before) of the role table."""
    reports: Counter[str] = field(default_factory=Counter)
    events: int = 0
    calls: int = 0
    assigns: int = 0
    moves: int = 0
    runs: int = 0
    claims_ms: Counter[int] = field(default_factory=Counter)
    """From a MASTER line in good times to the owner, in whole milliseconds."""
    repairs_ms: Counter[int] = field(default_factory=Counter)
    """From the end of the trouble, or a foreign move, to the owner."""
    hold_offs_s: Counter[int] = field(default_factory=Counter)
    """Contested addresses that stayed away from a stable master, in whole seconds."""

    def add(self, other: "Tally") -> None:
        """Add another one's counts."""
        for name in self.__dataclass_fields__:
            mine = getattr(self, name)
            if isinstance(mine, Counter):
                mine.update(getattr(other, name))
            else:
                setattr(self, name, mine + getattr(other, name))

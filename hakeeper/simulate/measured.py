"""What is measured in worlds: how long addresses were away, and how often what happened."""

from collections import Counter
from dataclasses import dataclass, field

from hakeeper.cloud_register import Move
from hakeeper.core.calls import Mutate
from hakeeper.core.events import StartCall
from hakeeper.simulate.faults.kinds import Fault
from hakeeper.simulate.node import Node
from hakeeper.simulate.observer import Batch, Observer


@dataclass(slots=True)
class Times:
    """How long addresses were away."""

    claims_ms: Counter[int] = field(default_factory=Counter)
    """From a MASTER line in good times to the holder, in whole milliseconds."""
    repairs_ms: Counter[int] = field(default_factory=Counter)
    """From the end of the trouble, or a foreign move, to the holder."""
    hold_downs_s: Counter[int] = field(default_factory=Counter)
    """Contested addresses that stayed away from a stable master, in whole seconds."""

    def add(self, other: "Times") -> None:
        """Add what was measured elsewhere."""
        for name in other.__dataclass_fields__:
            mine, more = getattr(self, name), getattr(other, name)
            if isinstance(mine, Counter):
                mine.update(more)
            elif isinstance(mine, dict):
                for kind, times in more.items():
                    mine.setdefault(kind, Times()).add(times)
            else:
                setattr(self, name, mine + more)


@dataclass(slots=True)
class Measured(Times):
    """What was measured in one world, or in many."""

    injected: Counter[str] = field(default_factory=Counter)
    """How many faults of each kind began."""
    evaluated: Counter[str] = field(default_factory=Counter)
    """How often each rule was put to the test."""
    assigns: int = 0
    moves: int = 0
    of_kind: dict[str, Times] = field(default_factory=dict)
    """How long those of each kind were away, by its name."""


class Meter(Observer):
    """Counts faults, moves and assigns."""

    def __init__(self, measured: Measured) -> None:
        """Count in these."""
        self._measured = measured

    def fault_began(self, fault: Fault) -> None:
        """Count it."""
        self._measured.injected[fault.kind.value] += 1

    def moved(self, move: Move) -> None:
        """Count it."""
        del move
        self._measured.moves += 1

    def handled(self, node: Node, batch: Batch) -> None:
        """Count the assigns that are begun."""
        del node
        self._measured.assigns += sum(
            isinstance(effect, StartCall) and isinstance(effect.request, Mutate)
            for effect in batch.effects
        )


def percentile(counts: Counter[int], share: float) -> int:
    """Return the value that this share of the counted ones does not exceed; 0 if there are none."""
    left = share * counts.total()
    for value in sorted(counts):
        left -= counts[value]
        if left <= 0.0:
            return value
    return max(counts, default=0)

"""Rules about time: hakeeper asks to be woken later, never now, and comes to rest."""

from collections.abc import Callable
from dataclasses import dataclass

from hakeeper.simulate.node import Node
from hakeeper.simulate.observer import Batch, Observer
from hakeeper.simulate.verdicts import Verdicts

TICKS_AT_ONE_TIME = 200


@dataclass(slots=True)
class _Turns:
    """How many events one run handled at one time."""

    at_s: float = -1.0
    count: int = 0


class TickRules(Observer):
    """The rules."""

    def __init__(self, verdicts: Verdicts, stop: Callable[[], None]) -> None:
        """Begin with nobody running; `stop` ends a world in which time does not go on."""
        self._stop = stop
        self._verdicts = verdicts
        self._turns: dict[int, _Turns] = {}

    def started(self, node: Node) -> None:
        """A run of hakeeper begins."""
        self._turns[node.index] = _Turns()

    def handled(self, node: Node, batch: Batch) -> None:
        """Check when a core that handled events wants to be woken."""
        index, now, next_at_s = node.index, batch.at_s, node.core.next_at()
        later = next_at_s is None or next_at_s > now
        self._verdicts.demand("future_ticks", index, later, "asks for a tick in the past")
        turns = self._turns[index]
        if turns.at_s != now:
            turns.at_s, turns.count = now, 0
        turns.count += 1
        if turns.count > TICKS_AT_ONE_TIME:
            self._stop()
            self._verdicts.violated("future_ticks", index, "turns without end at one time")

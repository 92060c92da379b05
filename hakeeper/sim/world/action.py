"""What a fault does: an action when it begins, which returns what undoes it when it ends."""

from collections.abc import Callable, Mapping

from hakeeper.sim.world.kinds import Fault, Kind
from hakeeper.sim.world.node import Node

Undo = Callable[[], None]
Action = Callable[[Fault, Node], Undo]
Table = Mapping[Kind, Action]
Lasts = Callable[[Fault], bool]
"""Whether a fault has begun and not ended."""


def nothing() -> None:
    """Undo what has no end."""

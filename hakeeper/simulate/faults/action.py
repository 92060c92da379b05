"""What a fault does: an action when it begins, which returns what undoes it when it ends."""

from collections.abc import Callable, Mapping

from hakeeper.simulate.faults.kinds import Fault, Kind
from hakeeper.simulate.node import Node

Undo = Callable[[], None]
Action = Callable[[Fault, Node], Undo]
Table = Mapping[Kind, Action]
Lasts = Callable[[Fault], bool]
"""Whether a fault has begun and not ended."""


def nothing() -> None:
    """Undo what has no end."""

"""Times at which something is due, gathered for the next look."""

from collections.abc import Callable
from typing import TypeAlias

Wake: TypeAlias = Callable[[float], None]
"""Is told when somebody wants to be asked again, in monotonic seconds."""


def due(at_s: float, now: float, wake: Wake) -> bool:
    """Say whether it is time; if it is not, come back then."""
    if at_s <= now:
        return True
    wake(at_s)
    return False

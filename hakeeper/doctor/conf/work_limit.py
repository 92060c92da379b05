"""A limit on the work of parsing, for configurations that expand without end."""

from dataclasses import dataclass
from typing import Final

from hakeeper.doctor.finding import Place

LIMIT: Final = 16 << 20
"""How many bytes may be processed; a byte counts each time. No real file comes near it."""
_STEP_COST: Final = 96
"""The cost of one step, besides the bytes that it processes."""


@dataclass(slots=True)
class WorkLimit:
    """The work done so far, and the current place."""

    place: Place
    done: int = 0

    def spend(self, size: int = 0) -> None:
        """Count a step that processes `size` bytes; raises OSError at the limit."""
        self.done += _STEP_COST + size
        if self.done > LIMIT:
            raise OSError(
                f"{self.place}: more than {LIMIT >> 20} MiB to read, including what includes,"
                " parameters and sequences generate; it is not checked"
            )

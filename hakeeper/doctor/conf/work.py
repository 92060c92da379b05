"""A bound on the work that a configuration makes, however its text multiplies itself."""

from dataclasses import dataclass
from typing import Final

from hakeeper.doctor.finding import Place

LIMIT: Final = 16 << 20
"""Bytes that are looked at, each as often as it is; no real configuration comes near it."""
_EACH: Final = 96
"""What a look costs besides the bytes that it goes through."""


@dataclass(slots=True)
class Work:
    """What was looked at so far, and where that led."""

    place: Place
    done: int = 0

    def spend(self, size: int = 0) -> None:
        """Look at so many bytes once more; raises OSError if that is too much."""
        self.done += _EACH + size
        if self.done > LIMIT:
            raise OSError(
                f"{self.place}: more than {LIMIT >> 20} MiB to look at, with what includes,"
                " parameters and sequences make of it; it is not looked at"
            )

"""Chance that is none: each draw is at the same part of its range."""

from random import Random


class At(Random):
    """A source that always draws at `part` of the range: 0.0 the least, 1.0 the most."""

    def __init__(self, part: float) -> None:
        super().__init__(0)
        self.part = part

    def uniform(self, a: float, b: float) -> float:
        return a + (b - a) * self.part


LEAST, MOST = At(0.0), At(1.0)

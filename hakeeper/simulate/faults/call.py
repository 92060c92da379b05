"""A fault that strikes calls on their way to the API."""

from dataclasses import dataclass
from random import Random

from hakeeper.simulate.faults.kinds import Kind


@dataclass(slots=True, eq=False)
class CallFault:
    """A fault that strikes calls: of one node, or of all (`node` None).

    `share` of the calls are struck; `times` limits how many.
    """

    kind: Kind
    node: int | None
    value: float
    rng: Random
    share: float = 1.0
    times: float = float("inf")

    def strikes(self, node: int) -> bool:
        """Say whether a call of this node is struck now, and count it."""
        if self.times <= 0 or (self.node is not None and self.node != node):
            return False
        if self.share < 1.0 and self.rng.random() >= self.share:
            return False
        self.times -= 1
        return True

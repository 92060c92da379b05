"""The rule about the stages of a claim: they move as the claim table says, and in no other way."""

from hakeeper.core.claim.happenings import Happening
from hakeeper.core.claim.stages import Stage
from hakeeper.core.claim.table import TABLE
from hakeeper.simulate.node import Node
from hakeeper.simulate.observer import Observer
from hakeeper.simulate.verdicts import Demand
from tests.world.tally import Tally


class MoveRules(Observer):
    """The rule; `demand` takes each verdict."""

    def __init__(self, tally: Tally, demand: Demand) -> None:
        """Count the moves in this tally."""
        self._tally = tally
        self._demand = demand

    def claim_moved(self, node: Node, what: Happening, before: Stage, after: Stage) -> None:
        """Check one thing that happened to a claim."""
        cell = TABLE[type(what)].get(type(before))
        holds = after is before if cell is None else isinstance(after, cell.to)
        move = (type(what).__name__, type(before).__name__, type(after).__name__)
        self._demand("moves_by_table", node.index, holds, "{}: {} to {} is not declared", *move)
        if cell is not None:
            self._tally.claim_moves[move] += 1

"""What is promised of a split brain without end: few moves at first, then hardly any."""

from itertools import pairwise

from hakeeper.cloud_register import Move
from hakeeper.core.kind import Kind, Kinds
from hakeeper.core.limits.patience import USUAL
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.layout import Layout
from hakeeper.simulate.observer import Observer
from hakeeper.simulate.verdicts import Demand

MOVES_AT_FIRST = {1: 0, 2: 8, 3: 12}
"""By the number of nodes; of more, nothing is promised."""
TWO_STEPS = 4
"""So many more at first, for a kind that is moved in two steps: while the action of the second runs
the other node may begin to take it away, and no read ever shows the claim."""
AN_HOUR = 12
"""So many moves at most in each later hour, for such a kind: those losses do not count fully."""
TEN_MINUTES_S = 600.0
HOUR_S = 3600.0


def promised_at_first(kind: Kind, nodes: int) -> int | None:
    """Return the most moves of one resource in the first ten minutes; None: none is promised."""
    more = TWO_STEPS if kind.releases_first else 0
    return MOVES_AT_FIRST[nodes] + more if nodes in MOVES_AT_FIRST else None


class SplitMoves(Observer):
    """The moves since a split brain without end began.

    A kind that has to be taken from its holder first is with nobody in between: that is no move.
    """

    def __init__(self, layout: Layout, agenda: Agenda, demand: Demand, kinds: Kinds) -> None:
        """Begin before the split; `demand` takes whether they were few."""
        two_steps = {name for name, kind in kinds.items() if kind.releases_first}
        self._promised = {
            number: promised_at_first(kinds[name], layout.shape.nodes)
            for number, name in layout.kind_of.items()
        }
        slow = {name for name, kind in kinds.items() if kind.api.patience is not USUAL}
        self.began_at: float | None = None
        self.at_s: dict[int, list[float]] = {fip: [] for fip in layout.name_of}
        """When each address came to another server, in seconds after that."""
        self._nodes = layout.shape.nodes
        self._two_steps = {n for n, kind in layout.kind_of.items() if kind in two_steps}
        self._slow = {n for n, kind in layout.kind_of.items() if kind in slow}
        """Where a move takes most of a minute, the first ones take longer than ten minutes."""
        self._agenda = agenda
        self._demand = demand

    def split_begins(self) -> None:
        """Count the moves from now on."""
        self.began_at = self._agenda.now

    def moved(self, move: Move) -> None:
        """Count it."""
        if self.began_at is not None and move.new is not None:
            self.at_s[move.number].append(move.at_s - self.began_at)

    def split_ends(self) -> None:
        """Check that addresses moved seldom."""
        for fip, at_s in self.at_s.items() if self.began_at is not None else ():
            first = [s for s in at_s if s <= TEN_MINUTES_S]
            later = [s for s in at_s if s > TEN_MINUTES_S]
            if fip in self._slow and self._nodes in MOVES_AT_FIRST:
                later = at_s[MOVES_AT_FIRST[self._nodes] :]
            text, about = "ip-{}: moves at {}", (fip, [round(s) for s in at_s])
            promised = self._promised[fip]
            if promised is not None:
                few = len(first) <= promised
                self._demand("split_bounded", None, few, text, *about)
            if self._nodes <= 2:  # noqa: PLR2004
                apart = all(b - a > TEN_MINUTES_S for a, b in pairwise(later))
                if fip in self._two_steps:
                    apart = all(
                        b - a > HOUR_S for a, b in zip(later, later[AN_HOUR:], strict=False)
                    )
                self._demand("split_bounded", None, apart, text, *about)

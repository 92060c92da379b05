"""What is promised of a split brain without end: few moves at first, then hardly any."""

from collections.abc import Iterable
from itertools import pairwise

from hakeeper.cloud_register import Move
from hakeeper.simulate.plan import Shape
from hakeeper.simulate.verdicts import Demand

MOVES_AT_FIRST = {1: 0, 2: 8, 3: 12}
"""By the number of nodes; of more, nothing is promised."""
TEN_MINUTES_S = 600.0


def moves_since(
    since_s: float, floating_ips: Iterable[int], moves: Iterable[Move]
) -> dict[int, list[float]]:
    """Return when each resource came to another server, in seconds after `since_s`.

    A kind that has to be taken from its holder first is with nobody in between: that is no move.
    """
    moved_at_s: dict[int, list[float]] = {fip: [] for fip in floating_ips}
    for move in moves:
        if move.at_s >= since_s and move.new is not None:
            moved_at_s[move.number].append(move.at_s - since_s)
    return moved_at_s


def check_split(demand: Demand, shape: Shape, moves: dict[int, list[float]]) -> None:
    """Demand it of the moves since the split began (see `moves_since`)."""
    for fip, at_s in moves.items():
        first = [s for s in at_s if s <= TEN_MINUTES_S]
        later = [s for s in at_s if s > TEN_MINUTES_S]
        text, about = "ip-{}: moves at {}", (fip, [round(s) for s in at_s])
        if shape.nodes in MOVES_AT_FIRST:
            few = len(first) <= MOVES_AT_FIRST[shape.nodes]
            demand("split_bounded", None, few, text, *about)
        if shape.nodes <= 2:  # noqa: PLR2004
            gaps = [b - a for a, b in pairwise(later)]
            demand("split_bounded", None, all(g > TEN_MINUTES_S for g in gaps), text, *about)

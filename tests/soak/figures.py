"""The distribution of failover times, by kind of fault and in total."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass

from tests.soak.moves import Move, Sort

ALL = "all failovers"
UNDISTURBED = "of them with hakeeper and API healthy"
HAD_IT = "all moves to where the address was already"


@dataclass(frozen=True, slots=True)
class Spread:
    """How some durations lie; in milliseconds."""

    count: int
    min_ms: float
    median_ms: float
    p90_ms: float
    p99_ms: float
    max_ms: float


def spread(values_ms: Iterable[float | None]) -> Spread | None:
    """Return the distribution of what is there, by nearest rank; None if nothing is."""
    found = sorted(value for value in values_ms if value is not None)
    if not found:
        return None

    def rank(part: float) -> float:
        return round(found[max(0, math.ceil(part * len(found)) - 1)], 1)

    return Spread(len(found), rank(0.0), rank(0.5), rank(0.9), rank(0.99), rank(1.0))


_STEPS: tuple[tuple[str, Callable[[Move], float | None]], ...] = (
    ("fault -> MASTER line", lambda move: move.line_ms),
    ("line -> assign", lambda move: move.assign_ms),
    ("assign -> confirmed", lambda move: move.confirmed_ms),
    ("fault -> confirmed", lambda move: move.total_ms),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table of one step."""

    name: str
    moves: int
    """All of this name, whether or not this step could be measured."""
    spread: Spread | None


def table(moves: Sequence[Move]) -> dict[str, list[Row]]:
    """Return the rows of each step: totals first, then by kind of fault, then what is no failover.

    The first step is keepalived's. In the others, what is disturbed (a fault of hakeeper or API at
    the same time) is not counted under its kind, and what needed no assign has a row of its own.
    """
    failovers = [move for move in moves if move.sort is Sort.FAILOVER]
    groups = [(ALL, failovers), (UNDISTURBED, _calm(failovers))]
    groups += [
        (f"  {name}", [move for move in failovers if move.cause == name])
        for name in sorted({move.cause for move in failovers})
    ]
    groups += [
        (sort.value, [move for move in moves if move.sort is sort])
        for sort in (Sort.SECOND, Sort.RETURN, Sort.UNPROVOKED)
    ]
    steps = {}
    for number, (title, duration) in enumerate(_STEPS):
        rows = []
        for name, members in groups:
            chosen = members
            if number > 0:
                chosen = [move for move in members if not move.had_it]
                chosen = _calm(chosen) if name.startswith(" ") else chosen
            rows.append(Row(name.strip(), len(members), spread(map(duration, chosen))))
        if number > 0:
            had_it = [move for move in moves if move.had_it]
            rows.append(Row(HAD_IT, len(had_it), spread(map(duration, had_it))))
        steps[title] = rows
    return steps


def _calm(moves: Iterable[Move]) -> list[Move]:
    return [move for move in moves if not move.disturbed]


def shown(moves: Sequence[Move]) -> str:
    """Return the tables as text."""
    lines: list[str] = []
    for title, rows in table(moves).items():
        head = f"{title} (ms)"
        lines += ["", f"{head:<44}{'n':>6}{'min':>9}{'median':>9}{'p90':>9}{'p99':>9}{'max':>9}"]
        lines += [_line(row) for row in rows if row.moves]
    return "\n".join(lines)


def _line(row: Row) -> str:
    if row.spread is None:
        return f"{row.name:<44}{0:>6}"
    values = (
        row.spread.min_ms,
        row.spread.median_ms,
        row.spread.p90_ms,
        row.spread.p99_ms,
        row.spread.max_ms,
    )
    return f"{row.name:<44}{row.spread.count:>6}" + "".join(f"{value:>9.0f}" for value in values)


def document(moves: Sequence[Move]) -> dict[str, object]:
    """Return the tables as plain values for JSON."""
    return {title: [asdict(row) for row in rows] for title, rows in table(moves).items()}

"""Figures and how they are shown: percentiles by nearest rank, tables in markdown."""

import math
import statistics
from collections.abc import Iterable, Sequence


def percentile(values: Iterable[float], part: float) -> float:
    """Return the value below or at which this part of all lies (nearest rank).

    Of fewer than 100 values the 99th percentile is the largest. ValueError if there is none.
    """
    found = sorted(values)
    if not found:
        raise ValueError("no values")
    return found[max(0, math.ceil(part * len(found)) - 1)]


def summary(values: Sequence[float]) -> dict[str, float | int]:
    """Return count, median, 99th percentile, least and largest, under these names."""
    return {
        "count": len(values),
        "median": statistics.median(values),
        "p99": percentile(values, 0.99),
        "min": min(values),
        "max": max(values),
    }


def markdown(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table, one line a row, with a line feed at its end; ValueError for ragged rows."""
    lines = [_line(head), _line(["---"] * len(head))]
    for row in rows:
        if len(row) != len(head):
            raise ValueError(f"{len(row)} cells below {len(head)} headings: {row}")
        lines.append(_line(row))
    return "\n".join(lines) + "\n"


def _line(cells: Iterable[object]) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def ms(value: float) -> str:
    """Show milliseconds: two digits after the point below ten, one below 100, else none."""
    digits = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    return f"{value:.{digits}f}"


def times(ratio: float) -> str:
    """Show a ratio: one digit after the point below 100, else none."""
    return f"{ratio:.1f} ×" if ratio < 100 else f"{ratio:.0f} ×"  # noqa: RUF001

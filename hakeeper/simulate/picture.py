"""Pictures made of characters: calls over time against the quota, and how long repairs took."""

from collections import Counter
from collections.abc import Iterator, Sequence

EIGHTHS = " ▁▂▃▄▅▆▇█"
QUOTA, CLAIM, REPAIR = "─", "█", "▒"
ROWS = 6
_LABEL_WIDTH = 9
_EDGES_MS = (100, 500, 1000, 1500, 2000, 3000, 5000, 10_000, 15_000)
_SLOW_EDGES_MS = (1000, 2000, 5000, 15_000, 40_000, 50_000, 60_000, 120_000, 300_000)
_NARROWEST = 20


def calls_over_time(per_minute: Sequence[int], quota: int, width: int) -> list[str]:
    """Draw calls per hour as bars, with a line at the quota, at most `width` wide."""
    cells = max(width - _LABEL_WIDTH - 1, _NARROWEST)
    rates = _rates(per_minute, cells)
    top = max([float(quota), *rates])
    quota_row = min(int(quota / top * ROWS), ROWS - 1)
    lines = []
    for row in reversed(range(ROWS)):
        filler = QUOTA if row == quota_row else " "
        bar = "".join(_cell(rate / top * ROWS - row, filler) for rate in rates)
        label = "quota" if row == quota_row else ""
        if row == ROWS - 1 and label == "":
            label = f"{top:,.0f}"
        lines.append(f"{label:>{_LABEL_WIDTH}} {bar}".rstrip())
    end = f"{len(per_minute) / 60.0:.3g} h"
    lines.append(f"{'':>{_LABEL_WIDTH}} 0 h{end:>{max(len(rates) - 3, len(end) + 1)}}")
    return lines


def _rates(per_minute: Sequence[int], cells: int) -> list[float]:
    """Return the calls per hour of so many stretches of time, or of fewer if minutes are few."""
    minutes = len(per_minute)
    columns = min(cells, minutes)
    rates = []
    for column in range(columns):
        part = per_minute[column * minutes // columns : (column + 1) * minutes // columns]
        rates.append(sum(part) * 60.0 / len(part))
    return rates


def _cell(height: float, filler: str) -> str:
    eighths = min(max(round(height * 8.0), 0), 8)
    return EIGHTHS[eighths] if eighths else filler


def histogram(
    claims_ms: Counter[int], repairs_ms: Counter[int], width: int, *, slow: bool = False
) -> list[str]:
    """Draw how many failovers and repairs took how long, at most `width` wide.

    `slow`: some take minutes.
    """
    edges_ms = _SLOW_EDGES_MS if slow else _EDGES_MS
    rows = [
        (_label(edges_ms, index), claims, repairs)
        for index, (claims, repairs) in enumerate(
            zip(_binned(edges_ms, claims_ms), _binned(edges_ms, repairs_ms), strict=True)
        )
    ]
    most = max(claims + repairs for _, claims, repairs in rows)
    room = max(width - _LABEL_WIDTH - 2 - len(f"{most:,}"), _NARROWEST)
    lines = []
    for label, claims, repairs in rows:
        total = claims + repairs
        cells = max(round(total / most * room), 1) if total else 0
        solid = round(claims / total * cells) if total else 0
        bar = CLAIM * solid + REPAIR * (cells - solid) + (f" {total:,}" if total else "")
        lines.append(f"{label:>{_LABEL_WIDTH}} {bar}".rstrip())
    return lines


def _binned(edges_ms: Sequence[int], counts: Counter[int]) -> list[int]:
    bins = [0] * (len(edges_ms) + 1)
    for value, count in counts.items():
        bins[sum(value > edge for edge in edges_ms)] += count
    return bins


def _label(edges_ms: Sequence[int], index: int) -> str:
    if index == len(edges_ms):
        return f"> {edges_ms[-1] // 1000} s"
    return f"<= {edges_ms[index] / 1000.0:g} s"


def legend() -> Iterator[str]:
    """Yield what the characters of the histogram mean."""
    yield f"{CLAIM} failovers: from the MASTER line to the holder"
    yield f"{REPAIR} repairs: from a foreign move, or the end of trouble, to the holder"

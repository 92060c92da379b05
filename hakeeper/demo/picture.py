"""A picture of the holders over time, drawn with characters; pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hakeeper.demo.history import History, Span, shown

OWNS, DARK, OUTAGE, NOTHING = "█", "░", "!", "·"
_LABEL_WIDTH = 8
_TICKS_S = (1, 2, 5, 10, 20, 30, 60, 120, 300)
_TICK_CELLS = 6
"""The minimum number of characters between two figures on the time axis."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of a row, and the character that it is drawn with."""

    span: Span
    glyph: str


def picture(history: History, width: int) -> list[str]:
    """Draw the rows and the time axis, at most `width` wide."""
    canvas = _Canvas(history.span, max(width - _LABEL_WIDTH, 10))

    def row(label: str, bars: Iterable[Bar]) -> str:
        return f"{label:<{_LABEL_WIDTH}}{canvas.row(bars)}"

    lines = [
        row("master", _masters(history)),
        row("API", (Bar(span, OUTAGE) for span in history.outages)),
    ]
    for address in history.addresses:
        lines.append(address)
        lines += [row(shown(node), _owned(history, address, node)) for node in history.servers]
        nobody = (Bar(span, OWNS) for holder, span in history.owned(address) if holder is None)
        lines.append(row("nobody", nobody))
    lines += [" " * _LABEL_WIDTH + line for line in canvas.axis()]
    return [line.rstrip() for line in lines]


LEGEND = (
    f"master: the node that VRRP elected   {OWNS} has the address",
    f"{DARK} has it, and is dead   {OUTAGE} the API answers 503",
)


def _masters(history: History) -> list[Bar]:
    return [Bar(span, node) for node in history.servers for span in history.mastered(node)]


def _owned(history: History, address: str, node: str) -> list[Bar]:
    owned = [span for holder, span in history.owned(address) if holder == node]
    bars = [Bar(span, OWNS) for span in owned]
    for span in owned:
        bars += [Bar(part, DARK) for dead in history.dead(node) for part in _common(span, dead)]
    return bars


def _common(one: Span, other: Span) -> Iterator[Span]:
    from_s, until_s = max(one.from_s, other.from_s), min(one.until_s, other.until_s)
    if from_s < until_s:
        yield Span(from_s, until_s)


class _Canvas:
    """A period of time, mapped to a number of characters."""

    def __init__(self, span: Span, cells: int) -> None:
        self._span = span
        self._cells = cells
        self._cell_s = max(span.length_s, 0.001) / cells

    def _cell(self, at_s: float) -> int:
        return min(max(round((at_s - self._span.from_s) / self._cell_s), 0), self._cells)

    def row(self, bars: Iterable[Bar]) -> str:
        """Draw a row; later bars cover earlier ones, and every bar is at least one character."""
        row = [NOTHING] * self._cells
        for bar in bars:
            first = min(self._cell(bar.span.from_s), self._cells - 1)
            last = max(self._cell(bar.span.until_s), first + 1)
            row[first:last] = bar.glyph * (last - first)
        return "".join(row)

    def axis(self) -> list[str]:
        """Draw the time axis: marks, and the seconds below them."""
        per_tick = (tick for tick in _TICKS_S if tick / self._cell_s >= _TICK_CELLS)
        tick_s = next(per_tick, _TICKS_S[-1])
        marks, figures = ["─"] * self._cells, [" "] * (self._cells + 4)
        for number in range(int(self._span.length_s // tick_s) + 1):
            cell = self._cell(self._span.from_s + number * tick_s)
            text = f"{number * tick_s} s" if number == 0 else str(number * tick_s)
            if cell + len(text) <= self._cells:
                marks[cell] = "│"
                figures[cell : cell + len(text)] = text
        return ["".join(marks), "".join(figures).rstrip()]

"""Draws the dashboard's panels as SVG: what Grafana would show, from the same queries.

Grafana itself is in no Debian. The places, titles, units and the words for values come from the
dashboard's JSON; curves and colours are ours.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, Final, NamedTuple

from tests.metrics.prometheus import Series

COLUMN, ROW = 50, 34
"""Pixels of a cell of the dashboard's grid."""
TOP, PAD, LINE, WIDE = 48, 8, 14, 8
"""Pixels as well; WIDE is more than the width of a letter."""
ROOM: Final = 1.05
"""Above the highest value."""
GAP_S: Final = 2.5
"""More than between two values: nothing was there."""
COLOURS: Final = ("#2f81f7", "#e3872d", "#1a9c5b", "#a371f7", "#d1558f", "#6e7681", "#b59f00")
NAMED: Final = {
    "green": "#2da44e",
    "yellow": "#d4a72c",
    "red": "#cf222e",
    "blue": "#2f81f7",
    "text": "#8c959f55",
}
STYLE: Final = """\
text { font: 11px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600; font-size: 13px }
.quiet { fill: #59636e; font-size: 10px }
.back { fill: #f6f8fa }
.panel { fill: #ffffff; stroke: #d1d9e0 }
.grid { stroke: #d1d9e088 }
.line { fill: none; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc }
.quiet { fill: #9198a1 }
.back { fill: #010409 }
.panel { fill: #0d1117; stroke: #3d444d }
.grid { stroke: #3d444d88 }
}
"""


class Curve(NamedTuple):
    """One series of a panel, under the name that the legend has for it."""

    name: str
    values: Mapping[float, float]


class Span(NamedTuple):
    """The time that is shown, in seconds since 1970."""

    start_s: float
    end_s: float

    def part(self, at_s: float) -> float:
        """Return how far along a time is, from 0 to 1."""
        return (at_s - self.start_s) / (self.end_s - self.start_s)


class Box(NamedTuple):
    """Where curves are drawn."""

    x: float
    y: float
    width: float
    height: float


def named(found: Series, legend: str) -> Curve:
    """Name a series as the legend's format says."""
    name = legend
    for label, value in found.labels.items():
        name = name.replace(f"{{{{{label}}}}}", value)
    return Curve(name, found.values)


def draw(
    dashboard: Mapping[str, Any], curves: Sequence[Sequence[Curve]], span: Span, at: str
) -> str:
    """Return the picture; `curves` has those of each panel, `at` says what is shown."""
    places = [panel["gridPos"] for panel in dashboard["panels"]]
    width = 24 * COLUMN
    height = TOP + max(place["y"] + place["h"] for place in places) * ROW
    title = f"The panels of {dashboard['title']}'s dashboard"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
    lines = [
        f'{head} role="img" aria-label="{escape(title)}">',
        f"<style>\n{STYLE}</style>",
        f'<rect class="back" width="{width}" height="{height}"/>',
        _text(PAD, 20, title, kind="title"),
        _text(PAD, 38, at, kind="quiet"),
    ]
    for panel, its in zip(dashboard["panels"], curves, strict=True):
        lines += _panel(panel, its, span)
    return "\n".join([*lines, "</svg>"]) + "\n"


def _text(x: float, y: float, text: str, *, kind: str = "", anchor: str = "") -> str:
    more = "".join(
        f' {name}="{value}"' for name, value in (("class", kind), ("text-anchor", anchor)) if value
    )
    return f'<text x="{x:.1f}" y="{y:.1f}"{more}>{escape(text)}</text>'


def _panel(panel: Mapping[str, Any], curves: Sequence[Curve], span: Span) -> Iterator[str]:
    place = panel["gridPos"]
    x, y = place["x"] * COLUMN + 2, TOP + place["y"] * ROW + 2
    width, height = place["w"] * COLUMN - 4, place["h"] * ROW - 4
    yield f'<rect class="panel" x="{x}" y="{y}" width="{width}" height="{height}" rx="3"/>'
    yield _text(x + PAD, y + 18, panel["title"], kind="title")
    if panel["type"] == "state-timeline":
        box = Box(x + 128, y + 30, width - 142, height - 54)
        yield from _states(panel, curves, span, box)
    else:
        rows = _legend(curves, width - 2 * PAD)
        box = Box(x + 46, y + 30, width - 66, height - 56 - LINE * len(rows))
        yield from _lines(panel, curves, span, box)
        for number, row in enumerate(reversed(rows)):
            yield f'<text x="{x + PAD}" y="{y + height - 8 - LINE * number}">{row}</text>'
    yield from _clock(span, box)


def _clock(span: Span, box: Box) -> Iterator[str]:
    for minute in range(int((span.end_s - span.start_s) // 60) + 1):
        x = box.x + span.part(span.start_s + 60 * minute) * box.width
        yield _text(x, box.y + box.height + 13, f"{minute} min", kind="quiet", anchor="middle")


# --- states -----------------------------------------------------------------------------------


def _states(
    panel: Mapping[str, Any], curves: Sequence[Curve], span: Span, box: Box
) -> Iterator[str]:
    [mapping] = panel["fieldConfig"]["defaults"]["mappings"]
    height = box.height / max(1, len(curves))
    for number, curve in enumerate(curves):
        top = box.y + number * height
        middle = top + height / 2 + 4
        yield _text(box.x - 6, middle, curve.name, anchor="end")
        for start_s, end_s, value in _runs(curve.values):
            if not math.isfinite(value):
                continue
            shown = mapping["options"][f"{value:g}"]
            x = box.x + span.part(start_s) * box.width
            width = (span.part(end_s) - span.part(start_s)) * box.width
            yield (
                f'<rect x="{x:.1f}" y="{top + 3:.1f}" width="{width:.1f}" height="{height - 6:.1f}"'
                f' fill="{NAMED[shown["color"]]}"/>'
            )
            if width > WIDE * len(shown["text"]):
                yield _text(x + 4, middle, shown["text"])


def _runs(values: Mapping[float, float]) -> Iterator[tuple[float, float, float]]:
    """Return from when to when it had each of its values."""
    times = sorted(values)
    begun_s = times[0]
    for at_s in times[1:]:
        if values[at_s] != values[begun_s]:
            yield begun_s, at_s, values[begun_s]
            begun_s = at_s
    yield begun_s, times[-1], values[begun_s]


# --- lines ------------------------------------------------------------------------------------


def _lines(
    panel: Mapping[str, Any], curves: Sequence[Curve], span: Span, box: Box
) -> Iterator[str]:
    defaults = panel["fieldConfig"]["defaults"]
    values = [value for curve in curves for value in curve.values.values() if math.isfinite(value)]
    most = defaults.get("max") or _round_up(ROOM * max(values, default=1.0))
    for part in (0.0, 0.5, 1.0):
        y = box.y + box.height * (1 - part)
        yield f'<path class="grid" d="M {box.x} {y:.1f} h {box.width}"/>'
        shown = _shown(most * part, defaults["unit"])
        yield _text(box.x - 5, y + 3, shown, kind="quiet", anchor="end")
    for number, curve in enumerate(curves):
        for stretch in _stretches(curve.values):
            points = " ".join(
                f"{box.x + span.part(at_s) * box.width:.1f},"
                f"{box.y + box.height * (1 - value / most):.1f}"
                for at_s, value in stretch
            )
            colour = COLOURS[number % len(COLOURS)]
            yield f'<polyline class="line" stroke="{colour}" points="{points}"/>'


def _stretches(values: Mapping[float, float]) -> Iterator[list[tuple[float, float]]]:
    """Return what has no gap in it, without those between two equal ones."""
    points: list[tuple[float, float]] = []
    for at_s, value in sorted(values.items()):
        if points and (at_s - points[-1][0] > GAP_S or not math.isfinite(value)):
            yield _without_equals(points)
            points = []
        if math.isfinite(value):
            points.append((at_s, value))
    if points:
        yield _without_equals(points)


def _without_equals(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    inner = (
        each
        for before, each, after in zip(points, points[1:], points[2:], strict=False)
        if not before[1] == each[1] == after[1]
    )
    return [points[0], *inner, points[-1]]


def _legend(curves: Sequence[Curve], width: float) -> list[str]:
    """Return the names with their colours, in rows of this width."""
    rows: list[list[str]] = [[]]
    at = 0.0
    for number, curve in enumerate(curves):
        wide = 24 + 0.75 * WIDE * len(curve.name)
        if rows[-1] and at + wide > width:
            rows.append([])
            at = 0.0
        colour = COLOURS[number % len(COLOURS)]
        rows[-1].append(f'<tspan fill="{colour}">\u2501</tspan> {escape(curve.name)}')
        at += wide
    return ["\u2003".join(row) for row in rows if row]


def _round_up(value: float) -> float:
    if value <= 0:
        return 1.0
    size = 10.0 ** math.floor(math.log10(value))
    return next(size * each for each in (1, 2, 3, 5, 10) if size * each >= value)


def _shown(value: float, unit: str) -> str:
    match unit:
        case "percentunit":
            return f"{value:.0%}"
        case "s":
            return f"{value:g} s" if value >= 1 or not value else f"{value * 1000:g} ms"
        case _:
            return f"{value:g}"

"""`python -m tests.bench.picture FILE`: the claim's medians as bars, docs/dev/performance.svg.

The scale is logarithmic: each vertical line is ten times the one before it.
"""

import argparse
import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from tests.bench.claim import FLOOR, HAKEEPER, SCRIPTS
from tests.bench.table import ms, times

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "dev" / "performance.svg"
WAYS = (FLOOR, HAKEEPER, *SCRIPTS)
_WIDTH, _LEFT, _RIGHT = 760, 150, 130
_TOP, _BAR, _GAP, _GROUP = 76, 16, 4, 34
_LEAST_MS = 0.1
_STYLE = """\
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600; font-size: 15px }
.quiet { fill: #59636e; font-size: 12px }
.back { fill: #ffffff }
.grid { stroke: #d1d9e0 }
.raw { fill: #8c959f }
.hakeeper { fill: #1a7f37 }
.script { fill: #bc4c00 }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc }
.quiet { fill: #9198a1 }
.back { fill: #0d1117 }
.grid { stroke: #3d444d }
.raw { fill: #6e7681 }
.hakeeper { fill: #3fb950 }
.script { fill: #f0883e }
}
"""


def draw(measured: Mapping[str, Any]) -> str:
    """Return the picture as SVG."""
    medians = [
        measured["ways"][way][str(rtt)]["median"] for way in WAYS for rtt in measured["rtts_ms"]
    ]
    most_ms = 10.0 ** math.ceil(math.log10(max(medians)))
    group = _GROUP + len(WAYS) * (_BAR + _GAP)
    height = _TOP + group * len(measured["rtts_ms"]) + 12
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}"'
    title = "From the event to the assign's arrival: medians in ms, logarithmic scale"
    lines = [
        f'{head} role="img" aria-label="{escape(title)}">',
        f"<style>\n{_STYLE}</style>",
        f'<rect class="back" width="{_WIDTH}" height="{height}"/>',
        f'<text class="title" x="12" y="22">{escape(title)}</text>',
        '<text class="quiet" x="12" y="40">in brackets: beside hakeeper</text>',
        *_grid(most_ms, height),
    ]
    top = _TOP
    for rtt in measured["rtts_ms"]:
        lines += _group(measured["ways"], str(rtt), top, most_ms)
        top += group
    return "\n".join([*lines, "</svg>"]) + "\n"


def _x(value_ms: float, most_ms: float) -> float:
    part = math.log10(max(value_ms, _LEAST_MS) / _LEAST_MS) / math.log10(most_ms / _LEAST_MS)
    return round(_LEFT + part * (_WIDTH - _LEFT - _RIGHT), 1)


def _grid(most_ms: float, height: int) -> Iterator[str]:
    line_ms = _LEAST_MS
    while line_ms <= most_ms * 1.01:
        x = _x(line_ms, most_ms)
        yield f'<line class="grid" x1="{x}" y1="{_TOP - 8}" x2="{x}" y2="{height - 8}"/>'
        yield f'<text class="quiet" x="{x}" y="{_TOP - 12}" text-anchor="middle">{line_ms:g}</text>'
        line_ms *= 10


def _group(ways: Mapping[str, Any], rtt: str, top: int, most_ms: float) -> Iterator[str]:
    yield f'<text x="12" y="{top + 20}">round trip {rtt} ms</text>'
    hakeeper_ms = ways[HAKEEPER][rtt]["median"]
    y = top + _GROUP - 6
    for way in WAYS:
        value_ms = ways[way][rtt]["median"]
        kind = {FLOOR: "raw", HAKEEPER: "hakeeper"}.get(way, "script")
        width = round(_x(value_ms, most_ms) - _LEFT, 1)
        ratio = "" if kind == "raw" or way == HAKEEPER else f" ({times(value_ms / hakeeper_ms)})"
        middle = y + _BAR - 4
        yield (
            f'<text class="quiet" x="{_LEFT - 8}" y="{middle}" text-anchor="end">'
            f"{escape(way)}</text>"
        )
        yield f'<rect class="{kind}" x="{_LEFT}" y="{y}" width="{width}" height="{_BAR}" rx="2"/>'
        yield f'<text x="{_LEFT + width + 6}" y="{middle}">{ms(value_ms)}{escape(ratio)}</text>'
        y += _BAR + _GAP


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the picture."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.picture", description=__doc__)
    parser.add_argument(
        "figures", type=Path, help="what `python -m tests.bench claim --json` wrote"
    )
    parser.add_argument("--to", type=Path, default=PICTURE)
    given = parser.parse_args(arguments)
    given.to.write_text(draw(json.loads(given.figures.read_text())["claim"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""A screen as SVG: it follows the reader's choice of light or dark."""

from collections.abc import Iterator
from itertools import groupby
from xml.sax.saxutils import escape

from tests.pictures.terminal import Cell, Screen

_WIDTH, _HEIGHT = 7.8, 17.0
"""Of a character, in pixels, with a font of 13."""
_MARGIN, _BAR = 14.0, 26.0
COLOURS = {
    31: ("red", "#b3261e", "#ff8a80"),
    32: ("green", "#1b6e2d", "#7ee08f"),
    33: ("yellow", "#8a5a00", "#f2c14e"),
    34: ("blue", "#1a4fb3", "#8ab4ff"),
    35: ("magenta", "#8a2a8a", "#e29ae2"),
    36: ("cyan", "#0b6b74", "#70d6e0"),
}
"""By SGR number: a name, and how it looks on light and on dark."""
_BOLD, _DIM = 1, 2


def svg(screen: Screen, title: str) -> str:
    """Draw it, below a bar with the command."""
    texts = screen.texts()
    while texts and not texts[-1]:
        texts.pop()
    width = 2 * _MARGIN + screen.columns * _WIDTH
    height = 2 * _MARGIN + _BAR + len(texts) * _HEIGHT
    rows = [
        f'<text class="bar" x="{_MARGIN:g}" y="{_BAR - 8:g}">$ {escape(title)}</text>',
        *(
            f'<text x="{_MARGIN:g}" y="{_BAR + _MARGIN + (number + 0.75) * _HEIGHT:g}"'
            f' textLength="{len(text) * _WIDTH:g}">{"".join(_spans(line[: len(text)]))}</text>'
            for number, (text, line) in enumerate(zip(texts, screen.lines, strict=False))
            if text
        ),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}"'
        f' width="{width:g}" height="{height:g}" role="img" aria-label="{escape(title)}">\n'
        f"<style>\n{_style()}</style>\n"
        f'<rect class="paper" width="{width:g}" height="{height:g}" rx="8"/>\n'
        + "\n".join(rows)
        + "\n</svg>\n"
    )


def _spans(line: list[Cell]) -> Iterator[str]:
    for style, cells in groupby(line, key=lambda cell: cell.style):
        text = escape("".join(cell.text for cell in cells))
        names = [COLOURS[number][0] for number in style if number in COLOURS]
        names += ["bold"] * (_BOLD in style) + ["dim"] * (_DIM in style)
        yield f'<tspan class="{" ".join(names)}">{text}</tspan>' if names else text


def _style() -> str:
    light = "".join(f".{name} {{ fill: {on_light} }}\n" for name, on_light, _ in COLOURS.values())
    dark = "".join(f".{name} {{ fill: {on_dark} }}\n" for name, _, on_dark in COLOURS.values())
    return (
        "text { font: 13px 'DejaVu Sans Mono', Menlo, Consolas, monospace; white-space: pre;"
        " fill: #1f2328 }\n"
        ".paper { fill: #f6f8fa; stroke: #d0d7de }\n.bar { fill: #59636e }\n"
        ".bold { font-weight: bold }\n.dim { opacity: 0.7 }\n"
        f"{light}@media (prefers-color-scheme: dark) {{\n"
        "text { fill: #e6edf3 }\n.paper { fill: #0d1117; stroke: #3d444d }\n"
        f".bar {{ fill: #9198a1 }}\n{dark}}}\n"
    )

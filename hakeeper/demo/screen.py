"""The viewer's terminal: its width, its colours, and the characters that it can show."""

import os
import shutil
import textwrap
from collections.abc import Mapping
from typing import TextIO

_NARROW, _WIDE = 60, 100
_ASCII = str.maketrans(
    {
        "→": "->",
        "█": "#",
        "░": "x",
        "─": "-",
        "│": "|",
        "·": ".",
        "“": '"',
        "”": '"',
    }
)
"""All characters beyond ASCII that are used; Debian's console fonts have them."""
_STYLES = {
    "title": "1",
    "dim": "2",
    "good": "32",
    "bad": "31",
    "warn": "33",
    "a": "36",
    "b": "35",
    "cloud": "34",
}


def wants_colours(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Use colours only on a terminal, unless the viewer has disabled them (no-color.org)."""
    return stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def can_show(encoding: str | None, environ: Mapping[str, str]) -> bool:
    """Say whether the terminal can show the drawing characters.

    In the C locale Python itself switches to UTF-8 (PEP 538, which sets LC_CTYPE, and PEP 540), but
    the terminal does not.
    """
    own = environ.get("LC_CTYPE", "")
    category = "" if own == "C.UTF-8" else own
    if (environ.get("LC_ALL") or category or environ.get("LANG")) in {"C", "POSIX"}:
        return False
    try:
        "".join(map(chr, _ASCII)).encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


class Screen:
    """Writes to the viewer, line by line; without a stream it writes nothing."""

    def __init__(self, stream: TextIO | None, *, colours: bool, unicode: bool, width: int) -> None:
        self.width = min(max(width, _NARROW), _WIDE)
        self._stream = stream
        self._colours = colours
        self._unicode = unicode

    @classmethod
    def on(cls, stream: TextIO) -> "Screen":
        """Return a screen for a stream."""
        return cls(
            stream,
            colours=wants_colours(stream, os.environ),
            unicode=can_show(stream.encoding, os.environ),
            width=shutil.get_terminal_size((80, 24)).columns - 1,
        )

    @classmethod
    def silent(cls) -> "Screen":
        """Return a screen that shows nothing, for `--json`."""
        return cls(None, colours=False, unicode=False, width=80)

    def text(self, text: str) -> str:
        """Return the text with characters that the encoding can show."""
        return text if self._unicode else text.translate(_ASCII)

    def styled(self, text: str, style: str = "") -> str:
        """Return the text in a style, if colours are used."""
        code = _STYLES.get(style)
        plain = self.text(text)
        return f"\x1b[{code}m{plain}\x1b[0m" if self._colours and code else plain

    def line(self, text: str = "", style: str = "") -> None:
        """Write one line, which must fit."""
        self._write(self.styled(text, style) if text else "")

    def title(self, text: str) -> None:
        """Write a heading with a rule after it."""
        self.line()
        self._write(self.styled(f"{text} {'─' * (self.width - len(text) - 1)}", "title"))

    def paragraph(self, text: str, style: str = "", indent: str = "", hanging: str = "") -> None:
        """Write running text, wrapped."""
        plain = self.text(text)
        lines = textwrap.wrap(
            plain,
            self.width,
            initial_indent=indent,
            subsequent_indent=hanging or indent,
            break_on_hyphens=False,
        )
        for line in lines:
            self.line(line, style)

    def columns(self, cells: tuple[tuple[str, int, str], ...], text: str, style: str = "") -> None:
        """Write cells (text, width, style) and then running text, wrapped below itself."""
        left = sum(width for _, width, _ in cells)
        first = "".join(
            self.styled(cell, cell_style) + " " * max(width - len(self.text(cell)), 1)
            for cell, width, cell_style in cells
        )
        parts = textwrap.wrap(self.text(text), max(self.width - left, 20), break_on_hyphens=False)
        for number, part in enumerate(parts or [""]):
            self._write((first if number == 0 else " " * left) + self.styled(part, style))

    def _write(self, line: str) -> None:
        if self._stream is not None:
            self._stream.write(line + "\n")
            self._stream.flush()

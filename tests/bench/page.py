"""`python -m tests.bench.page FIGURES.json`: put the tables into docs/dev/performance.md.

Everything between `<!-- bench:PART -->` and `<!-- /bench:PART -->` is written anew from the figures
of that part, so that no figure is copied by hand. A part without figures keeps what it has.
"""

import argparse
import importlib
import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.bench import machine
from tests.bench.__main__ import PARTS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "dev" / "performance.md"


def shown(part: str, figures: Mapping[str, Any]) -> str:
    """Return what stands between the marks of a part."""
    tables = importlib.import_module(PARTS[part]).tables(figures)
    return f"{tables}\nMeasured {machine.line(figures['machine'])}.\n"


def fill(page: str, texts: Mapping[str, str]) -> str:
    """Return the page with these texts, by part; ValueError if it has no marks for one."""
    for part, text in texts.items():
        begin, end = f"<!-- bench:{part} -->", f"<!-- /bench:{part} -->"
        pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        if len(pattern.findall(page)) != 1:
            raise ValueError(f"the page must hold {begin} ... {end} once")
        page = pattern.sub(lambda _, new=f"{begin}\n{text}{end}": new, page)  # type: ignore[misc]
    return page


def main(arguments: Sequence[str] | None = None) -> int:
    """Fill in the page."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.page", description=__doc__)
    parser.add_argument("figures", type=Path, help="what `python -m tests.bench --json` wrote")
    parser.add_argument("--page", type=Path, default=PAGE)
    given = parser.parse_args(arguments)
    figures = json.loads(given.figures.read_text())
    texts = {part: shown(part, figures[part]) for part in PARTS if part in figures}
    given.page.write_text(fill(given.page.read_text(), texts))
    return 0


if __name__ == "__main__":
    sys.exit(main())

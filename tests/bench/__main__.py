"""`python -m tests.bench [PART...]`: speed and costs of hakeeper; see docs/dev/performance.md.

Every part prints a table in markdown; progress goes to standard error. Nothing here has a limit
that it could fail: it measures. What cannot be measured on this machine ends with exit code 77.
"""

import argparse
import importlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench import machine
from tests.bench.rig import Unavailable, progress

PARTS = {
    "claim": "tests.bench.claim",
    "alias": "tests.bench.alias",
    "many": "tests.bench.many",
    "halfopen": "tests.bench.halfopen",
    "failover": "tests.bench.failover",
    "idle": "tests.bench.idle",
    "start": "tests.bench.start",
    "storm": "tests.bench.storm",
    "flap": "tests.bench.flap",
    "leaks": "tests.bench.leaks",
}
"""Each part is a module with `measure(repeat: int | None) -> dict` and `tables(figures) -> str`."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)} (all)")
    parser.add_argument(
        "--repeat",
        type=int,
        help="how often; idle, flap: seconds; storm: lines; leaks: days; each has its own default",
    )
    parser.add_argument("--json", type=Path, help="write all figures there; adds to what is there")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = _parser()
    given = parser.parse_args(arguments)
    unknown = [part for part in given.parts if part not in PARTS]
    if unknown:
        parser.error(f"no such part: {', '.join(unknown)}; there are: {', '.join(PARTS)}")
    figures: dict[str, Any] = {}
    if given.json is not None and given.json.exists():
        figures = json.loads(given.json.read_text())
    skipped = False
    for part in given.parts or PARTS:
        module = importlib.import_module(PARTS[part])
        facts = machine.describe()
        try:
            measured = module.measure(given.repeat)
        except Unavailable as error:
            progress(f"{part} cannot be measured here: {error}")
            skipped = True
            continue
        figures[part] = {"machine": facts, **measured}
        sys.stdout.write(f"{module.tables(figures[part])}\n{machine.line(facts)}\n\n")
        sys.stdout.flush()
        if given.json is not None:
            given.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 77 if skipped else 0


if __name__ == "__main__":
    sys.exit(main())

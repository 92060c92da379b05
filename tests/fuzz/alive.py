"""Prove that the fuzzer finds bugs: plant each of `plants.py`, fuzz, and tell how long it took.

`python -m tests.fuzz.alive [--seconds N]`; a planted bug that is not found in that time fails it.
"""

import argparse
import shutil
import sys
from collections.abc import Sequence

from tests.fuzz.campaign import fuzz
from tests.fuzz.places import folder, say
from tests.fuzz.plants import PLANTS


def main(arguments: Sequence[str] | None = None) -> int:
    """Plant, fuzz and tell; every run begins without a corpus."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.alive", description=__doc__)
    parser.add_argument("--seconds", type=int, default=300, help="for each planted bug")
    options = parser.parse_args(arguments)
    say("target   planted bug              found after s  executions")
    missed = 0
    for name, plant in PLANTS.items():
        shutil.rmtree(folder("corpus", f"{plant.target}-{name}"))
        outcome = fuzz(plant.target, options.seconds, plant=name)
        missed += outcome.finding is None
        found = "NOT FOUND" if outcome.finding is None else f"{outcome.took_s:.1f}"
        say(f"{plant.target:8} {name:24} {found:>13} {outcome.executions:11}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

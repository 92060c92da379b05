"""Look for every planted bug, and print in how many worlds which rule saw it.

PYTHONPATH=tests python -m world             # in the worlds that are known to show them
PYTHONPATH=tests python -m world --search    # in the worlds 0, 1, 2 … until they show
"""

import argparse
import statistics
import sys

from hakeeper.sim.world.watch import RULES
from world.bugs import BUGS, SEEDS
from world.hunt import HEADING, Catch, hunt


def main() -> int:
    """Print the table; 1 if a bug was not found, or a rule found none that no other did."""
    parser = argparse.ArgumentParser(prog="python -m world", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--search", action="store_true", help="begin with seed 0 for each bug")
    parser.add_argument("names", nargs="*", help="these bugs only")
    wanted = parser.parse_args()
    bugs = [bug for bug in BUGS if not wanted.names or bug.name in wanted.names]
    _say(HEADING)
    caught: list[Catch] = []
    for bug in bugs:
        catch = hunt(bug, known_first=not wanted.search)
        if catch is None:
            _say(f"| {bug.name} | NOT FOUND | > {SEEDS} |")
        else:
            caught.append(catch)
            _say(str(catch))
    if caught:
        seeds = [catch.seed + 1 for catch in caught]
        _say(f"{len(caught)} of {len(bugs)} bugs found; seeds until then: median "
             f"{statistics.median(seeds):g}, most {max(seeds)}")  # fmt: skip
    idle = sorted({*RULES} - {catch.bug.rule for catch in caught if catch.alone})
    if not wanted.names:
        _say(f"rules that saw no bug alone: {', '.join(idle) or 'none'}")
    return 1 if len(caught) < len(bugs) or (idle and not wanted.names) else 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

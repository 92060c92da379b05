"""Look for every planted bug, and print in how many worlds which rule saw it.

python -m tests.world.find_bugs            # first in worlds known to show them
python -m tests.world.find_bugs --search   # in the worlds 0, 1, 2 … until they show
python -m tests.world.find_bugs --record   # and write down where, for the tests
"""

import argparse
import statistics
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

from tests.world.bug import SEEDS
from tests.world.hunt import EVERY_BUG, HEADING, Catch, hunt, record
from tests.world.many import cores
from tests.world.rules import ALL_RULES


def main() -> int:
    """Print the table; 1 if a bug was not found, or a rule found none that no other did."""
    parser = argparse.ArgumentParser(prog="python -m tests.world.find_bugs", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--search", action="store_true", help="begin with seed 0 for each bug")
    parser.add_argument("--record", action="store_true", help="write the seeds into seeds.json")
    parser.add_argument("--jobs", type=int, default=cores(), help="processes (default: cores)")
    parser.add_argument("names", nargs="*", help="these bugs only")
    return _hunt(parser.parse_args())


def _hunt(wanted: argparse.Namespace) -> int:
    bugs = [bug for bug in EVERY_BUG if not wanted.names or bug.name in wanted.names]
    caught: list[Catch] = []
    _say(HEADING)
    with ProcessPoolExecutor(wanted.jobs, mp_context=get_context("spawn")) as pool:
        look = partial(hunt, known_first=not wanted.search)
        for bug, catch in zip(bugs, pool.map(look, bugs), strict=True):
            _say(str(catch) if catch else f"| {bug.name} | NOT FOUND | > {SEEDS} |")
            if catch is not None:
                caught.append(catch)
    if wanted.record:
        record(caught)
    if caught:
        seeds = [catch.seed + 1 for catch in caught]
        _say(f"{len(caught)} of {len(bugs)} bugs found; seeds until then: median "
             f"{statistics.median(seeds):g}, most {max(seeds)}")  # fmt: skip
    idle = sorted({*ALL_RULES} - {catch.bug.rule for catch in caught if catch.alone})
    if not wanted.names:
        _say(f"rules that saw no bug alone: {', '.join(idle) or 'none'}")
    return 1 if len(caught) < len(bugs) or (idle and not wanted.names) else 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

"""`hakeeper simulate`: simulates a fleet of servers with this configuration."""

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Final

from hakeeper import exits
from hakeeper.adapters.configfile import ConfigUnreadable, load
from hakeeper.cli.options import DEFAULT_CONFIG, add_json
from hakeeper.config import Config, ConfigErrors, parse
from hakeeper.printable import printable_lines
from hakeeper.simulate.document import document
from hakeeper.simulate.options import OptionError, read_options
from hakeeper.simulate.report import lines
from hakeeper.simulate.simulation import progress, simulate

EXAMPLE: Final = "instances: {VI_1: {floating_ips: [web]}}\n"
RULE_BROKEN: Final = 1
"""The simulation broke a rule, which is a bug in hakeeper."""

EPILOG: Final = f"""\
Nothing leaves this machine: the shipped core runs in virtual time, with a simulated Hetzner.

examples:
  hakeeper simulate                                   two nodes, a day, a few faults
  hakeeper simulate -c hakeeper.yaml --nodes 12       six pairs in one project
  hakeeper simulate --nodes 9 --clusters 3            three clusters of three
  hakeeper simulate --faults failover,power-cut       only these two kinds
  hakeeper simulate --faults split --hours 3          a split brain without end

exit codes:
  {exits.OK:>3}  no rule was broken
  {RULE_BROKEN:>3}  a rule was broken, which is a bug in hakeeper
  {exits.USAGE:>3}  wrong command line
  {exits.NO_CONFIG:>3}, {exits.NO_PERMISSION}, {exits.BAD_CONFIG}  as for `hakeeper check`
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.epilog = EPILOG
    parser.add_argument("-c", "--config", metavar="FILE", type=Path,
        help=f"the configuration (default: {DEFAULT_CONFIG}, else an example)")  # fmt: skip
    parser.add_argument("--nodes", type=int, default=2, metavar="N",
        help="nodes in the whole project, up to 1000 (default: %(default)s)")  # fmt: skip
    parser.add_argument("--clusters", type=int, metavar="M",
        help="number of clusters (default: pairs; one cluster if N is odd)")  # fmt: skip
    parser.add_argument("--hours", type=float, metavar="H",
        help="simulated hours (default: 24, and 1 for more than 20 nodes)")  # fmt: skip
    parser.add_argument("--faults", default="few", metavar="WHICH",
        help="none, few, many, split, or kinds: KIND,KIND (default: %(default)s)")  # fmt: skip
    parser.add_argument("--seed", type=int, default=1, metavar="S",
        help="the same seed gives the same result (default: %(default)s)")  # fmt: skip
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the simulation and print its report; return 1 if a rule was broken."""
    path: Path | None = args.config
    if path is None and DEFAULT_CONFIG.exists():
        path = DEFAULT_CONFIG
    try:
        config = _config(path)
        options = read_options(config, nodes=args.nodes, clusters=args.clusters, hours=args.hours,
                      faults=args.faults, seed=args.seed)  # fmt: skip
    except ConfigUnreadable as error:
        return _refuse(str(error), error.exit_code)
    except ConfigErrors as errors:
        return _refuse("\n".join(map(str, errors.errors)), errors.exit_code)
    except OptionError as error:
        return _refuse(f"hakeeper simulate: {error}", exits.USAGE)
    answer = simulate(options, progress)
    source = None if path is None else str(path)
    if args.json:
        sys.stdout.write(json.dumps(document(answer, source)) + "\n")
    else:
        width = shutil.get_terminal_size((80, 24)).columns - 1
        sys.stdout.write("\n".join(lines(answer, source, width)) + "\n")
    return RULE_BROKEN if answer.violations else exits.OK


def _config(path: Path | None) -> Config:
    return parse(EXAMPLE, "example") if path is None else load(path)


def _refuse(text: str, exit_code: int) -> int:
    sys.stderr.write(f"{printable_lines(text)}\n")
    return exit_code

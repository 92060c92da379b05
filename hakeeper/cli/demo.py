"""`hakeeper demo`: shows a failover on a simulated Hetzner Cloud."""

import argparse
import sys

from hakeeper.cli.options import add_json
from hakeeper.demo.run import Options, demo

EPILOG = """\
Nothing leaves this machine, and you need no Hetzner account. As root, with keepalived installed,
real keepalived runs in network namespaces. Otherwise its recorded lines are replayed.

exit codes:
  0  the address was always where it should be
  1  something went wrong; the verdict says what
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.epilog = EPILOG
    add_json(parser)
    parser.add_argument(
        "--replay",
        action="store_true",
        help="replay recorded lines, even if real keepalived could run",
    )
    parser.add_argument("--no-pauses", action="store_true", help="do not pause for the reader")


def run(args: argparse.Namespace) -> int:
    """Run the demo and return its exit code."""
    options = Options(replay=args.replay, as_json=args.json, pauses=not args.no_pauses)
    return demo(options, sys.stdout)

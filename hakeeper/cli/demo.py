"""`hakeeper demo`: a failover on a simulated Hetzner Cloud, for people to look at."""

import argparse
import sys

from hakeeper.cli.options import add_json
from hakeeper.demo.run import Options, demo

EPILOG = """\
Nothing leaves this machine, and no Hetzner account is needed. With root and keepalived the real
keepalived runs in network namespaces; without, its recorded lines are replayed.

exit codes:
  0  every ownership was as it had to be
  1  something was wrong, and the verdict says what
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.epilog = EPILOG
    add_json(parser)
    parser.add_argument(
        "--replay",
        action="store_true",
        help="replay recorded lines of keepalived, even if the real one could run",
    )
    parser.add_argument("--no-pauses", action="store_true", help="leave the viewer no time to read")


def run(args: argparse.Namespace) -> int:
    """Show it and return the verdict as the exit code."""
    options = Options(replay=args.replay, as_json=args.json, pauses=not args.no_pauses)
    return demo(options, sys.stdout)

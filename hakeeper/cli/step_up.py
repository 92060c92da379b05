"""`hakeeper step-up`: ends a step-down of this server before its time."""

import argparse
from typing import Final

from hakeeper.cli.asking import end
from hakeeper.cli.options import add_json, add_socket

EPILOG: Final = """\
examples:
  hakeeper step-up        keepalived has its own priority again
  hakeeper step-up && hakeeper status

If this server has the best priority, and its keepalived has no `nopreempt`, it
is MASTER a few adverts later, and claims. Else the other node stays MASTER.

exit codes:
  0  this server is not stepped down (any more)
  1  it is not, but a file could not be written: see `hakeeper status`
  2  wrong command line
  3  the daemon does not run, does not answer, or is too old to know this
  4  the daemon is busy with other clients; some connections are kept for root
 77  only root and the service itself may do this
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.epilog = EPILOG
    add_json(parser)
    add_socket(parser)


def run(args: argparse.Namespace) -> int:
    """Ask the daemon to give keepalived its own priority back, and print what it ended."""
    return end(
        args,
        "step-up",
        "step-down",
        after=": keepalived has its own priority again",
        nothing="this server is not stepped down: nothing to end",
    )

"""`hakeeper resume`: ends a pause of the running daemon before its time."""

import argparse
from typing import Final

from hakeeper.cli.asking import end
from hakeeper.cli.options import add_json, add_socket

EPILOG: Final = """\
examples:
  hakeeper resume        what is due moves at once
  hakeeper resume && hakeeper status

exit codes:
  0  hakeeper is not paused (any more)
  1  it is not, but that could not be saved: a restart may begin the pause again
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
    """Ask the daemon to go on, and print what it ended."""
    return end(args, "resume", "pause", nothing="hakeeper is not paused: nothing to end")

"""`hakeeper resume`: ends a pause of the running daemon before its time."""

import argparse
from typing import Final

from hakeeper.adapters.paused_by import user
from hakeeper.adapters.times import age
from hakeeper.cli.asking import NotDone, do, finish, give_up
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
    try:
        answer = do(str(args.socket), {"command": "resume"})
    except NotDone as error:
        return give_up(error, as_json=args.json)
    ended = answer["ended"]
    text = "hakeeper is not paused: nothing to end"
    if ended is not None:
        by = user(ended["by"], ended["user_id"])
        text = f"the pause by {by} is ended, {age(ended['left_s'])} before its time"
    return finish(answer, text, answer["trouble"], as_json=args.json)

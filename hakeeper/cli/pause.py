"""`hakeeper pause`: the running daemon moves no address for a while."""

import argparse
import time
from datetime import datetime
from typing import Final

from hakeeper.adapters.paused_by import user
from hakeeper.adapters.timed_request import SHORTEST_S
from hakeeper.adapters.times import age, clock
from hakeeper.cli.asking import NotDone, do, finish, give_up
from hakeeper.cli.durations import add_for_and_reason, duration_from
from hakeeper.cli.options import add_json, add_socket

USUAL_S: Final = 3600.0
_DURATION: Final = duration_from(
    SHORTEST_S,
    "no time at all; `hakeeper resume` ends one",
    "a pause that is forgotten must end; pause again if the work takes longer",
)
EPILOG: Final = """\
examples:
  hakeeper pause --for 30m --reason "kernel update"
  hakeeper pause --for 1h30m          again: takes the place of the pause before
  hakeeper resume                     ends it

Roles are followed and addresses are read as ever. keepalived still fails over:
an address that should come to this server is left where it is until the pause
ends. It ends by itself, and survives a restart of hakeeper and of the machine.

exit codes:
  0  paused
  1  paused, but that could not be saved: a restart of hakeeper ends it
  2  wrong command line
  3  the daemon does not run, does not answer, or is too old to know this
  4  the daemon is busy with other clients; some connections are kept for root
 77  only root and the service itself may do this
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.epilog = EPILOG
    what = "how long, such as 90s, 30m or 1h30m; at most 24h (default: 1h)"
    add_for_and_reason(parser, _DURATION, USUAL_S, what)
    add_json(parser)
    add_socket(parser)


def run(args: argparse.Namespace) -> int:
    """Ask the daemon to pause, and print until when."""
    request = {"command": "pause", "for_s": args.for_s, "reason": args.reason}
    try:
        answer = do(str(args.socket), request)
    except NotDone as error:
        return give_up(error, as_json=args.json)
    pause, replaced, now_s = answer["pause"], answer["replaced"], time.time()
    until = clock(datetime.fromisoformat(pause["until"]).timestamp(), now_s)
    text = f"paused until {until} ({age(pause['left_s'])}); `hakeeper resume` ends it before"
    if replaced is not None:
        text += f"; the pause by {user(replaced['by'], replaced['user_id'])} is replaced"
    return finish(answer, text, answer["trouble"], as_json=args.json)

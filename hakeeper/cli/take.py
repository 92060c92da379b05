"""`hakeeper take`: the running daemon claims addresses now, without waiting."""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final

from hakeeper import exits
from hakeeper.cli.asking import BUSY, NOT_RUNNING, NotDone, do, give_up
from hakeeper.cli.options import add_json, add_socket
from hakeeper.cli.say import say
from hakeeper.printable import printable

NOT_TAKEN: Final = 1
QUESTION: Final = "Claim {what} for this server now, without waiting? [y/N] "

EPILOG: Final = f"""\
examples:
  hakeeper explain                            first: what is it waiting for?
  hakeeper take                               all that is not here
  hakeeper take --instance VI_1 --address web --yes

hakeeper claims by itself, for ever. This ends its waiting: the pause between two
tries, and the hold-down of an address that another server keeps taking. It does
so only on a server that is MASTER; docs/take.md has what to do on another one. It
does not end a pause (`hakeeper resume`), nor what Hetzner asks for: 429, a refused
login.

exit codes:
  {exits.OK:>3}  they are being claimed, or are here already
  {NOT_TAKEN:>3}  nothing is claimed: not MASTER, paused, or you said no
  {exits.USAGE:>3}  wrong command line, no such instance or address, or no terminal to ask on
  {NOT_RUNNING:>3}  the daemon does not run, does not answer, or is too old to know this
  {BUSY:>3}  the daemon is busy with other clients; some connections are kept for root
 {exits.NO_PERMISSION:>4}  only root may do this
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.epilog = EPILOG
    parser.add_argument("--instance", metavar="NAME", help="only of this instance or sync group")
    parser.add_argument("--address", metavar="ADDRESS", help="only this one, as `status` shows it")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    add_json(parser)
    add_socket(parser)


def run(args: argparse.Namespace) -> int:
    """Ask whoever is at the terminal, then the daemon, and print what comes of it."""
    try:
        if not args.yes and not _is_sure(args):
            return NOT_TAKEN
        wanted = {"instance": args.instance, "address": args.address}
        named = {name: value for name, value in wanted.items() if value is not None}
        answer = do(str(args.socket), {"command": "take", **named})
    except NotDone as error:
        return give_up(error, as_json=args.json)
    is_done = bool(answer["claimed"] or answer["here"])
    if args.json:
        sys.stdout.write(json.dumps({"ok": is_done, **answer}) + "\n")
    else:
        for line in _lines(answer):
            say(line)
    return exits.OK if is_done else NOT_TAKEN


def _is_sure(args: argparse.Namespace) -> bool:
    """Ask; raises NotDone where nobody can be asked."""
    if not sys.stdin.isatty():
        text = "there is no terminal to ask on: say --yes to have it claimed without asking"
        raise NotDone(text, exits.USAGE)
    what = args.address or "all addresses that are not here"
    of = f" of {args.instance}" if args.instance else ""
    sys.stderr.write(printable(QUESTION.format(what=f"{what}{of}")))
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() in {"y", "yes"}:
        return True
    sys.stderr.write("nothing is done\n")
    return False


def _lines(answer: Mapping[str, Any]) -> Iterator[str]:
    for address in answer["claimed"]:
        yield f"claiming {address}; to see what comes of it: hakeeper status"
    for address in answer["here"]:
        yield f"{address} is on this server already"
    for refused in answer["refused"]:
        yield f"not claiming {refused['address']} of {refused['instance']}: {refused['why']}"

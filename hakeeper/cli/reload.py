"""`hakeeper reload`: makes the running daemon reload its configuration, token and CA file.

`systemctl reload hakeeper` runs this command. SIGHUP also reloads, but does not report the result.
"""

import argparse
import json
import sys

from hakeeper import exits
from hakeeper.cli.asking import BUSY, NOT_RUNNING, NotDone, order
from hakeeper.cli.options import add_json, add_socket
from hakeeper.cli.say import complain

TIMEOUT_S = 20.0
"""Longer than loading the files takes on a busy machine."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.epilog = (
        "Only root and the service itself may do this.\n\n"
        f"exit codes: {exits.OK} reloaded, {NOT_RUNNING} the daemon does not run or does not"
        f" answer,\n{BUSY} it is busy with other clients, {exits.NO_PERMISSION} only root may,"
        f" {exits.BAD_CONFIG} refused: the old\nconfiguration stays in force"
    )
    add_json(parser)
    add_socket(parser)


def run(args: argparse.Namespace) -> int:
    """Ask the daemon to reload, and print the result; reasons for a refusal go to stderr."""
    try:
        answer = order(str(args.socket), {"command": "reload"}, TIMEOUT_S)
    except NotDone as error:
        return _ended(error.exit_code, [str(error)], as_json=args.json)
    refused = [str(line) for line in answer.get("refused", [])]
    return _ended(exits.BAD_CONFIG if refused else exits.OK, refused, as_json=args.json)


def _ended(code: int, reasons: list[str], *, as_json: bool) -> int:
    if as_json:
        sys.stdout.write(json.dumps({"ok": code == exits.OK, "reasons": reasons}) + "\n")
    elif code == exits.OK:
        sys.stdout.write("configuration reloaded\n")
    for reason in [] if as_json else reasons:
        complain(reason)
    return code

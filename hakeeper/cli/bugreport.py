"""`hakeeper bugreport`: one archive with all that explains what hakeeper did, and no secret."""

import argparse
import errno
import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Final

from hakeeper import exits
from hakeeper.bugreport.archive import manifest, write
from hakeeper.bugreport.parts import Collector, Sources
from hakeeper.cli.options import add_config, add_json, add_socket, default_state_file
from hakeeper.cli.say import complain
from hakeeper.printable import printable

HOURS: Final = 24
MOST_HOURS: Final = 24 * 366
KEEPALIVED_CONF: Final = Path("/etc/keepalived/keepalived.conf")

EPILOG: Final = f"""\
examples:
  sudo hakeeper bugreport                    as root it can take everything
  sudo hakeeper bugreport --online           with what `hakeeper check --online` finds
  hakeeper bugreport -o report.tar.gz        what this user may read
  tar -xzOf FILE hakeeper-bugreport/MANIFEST   what is in it, and what is not and why

It takes: the versions, `status --json`, `check`, hakeeper.yaml and keepalived's files without
secrets and comments, the units and the journal of both services, the state file, the history, a
pause, and a recording if the service writes one. It works without a running daemon. Nothing is
sent anywhere: look at it, then attach it to an issue.

exit codes: {exits.OK} written, even if parts are missing, {exits.SYSTEM} it cannot be written (the
file is there already, the disk is full), {exits.NO_PERMISSION} it may not be written there
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.epilog = EPILOG
    add_config(parser)
    add_json(parser)
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=Path,
        help="the archive, a new file (default: hakeeper-bugreport-TIME.tar.gz in this folder)",
    )
    parser.add_argument(
        "--online", action="store_true", help="let `hakeeper check` ask the API and keepalived"
    )
    parser.add_argument(
        "--hours",
        metavar="N",
        type=_hours,
        default=HOURS,
        help="how far back the journal goes (default: %(default)s)",
    )
    parser.add_argument(
        "--keepalived-conf",
        metavar="FILE",
        type=Path,
        default=KEEPALIVED_CONF,
        help="keepalived's configuration (default: %(default)s)",
    )
    parser.add_argument(
        "--recording",
        metavar="FILE",
        type=Path,
        help="a recording (default: the one that the service's unit names, if any)",
    )
    add_socket(parser)


def _hours(text: str) -> int:
    if not re.fullmatch("[0-9]{1,4}", text) or not 0 < int(text) <= MOST_HOURS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {MOST_HOURS}")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Write the archive, and say what is in it."""
    made = time.gmtime()
    path = args.output or Path(time.strftime("hakeeper-bugreport-%Y%m%dT%H%M%SZ.tar.gz", made))
    fault = errno.EEXIST if os.path.lexists(path) else 0 if path.parent.is_dir() else errno.ENOENT
    if fault:  # said before a minute of work
        return _failed(path, OSError(fault, os.strerror(fault)))
    collector = Collector(
        Sources(
            config=args.config,
            keepalived_conf=args.keepalived_conf,
            socket=args.socket,
            state_file=default_state_file(),
            hours=args.hours,
            online=args.online,
            recording=args.recording,
        )
    )
    parts = list(collector.parts())
    when = time.strftime("%Y-%m-%d %H:%M:%S UTC", made)
    text = manifest(parts, collector.unread_secrets, when)
    try:
        write(path, parts, text)
    except OSError as error:
        return _failed(path, error)
    if args.json:
        listed = [
            {"name": part.name, "taken": part.text is not None, "note": part.note} for part in parts
        ]
        document = {"file": str(path), "parts": listed, "unread": collector.unread_secrets}
        sys.stdout.write(json.dumps(document) + "\n")
        return exits.OK
    sys.stdout.write(text)
    sys.stdout.write(f"\nwritten: {printable(str(path))}\nLook at it before you send it.\n")
    return exits.OK


def _failed(path: Path, error: OSError) -> int:
    cure = {errno.EEXIST: "; name another file with -o"}.get(error.errno or 0, "")
    reason = f"cannot write {path}: {error.strerror}{cure}"
    complain(reason)
    denied = error.errno in (errno.EACCES, errno.EPERM, errno.EROFS)
    return exits.NO_PERMISSION if denied else exits.SYSTEM

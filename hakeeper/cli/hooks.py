"""`hakeeper hooks`: the service that runs the operator's commands, behind a socket of systemd's.

With `--try` it is a client of that service instead, for an operator who wants to see a hook run.
"""

import argparse
import os
import socket
import sys
import time
from pathlib import Path
from typing import Final

from hakeeper import exits
from hakeeper.adapters.configfile import ConfigUnreadable, load
from hakeeper.adapters.hooks import CURE, hooks_socket
from hakeeper.adapters.hooks.notice import Notice
from hakeeper.adapters.hooks.runner import HooksFile, Runner, systemd_socket
from hakeeper.adapters.journal.reporter import Reporter
from hakeeper.adapters.journal.sinks import Target
from hakeeper.adapters.signals import Signals
from hakeeper.cli.options import add_config
from hakeeper.cli.say import complain
from hakeeper.config import ConfigErrors
from hakeeper.printable import printable_lines

IDLE_S: Final = 60.0
"""After so long without work it ends, and gives its memory back."""
_CLOSE_S: Final = 1.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.epilog = (
        "hakeeper-hooks.socket starts it when the daemon has sent something, and hands over the\n"
        "socket. It ends when there was nothing to do for a minute.\n\n"
        "With --try it has that service run one hook now, as if it were so, for root:\n"
        "  hakeeper hooks --try VI_1 on_master; journalctl -u hakeeper-hooks -n 20 -o cat\n\n"
        f"exit codes: {exits.OK} done, or sent; {exits.USAGE} not started by a socket, or no such"
        f" hook;\n{exits.NO_CONFIG} no configuration file,"
        f" {exits.SYSTEM} the service cannot be reached,\n"
        f"{exits.NO_PERMISSION} the configuration cannot be read,"
        f" {exits.BAD_CONFIG} it is invalid"
    )
    add_config(parser)
    parser.add_argument(
        "--try",
        nargs=2,
        metavar=("NAME", "HOOK"),
        dest="tried",
        help="have a hook of an instance or group run now, such as: VI_1 on_master",
    )
    parser.add_argument(
        "--log",
        choices=[target.value for target in Target],
        default=Target.AUTO.value,
        help="where to log, as `hakeeper run` has it (default: %(default)s)",
    )


def run(args: argparse.Namespace) -> int:
    """Run commands until SIGTERM, or until there is nothing to do; or have one run."""
    if args.tried:
        return _try(args.config, *args.tried)
    receiver = systemd_socket(os.environ)
    if receiver is None:
        sys.stderr.write(
            "no socket was handed over: this is started by systemd, for what the daemon tells;"
            " run: systemctl enable --now hakeeper-hooks.socket\n"
        )
        return exits.USAGE
    signals = Signals()
    with signals.held():  # for the thread that writes; those that start commands hold nothing
        reporter = Reporter(Target(args.log), redact=args.redactor.text)
    try:
        Runner(receiver, HooksFile(args.config), reporter, signals, os.environ).run(IDLE_S)
    finally:
        signals.close()
        reporter.close(_CLOSE_S)
    return exits.OK


def _try(path: Path, name: str, hook: str) -> int:
    """Send a notice as the daemon does."""
    try:
        hooks = load(path).hooks
    except (ConfigUnreadable, ConfigErrors) as error:
        sys.stderr.write(f"{printable_lines(str(error))}\n")
        return error.exit_code
    known = {
        (vrrp.name, moment.value): (vrrp, moment)
        for vrrp, one in hooks.items()
        for moment, _ in one.commands
    }
    if (name, hook) not in known:
        there = ", ".join(" ".join(each) for each in known) or "none"
        text = f"{path} has no {hook} of {name}; it has: {there}"
        complain(text)
        return exits.USAGE
    vrrp, moment = known[name, hook]
    text = f"{vrrp}: {moment.value} is tried by hand"
    notice = Notice(moment=moment, vrrp=vrrp, time_s=time.time(), message=text, reason="a try")
    at = hooks_socket()
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(notice.encoded(), str(at))
    except OSError as error:
        sys.stderr.write(f"not sent: {at}: {error.strerror}; as root: {CURE}\n")
        return exits.SYSTEM
    sys.stdout.write("sent; what becomes of it: journalctl -u hakeeper-hooks -n 20 -o cat\n")
    return exits.OK

"""`hakeeper hooks`: the service that runs the operator's commands, behind a socket of systemd's."""

import argparse
import os
import sys
from typing import Final

from hakeeper import exits
from hakeeper.adapters.hooks.runner import HooksFile, Runner, systemd_socket
from hakeeper.adapters.journal.reporter import Reporter
from hakeeper.adapters.journal.sinks import Target
from hakeeper.adapters.signals import Signals
from hakeeper.cli.options import add_config

IDLE_S: Final = 60.0
"""After so long without work it ends, and gives its memory back."""
_CLOSE_S: Final = 1.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.epilog = (
        "hakeeper-hooks.socket starts it when the daemon has sent something, and hands over the\n"
        "socket. It ends when there was nothing to do for a minute.\n\n"
        f"exit codes: {exits.OK} done, {exits.USAGE} not started by a socket"
    )
    add_config(parser)
    parser.add_argument(
        "--log",
        choices=[target.value for target in Target],
        default=Target.AUTO.value,
        help="where to log, as `hakeeper run` has it (default: %(default)s)",
    )


def run(args: argparse.Namespace) -> int:
    """Run commands until SIGTERM, or until there is nothing to do."""
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

"""`hakeeper metrics`: what the daemon knows and has done, for Prometheus.

A program of its own, so that the daemon neither listens nor carries a library for it: it asks the
daemon at its control socket, as `hakeeper status` does, and who may ask for the status may run it.
"""

import argparse
import contextlib
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from hakeeper import exits
from hakeeper.adapters.control_client import ControlError, NotRunning, Refused, Unreachable, ask
from hakeeper.adapters.control_codes import UNKNOWN_COMMAND
from hakeeper.adapters.replaced_file import replace_file
from hakeeper.cli.durations import seconds_between
from hakeeper.cli.options import add_socket
from hakeeper.cli.say import complain
from hakeeper.metrics.listener import Address, CannotTell, Listener, address, listen, where
from hakeeper.metrics.metric import Answer

TIMEOUT_S: Final = 1.0
"""For the daemon's answer: less than a scrape has."""
SHORTEST_S, LONGEST_S = 1.0, 3600.0
"""Of `--interval`."""
FILE_MODE: Final = 0o644
"""node_exporter is another user."""

EPILOG: Final = f"""\
examples:
  hakeeper metrics                             print them once
  hakeeper metrics --listen 127.0.0.1:9939     for Prometheus, at http://127.0.0.1:9939/metrics
  hakeeper metrics --listen unix:/run/hk.sock  for a proxy that checks who asks
  hakeeper metrics --textfile /var/lib/prometheus/node-exporter/hakeeper.prom --interval 15

While the daemon does not answer, hakeeper_up is 0, and no other metric is there. Who may not ask
the daemon gets no metric at all, not even that one: a scrape fails (503), and a text file stays as
it was. Only root and members of the group hakeeper may. The service hakeeper-metrics.service
listens; it is not enabled by itself. It needs the Python library prometheus_client (Debian:
python3-prometheus-client).

exit codes: {exits.OK} also while the daemon does not answer, {exits.USAGE} wrong command line,
{exits.SYSTEM} the library is missing, or the system refuses the file or the socket,
{exits.NO_PERMISSION} this user may not ask the daemon
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.epilog = EPILOG
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--listen",
        metavar="ADDRESS",
        type=_address,
        help="serve them over HTTP at 127.0.0.1:PORT, [::1]:PORT or unix:PATH, until it is ended",
    )
    where.add_argument(
        "--textfile",
        metavar="PATH",
        type=_textfile,
        help="write them to this file, for node_exporter's textfile collector; it ends in .prom",
    )
    parser.add_argument(
        "--interval",
        metavar="SECONDS",
        type=seconds_between(SHORTEST_S, LONGEST_S),
        help="with --textfile: write it again and again, until it is ended",
    )
    add_socket(parser)


def run(args: argparse.Namespace) -> int:
    """Print, write or serve the metrics."""
    if args.interval is not None and args.textfile is None:
        sys.stderr.write("hakeeper metrics: --interval goes with --textfile\n")
        return exits.USAGE
    try:
        from hakeeper.metrics.exposition import (  # noqa: PLC0415  # an optional library
            CONTENT_TYPE,
            exposition,
        )
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("prometheus_client"):
            raise
        sys.stderr.write(
            "hakeeper metrics needs the Python library prometheus_client:"
            " apt install python3-prometheus-client, or pip install 'hakeeper[metrics]'\n"
        )
        return exits.SYSTEM
    asker = _Asker(str(args.socket))

    def render() -> bytes:
        return exposition(asker.ask())

    if args.listen is None and args.textfile is None:
        return _print(render)
    try:
        if args.listen is not None:
            with listen(args.listen) as listener:
                sys.stderr.write(f"metrics at {where(listener)}\n")
                Listener(listener, render, CONTENT_TYPE).serve()
        else:
            _write(args.textfile, args.interval, render)
    except CannotTell:
        return exits.NO_PERMISSION
    except OSError as error:
        complain(f"hakeeper metrics: the system refuses it: {error}")
        return exits.SYSTEM
    return exits.OK


def _print(render: Callable[[], bytes]) -> int:
    try:
        text = render().decode()
    except CannotTell:
        return exits.NO_PERMISSION
    sys.stdout.write(text)
    return exits.OK


def _write(path: Path, interval_s: float | None, render: Callable[[], bytes]) -> None:
    """Write the file once, or at this interval for ever.

    Raises OSError and CannotTell the first time alone: later node_exporter shows how old the file
    is.
    """
    replace_file(path, render(), mode=FILE_MODE)
    while interval_s is not None:
        time.sleep(interval_s)
        with contextlib.suppress(OSError, CannotTell):
            replace_file(path, render(), mode=FILE_MODE)


class _Asker:
    """Asks the daemon; says on stderr why there is no answer, once for each new reason."""

    def __init__(self, socket: str) -> None:
        self._socket = socket
        self._said = ""

    def ask(self) -> Answer | None:
        """Return what the daemon counts; None: it gave no answer. Raises CannotTell."""
        try:
            answer = ask(self._socket, {"command": "counts"}, TIMEOUT_S)
        except Refused as error:
            old = "the running daemon is of an older version: systemctl restart hakeeper"
            self._say(old if error.code == UNKNOWN_COMMAND else str(error))
        except Unreachable as error:
            self._say(str(error))
            raise CannotTell(str(error)) from None
        except (ControlError, NotRunning) as error:
            self._say(str(error))
        else:
            self._said = ""
            return answer
        return None

    def _say(self, reason: str) -> None:
        if reason != self._said:
            self._said = reason
            complain(reason)
            sys.stderr.flush()


def _address(text: str) -> Address:
    try:
        return address(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _textfile(text: str) -> Path:
    if not text.endswith(".prom"):
        why = f"{text!r} does not end in .prom, and node_exporter reads no other file"
        raise argparse.ArgumentTypeError(why)
    return Path(text)

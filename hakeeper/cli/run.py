"""`hakeeper run`: the daemon in the foreground."""

import argparse
import contextlib
import functools
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

from hakeeper import __version__, exits
from hakeeper.adapters.configfile import ConfigUnreadable
from hakeeper.adapters.history.writer import HistoryWriter
from hakeeper.adapters.hooks import hooks_socket
from hakeeper.adapters.journal.libraries import library_logging
from hakeeper.adapters.journal.reporter import Reporter
from hakeeper.adapters.journal.sinks import Target
from hakeeper.adapters.redaction import Redactor
from hakeeper.adapters.sd_notify import Notifier
from hakeeper.adapters.secret import SecretUnusable
from hakeeper.adapters.signals import Signals
from hakeeper.cli.options import (
    add_config,
    default_history_file,
    default_pause_file,
    default_socket,
    default_state_file,
    default_step_down_file,
)
from hakeeper.compose import CoreMaker, Folders, compose, make_core
from hakeeper.config import Config
from hakeeper.daemon import Daemon
from hakeeper.loading import LOAD_ERRORS, Loader
from hakeeper.printable import printable_lines

LOG_CLOSE_S = 0.7
HISTORY_CLOSE_S = 0.1
RECORD_CLOSE_S = 0.1
"""Together with 0.8 s for the API's threads and 0.3 s for D-Bus, a stop takes at most 2 s."""
RECORD_LIMIT_MIB = 64
_MIB = 1024 * 1024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_config(parser)
    parser.add_argument(
        "--log",
        choices=[target.value for target in Target],
        default=Target.AUTO.value,
        help="where to log; auto: a terminal's console, else the journal under systemd, "
        "else plain lines on stderr (default: %(default)s)",
    )
    parser.add_argument(
        "--record",
        metavar="FILE",
        type=Path,
        help="append everything that the core receives and answers to this file, for "
        "`hakeeper replay`; it contains no token",
    )
    parser.add_argument(
        "--record-limit",
        metavar="MIB",
        type=_mebibytes,
        default=RECORD_LIMIT_MIB,
        help="end the recording at this size, in MiB (default: %(default)s)",
    )


def _mebibytes(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def run(args: argparse.Namespace) -> int:
    """Run the daemon until SIGTERM, SIGINT or a bug."""
    redactor: Redactor = args.redactor
    try:
        signals = Signals()  # first: until then a signal kills the process
        return _run(args, signals, redactor)
    except OSError as error:
        sys.stderr.write(f"{redactor.text(_refused_by_system(error))}\n")
        return exits.SYSTEM


def _run(args: argparse.Namespace, signals: Signals, redactor: Redactor) -> int:
    warnings = _Warnings()
    loader = Loader(args.config, redactor, warnings)
    try:
        config = loader.load()
    except LOAD_ERRORS as error:
        sys.stderr.write(f"{printable_lines(redactor.text(str(error)))}\n")
        return _exit_code(error)
    with signals.held():  # for the threads of both
        history = HistoryWriter(
            default_history_file(),
            lambda text: reporter.log("history.failed", text, reason="unwritable"),
        )
        reporter = Reporter(Target(args.log), redact=redactor.text, keep=history.keep)
    warnings.forward_to(lambda text: reporter.log("config.warning", text))
    try:
        with library_logging(reporter), _recording(args, reporter, signals) as core:
            return _serve(config, loader, reporter, signals, redactor, core)
    finally:
        deadline_s = time.monotonic() + LOG_CLOSE_S
        reporter.close(LOG_CLOSE_S)
        history.close(max(HISTORY_CLOSE_S, deadline_s - time.monotonic()))
        signals.close()


def _refused_by_system(error: OSError) -> str:
    return f"the system refused a resource: {error}; all addresses stay where they are"


@contextlib.contextmanager
def _recording(
    args: argparse.Namespace, reporter: Reporter, signals: Signals
) -> Iterator[CoreMaker]:
    """Return the factory of the daemon's core: a recorded core with `--record`."""
    if args.record is None:
        yield make_core
        return
    # Imported here: a start without --record should not pay for it.
    from hakeeper.recording.recorder import Recorder  # noqa: PLC0415
    from hakeeper.recording.story import RecordedCore  # noqa: PLC0415

    with signals.held():  # for the recorder's thread
        recorder = Recorder(
            args.record,
            redact=args.redactor.text,
            tell=lambda text: reporter.log("recording.failed", text),
            limit_bytes=args.record_limit * _MIB,
        )
    try:
        yield functools.partial(RecordedCore, recorder)
    finally:
        recorder.close(RECORD_CLOSE_S)


def _serve(
    config: Config,
    loader: Loader,
    reporter: Reporter,
    signals: Signals,
    redactor: Redactor,
    core: CoreMaker,
) -> int:
    notifier = Notifier(
        redact=redactor.text,
        on_error=lambda text: reporter.log("notify.failed", text),
    )
    reporter.log("daemon.started", f"hakeeper {__version__} starts", version=__version__)
    try:
        with _ThreadWatch() as threads:
            try:
                with signals.held():  # for the daemon's threads
                    daemon = compose(
                        config,
                        loader,
                        folders=_folders(),
                        reporter=reporter,
                        notifier=notifier,
                        signals=signals,
                        core=core,
                    )
            except LOAD_ERRORS as error:
                text = f"cannot start: {error}"
                reporter.log("daemon.failed", text, reason=type(error).__name__)
                return _exit_code(error)
            threads.watch_for(daemon)
            daemon.run()
    except OSError as error:  # systemd restarts us, and the next attempt may succeed
        reporter.log("daemon.failed", _refused_by_system(error), reason=type(error).__name__)
        return exits.SYSTEM
    except Exception as error:
        reporter.log(
            "daemon.failed",
            f"a bug in hakeeper, please report it: {type(error).__name__}: {error}; "
            "all addresses stay where they are",
            reason=type(error).__name__,
        )
        notifier.watchdog_trigger()
        raise
    reporter.log("daemon.stopped", "hakeeper stops; all addresses stay where they are")
    return exits.OK


class _Warnings:
    """Collects warnings until there is a reporter to forward them to."""

    def __init__(self) -> None:
        self._collected: list[str] = []
        self._warn: Callable[[str], None] = self._collected.append

    def __call__(self, text: str) -> None:
        self._warn(text)

    def forward_to(self, warn: Callable[[str], None]) -> None:
        """Forward the collected warnings and all further ones."""
        self._warn = warn
        for text in self._collected:
            warn(text)


class _ThreadWatch:
    """Makes the daemon fail when one of its threads fails: a restart is better than lost work."""

    def __init__(self) -> None:
        self._before = threading.excepthook
        self._daemon: Daemon | None = None
        self._error: BaseException | None = None

    def __enter__(self) -> Self:
        threading.excepthook = self._note_failure
        return self

    def __exit__(self, *_: object) -> None:
        threading.excepthook = self._before

    def watch_for(self, daemon: Daemon) -> None:
        """Make this daemon fail, also for a thread that failed during its construction."""
        self._daemon = daemon
        if self._error is not None:
            daemon.fail(self._error)

    def _note_failure(self, raised: threading.ExceptHookArgs) -> None:
        self._before(raised)
        self._error = raised.exc_value
        if self._daemon is not None and self._error is not None:
            self._daemon.fail(self._error)


def _folders() -> Folders:
    return Folders(
        control_socket=default_socket(),
        state_file=default_state_file(),
        pause_file=default_pause_file(),
        step_down_file=default_step_down_file(),
        hooks_socket=hooks_socket(),
    )


def _exit_code(error: Exception) -> int:
    match error:
        case ConfigUnreadable() | SecretUnusable():
            return error.exit_code
        case _:
            return exits.BAD_CONFIG

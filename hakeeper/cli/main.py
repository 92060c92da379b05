"""The command line. Every command is a module with `add_arguments(parser)` and `run(args) -> int`.

Only the module of the chosen command is imported: `hakeeper status` needs no API client, and an
import error in one command does not affect the others. What is imported here, every `hakeeper
probe` waits for.
"""

import argparse
import importlib
import os
import sys
import threading
from collections.abc import Collection, Sequence
from typing import Final, NamedTuple, NoReturn, Protocol, cast

from hakeeper import __version__, exits
from hakeeper.adapters.redaction import TOKEN_VARIABLE, Redactor
from hakeeper.cli.streams import OutputLost, forget_output, prepare_streams
from hakeeper.hide_secrets import hide_secrets


class CommandModule(Protocol):
    """The interface of a command's module."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's own options."""

    def run(self, args: argparse.Namespace) -> int:
        """Run the command and return its exit code.

        `args.redactor` is a `Redactor`. A command that reads a token adds the token to it, so that
        an unexpected exception cannot print it.
        """


class Command(NamedTuple):
    """One row of `hakeeper --help`."""

    name: str
    help: str
    module: str
    wrong_use: int = exits.USAGE
    """The exit code for a wrong command line."""


COMMANDS: Final = (
    Command("init", "set this server up", "hakeeper.cli.init"),
    Command("run", "run the daemon in the foreground", "hakeeper.cli.run"),
    Command("check", "check the configuration and the token", "hakeeper.cli.check"),
    Command("status", "show the state of the running daemon", "hakeeper.cli.status"),
    Command("probe", "one line for monitoring and load balancers", "hakeeper.cli.probe", 3),
    Command("explain", "show what this server waits for and would do", "hakeeper.cli.explain"),
    Command("metrics", "print or serve metrics for Prometheus", "hakeeper.cli.metrics"),
    Command("reload", "make the running daemon read its files again", "hakeeper.cli.reload"),
    Command("pause", "move no address for a while, for maintenance", "hakeeper.cli.pause"),
    Command("resume", "end a pause before its time", "hakeeper.cli.resume"),
    Command("step-down", "let another node be MASTER for a while", "hakeeper.cli.step_down"),
    Command("step-up", "end a step-down before its time", "hakeeper.cli.step_up"),
    Command("drill", "fail over on purpose, there and back, and time it", "hakeeper.cli.drill"),
    Command("take", "claim addresses now, without waiting", "hakeeper.cli.take"),
    Command("history", "show what happened on this server", "hakeeper.cli.history"),
    Command("events", "show what the running daemon reports, live", "hakeeper.cli.events"),
    Command("hooks", "run the commands of `hooks`, as a service", "hakeeper.cli.hooks"),
    Command("replay", "replay a recording of `hakeeper run --record`", "hakeeper.cli.replay"),
    Command("simulate", "simulate a fleet with your configuration", "hakeeper.cli.simulate"),
    Command("demo", "show a failover on a simulated cloud", "hakeeper.cli.demo"),
    Command(
        "bugreport", "collect what a bug report needs, without secrets", "hakeeper.cli.bugreport"
    ),
    Command("version", "print the versions of hakeeper and its libraries", "hakeeper.cli.version"),
)

_EPILOG: Final = f"""\
examples:
  hakeeper check                     are /etc/hakeeper/hakeeper.yaml and the token valid?
  hakeeper check --online            would a failover to this server work?
  hakeeper run -c ./hakeeper.yaml    the daemon, as systemd starts it
  hakeeper status --json             what it knows and does, for programs
  hakeeper probe                     one line and an exit code, for monitoring
  hakeeper history --since 2h        what happened, also while the daemon is dead
  hakeeper bugreport                 an archive for an issue, without secrets

exit codes:
  {exits.OK:>3}  success
  {exits.USAGE:>3}  wrong command line
  {exits.NO_CONFIG:>3}  no configuration file
  {exits.NOT_READY:>3}  `hakeeper check --online`: a failover to this server would not work
  {exits.BROKEN:>3}  a bug in hakeeper
  {exits.SYSTEM:>3}  the system refused something; try again
  {exits.NO_PERMISSION:>3}  a file cannot be read: permission denied
  {exits.BAD_CONFIG:>3}  the configuration or the token is invalid
  `hakeeper status`, `probe` and `replay` have their own: see `hakeeper status --help`
"""


class _Parser(argparse.ArgumentParser):
    """A parser whose errors hide a token that was put on the command line by mistake."""

    wrong_use = exits.USAGE

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """Exit, after a wrong command line with the code that the command has for that."""
        sys.stdout.flush()  # here, where an error of it is told as what it is
        super().exit(self.wrong_use if status == exits.USAGE else status, message)

    def error(self, message: str) -> NoReturn:
        """Exit with the usage and the message."""
        super().error(hide_secrets(message))


def main() -> NoReturn:
    """Run one command and exit; the entry point of the package."""
    prepare_streams()
    sys.exit(run_command(sys.argv[1:]))


def run_command(argv: Sequence[str]) -> int:
    """Run one command and return its exit code; raises only argparse's SystemExit."""
    redactor = Redactor([os.environ.get(TOKEN_VARIABLE, "")])
    debug = "--debug" in argv
    previous_hook = threading.excepthook
    threading.excepthook = lambda raised: _report(raised.exc_value, redactor, debug=debug)
    try:
        args = _parser(_chosen(argv)).parse_args(argv)
        args.redactor = redactor
        return _run(args)
    except KeyboardInterrupt:
        return exits.INTERRUPTED
    except BrokenPipeError:
        forget_output()
        return exits.PIPE_CLOSED
    except OutputLost as error:
        forget_output()
        sys.stderr.write(f"hakeeper: cannot write to stdout: {error.strerror}\n")
        return exits.SYSTEM
    except Exception as error:  # noqa: BLE001 - the last resort: Python's own traceback would not be redacted
        _report(error, redactor, debug=debug)
        return exits.BROKEN
    finally:
        threading.excepthook = previous_hook


def _run(args: argparse.Namespace) -> int:
    command = _module(args.command)
    code = command.run(args)
    sys.stdout.flush()
    return code


def _module(name: str) -> CommandModule:
    module = next(command.module for command in COMMANDS if command.name == name)
    return cast("CommandModule", importlib.import_module(module))


def full_parser() -> argparse.ArgumentParser:
    """Build the parser with all options, for the man page and the completions."""
    return _parser([command.name for command in COMMANDS])


def _chosen(argv: Sequence[str]) -> list[str]:
    return [word for word in argv if not word.startswith("-")][:1]


def _parser(with_options: Collection[str]) -> argparse.ArgumentParser:
    """Build the parser; only the modules of these commands are imported to add their options."""
    parser = _Parser(
        prog="hakeeper",
        description="Keeps Hetzner Cloud floating IPs on the server that keepalived made MASTER.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"hakeeper {__version__}")
    parser.add_argument(
        "--debug", action="store_true", help="show the traceback of an unexpected error"
    )
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in COMMANDS:
        subparser = subparsers.add_parser(
            command.name,
            help=command.help,
            description=f"{command.help[0].upper()}{command.help[1:]}.",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        if command.name in with_options:
            _module(command.name).add_arguments(subparser)
            parser.wrong_use = subparser.wrong_use = command.wrong_use
    return parser


def _report(error: BaseException | None, redactor: Redactor, *, debug: bool) -> None:
    """Print an unexpected exception without secrets: one line, or with `debug` the traceback."""
    if debug and error is not None:
        import traceback  # noqa: PLC0415  # costs each `hakeeper probe` milliseconds

        text = "".join(traceback.format_exception(error)).rstrip("\n")
    else:
        text = " ".join(f"{type(error).__name__}: {error}".split())
    safe = hide_secrets(redactor.text(text))
    hint = "" if debug else " (`hakeeper --debug COMMAND` shows more)"
    sys.stderr.write(f"hakeeper: unexpected error, please report it: {safe}{hint}\n")

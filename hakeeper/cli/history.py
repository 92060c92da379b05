"""`hakeeper history`: what happened on this server, also while the daemon does not run."""

import argparse
import csv
import json
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, TypeVar

from hakeeper import exits
from hakeeper.adapters.bounded_read import NotAFileError
from hakeeper.adapters.history.reading import History, Kept, read_history
from hakeeper.cli.history_picture import picture
from hakeeper.cli.history_text import instance_of, lines, occurrences
from hakeeper.cli.moments import moment
from hakeeper.cli.options import default_history_file
from hakeeper.cli.say import complain
from hakeeper.printable import printable

_Item = TypeVar("_Item")
COLUMNS: Final = (
    "time",
    "event",
    "instance",
    "kind",
    "address",
    "role",
    "previous_role",
    "holder",
    "api",
    "reason",
    "error_code",
    "duration_s",
    "delay_s",
    "sent_ms",
    "accepted_ms",
    "finished_ms",
    "confirmed_ms",
    "message",
)
"""The columns of `--csv`: added at the end, never changed."""

EPILOG: Final = f"""\
examples:
  hakeeper history --since 2h
  hakeeper history --since "2026-11-30 08:00" --until "2026-11-30 09:00"
  hakeeper history --instance VI_1 --last 20
  hakeeper history --since 30d --csv > failovers.csv

Times are local. A date alone is its midnight; an age such as 2h or 3d counts
back from now. With --json, each line is an object; docs/operate.md tells its
keys (/usr/share/doc/hakeeper/docs/operate.md).

exit codes:
  {exits.OK:>3}  shown, even if nothing happened in that time
  {exits.USAGE:>3}  wrong command line
  {exits.NO_CONFIG:>3}  there is no history
  {exits.SYSTEM:>3}  the file cannot be read
  {exits.NO_PERMISSION:>3}  the file cannot be read: permission denied
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.epilog = EPILOG
    parser.add_argument(
        "--since", metavar="WHEN", type=moment, help="only what happened from then on"
    )
    parser.add_argument("--until", metavar="WHEN", type=moment, help="only what happened before")
    parser.add_argument(
        "--instance", metavar="NAME", help="only what names this instance or sync group"
    )
    parser.add_argument("--last", metavar="N", type=_count, help="only the last N of these")
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--json", action="store_true", help="print a JSON object per line, for programs"
    )
    how.add_argument("--csv", action="store_true", help="print CSV with a header, for spreadsheets")
    parser.add_argument(
        "--file",
        metavar="FILE",
        type=Path,
        default=default_history_file(),
        help="the history; what it held before is in FILE.1 (default: %(default)s)",
    )


def _count(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return number


def run(args: argparse.Namespace) -> int:
    """Print the history."""
    if args.since is not None and args.until is not None and args.since >= args.until:
        return _failed("--since is not before --until: exchange them", exits.USAGE)
    if not args.file.name:  # "/", and ".", which is an empty one, too
        return _unreadable(args.file, NotAFileError(is_folder=True))
    try:
        history = read_history(args.file)
    except (OSError, NotAFileError) as error:
        return _unreadable(args.file, error)
    if history.unreadable:
        count = "1 line" if history.unreadable == 1 else f"{history.unreadable} lines"
        _note(f"{count} left out: torn, or of a newer hakeeper")
    _print(args, history)
    return exits.OK


def _print(args: argparse.Namespace, history: History) -> None:
    entries = history.entries
    wanted = [entry for entry in entries if _is_wanted(entry, args)]
    if args.json:
        _write(json.dumps(entry.line) for entry in _last(wanted, args.last))
    elif args.csv:
        _print_csv(_last(wanted, args.last))
    elif wanted:
        shown = _last(occurrences(wanted), args.last)
        begin_s = shown[0].at_s if args.since is None or args.last else args.since
        end_s = time.time() if args.until is None else min(args.until, time.time())
        _write(lines(shown))
        _write(picture(entries, begin_s, end_s, args.instance))
    if not wanted:
        _note(_nothing(args, entries, are_unreadable=history.unreadable > 0))


def _is_wanted(entry: Kept, args: argparse.Namespace) -> bool:
    return (
        (args.since is None or entry.at_s >= args.since)
        and (args.until is None or entry.at_s < args.until)
        and (args.instance is None or entry.fields.get("instance") == args.instance)
    )


def _last(items: Sequence[_Item], count: int | None) -> Sequence[_Item]:
    return items if count is None else items[-count:]


def _print_csv(entries: Iterable[Kept]) -> None:
    rows = csv.writer(sys.stdout, lineterminator="\n")
    rows.writerow(COLUMNS)
    for entry in entries:
        of_line = {**entry.fields, **entry.line}
        rows.writerow(printable(str(of_line.get(name, ""))) for name in COLUMNS)


def _nothing(args: argparse.Namespace, entries: Sequence[Kept], *, are_unreadable: bool) -> str:
    if not entries:
        if are_unreadable:
            return f"{args.file} has no line that can be read: is it another --file?"
        return f"{args.file} is empty: hakeeper has not kept anything yet"
    names = sorted({instance_of(entry) for entry in entries} - {""})
    if args.instance is not None and args.instance not in names:
        known = f"it names {', '.join(names)}" if names else "it names none"
        return f"the history does not name instance {args.instance!r}; {known}"
    return f"nothing happened then; {args.file} begins at {_local(entries[0].at_s)}"


def _local(at_s: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at_s))


def _unreadable(path: Path, error: OSError | NotAFileError) -> int:
    match error:
        case FileNotFoundError():
            text = (
                "there is no history: hakeeper begins it at its next start; is it another --file?"
            )
            return _failed(f"{path}: {text}", exits.NO_CONFIG)
        case PermissionError():
            text = "permission denied: run this as root, or as a member of the group hakeeper"
            return _failed(f"{path}: {text}", exits.NO_PERMISSION)
        case NotAFileError():
            return _failed(f"{path} {error}: --file names the history itself", exits.SYSTEM)
        case _:
            return _failed(f"cannot read the history: {error}", exits.SYSTEM)


def _failed(text: str, code: int) -> int:
    _note(text)
    return code


def _note(text: str) -> None:
    complain(text)


def _write(texts: Iterable[str]) -> None:
    sys.stdout.writelines(f"{printable(text)}\n" for text in texts)

"""`hakeeper replay`: does the core give the same answers as in a recording?"""

import argparse
import json
import os
import stat
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from hakeeper import __version__, exits
from hakeeper.adapters.redaction import Redactor
from hakeeper.cli.say import complain
from hakeeper.recording.reading import RecordingError, read
from hakeeper.recording.replay import Replayed, RunBegun, RunEnded, Step, replay
from hakeeper.recording.transcript import (
    beginning_line,
    clock,
    event_lines,
    printable,
    step_lines,
)
from hakeeper.recording.verdict import Difference, difference_of

DIFFERENT = 1
UNUSABLE = 65
"""The file is not a recording (EX_DATAERR of sysexits(3))."""
LINE_LIMIT_BYTES = 64 * 1024 * 1024

EPILOG = f"""\
exit codes:
  {exits.OK:>3}  identical
  {DIFFERENT:>3}  the core answered differently; the first difference is shown
  {UNUSABLE:>3}  the file is not a recording, or was changed
  {exits.NO_CONFIG:>3}  no such file
  {exits.NO_PERMISSION:>3}  the file cannot be read: permission denied
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.epilog = EPILOG
    parser.add_argument(
        "file", metavar="FILE", type=Path, help="a recording of `hakeeper run --record FILE`"
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--show", action="store_true", help="print the story: every event and answer")
    how.add_argument("--json", action="store_true", help="print the result as JSON, for programs")


@dataclass(slots=True)
class Tally:
    """Counts of what was replayed so far."""

    runs: int = 0
    events: int = 0
    effects: int = 0
    ends: list[str] = field(default_factory=list)
    versions: Counter[str] = field(default_factory=Counter)

    def count(self, item: Replayed) -> None:
        """Count one item."""
        match item:
            case RunBegun(beginning):
                self.runs += 1
                self.versions[beginning.hakeeper] += 1
            case Step():
                self.events += len(item.then.events)
                self.effects += len(item.then.effects)
            case RunEnded(reason):
                self.ends.append(reason)


def run(args: argparse.Namespace) -> int:
    """Replay to the end or to the first difference."""
    try:
        with _open(args.file) as file:
            return _replay(args, file)
    except (RecordingError, OSError) as error:
        _print_unusable(args, error)
        return _exit_code(error)


def _replay(args: argparse.Namespace, file: BinaryIO) -> int:
    redactor: Redactor = args.redactor
    tally = Tally()
    found: Difference | None = None
    for item in replay(read(_lines(file)), redactor.text):
        tally.count(item)
        if args.show:
            _print_lines(_story(item))
        if isinstance(item, Step) and not item.same:
            found = difference_of(item, redactor.text)
            break
    if args.json:
        _print_lines([json.dumps(_document(tally, found), indent=2)])
    else:
        _print_lines(_verdict(tally, found))
    return exits.OK if found is None else DIFFERENT


def _story(item: Replayed) -> Iterator[str]:
    match item:
        case RunBegun(beginning):
            yield beginning_line(beginning)
        case Step():
            yield from step_lines(item)
        case RunEnded(reason):
            yield printable(reason)
            yield ""


def _verdict(tally: Tally, found: Difference | None) -> Iterator[str]:
    for version in tally.versions:
        if version != __version__:
            versions = f"recorded by hakeeper {version}, replayed by {__version__}"
            yield printable(f"{versions}: differences may be intentional")
    if found is None:
        runs = "" if tally.runs == 1 else f" in {tally.runs} runs"
        yield f"{tally.events} events, {tally.effects} effects{runs}: identical"
        return
    step = found.step
    at = f"batch {step.batch}" + ("" if tally.runs == 1 else f" of run {step.run}")
    yield f"different at line {step.line}, {at}, {clock(step.after_s).strip()} s"
    for line in event_lines(step.then):
        yield f"  event     {line}"
    yield f"  where     {found.where}"
    yield f"  expected  {found.expected}"
    yield f"  got       {found.got}"


def _document(tally: Tally, found: Difference | None) -> dict[str, object]:
    document: dict[str, object] = {
        "identical": found is None,
        "runs": tally.runs,
        "events": tally.events,
        "effects": tally.effects,
        "recorded_by": sorted(tally.versions),
        "replayed_by": __version__,
        "ends": tally.ends,
    }
    if found is not None:
        step = found.step
        document["difference"] = {
            "line": step.line,
            "run": step.run,
            "batch": step.batch,
            "at_s": step.then.at_s,
            "where": found.where,
            "expected": found.expected,
            "got": found.got,
        }
    return document


def _print_lines(lines: Iterable[str]) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)


# --- the file ----------------------------------------------------------------------------------


def _open(path: Path) -> BinaryIO:
    """Open a regular file; raises OSError and RecordingError."""
    # Non-blocking: a FIFO at the path must not block us.
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise RecordingError(1, "this is not a regular file")
    return os.fdopen(fd, "rb")


def _lines(file: BinaryIO) -> Iterator[bytes]:
    while line := file.readline(LINE_LIMIT_BYTES):
        yield line


def _print_unusable(args: argparse.Namespace, error: RecordingError | OSError) -> None:
    if isinstance(error, RecordingError):
        document: dict[str, object] = {"error": error.text, "line": error.number}
        text = f"{args.file}: {error}"
    else:
        document = {"error": str(error), "line": None}
        text = f"cannot read it: {error}"
    if args.json:
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
    else:
        complain(text)


def _exit_code(error: RecordingError | OSError) -> int:
    match error:
        case FileNotFoundError():
            return exits.NO_CONFIG
        case PermissionError():
            return exits.NO_PERMISSION
        case _:
            return UNUSABLE

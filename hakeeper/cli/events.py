"""`hakeeper events`: what the running daemon reports, as sentences and fields, once or live."""

import argparse
import json
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from hakeeper import exits
from hakeeper.cli.asking import BUSY, NOT_RUNNING, NotDone, give_up, look
from hakeeper.cli.moments import moment
from hakeeper.cli.options import add_socket
from hakeeper.cli.reader import wait_for_reader_to_leave
from hakeeper.cli.say import complain
from hakeeper.printable import printable

POLL_S: Final = 0.5
"""Between two questions to the daemon."""
BEFORE: Final = 10
"""So many that were there already come first, as with `tail -f`."""
WIDTH: Final = 80
Entry = Mapping[str, Any]

EPILOG: Final = f"""\
examples:
  hakeeper events --follow                   go on; Ctrl-C ends it
  hakeeper events --since 10min --instance VI_1
  hakeeper events --follow --json | jq --unbuffered .event

The daemon has the newest 500 of its run in memory, those of no interest to
operators among them. What is older, or of an earlier run: `hakeeper history`,
and journalctl -u hakeeper.

exit codes:
  {exits.OK:>3}  shown, even if there was nothing to show
  {exits.USAGE:>3}  wrong command line
  {NOT_RUNNING:>3}  the daemon does not run, does not answer, or is too old to know this
  {BUSY:>3}  the daemon is busy with other clients; some connections are kept for root
 {exits.NO_PERMISSION:>4}  only root and members of the group hakeeper may ask
With --follow: {exits.INTERRUPTED} after Ctrl-C, {exits.PIPE_CLOSED} if nobody reads any more.
A daemon that goes away meanwhile is told of on stderr, and so is its return.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.epilog = EPILOG
    parser.add_argument(
        "-f", "--follow", action="store_true", help="go on with what is reported from now on"
    )
    parser.add_argument(
        "--since", metavar="WHEN", type=moment, help="only what was reported from then on"
    )
    parser.add_argument(
        "--instance", metavar="NAME", help="only what names this instance or sync group"
    )
    parser.add_argument(
        "--json", action="store_true", help="print a JSON object per line, for programs"
    )
    add_socket(parser)


def run(args: argparse.Namespace) -> int:
    """Print the entries, for ever with --follow."""
    stream = _Stream(str(args.socket))
    show = _as_json if args.json else _Lines().of
    try:
        found = [entry for entry in stream.newer() if _is_wanted(entry, args)]
    except NotDone as error:
        return give_up(error, as_json=False)
    _write(show, found[-BEFORE:] if args.follow and args.since is None else found)
    while args.follow:
        wait_for_reader_to_leave(POLL_S)
        _write(show, (entry for entry in stream.go_on() if _is_wanted(entry, args)))
    return exits.OK


def _is_wanted(entry: Entry, args: argparse.Namespace) -> bool:
    if args.instance is not None and entry["fields"].get("instance") != args.instance:
        return False
    return args.since is None or _seconds(entry) >= args.since


def _seconds(entry: Entry) -> float:
    return datetime.fromisoformat(entry["time"]).timestamp()


class _Stream:
    """Asks for what is newer than what came before, and notices what is missing."""

    def __init__(self, socket: str) -> None:
        self._socket = socket
        self._run = ""
        self._after = 0
        self._trouble = ""

    def newer(self) -> Iterator[Entry]:
        """Yield what there is, oldest first; raises NotDone."""
        while True:
            wanted = {"command": "events", "run": self._run, "after": self._after}
            answer = look(self._socket, wanted)
            self._note_gaps(answer)
            yield from answer["events"]
            if self._after >= answer["last"]:
                return

    def go_on(self) -> Iterator[Entry]:
        """The same, and a daemon that is away only means that nothing comes."""
        try:
            yield from self.newer()
        except NotDone as error:
            if self._trouble != str(error):
                self._trouble = str(error)
                _note(f"{error}; waiting for it")
        else:
            if self._trouble:
                self._trouble = ""
                _note("hakeeper answers again")

    def _note_gaps(self, answer: Mapping[str, Any]) -> None:
        if self._run not in {"", answer["run"]}:
            _note("hakeeper was restarted")
        if self._run and answer["missed"]:
            _note(f"{answer['missed']} entries are missing here: journalctl -u hakeeper")
        events = answer["events"]
        self._run = answer["run"]
        self._after = events[-1]["seq"] if events else answer["last"]


class _Lines:
    """Entries for people: a line for each day, and some for each entry."""

    def __init__(self) -> None:
        self._day = ""

    def of(self, entry: Entry) -> Iterator[str]:
        """Return the lines of one."""
        at = time.localtime(_seconds(entry))
        day = time.strftime("%Y-%m-%d", at)
        if day != self._day:
            self._day = day
            yield day
        head = f"{time.strftime('%H:%M:%S', at)}  {entry['level']:<8}  "
        yield from textwrap.wrap(
            printable(f"{head}{entry['event']}: {entry['message']}"),
            WIDTH,
            subsequent_indent=" " * len(head),
            break_long_words=False,
            break_on_hyphens=False,
        )


def _as_json(entry: Entry) -> Iterator[str]:
    yield json.dumps(entry)


def _write(show: Callable[[Entry], Iterable[str]], entries: Iterable[Entry]) -> None:
    for entry in entries:
        sys.stdout.writelines(f"{line}\n" for line in show(entry))
    sys.stdout.flush()


def _note(text: str) -> None:
    complain(text)
    sys.stderr.flush()

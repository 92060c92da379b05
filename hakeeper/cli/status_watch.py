"""`hakeeper status --watch`: the status again and again, until somebody ends it.

On a terminal it fills the screen; elsewhere it writes a block, or a line of JSON, for each change.
Signals are only taken while nothing is half written, so the terminal is always given back.
"""

import contextlib
import errno
import itertools
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from hakeeper.adapters.times import instant
from hakeeper.cli.reader import gone, wait_for_reader_to_leave
from hakeeper.demo.screen import wants_colours
from hakeeper.printable import printable

POLL_S: Final = 0.5
"""Between two questions to the daemon."""
UNSAID: Final = (80, 24)
"""The size of a terminal that does not say it."""

Document: TypeAlias = Mapping[str, Any]
Text: TypeAlias = Callable[[Document, float], Iterable[str]]
"""Returns the lines of a status at a time, in seconds since 1970."""

ENTER: Final = "\x1b[?1049h\x1b[?25l\x1b[?7l"
"""Another screen than the shell's, no cursor, and lines that are cut rather than wrapped."""
LEAVE: Final = "\x1b[?7h\x1b[?25h\x1b[?1049l"
_HOME, _REST_OF_LINE, _REST_OF_SCREEN, _PLAIN = "\x1b[H", "\x1b[K", "\x1b[J", "\x1b[0m"
_COLOURS: Final = {"ok": "\x1b[1;32m", "degraded": "\x1b[1;33m", "broken": "\x1b[1;31m"}
SIGNALS: Final = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGWINCH,
    signal.SIGTSTP,
)
"""All but SIGWINCH end this, or stop it for a while."""


def watch(look: Callable[[], Document], text: Text, *, as_json: bool) -> int:
    """Show the status until a signal says stop; return 128 plus its number.

    `look` asks the daemon: a document with `error` is none. Raises BrokenPipeError once nobody
    reads any more.
    """
    on_terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb" and not as_json
    output = _Screen(text) if on_terminal else _Log(text, as_json=as_json)
    absence = _Absence()
    with _waiting_signals() as signals:
        while True:
            with output.taken():
                number = _shown_until(signals, lambda: absence.noted(look()), output.show)
            if number != signal.SIGTSTP:
                return 128 + number
            os.kill(os.getpid(), signal.SIGSTOP)


def _shown_until(
    signals: Collection[int], look: Callable[[], Document], show: Callable[[Document], None]
) -> int:
    """Look and show until a signal wants this to end, or to stop for a while; return it."""
    while True:
        show(look())
        found = signal.sigtimedwait(signals, POLL_S)
        if found is not None and found.si_signo != signal.SIGWINCH:
            return found.si_signo
        wait_for_reader_to_leave(0.0)


@contextlib.contextmanager
def _waiting_signals() -> Iterator[Collection[int]]:
    """Have signals wait until they are asked for; give their numbers."""
    # nohup(1) has SIGHUP ignored: so it stays.
    numbers = {each for each in SIGNALS if signal.getsignal(each) is not signal.SIG_IGN}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        yield numbers
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Absence:
    """Since when the daemon has not answered, as seen from here."""

    def __init__(self) -> None:
        self._since_s: float | None = None

    def noted(self, document: Document) -> Document:
        """Return it with the time at which the absence was first seen, if there is one."""
        if "error" not in document:
            self._since_s = None
            return document
        self._since_s = time.time() if self._since_s is None else self._since_s
        return {**document, "since": instant(self._since_s)}


def _write(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        if error.errno == errno.EIO:  # the terminal has gone
            raise gone() from None
        raise


# --- a block for each change --------------------------------------------------------------------

_MOVES: Final = frozenset({"time", "text", "quota_left"})
"""Keys whose values change with each reading. `text` is `what` and `cause` with a time."""


def essence(value: object) -> object:
    """Return a status without what changes while nothing happens: ages, times and counts."""
    if isinstance(value, Mapping):
        return {key: essence(item) for key, item in value.items() if not _moves(str(key))}
    return [essence(item) for item in value] if isinstance(value, list) else value


def _moves(key: str) -> bool:
    return key in _MOVES or key.endswith(("_s", "_at", "since"))


class _Log:
    """Writes for other programs, and for files."""

    def __init__(self, text: Text, *, as_json: bool) -> None:
        self._text = text
        self._as_json = as_json
        self._shown: object = None

    def taken(self) -> contextlib.AbstractContextManager[None]:
        """There is nothing to give back."""
        return contextlib.nullcontext()

    def show(self, document: Document) -> None:
        """Write a status if something has happened."""
        seen = essence(document)
        if seen == self._shown:
            return
        self._shown = seen
        if self._as_json:
            _write(json.dumps(document) + "\n")
            return
        now_s = time.time()
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now_s))
        lines = [f"--- {at}", *map(printable, self._text(document, now_s)), ""]
        _write("\n".join(lines) + "\n")


# --- a terminal ---------------------------------------------------------------------------------


class _Screen:
    """Fills the terminal; draws again only what has become another picture."""

    def __init__(self, text: Text) -> None:
        self._text = text
        self._colours = wants_colours(sys.stdout, os.environ)
        self._drawn: tuple[os.terminal_size, str] | None = None

    @contextlib.contextmanager
    def taken(self) -> Iterator[None]:
        """Have the terminal, and give it back as it was."""
        self._drawn = None  # whoever had it meanwhile has drawn something else
        try:
            _write(ENTER)
            yield
        finally:
            with contextlib.suppress(OSError):  # it may have gone
                _write(LEAVE)

    def show(self, document: Document) -> None:
        """Draw a status, if that makes another picture."""
        now_s = time.time()
        at = time.strftime("%H:%M:%S", time.localtime(now_s))
        lines = [f"hakeeper status, live at {at}; Ctrl-C ends it", ""]
        lines += map(printable, self._text(document, now_s))
        size = shutil.get_terminal_size(UNSAID)
        picture = self._picture(lines, *size)
        if (size, picture) != self._drawn:
            self._drawn = (size, picture)
            _write(picture)

    def _picture(self, lines: list[str], columns: int, rows: int) -> str:
        if len(lines) > rows:
            hidden = len(lines) - rows + 1
            lines = [*lines[: rows - 1], f"... {hidden} more lines: hakeeper status"]
        drawn = (f"{self._coloured(line[:columns])}{_REST_OF_LINE}" for line in lines)
        return _HOME + "\n".join(drawn) + _REST_OF_SCREEN

    def _coloured(self, line: str) -> str:
        """Return the line with its verdict in colour, which stands first."""
        indent = "".join(itertools.takewhile(str.isspace, line))
        word, space, rest = line[len(indent) :].partition(" ")
        colour = _COLOURS.get(word.lower(), "") if self._colours and space else ""
        return f"{indent}{colour}{word}{_PLAIN}{space}{rest}" if colour else line

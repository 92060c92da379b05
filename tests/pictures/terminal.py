"""A terminal: what a program's output looks like on it, and which lines were too long for it."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

ROWS = 400
"""As high as the longest output, so that nothing scrolls away."""
_SEQUENCE = re.compile(r"\x1b\[(?P<given>[?\d;]*)(?P<final>[A-Za-z])")


@dataclass(frozen=True, slots=True)
class Cell:
    """One character, and the numbers of its style: SGR parameters, as in ECMA-48."""

    text: str = " "
    style: tuple[int, ...] = ()


@dataclass(slots=True)
class Screen:
    """What is shown; knows what hakeeper's commands write, and refuses other sequences."""

    columns: int
    lines: list[list[Cell]] = field(default_factory=lambda: [[]])
    wrapped: list[str] = field(default_factory=list)
    """The lines that were longer than the screen is wide, unless it was told to cut them."""
    _row: int = 0
    _column: int = 0
    _style: tuple[int, ...] = ()
    _wraps: bool = True

    def feed(self, text: str) -> None:
        """Write; raises ValueError at a sequence that it does not know."""
        at = 0
        while at < len(text):
            sequence = _SEQUENCE.match(text, at)
            if sequence is not None:
                self._obey(sequence["given"], sequence["final"])
                at = sequence.end()
                continue
            self._write(text[at])
            at += 1

    def texts(self) -> list[str]:
        """Return the lines as plain texts."""
        return ["".join(cell.text for cell in line).rstrip() for line in self.lines]

    def _write(self, character: str) -> None:
        match character:
            case "\r":
                self._column = 0
            case "\n":
                self._down()
            case "\x1b":
                raise ValueError("an escape that this screen does not know")
            case _:
                if self._column >= self.columns:
                    if not self._wraps:
                        return
                    self.wrapped.append(self.texts()[self._row])
                    self._column = 0
                    self._down()
                line = self.lines[self._row]
                line += [Cell()] * (self._column + 1 - len(line))
                line[self._column] = Cell(character, self._style)
                self._column += 1

    def _down(self) -> None:
        self._row += 1
        if self._row == len(self.lines):
            self.lines.append([])

    def _obey(self, given: str, final: str) -> None:
        match given, final:
            case _, "m":
                numbers = tuple(int(number or 0) for number in given.split(";"))
                self._style = () if numbers == (0,) else (*self._style, *numbers)
            case "", "H":
                self._row = self._column = 0
            case "", "K":
                del self.lines[self._row][self._column :]
            case "", "J":
                del self.lines[self._row][self._column :]
                del self.lines[self._row + 1 :]
            case "?7", "h" | "l":
                self._wraps = final == "h"
            case "?25" | "?1049", "h" | "l":
                pass  # the cursor, and the other screen: this one begins empty
            case _:
                raise ValueError(f"this screen does not know ESC [ {given}{final}")


def show(
    argv: Sequence[str],
    environ: Mapping[str, str],
    columns: int,
    *,
    is_enough: Callable[[Screen], bool] = lambda _: False,
) -> Screen:
    """Run a program on a terminal until it ends, or until what it shows `is_enough`."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))
    screen, rest = Screen(columns), b""
    with subprocess.Popen(
        ["setsid", "--ctty", *argv],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={"PATH": os.environ["PATH"], "TERM": "xterm", "LC_ALL": "C.UTF-8", **environ},
    ) as process:
        os.close(theirs)
        try:
            while not is_enough(screen):
                rest = _fed(screen, rest + os.read(ours, 65536))
        except OSError:
            pass  # the program has ended
        finally:
            process.terminate()
            os.close(ours)
    return screen


def _fed(screen: Screen, data: bytes) -> bytes:
    """Feed all characters and sequences that are whole; return the rest."""
    end = len(data)
    escape = data.rfind(b"\x1b")
    if escape >= 0 and not _SEQUENCE.match(data[escape:].decode(errors="ignore")):
        end = escape
    text = data[:end].decode(errors="ignore")
    screen.feed(text)
    return data[len(text.encode()) :]

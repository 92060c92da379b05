"""The files of a keepalived.conf, and the lines that keepalived makes of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from hakeeper.doctor.conf.parameters import ROOM
from hakeeper.doctor.conf.records import Unread
from hakeeper.doctor.conf.text import as_bytes
from hakeeper.doctor.finding import Place


class SkippedFileError(OSError):
    """A file that keepalived does not read though it is there: it is executable, or no file."""

    def __init__(self, reason: str, cure: str) -> None:
        super().__init__(reason)
        self.cure = cure


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """How files are read. Both raise OSError; texts are UTF-8, or at least look so."""

    read: Callable[[str], str]
    matching: Callable[[str], list[str]]
    """Expands a pattern with wildcards and braces, as glob(3) does; sorted."""
    real: Callable[[str], str] = str
    """The path of a folder without symbolic links, which `${_PWD}` is."""


@dataclass(frozen=True, slots=True)
class Raw:
    """A line as a file has it, or the copy that the VRRP process reads."""

    text: str
    place: Place
    folder: str
    is_copy: bool = False


def pieces_of(line: str) -> list[str]:
    """Cut a line where keepalived has no room for more of it at once.

    One that just fits leaves its end for the next piece, which is empty then.
    """
    return [line[at : at + ROOM - 1] for at in range(0, len(line) + 1, ROOM - 1)]


def cut(text: str, path: str, leave: Callable[[Unread], None]) -> Iterator[Raw]:
    """Yield the lines of a file; what versions of keepalived do not agree on is told."""
    folder = str(PurePosixPath(path).parent)
    lines = as_bytes(text).split("\n")
    if not lines[-1]:
        lines.pop()
    for number, line in enumerate(lines, start=1):
        place = Place(path, number)
        if len(line) >= ROOM - 1:
            what = f"a line of {ROOM - 1} bytes or more, which keepalived cuts"
            leave(Unread(place, what))
        if "\0" in line:
            leave(Unread(place, "a line with a NUL character, at which keepalived cuts it"))
        for piece in pieces_of(line):
            yield Raw(piece.partition("\0")[0].rstrip("\r"), place, folder)

"""The files of a keepalived.conf, and how keepalived splits them into lines."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from hakeeper.doctor.conf.parameters import LINE_BUFFER
from hakeeper.doctor.conf.records import Unread
from hakeeper.doctor.conf.text import as_bytes
from hakeeper.doctor.finding import Place


class SkippedFileError(OSError):
    """A file that exists but that keepalived does not read: executable, or not a regular file."""

    def __init__(self, reason: str, cure: str) -> None:
        super().__init__(reason)
        self.cure = cure


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Access to files. `read` and `matching` raise OSError; non-UTF-8 bytes are escaped."""

    read: Callable[[str], str]
    matching: Callable[[str], list[str]]
    """Expand a pattern with wildcards and braces, as glob(3) does; sorted."""
    real: Callable[[str], str] = str
    """Resolve the symbolic links in a directory's path, for `${_PWD}`."""


@dataclass(frozen=True, slots=True)
class Raw:
    """A line of a file, or of the copy that the VRRP process reads."""

    text: str
    place: Place
    folder: str
    is_copy: bool = False


def pieces_of(line: str) -> list[str]:
    """Cut a line into pieces that fit keepalived's line buffer.

    A line that just fits leaves its newline for the next piece, which is empty then.
    """
    return [line[at : at + LINE_BUFFER - 1] for at in range(0, len(line) + 1, LINE_BUFFER - 1)]


def cut(text: str, path: str, leave: Callable[[Unread], None]) -> Iterator[Raw]:
    """Yield the lines of a file; pass to `leave` what versions of keepalived read differently."""
    folder = str(PurePosixPath(path).parent)
    lines = as_bytes(text).split("\n")
    if not lines[-1]:
        lines.pop()
    for number, line in enumerate(lines, start=1):
        place = Place(path, number)
        if len(line) >= LINE_BUFFER - 1:
            what = f"a line of {LINE_BUFFER - 1} bytes or more, which keepalived cuts"
            leave(Unread(place, what))
        if "\0" in line:
            leave(Unread(place, "a line with a NUL character, at which keepalived cuts it"))
        for piece in pieces_of(line):
            yield Raw(piece.partition("\0")[0].rstrip("\r"), place, folder)

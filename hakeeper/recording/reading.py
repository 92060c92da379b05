"""Reads a recording line by line; every fault is told with its line."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hakeeper.recording.codec import CodecError
from hakeeper.recording.story import Beginning, Ended, Line, NotJsonError, from_json


class RecordingError(Exception):
    """This is no recording, or it was changed; the message is for people."""

    def __init__(self, number: int, text: str) -> None:
        """Keep the number of the line, from 1."""
        super().__init__(f"line {number}: {text}")
        self.number = number
        self.text = text


@dataclass(frozen=True, slots=True)
class Numbered:
    """A line and its number, from 1. `line` None: it was cut, as by kill -9 or a full disk."""

    number: int
    line: Line | None


def read(lines: Iterable[bytes]) -> Iterator[Numbered]:
    """Read lines that keep their newlines; raises RecordingError.

    A cut line is normal where a run ends: at the end, and before the next run's beginning.
    """
    before: Line | None = None
    cut: RecordingError | None = None
    raw = b""
    for number, raw in enumerate(lines, start=1):
        line = _parse(number, raw)
        if cut is not None and not isinstance(line, Beginning):
            raise cut
        if isinstance(line, RecordingError):
            cut = line
            continue
        if cut is not None:
            yield Numbered(cut.number, None)
            cut = None
        _check_order(number, before, line)
        before = line
        yield Numbered(number, line)
    if cut is not None and (before is None or raw.endswith(b"\n")):
        raise cut
    if cut is not None:
        yield Numbered(cut.number, None)
    elif before is None:
        raise RecordingError(1, "there is nothing in this file")


def _parse(number: int, raw: bytes) -> Line | RecordingError:
    """Return the line, or the error of one that may have been cut; raises RecordingError."""
    try:
        return from_json(raw.decode("ascii"))
    except UnicodeDecodeError:
        raise RecordingError(number, "this is no text of hakeeper's") from None
    except NotJsonError as error:
        return RecordingError(number, str(error))
    except CodecError as error:
        raise RecordingError(number, str(error)) from None


def _check_order(number: int, before: Line | None, line: Line) -> None:
    if before is None and not isinstance(line, Beginning):
        raise RecordingError(number, "a recording begins with its settings; this one does not")
    if isinstance(before, Ended) and not isinstance(line, Beginning):
        raise RecordingError(number, "something follows the end of a run that is no new run")

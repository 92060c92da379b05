"""The standard streams of a command, as whoever calls it left them: closed, full, or well.

Imported by every command: `hakeeper probe` may be asked often.
"""

import io
import os
import sys
from typing import Final, TextIO

_FIRST_OTHER_FD: Final = 3


class OutputLost(OSError):  # noqa: N818  # a state of affairs, not a mistake
    """What was written to stdout went nowhere: its disk is full, say."""


class _Output(io.FileIO):
    def write(self, data: "bytes | bytearray | memoryview") -> int | None:  # type: ignore[override]
        """Write; an error is told from those of whatever else a command does."""
        try:
            return super().write(data)
        except (BrokenPipeError, BlockingIOError):
            raise
        except OSError as error:
            raise OutputLost(error.errno, error.strerror) from None


class _Errors(io.FileIO):
    def write(self, data: "bytes | bytearray | memoryview") -> int | None:  # type: ignore[override]
        """Write; what fails cannot be told anywhere, and the exit code says enough."""
        try:
            return super().write(data)
        except OSError:
            return len(data)


def prepare_streams() -> None:
    """Open what is closed, and have errors of stdout told as what they are; call it first.

    A stream that is closed has no number either, which the next file or socket would get: what is
    meant for people would end up in it.
    """
    nowhere = os.open(os.devnull, os.O_RDWR)
    while nowhere < _FIRST_OTHER_FD:
        nowhere = os.dup(nowhere)
    os.close(nowhere)
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False)  # noqa: SIM115  # a number, for good
    sys.stdout = _text(_Output(1, "w", closefd=False), sys.stdout)
    sys.stderr = _text(_Errors(2, "w", closefd=False), sys.stderr)


def _text(raw: io.FileIO, was: TextIO | None) -> TextIO:
    """Return a stream that is as the interpreter made it, or would have if it had been open."""
    made = was if isinstance(was, io.TextIOWrapper) else None
    # Without a buffer, as with PYTHONUNBUFFERED, all is written at once.
    is_unbuffered = made is not None and made.write_through
    return io.TextIOWrapper(
        raw if is_unbuffered else io.BufferedWriter(raw),
        encoding="utf-8" if made is None else made.encoding,
        errors="backslashreplace",
        line_buffering=made is not None and made.line_buffering,
        write_through=is_unbuffered,
    )


def forget_output() -> None:
    """Redirect stdout to /dev/null, or the interpreter's last flush would print an error."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)

"""One run of a command: a process group of its own, its output by lines, and an end in any case."""

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

GRACE_S: Final = 5.0
"""Between SIGTERM and SIGKILL."""
LINE_LIMIT_BYTES: Final = 2000
LINES_LIMIT: Final = 200
"""So many lines of one run are shown."""
_READ_BYTES: Final = 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended."""

    status: int
    """Its exit code; below 0: the signal that ended it, as subprocess has it."""
    timed_out: bool
    duration_s: float
    lines_unseen: int
    """Lines of output beyond the limit."""


def run(
    command: Sequence[str],
    environment: Mapping[str, str],
    timeout_s: float,
    on_line: Callable[[str], None],
    *,
    grace_s: float = GRACE_S,
) -> Ended:
    """Run a command until its end, or until its time is over; raises OSError if it cannot start.

    What it leaves running in its process group is ended with it.
    """
    began_s = time.monotonic()
    lines = _Lines(on_line)
    with subprocess.Popen(  # noqa: S603  # the operator's command; trust.py has judged it
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        cwd="/",
        start_new_session=True,
    ) as process:
        timed_out = _follow(process, began_s + timeout_s, grace_s, lines)
        # Not reaped yet, so that the group is still that of the command.
        _end_group(process, signal.SIGKILL)
    lines.end()
    return Ended(
        status=process.returncode,
        timed_out=timed_out,
        duration_s=time.monotonic() - began_s,
        lines_unseen=lines.unseen,
    )


def _follow(
    process: "subprocess.Popen[bytes]", due_s: float, grace_s: float, lines: "_Lines"
) -> bool:
    """Read what it prints until it ends; say whether its time was over first."""
    assert process.stdout is not None  # noqa: S101  # we asked for a pipe
    output = process.stdout.fileno()
    os.set_blocking(output, False)
    steps = iter([(signal.SIGTERM, grace_s), (signal.SIGKILL, None)])
    timed_out = False
    ended = os.pidfd_open(process.pid)
    try:
        poll = select.poll()
        poll.register(ended, select.POLLIN)
        poll.register(output, select.POLLIN)
        left_s: float | None = max(0.0, due_s - time.monotonic())
        while True:
            ready = [fd for fd, _ in poll.poll(None if left_s is None else left_s * 1000 + 1)]
            if output in ready and not lines.take_from(output):
                poll.unregister(output)
            if ended in ready:
                # What a child of it goes on printing is of no interest.
                lines.take_from(output)
                return timed_out
            if left_s is not None and (left_s := due_s - time.monotonic()) <= 0.0:
                timed_out = True
                number, more_s = next(steps)
                _end_group(process, number)
                due_s += more_s or 0.0
                left_s = more_s
    finally:
        os.close(ended)


def _end_group(process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


class _Lines:
    """Cuts output into lines of a bounded number and length."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._rest = b""
        self._seen = 0

    @property
    def unseen(self) -> int:
        """How many were beyond the limit."""
        return max(0, self._seen - LINES_LIMIT)

    def take_from(self, fd: int) -> bool:
        """Take what can be read now; say whether there may be more later."""
        try:
            data = os.read(fd, _READ_BYTES)
        except BlockingIOError:
            return True
        *whole, self._rest = (self._rest + data).split(b"\n")
        while len(self._rest) > LINE_LIMIT_BYTES:
            whole.append(self._rest[:LINE_LIMIT_BYTES])
            self._rest = self._rest[LINE_LIMIT_BYTES:]
        for line in whole:
            self._show(line)
        return bool(data)

    def end(self) -> None:
        """Show a last line that has no end."""
        if self._rest:
            self._show(self._rest)
            self._rest = b""

    def _show(self, line: bytes) -> None:
        self._seen += 1
        text = line[:LINE_LIMIT_BYTES].decode(errors="replace").rstrip("\r")
        if self._seen <= LINES_LIMIT:
            self._on_line(text)

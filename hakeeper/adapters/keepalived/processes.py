"""One run of a process, held so that its end is noticed and its pid cannot fool us.

A pidfd (pidfd_open(2), Linux 5.3) becomes readable the moment the process ends, a zombie included,
and never speaks of a later process with the same pid. /proc tells more where it is visible; a
sandbox (`ProtectProc=`, hidepid) may hide other users' processes there, and a pidfd works even so.
"""

import contextlib
import functools
import os
import select
import time
from dataclasses import dataclass
from pathlib import Path

from hakeeper.core.model import ProcessId

_CLOCK_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PROGRAM = "keepalived"
_COMMAND_LINE_BYTES = 1 << 16
"""Far more than keepalived's has; the rest of a longer one is not read."""
_PID_FILE_BYTES = 64
"""More than any pid needs; the rest of a longer file is not read."""


@functools.cache
def boot_id() -> str:
    """Return the kernel's name for this boot; raises OSError without /proc, but only at first."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def read_pid_file(path: str) -> int | None:
    """Return the pid in the file; None if there is no such file, or no pid in it."""
    try:
        # O_NONBLOCK: even a FIFO that somebody put there is opened without waiting.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(fd, "rb", buffering=0) as file:  # noqa: PTH123  # pathlib opens no descriptors
            pid = int(file.read(_PID_FILE_BYTES) or b"")
    except (OSError, ValueError):
        return None
    return pid if 0 < pid < 1 << 31 else None


@dataclass(frozen=True, slots=True)
class Stat:
    """What /proc/PID/stat tells: proc(5), fields 2, 3, 4 and 22."""

    command: str
    state: str
    parent_pid: int
    start_ticks: int

    @property
    def ended(self) -> bool:
        """Whether only its entry is left, which nobody has collected yet."""
        return self.state in {"Z", "X", "x"}

    @property
    def start_s(self) -> float:
        """When it began, in seconds since the boot (CLOCK_BOOTTIME)."""
        return self.start_ticks / _CLOCK_TICKS_PER_S

    def age_s(self) -> float:
        """Return the seconds since it began."""
        return time.clock_gettime(time.CLOCK_BOOTTIME) - self.start_s


def read_stat(pid: int) -> Stat | None:
    """Return what /proc shows of a process; None if it is gone or hidden."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The command stands in brackets and may hold brackets and spaces itself.
    before, _, after = text.rpartition(") ")
    fields = after.split()
    return Stat(before.partition("(")[2], fields[0], int(fields[1]), int(fields[19]))


def children_of(pid: int) -> tuple[int, ...]:
    """Return the pids of the children; none where the kernel or /proc does not show them."""
    found: list[int] = []
    with contextlib.suppress(OSError):  # it ended meanwhile, or is hidden
        for path in Path(f"/proc/{pid}/task").glob("*/children"):
            found += [int(word) for word in path.read_text(encoding="ascii").split()]
    return tuple(found)


def arguments_of(pid: int) -> tuple[str, ...]:
    """Return the words of its command line; none where it is gone or hidden, or has none."""
    try:
        with Path(f"/proc/{pid}/cmdline").open("rb") as file:
            data = file.read(_COMMAND_LINE_BYTES)
    except OSError:
        return ()
    if not data:
        return ()
    return tuple(os.fsdecode(word) for word in data.removesuffix(b"\0").split(b"\0"))


class Process:
    """One run of a process; `close` it when it is of no more interest."""

    def __init__(self, pid: int, boot: str, pidfd: int | None) -> None:
        """Use `Process.hold`."""
        self.stat = read_stat(pid)
        """As it was at first sight; None where /proc hides it."""
        start_ticks = None if self.stat is None else self.stat.start_ticks
        self.id = ProcessId(pid, start_ticks, boot)
        self._pidfd = pidfd

    @classmethod
    def hold(cls, pid: int, boot: str) -> "Process | None":
        """Take hold of the process with this pid; None if there is none that still runs."""
        pidfd: int | None = None
        try:
            pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            return None
        except OSError:
            # No pidfd to be had (an old kernel, a system call filter, a thread's id): `ended`
            # then looks at /proc and asks kill(2).
            pidfd = None
        process = cls(pid, boot, pidfd)
        if process.ended():
            process.close()
            return None
        return process

    @property
    def pid(self) -> int:
        """The pid."""
        return self.id.pid

    def ended(self) -> bool:
        """Say whether it has ended; a zombie has."""
        if self._pidfd is not None:
            poll = select.poll()
            poll.register(self._pidfd, select.POLLIN)
            return bool(poll.poll(0))
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass  # somebody else's, so it is there
        stat = read_stat(self.pid)
        return stat is not None and (stat.ended or stat.start_ticks != self.id.start_ticks)

    def is_keepalived(self) -> bool:
        """Say whether the program is keepalived; what is hidden from us is believed.

        The command name can be configured (`process_names`, `parent_process_name`), so the first
        argument counts as well.
        """
        if self.stat is None:
            return True
        names = (self.stat.command, *(Path(one).name for one in arguments_of(self.pid)[:1]))
        return any(name.startswith(_PROGRAM) for name in names)

    def age_s(self) -> float | None:
        """Return the seconds since its start; None where /proc hides it."""
        return None if self.stat is None else self.stat.age_s()

    def fileno(self) -> int | None:
        """Return what becomes readable at its end, if there is such a thing."""
        return self._pidfd

    def close(self) -> None:
        """Let go of it."""
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None

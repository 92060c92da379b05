"""Processes: one run of a process, identified reliably even if its pid is reused.

A pidfd (pidfd_open(2), Linux 5.3) becomes readable when the process ends, also as a zombie, and
never refers to a later process with the same pid. /proc shows more, if it is visible; a sandbox
(`ProtectProc=`, hidepid) may hide other users' processes there, but a pidfd works even then.
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
"""Far longer than keepalived's; the rest of a longer one is not read."""
_PID_FILE_BYTES = 64
"""More than any pid needs; the rest of a longer file is not read."""


@functools.cache
def boot_id() -> str:
    """Return the kernel's id of this boot (cached); raises OSError without /proc."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def read_pid_file(path: str) -> int | None:
    """Return the pid in the file; None: there is no such file, or no pid in it."""
    try:
        # O_NONBLOCK: a FIFO at the path must not block us.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(fd, "rb", buffering=0) as file:  # noqa: PTH123  # pathlib opens no descriptors
            pid = int(file.read(_PID_FILE_BYTES) or b"")
    except (OSError, ValueError):
        return None
    return pid if 0 < pid < 1 << 31 else None


@dataclass(frozen=True, slots=True)
class Stat:
    """Values from /proc/PID/stat: proc(5), fields 2, 3, 4 and 22."""

    command: str
    state: str
    parent_pid: int
    start_ticks: int

    @property
    def ended(self) -> bool:
        """Whether it is a zombie, or dead."""
        return self.state in {"Z", "X", "x"}

    @property
    def start_s(self) -> float:
        """When it started, in seconds since boot (CLOCK_BOOTTIME)."""
        return self.start_ticks / _CLOCK_TICKS_PER_S

    def age_s(self) -> float:
        """Return the seconds since its start."""
        return time.clock_gettime(time.CLOCK_BOOTTIME) - self.start_s


def read_stat(pid: int) -> Stat | None:
    """Return values from /proc; None: the process is gone or hidden."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The command is in parentheses, and may contain parentheses and spaces itself.
    before, _, after = text.rpartition(") ")
    fields = after.split()
    return Stat(before.partition("(")[2], fields[0], int(fields[1]), int(fields[19]))


def children_of(pid: int) -> tuple[int, ...]:
    """Return the pids of the children; empty if the kernel or /proc does not show them."""
    found: list[int] = []
    with contextlib.suppress(OSError):  # it has ended meanwhile, or is hidden
        for path in Path(f"/proc/{pid}/task").glob("*/children"):
            found += [int(word) for word in path.read_text(encoding="ascii").split()]
    return tuple(found)


def arguments_of(pid: int) -> tuple[str, ...]:
    """Return the words of its command line; empty if it is gone or hidden, or has none."""
    try:
        with Path(f"/proc/{pid}/cmdline").open("rb") as file:
            data = file.read(_COMMAND_LINE_BYTES)
    except OSError:
        return ()
    if not data:
        return ()
    return tuple(os.fsdecode(word) for word in data.removesuffix(b"\0").split(b"\0"))


def owner_of(pid: int) -> int | None:
    """Return the user id of a process; None: it is gone or hidden."""
    try:
        return Path(f"/proc/{pid}").stat().st_uid
    except OSError:
        return None


def program_of(pid: int) -> Path | None:
    """Return the executable of a process, which may have been deleted; None: it is hidden."""
    try:
        return Path(str(Path(f"/proc/{pid}/exe").readlink()).removesuffix(" (deleted)"))
    except OSError:
        return None


class Process:
    """One run of a process; call `close` when it is no longer needed."""

    def __init__(self, pid: int, boot: str, pidfd: int | None) -> None:
        """Use `Process.hold`."""
        self.stat = read_stat(pid)
        """Its values at construction; None: /proc hides it."""
        start_ticks = None if self.stat is None else self.stat.start_ticks
        self.id = ProcessId(pid, start_ticks, boot)
        self._pidfd = pidfd

    @classmethod
    def hold(cls, pid: int, boot: str) -> "Process | None":
        """Watch the process with this pid; None: there is none that runs."""
        pidfd: int | None = None
        try:
            pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            return None
        except OSError:
            # No pidfd (an old kernel, a system call filter, a thread's id): `ended` then uses
            # kill(2) and /proc.
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
        """Say whether it has ended; a zombie has ended."""
        if self._pidfd is not None:
            poll = select.poll()
            poll.register(self._pidfd, select.POLLIN)
            return bool(poll.poll(0))
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass  # another user's process, so it exists
        stat = read_stat(self.pid)
        return stat is not None and (stat.ended or stat.start_ticks != self.id.start_ticks)

    def is_keepalived(self) -> bool:
        """Say whether it is a keepalived of root's or of ours; True if that is hidden.

        The executable decides. If it cannot be read, the command name (configurable with
        `process_names` and `parent_process_name`) or the first argument decides. Any user can
        choose those, and could get the pid that is in a dead keepalived's pid file: hence the check
        of the user.
        """
        if self.stat is None:
            return True
        if owner_of(self.pid) not in {0, os.geteuid()}:
            return False
        program = program_of(self.pid)
        if program is not None:
            return program.name.startswith(_PROGRAM)
        names = (self.stat.command, *(Path(one).name for one in arguments_of(self.pid)[:1]))
        return any(name.startswith(_PROGRAM) for name in names)

    def age_s(self) -> float | None:
        """Return the seconds since its start; None: /proc hides it."""
        return None if self.stat is None else self.stat.age_s()

    def fileno(self) -> int | None:
        """Return the descriptor that becomes readable at its end, if there is one."""
        return self._pidfd

    def close(self) -> None:
        """Close the pidfd."""
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None

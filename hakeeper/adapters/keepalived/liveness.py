"""Is keepalived alive? Watches its processes, since a dead keepalived writes no line.

Two processes matter. The parent (its pid is in the pid file) only supervises; the VRRP child speaks
VRRP and writes the lines. If the child is killed, the parent starts another one, which starts as
BACKUP. So a role belongs to a run of the child, and `current` is the child if it can be found. A
reload (SIGHUP) keeps both processes and produces no event.

The daemon calls `look` about once a second and when one of `filenos` becomes readable. It returns
one event at a time: call it until it returns None.
"""

from pathlib import Path

from hakeeper.adapters.keepalived.processes import (
    Process,
    boot_id,
    children_of,
    read_pid_file,
    read_stat,
)
from hakeeper.core.events import KeepalivedGone, KeepalivedSeen
from hakeeper.core.model import ProcessId

CHILD_NAME = "keepalived_vrrp"
"""The VRRP child's name with `process_names` in keepalived.conf."""
SETTLING_S = 3.0
"""A parent younger than this may not have started its child yet."""


def vrrp_pid_file(pid_file: str) -> str:
    """Return the VRRP child's pid file that belongs to the parent's `pid_file`.

    Both are in one directory: keepalived.pid and vrrp.pid, or with an instance name
    keepalived_X.pid and vrrp_X.pid (keepalived's core/pidfile.c).
    """
    path = Path(pid_file)
    name = path.name.replace("keepalived", "vrrp", 1) if "keepalived" in path.name else "vrrp.pid"
    return str(path.with_name(name))


class Liveness:
    """Watches the keepalived whose parent's pid is in `pid_file`."""

    def __init__(self, pid_file: str) -> None:
        self._pid_file = pid_file
        self._vrrp_pid_file = vrrp_pid_file(pid_file)
        self._left: ProcessId | None = None
        """The run that the former pid file led to, until the first look at another one."""
        self._boot = boot_id()
        self._parent: Process | None = None
        self._child: Process | None = None
        self._had_child = False
        self._child_has_file = False
        self.current: ProcessId | None = None
        """The run that was last reported as seen, until it is reported as gone."""

    def look(self) -> KeepalivedSeen | KeepalivedGone | None:
        """Return what has changed since the last call."""
        reason = self._notice_ends()
        if reason is None and self._take_parent():
            reason = "another keepalived took its place"
        if reason is not None and self.current is not None:
            self.current = None
            return KeepalivedGone(reason)
        self._take_child()
        found = self._identity()
        left, self._left = self._left, None
        if found is None and left is not None:
            return KeepalivedGone(f"the changed pid_file {self._pid_file} leads to no process")
        if found is None or found == self.current:
            return None
        self.current = found
        return KeepalivedSeen(found)

    def move_to(self, pid_file: str) -> None:
        """Watch the keepalived of another pid file; the next `look` returns what that changes."""
        self.close()
        self._pid_file = pid_file
        self._vrrp_pid_file = vrrp_pid_file(pid_file)
        self._left, self.current = self.current, None

    def filenos(self) -> tuple[int, ...]:
        """Return the descriptors that become readable when a process ends; changed by `look`."""
        held = (one.fileno() for one in (self._parent, self._child) if one is not None)
        return tuple(fd for fd in held if fd is not None)

    def close(self) -> None:
        """Stop watching the processes."""
        self._drop_child()
        if self._parent is not None:
            self._parent.close()
        self._parent = None

    def _drop_child(self) -> None:
        if self._child is not None:
            self._child.close()
        self._child = None

    def _notice_ends(self) -> str | None:
        if self._parent is not None and self._parent.ended():
            reason = f"its main process {self._parent.pid} ended"
            self.close()
            return reason
        if self._child is not None and self._child.ended():
            reason = f"its VRRP process {self._child.pid} ended"
            self._drop_child()
            return reason
        return None

    def _take_parent(self) -> bool:
        """Watch the process of the pid file; True: it replaced the one that was watched.

        A missing or wrong pid file changes nothing while the watched process runs.
        """
        pid = read_pid_file(self._pid_file)
        if pid is None or (self._parent is not None and self._parent.pid == pid):
            return False
        found = self._hold_keepalived(pid)
        if found is None:
            return False
        replaced = self._parent is not None
        self.close()
        self._parent = found
        self._had_child = False
        self._child_has_file = False
        return replaced

    def _hold_keepalived(self, pid: int) -> Process | None:
        process = Process.hold(pid, self._boot)
        if process is not None and not process.is_keepalived():
            process.close()
            return None
        return process

    def _take_child(self) -> None:
        if self._parent is None or self._child is not None:
            return
        pid = read_pid_file(self._vrrp_pid_file)
        if pid is not None and self._may_be_child(pid, self._parent.pid):
            self._child = self._hold_keepalived(pid)
            self._child_has_file = self._child_has_file or self._child is not None
        if self._child is None and self._may_guess():
            guess = _find_vrrp_child(self._parent.pid)
            self._child = None if guess is None else self._hold_keepalived(guess)
        self._had_child = self._had_child or self._child is not None

    def _may_be_child(self, pid: int, parent_pid: int) -> bool:
        """Say whether the pid may be the parent's child; if it is another's, the file is stale."""
        stat = read_stat(pid)
        return stat is None or stat.parent_pid == parent_pid

    def _may_guess(self) -> bool:
        """Say whether to guess the child: only if its pid file is unknown (`-r`).

        Not while the parent starts or its VRRP child is dead: its only child may be another one.
        """
        if self._child_has_file or self._settling():
            return False
        return self._had_child or self.current is None

    def _settling(self) -> bool:
        age_s = None if self._parent is None else self._parent.age_s()
        return age_s is not None and age_s < SETTLING_S

    def _identity(self) -> ProcessId | None:
        if self._parent is None:
            return None
        if self._child is not None:
            return self._child.id
        # Without a child: the parent will start one (again), or it cannot be found here.
        return None if self._had_child or self._settling() else self._parent.id


def _find_vrrp_child(parent_pid: int) -> int | None:
    """Find the VRRP child among the parent's children: by its name, or as the only one."""
    stats = {pid: read_stat(pid) for pid in children_of(parent_pid)}
    living = {pid: stat for pid, stat in stats.items() if stat is not None and not stat.ended}
    named = [pid for pid, stat in living.items() if stat.command == CHILD_NAME]
    if len(named) == 1:
        return named[0]
    return next(iter(living)) if len(living) == 1 else None

"""Real keepalived on one node: start it, and end it in every way that it can end."""

import contextlib
import functools
import json
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from hakeeper.core.model import Role
from hakeeper.demo.lab.netns import Namespace
from hakeeper.demo.lab.process import LabProcess
from hakeeper.demo.lab.reaping import reap
from hakeeper.demo.lab.vrrp_conf import BROKEN_CONF
from hakeeper.demo.lab.waiting import LabError, LabTimeoutError, wait_until

PROGRAM_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 5.0
_ANSWER_TIMEOUT_S = 3.0
_STATES = {0: Role.UNKNOWN, 1: Role.BACKUP, 2: Role.MASTER, 3: Role.FAULT}
"""The values of `state` in keepalived's JSON dump."""


def find_keepalived() -> str | None:
    """Return the path of keepalived; sbin may be missing in PATH."""
    path = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/usr/local/sbin"
    return shutil.which("keepalived", path=path)


class Keepalived:
    """The keepalived of one node; can be started and stopped repeatedly."""

    def __init__(
        self,
        name: str,
        folder: Path,
        *,
        namespace: Namespace,
        conf: str,
        environment: Mapping[str, str],
        on_death: Callable[[], None],
    ) -> None:
        """`on_death` is called whenever its last reported roles become invalid."""
        self.name = name
        self.conf_path = folder / "keepalived.conf"
        self.pid_path = folder / "keepalived.pid"
        self.log_path = folder / "keepalived.log"
        self._child_pid_path = folder / "vrrp.pid"
        self._checkers_pid_path = folder / "checkers.pid"
        self._dump_path = folder / "keepalived.json"
        self._namespace = namespace
        self._conf = conf
        self._environment = {**environment, "TMPDIR": str(folder)}
        self._on_death = on_death
        self._process: LabProcess | None = None
        self._watcher: threading.Thread | None = None
        self._query_lock = threading.Lock()
        self.write_conf()

    # --- configuration ---------------------------------------------------------------------

    @property
    def own_conf(self) -> str:
        """The configuration that the lab generated for it."""
        return self._conf

    def write_conf(self, conf: str | None = None) -> None:
        """Write a configuration (default: the generated one), for the next start or reload."""
        self.conf_path.write_text(self._conf if conf is None else conf)

    def write_broken_conf(self) -> None:
        """Write a configuration that makes keepalived exit."""
        self.write_conf(BROKEN_CONF)

    # --- life ------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether the parent process runs."""
        return self._process is not None and self._process.running

    @property
    def exit_code(self) -> int | None:
        """How the last run ended; None while it runs or before the first."""
        return None if self._process is None else self._process.exit_code

    @property
    def pid(self) -> int:
        """The parent's pid; raises LabError if it was never started."""
        return self._started().pid

    def child_pid(self) -> int | None:
        """The VRRP child's pid, once its pid file exists."""
        with contextlib.suppress(OSError, ValueError):
            pid = int(self._child_pid_path.read_text())
            if _parent_of(pid) == self._started().pid:
                return pid
        return None

    def _only_child(self) -> int | None:
        """The parent's child, if it has just one.

        A VRRP child of the keepalived before, dying still, removes the pid file of this one's.
        """
        pid = self._started().pid
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        alive = [child for child in map(int, children) if _parent_of(child) == pid]
        return alive[0] if len(alive) == 1 else None

    def _started(self) -> LabProcess:
        if self._process is None:
            raise LabError(f"keepalived of {self.name} was never started")
        return self._process

    def start(self) -> None:
        """Start it and wait until its VRRP child runs."""
        if self.running:
            raise LabError(f"keepalived of {self.name} runs already")
        self._wait_for_watcher()
        self._forget_the_dead()
        program = find_keepalived()
        if program is None:
            raise LabError("there is no keepalived")
        paths = ("-f", self.conf_path, "-p", self.pid_path, "-r", self._child_pid_path)
        argv = [program, "-n", "-l", "-D", *map(str, paths), "-c", str(self._checkers_pid_path)]
        self._process = LabProcess(
            f"{self.name}: keepalived",
            argv,
            log_path=self.log_path,
            environment=self._environment,
            namespace=self._namespace,
            death_signal=signal.SIGTERM,
        )
        self._watcher = threading.Thread(target=self._watch, args=(self._process,), daemon=True)
        self._watcher.start()
        self.wait_for_child()

    def _forget_the_dead(self) -> None:
        """Remove pid files: a killed child that init has not reaped yet looks alive."""
        for path in (self.pid_path, self._child_pid_path, self._checkers_pid_path):
            path.unlink(missing_ok=True)

    def _watch(self, process: LabProcess) -> None:
        """Report the end of the process, which nobody may have requested (a failed reload)."""
        with contextlib.suppress(ChildProcessError):  # reaped already: it has ended as well
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        self._on_death()

    def _wait_for_watcher(self) -> None:
        """Wait until the end of the last process has been reported."""
        if self._watcher is not None:
            self._watcher.join()

    def wait_for_child(self, *, other_than: int | None = None) -> int:
        """Wait for a VRRP child and return its pid."""

        def found() -> int | None:
            process = self._started()
            if not process.running:
                raise LabError(f"keepalived of {self.name} ended: {process.log_tail()}")
            pid = self.child_pid()
            return None if pid == other_than else pid

        what = f"a VRRP child of keepalived on {self.name}"
        return wait_until(found, timeout_s=PROGRAM_TIMEOUT_S, what=what)

    def stop(self) -> int:
        """Stop it with SIGTERM, wait, and return the exit code."""
        process = self._started()
        process.signal(signal.SIGTERM)
        code = process.wait(STOP_TIMEOUT_S)
        self._wait_for_watcher()
        return code

    def kill_all(self) -> None:
        """Send SIGKILL to parent and children at once: no STOP line, and the VIPs stay."""
        child = self.child_pid()
        self._started().kill_group()
        self._wait_for_watcher()
        if child is not None:
            reap(child)

    def kill_child(self) -> int:
        """Send SIGKILL to the VRRP child only and return its pid; the parent starts another one."""
        child = wait_until(
            lambda: self.child_pid() or self._only_child(),
            timeout_s=PROGRAM_TIMEOUT_S,
            what=f"a VRRP child of keepalived on {self.name}",
        )
        self._on_death()
        os.kill(child, signal.SIGKILL)
        return child

    def kill_parent(self) -> None:
        """Send SIGKILL to the parent only; the kernel then sends its children SIGTERM.

        The next one can be started while the old VRRP child is still shutting down.
        """
        process = self._started()
        process.signal(signal.SIGKILL)
        process.wait(STOP_TIMEOUT_S)
        self._wait_for_watcher()

    def reload(self) -> None:
        """Send SIGHUP."""
        self._started().signal(signal.SIGHUP)

    def freeze(self) -> None:
        """Send SIGSTOP to all its processes: it neither sends nor receives, but still exists."""
        self._started().signal_group(signal.SIGSTOP)

    def thaw(self) -> None:
        """Send SIGCONT to all its processes."""
        self._started().signal_group(signal.SIGCONT)

    def close(self) -> None:
        """Stop it by any means; safe to call at any time."""
        if self.running:
            self.kill_all()

    def log_text(self) -> str:
        """The log of all runs."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    # --- asking it -------------------------------------------------------------------------

    def states(self) -> dict[str, Role]:
        """Return the states of its instances from its JSON dump; raises LabTimeoutError.

        This uses neither of hakeeper's own sources (FIFO, D-Bus).
        """
        with self._query_lock:
            before = _stamp(self._dump_path)
            self._started().signal(_json_signal())

            def fresh() -> dict[str, Role] | None:
                if _stamp(self._dump_path) == before:
                    return None
                return parse_dump(self._dump_path)

            what = f"the state dump of keepalived on {self.name}"
            return wait_until(fresh, timeout_s=_ANSWER_TIMEOUT_S, what=what)

    def has_open(self, path: Path) -> bool:
        """Whether the VRRP child has the file open that is at `path` now."""
        child = self.child_pid()
        if child is None:
            return False
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # closed while we look
            wanted = path.stat()
            return any(os.path.samestat(fd.stat(), wanted) for fd in _open_fds(child))
        return False

    def is_master(self, instance: str) -> bool:
        """Whether it runs and reports MASTER for `instance`."""
        return self.reports(instance, Role.MASTER)

    def reports(self, instance: str, role: Role) -> bool:
        """Whether it runs, answers within its time, and reports this role for `instance`."""
        if not self.running:
            return False
        try:
            return self.states().get(instance) is role
        except LabTimeoutError:
            return False


@functools.cache
def _json_signal() -> int:
    program = find_keepalived() or "keepalived"
    done = subprocess.run([program, "--signum=JSON"], capture_output=True, text=True, check=True)
    return int(done.stdout)


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_ino


def parse_dump(path: Path) -> dict[str, Role] | None:
    """Parse the dump; None while it is incomplete (it is renamed first and written then)."""
    try:
        data = json.loads(path.read_text())
        instances = data["vrrp"] if isinstance(data, dict) else data
        return {one["data"]["iname"]: _STATES[one["data"]["state"]] for one in instances}
    except (ValueError, KeyError, FileNotFoundError):
        return None


def _open_fds(pid: int) -> list[Path]:
    return list(Path(f"/proc/{pid}/fd").iterdir())


def _stat_fields(pid: int) -> list[str]:
    """Fields 3... of /proc/PID/stat (proc(5)): state, parent, ..."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()


def _parent_of(pid: int) -> int | None:
    try:
        fields = _stat_fields(pid)
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else int(fields[1])

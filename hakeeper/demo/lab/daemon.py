"""The real hakeeper daemon of one node, as a process."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import yaml

from hakeeper.demo.lab.netns import Namespace
from hakeeper.demo.lab.process import LabProcess
from hakeeper.demo.lab.waiting import LabError, wait_until

HAKEEPER = (sys.executable, "-m", "hakeeper")
STOP_TIMEOUT_S = 10.0
"""The daemon promises 2 s; a busy machine may take longer to schedule it."""
_COMMAND_TIMEOUT_S = 60.0
_READY_TIMEOUT_S = 20.0

LogEntry = Mapping[str, object]
"""One line of the daemon's JSON log."""


def _own_modules() -> dict[str, str]:
    """Return the PYTHONPATH for another interpreter if our launcher has set it (.ci/packaging/)."""
    return {"PYTHONPATH": os.pathsep.join(sys.path)} if sys.flags.isolated else {}


class HakeeperProcess:
    """The hakeeper of one node; can be started and stopped repeatedly."""

    def __init__(
        self,
        name: str,
        folder: Path,
        *,
        namespace: Namespace,
        config: Mapping[str, object],
        environment: Mapping[str, str],
    ) -> None:
        self.name = name
        self.config_path = folder / "hakeeper.yaml"
        self.log_path = folder / "hakeeper.log"
        self.runtime_folder = folder / "run"
        self.state_folder = folder / "state"
        self._namespace = namespace
        self._process: LabProcess | None = None
        self._read_bytes = 0
        self._entries: list[LogEntry] = []
        for place in (self.runtime_folder, self.state_folder):
            place.mkdir(mode=0o700)
        self._environment = {
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "RUNTIME_DIRECTORY": str(self.runtime_folder),
            "STATE_DIRECTORY": str(self.state_folder),
            **_own_modules(),
            **environment,
        }
        self.write_config(config)

    def write_config(self, config: Mapping[str, object]) -> None:
        """Write hakeeper.yaml, for the next start or reload."""
        self.config_path.write_text(yaml.safe_dump(dict(config), sort_keys=False))

    # --- life ------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether it is running."""
        return self._process is not None and self._process.running

    @property
    def pid(self) -> int:
        """Its pid; raises LabError if it was never started."""
        return self._started().pid

    @property
    def exit_code(self) -> int | None:
        """How the last run ended; None while it runs or before the first."""
        return None if self._process is None else self._process.exit_code

    def _started(self) -> LabProcess:
        if self._process is None:
            raise LabError(f"hakeeper of {self.name} was never started")
        return self._process

    def start(self, *, ready: bool = True) -> None:
        """Start it, and unless `ready` is False wait until its FIFO is open."""
        if self.running:
            raise LabError(f"hakeeper of {self.name} runs already")
        seen = len(self.entries())
        self._process = LabProcess(
            f"{self.name}: hakeeper",
            [*HAKEEPER, "run", "-c", str(self.config_path), "--log", "json"],
            log_path=self.log_path,
            environment=self._environment,
            namespace=self._namespace,
        )
        if ready:
            self.wait_for_log(is_event("fifo.opened"), timeout_s=_READY_TIMEOUT_S, after=seen)

    def term(self) -> int:
        """Stop it with SIGTERM, wait, and return the exit code."""
        process = self._started()
        process.signal(signal.SIGTERM)
        return process.wait(STOP_TIMEOUT_S)

    def kill(self) -> None:
        """Send SIGKILL, and wait."""
        self._started().kill_group()

    def reload(self) -> None:
        """Send SIGHUP."""
        self._started().signal(signal.SIGHUP)

    def freeze(self) -> None:
        """Send SIGSTOP."""
        self._started().signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Send SIGCONT."""
        self._started().signal(signal.SIGCONT)

    def close(self) -> None:
        """Stop it by any means; safe to call at any time."""
        if self._process is not None:
            self._process.close()

    # --- what it says ----------------------------------------------------------------------

    def entries(self) -> tuple[LogEntry, ...]:
        """All log entries of all runs; a line that is not JSON is under `raw`."""
        if self.log_path.exists():
            with self.log_path.open("rb") as log:
                log.seek(self._read_bytes)
                whole, newline, _ = log.read().rpartition(b"\n")
            self._read_bytes += len(whole) + len(newline)
            self._entries += [_parse(line) for line in whole.splitlines()]
        return tuple(self._entries)

    def wait_for_log(
        self, wanted: Callable[[LogEntry], bool], *, timeout_s: float, after: int = 0
    ) -> LogEntry:
        """Wait for an entry, ignoring the first `after` ones; raises LabTimeoutError."""

        def found() -> LogEntry | None:
            for entry in self.entries()[after:]:
                if wanted(entry):
                    return entry
            if not self.running:
                raise LabError(f"hakeeper of {self.name} ended: {self._started().log_tail()}")
            return None

        what = f"a log entry of hakeeper on {self.name}"
        return wait_until(found, timeout_s=timeout_s, what=what)

    def command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run another hakeeper command on this node until it ends."""
        begun = self.begin(*arguments)
        try:
            out, err = begun.communicate(timeout=_COMMAND_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            begun.kill()
            begun.communicate()
            raise
        return subprocess.CompletedProcess(begun.args, begun.returncode, out, err)

    def begin(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start another hakeeper command on this node."""
        return subprocess.Popen(
            self._namespace.inside([*HAKEEPER, *arguments]),
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **self._environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def status(self) -> dict[str, object]:
        """Return what `hakeeper status --json` prints; raises LabError if that is not JSON."""
        done = self.command("status", "--json")
        try:
            found = json.loads(done.stdout)
        except ValueError as error:
            raise LabError(f"hakeeper status: {done.returncode}: {done.stderr}") from error
        if not isinstance(found, dict):
            raise LabError(f"hakeeper status printed no object: {done.stdout}")
        return found

    def log_text(self) -> str:
        """The whole output of all runs."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""


def _parse(line: bytes) -> LogEntry:
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"raw": line.decode(errors="replace")}


def event_of(entry: LogEntry) -> str:
    """Return the kind of a log entry, such as `address.claimed`; empty if it has none."""
    return str(entry.get("event", ""))


def is_event(*names: str) -> Callable[[LogEntry], bool]:
    """Return a condition for `wait_for_log`: the entry is of one of these kinds."""
    return lambda entry: event_of(entry) in names

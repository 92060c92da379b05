"""Processes of the lab: each in its own session, with its output in a file, ended with the lab."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from hakeeper.demo.lab.netns import Namespace

SIGNAL_NAMES = {signal.SIGTERM: "TERM", signal.SIGKILL: "KILL"}
TAIL_CHARACTERS = 6000


class LabProcess:
    """One running program, started by the constructor.

    It has its own session and process group, so that Ctrl-C reaches only the lab, and it gets
    `death_signal` if the thread that started it ends. The pid is the program's own, since setpriv
    and nsenter exec it.
    """

    def __init__(
        self,
        name: str,
        argv: list[str],
        *,
        log_path: Path,
        environment: Mapping[str, str] | None = None,
        namespace: Namespace | None = None,
        death_signal: signal.Signals = signal.SIGKILL,
    ) -> None:
        self.name = name
        self.log_path = log_path
        command = argv if namespace is None else namespace.inside(argv)
        with log_path.open("ab") as log:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", SIGNAL_NAMES[death_signal], "--", *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={"PATH": os.environ.get("PATH", os.defpath), **(environment or {})},
                start_new_session=True,
            )
        self.started_at_s = time.monotonic()

    @property
    def pid(self) -> int:
        """The program's pid, valid until it has been waited for."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """The exit code, minus the signal's number if killed; None while it runs."""
        return self._process.poll()

    def signal(self, number: int) -> None:
        """Send a signal (real-time ones have no name), if it still runs."""
        self._process.send_signal(number)

    def signal_group(self, number: int) -> None:
        """Send a signal to the program and every child in its group, if there are any left."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def wait(self, timeout_s: float) -> int:
        """Wait for its end; raises subprocess.TimeoutExpired."""
        return self._process.wait(timeout_s)

    def kill_group(self) -> None:
        """Send SIGKILL to the program and every child in its group at once."""
        self.signal_group(signal.SIGKILL)
        self._process.wait()

    def close(self, grace_s: float = 0.0) -> None:
        """End it by any means: SIGTERM if there is time, then SIGKILL to the whole group."""
        if grace_s > 0 and self.running:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(grace_s)
        self.kill_group()

    def log_text(self) -> str:
        """Its whole output so far."""
        return self.log_path.read_text(errors="replace")

    def log_tail(self) -> str:
        """The end of its output, for a failure report."""
        return self.log_text()[-TAIL_CHARACTERS:]

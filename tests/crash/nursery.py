"""Starts daemons quickly: a process that has everything imported forks one when asked.

It forks while it has a single thread, so the daemon is a process like any other: its own pid, its
own files, its own threads. Run as a program it reads one JSON object a line (a `Birth`) and
answers with the pid; at the end of its input it ends, and all its daemons with it.
"""

import contextlib
import ctypes
import dataclasses
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Birth:
    """One daemon to start."""

    arguments: list[str]
    environment: Mapping[str, str]
    log: str
    plan: Mapping[str, object]


class Life:
    """One daemon, held by a pidfd, so that its pid cannot come to mean another process."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._fd = os.pidfd_open(pid)

    def ended(self, timeout_s: float = 0.0) -> bool:
        """Say whether it has ended; wait for that a while if wanted."""
        return bool(select.select([self._fd], [], [], timeout_s)[0])

    def kill(self) -> None:
        """SIGKILL, and wait."""
        if not self.ended():
            signal.pidfd_send_signal(self._fd, signal.SIGKILL)
            self.ended(60)

    def close(self) -> None:
        """Kill it and let go."""
        self.kill()
        os.close(self._fd)


class Nursery:
    """The process that forks, seen from outside."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
            text=True,
        )

    def start(self, birth: Birth) -> Life:
        """Start a daemon."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("no pipes")
        self._process.stdin.write(json.dumps(dataclasses.asdict(birth)) + "\n")
        self._process.stdin.flush()
        return Life(int(self._process.stdout.readline()))

    def close(self) -> None:
        """End it and all its daemons."""
        with self._process:
            self._process.communicate(timeout=60)


def _live(birth: Mapping[str, object]) -> int:
    """Be the daemon, to its end."""
    from hakeeper.cli.main import run_command  # noqa: PLC0415
    from tests.crash import refusals  # noqa: PLC0415  # not in who only asks for births
    from tests.crash.failpoints import Plan, install  # noqa: PLC0415
    from tests.crash.sabotage import SABOTAGES  # noqa: PLC0415

    given = birth["plan"]
    environment, arguments = birth["environment"], birth["arguments"]
    if not (isinstance(given, dict) and isinstance(environment, dict)):
        raise TypeError("no birth")
    if not isinstance(arguments, list):
        raise TypeError("no arguments")
    os.environ.clear()
    os.environ.update(environment)
    plan = Plan(**given)
    points = install(plan)
    if plan.sabotage:
        SABOTAGES[plan.sabotage]()
    if not plan.notes_calls:
        return run_command(arguments)
    refusals.install(points.note, plan.refused, plan.error)
    code = run_command(arguments)
    points.note("ended", str(code))
    return code


def _fork(birth: Mapping[str, object]) -> int:
    parent = os.getpid()
    pid = os.fork()
    if pid != 0:
        return pid
    code = 70
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(code)
        nothing = os.open(os.devnull, os.O_RDWR)
        log = os.open(str(birth["log"]), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        for number, fd in ((0, nothing), (1, log), (2, log)):
            os.dup2(fd, number)
        os.closerange(3, 64)
        code = _live(birth)
        sys.stderr.flush()
    finally:
        os._exit(code)


def _bury() -> None:
    with contextlib.suppress(ChildProcessError):  # there is none
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def main() -> None:
    """Serve until the input ends."""
    import hakeeper.cli.run  # noqa: F401, PLC0415  # likewise
    import tests.crash.sabotage  # noqa: F401, PLC0415  # now, so that every daemon has it

    for line in sys.stdin:
        _bury()  # not before: who asked for the last one needs its pid, however soon it ended
        pid = _fork(json.loads(line))
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

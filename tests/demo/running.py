"""Run `hakeeper demo` as a process, and find whatever it leaves behind."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.waiting import eventually

LIMIT_S = 110.0
"""Only bounds a failing test."""


@dataclass
class Run:
    """A demo that runs, with a folder for temporary files of its own: the mark of its processes."""

    process: "subprocess.Popen[str]"
    folder: Path
    lines: list[str] = field(default_factory=list)
    namespaces: dict[int, int] = field(default_factory=dict)
    """By inode: a descriptor that keeps the namespace, so that its number means nothing else."""
    seen: dict[int, str] = field(default_factory=dict)
    """By pid: when the process started, which tells it from a later one with its number."""
    terminal: int | None = None

    def type(self, data: bytes) -> None:
        """Type at its terminal."""
        assert self.terminal is not None
        os.write(self.terminal, data)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def plain(self) -> str:
        """The text without colours."""
        return re.sub(r"\x1b\[\d+m", "", self.text)

    def wait_for_text(self, text: str) -> None:
        eventually(
            lambda: text in self.plain or self.process.poll() is not None,
            timeout_s=LIMIT_S,
            what=f"{text!r} on the screen:\n{self.text}",
        )
        assert text in self.plain

    def wait(self) -> int:
        return self.process.wait(LIMIT_S)

    def look(self) -> None:
        """Note down its processes and their network namespaces, to look for them at the end."""
        own = Path("/proc/self/ns/net").stat().st_ino
        for pid in processes_of(self.folder):
            with contextlib.suppress(OSError):
                self.seen[pid] = started(pid)
                fd = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
                inode = os.fstat(fd).st_ino
                if inode == own or inode in self.namespaces:
                    os.close(fd)
                else:
                    self.namespaces[inode] = fd

    def assert_nothing_is_left(self) -> None:
        eventually(lambda: not self.left_processes(), what="the end of the demo's processes")
        assert [] == [path.name for path in self.folder.iterdir()]

    def left_processes(self) -> list[str]:
        left = [f"{pid} is its own" for pid in processes_of(self.folder)]
        for pid in all_pids():
            with contextlib.suppress(OSError):
                if self.seen.get(pid) == started(pid):
                    left.append(f"{pid} was seen")
                if Path(f"/proc/{pid}/ns/net").stat().st_ino in self.namespaces:
                    left.append(f"{pid} is in its namespace")
        return left

    def close(self) -> None:
        for fd in self.namespaces.values():
            os.close(fd)


def all_pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]


def started(pid: int) -> str:
    """Field 22 of /proc/PID/stat (proc(5)); raises OSError if it is gone."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[19]


def processes_of(folder: Path) -> list[int]:
    """Every process that has the folder in its command line or environment."""
    mark, found = os.fsencode(folder), []
    for pid in all_pids():
        with contextlib.suppress(OSError):
            place = Path(f"/proc/{pid}")
            if (
                mark
                in place.joinpath("cmdline").read_bytes() + place.joinpath("environ").read_bytes()
            ):
                found.append(pid)
    return found


@contextlib.contextmanager
def running(
    *arguments: str, terminal: bool = False, wrapper: tuple[str, ...] = ()
) -> Iterator[Run]:
    """Start `hakeeper demo`; with `terminal` it has one of its own."""
    # Not pytest's folder: a unix socket's path may have 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="hk-"))
    # As from a terminal, however the tests were started: nohup ignores SIGHUP for all its children.
    command = ["env", "--default-signal=HUP", *wrapper]
    command += [sys.executable, "-m", "hakeeper", "demo", *arguments]
    environment = {**os.environ, "TMPDIR": str(folder), "LC_ALL": "C.UTF-8", "TERM": "xterm"}
    environment.pop("NO_COLOR", None)
    master = slave = None
    if terminal:
        master, slave = os.openpty()
        command = ["setsid", "--ctty", *command]
    process = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL if slave is None else slave,
        stdout=subprocess.PIPE if slave is None else slave,
        stderr=subprocess.STDOUT if slave is None else slave,
        text=True,
    )
    if slave is not None:
        os.close(slave)
    run = Run(process, folder, terminal=master)
    reader = threading.Thread(target=_read, args=(run,))
    reader.start()
    try:
        yield run
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        reader.join()
        run.close()
        if process.stdout is not None:
            process.stdout.close()
        if master is not None:
            os.close(master)
        shutil.rmtree(folder)


def _read(run: Run) -> None:
    if run.terminal is None:
        assert run.process.stdout is not None
        run.lines.extend(line.rstrip("\n") for line in run.process.stdout)
        return
    rest = b""
    with contextlib.suppress(OSError):  # EIO: the other side is closed
        while chunk := os.read(run.terminal, 65536):
            *lines, rest = (rest + chunk).split(b"\r\n")
            run.lines.extend(line.decode() for line in lines)

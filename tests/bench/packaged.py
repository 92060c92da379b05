"""hakeeper as the Debian package starts it, and as systemd would.

The virtual environment of the tests holds more than a server has: structlog alone imports `rich`
where it finds it, which costs 4 MB and a tenth of a second. So what is measured is laid out like
the package: the wheels of .ci/locks/runtime.txt, the rest from Debian's Python.
"""

import compileall
import contextlib
import importlib.metadata
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import hakeeper
from hakeeper.demo.lab import HakeeperProcess
from hakeeper.demo.lab.process import LabProcess
from tests.bench.rig import PATIENCE_S, Unavailable

WATCHDOG_S = 20
"""As in systemd/hakeeper.service."""
_REPOSITORY = Path(hakeeper.__file__).resolve().parents[1]
_FROM_DEBIAN = "certifi", "tzdata"
"""As in .ci/packaging/stage."""
_PACKAGE_FOLDER = "/usr/lib/hakeeper"
_SYSTEM_PYTHON = "/usr/bin/python3"


def lay_out(place: Path) -> Path:
    """Unpack and compile everything as the package does, and return the launcher's path."""
    library = place / "lib"
    shutil.copytree(
        Path(hakeeper.__file__).parent,
        library / "hakeeper",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    for name in _locked():
        _copy(name, library)
    if not compileall.compile_dir(str(library), quiet=2):
        raise Unavailable(f"cannot compile {library}")
    launcher = place / "hakeeper"
    text = (_REPOSITORY / ".ci/packaging/launcher").read_text()
    changed = text.replace(_PACKAGE_FOLDER, str(library))
    if changed == text:
        raise Unavailable(".ci/packaging/launcher does not name the package's folder any more")
    launcher.write_text(changed)
    launcher.chmod(0o755)
    done = subprocess.run([launcher, "version"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Unavailable(f"{_SYSTEM_PYTHON} cannot run the package: {done.stderr[-300:]}")
    return launcher


def _locked() -> list[str]:
    """Return the packages that the Debian package brings."""
    text = (_REPOSITORY / ".ci" / "locks" / "runtime.txt").read_text()
    names = re.findall(r"^([a-z0-9-]+)==", text, re.MULTILINE)
    return [name for name in names if name not in _FROM_DEBIAN]


def _copy(name: str, library: Path) -> None:
    """Copy an installed package's files, without what was compiled and its commands."""
    for path in importlib.metadata.files(name) or ():
        if path.parts[0] == ".." or "__pycache__" in path.parts or path.name == "RECORD":
            continue
        target = library / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(str(path.locate()), target)


class Service:
    """A daemon's process with systemd's end of sd_notify(3); `daemon` is where its files are."""

    def __init__(self, daemon: HakeeperProcess, launcher: Path) -> None:
        self.daemon = daemon
        self._launcher = launcher
        self._path = daemon.config_path.with_name("notify")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self._path))
        self._ready = threading.Event()
        self._ready_at_s = 0.0
        self.watchdogs = 0
        """How often it has said that it lives."""
        self._thread = threading.Thread(target=self._listen, name="notify-socket", daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while data := self._socket.recv(4096):
            now = time.monotonic()
            if data == b"end":
                return
            said = data.split(b"\n")
            self.watchdogs += b"WATCHDOG=1" in said
            if b"READY=1" in said:
                self._ready_at_s = now
                self._ready.set()

    def start(self) -> float:
        """Start it, wait for READY=1, and return the seconds from before fork and exec to that."""
        self._ready.clear()
        daemon = self.daemon
        begun_s = time.monotonic()
        daemon._process = LabProcess(
            f"{daemon.name}: hakeeper",
            [str(self._launcher), "run", "-c", str(daemon.config_path), "--log", "json"],
            log_path=daemon.log_path,
            environment={
                **daemon._environment,
                "NOTIFY_SOCKET": str(self._path),
                "WATCHDOG_USEC": str(WATCHDOG_S * 1_000_000),
            },
            namespace=daemon._namespace,
        )
        if not self._ready.wait(PATIENCE_S):
            raise TimeoutError(f"hakeeper did not get ready: {daemon.log_text()[-2000:]}")
        return self._ready_at_s - begun_s

    def restart(self) -> tuple[float, float]:
        """Stop and start it as systemd does; return the seconds from SIGTERM to exit and to READY.

        The second without any `RestartSec`: that is for a daemon that failed.
        """
        process = self.daemon._started()
        begun_s = time.monotonic()
        process.signal(signal.SIGTERM)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # a wait with a limit polls
        ended_s = time.monotonic() - begun_s
        process.wait(PATIENCE_S)
        return ended_s, ended_s + self.start()

    def kill(self) -> None:
        """SIGKILL, without waiting for the end."""
        os.killpg(self.daemon.pid, signal.SIGKILL)

    def close(self) -> None:
        """End the daemon and the thread."""
        self.daemon.close()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"end", str(self._path))
        self._thread.join()
        self._socket.close()


@contextlib.contextmanager
def service(daemon: HakeeperProcess, launcher: Path) -> Iterator[Service]:
    """Have a service, not started, that is ended with the block."""
    made = Service(daemon, launcher)
    try:
        yield made
    finally:
        made.close()

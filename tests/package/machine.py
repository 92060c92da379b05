"""A Debian that boots: real systemd as PID 1 in a container of its own, without a network.

The base is made by mmdebstrap from the Debian mirror that this machine uses; each machine is an
overlay on it, so that one's changes are not the next one's.
"""

import contextlib
import fcntl
import os
import signal
import subprocess
import uuid
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support import cgroups
from tests.support.waiting import eventually

BOOT_S = 60.0
"""Bounds a failing test; a boot takes two seconds."""
PACKAGES = (
    "ca-certificates",
    "dbus",
    "iproute2",
    "keepalived",
    "openssl",
    "polkitd",
    "procps",
    "python3",
    "python3-certifi",
    "python3-prometheus-client",
    "python3-systemd",
    "python3-yaml",
    "systemd",
    "systemd-sysv",
)
"""What the package and its test depend on or can use: apt needs no network then."""


def base_of(suite: str, folder: Path) -> Path:
    """Return the root file system of a Debian with `PACKAGES`; it is made once, and kept there."""
    root = folder / f"{suite}-{zlib.crc32(' '.join(PACKAGES).encode()):08x}"
    folder.mkdir(exist_ok=True)
    with (folder / f"{suite}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            making = folder / f"{suite}.making"
            remove(making)
            argv = ["mmdebstrap", "--quiet", "--variant=minbase"]
            argv += [f"--include={','.join(PACKAGES)}", suite, str(making)]
            subprocess.run(argv, check=True)
            making.rename(root)
    return root


def remove(*trees: Path) -> None:
    """Remove folders, but nothing that is mounted in them.

    A mmdebstrap that was killed may have left this machine's own /dev/shm there.
    """
    subprocess.run(["rm", "-rf", "--one-file-system", *map(str, trees)], check=True)


@dataclass(frozen=True, slots=True)
class Machine:
    """One that runs. `root` is its file system, seen from here."""

    root: Path
    pid: int

    def run(self, command: str, *, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run a shell command inside, as root."""
        argv = ["nsenter", f"--target={self.pid}", "--all", "env", "-i", "LC_ALL=C.UTF-8"]
        argv += ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"]
        argv += ["DEBIAN_FRONTEND=noninteractive"]
        done = subprocess.run(
            [*argv, "sh", "-c", command], capture_output=True, text=True, check=False
        )
        if check:
            text = f"{command}\nexit code {done.returncode}\n{done.stdout}{done.stderr}"
            assert done.returncode == 0, text
        return done

    def says(self, command: str) -> str:
        """Return what a command prints, whatever its exit code."""
        done = self.run(command, check=False)
        return (done.stdout + done.stderr).strip()

    def inside(self, path: str) -> Path:
        """Return where a file of the machine is for us."""
        return Path(f"/proc/{self.pid}/root") / path.lstrip("/")


@contextlib.contextmanager
def booted(base: Path, folder: Path) -> Iterator[Machine]:
    """Boot a machine from this base, with its changes in this folder; end it afterwards."""
    with _overlay(base, folder) as root, _own_group() as groups:
        argv = [
            *cgroups.entering(groups),
            "systemd-nspawn",
            "--quiet",
            f"--directory={root}",
            "--register=no",
            "--keep-unit",
        ]
        argv += ["--boot", "--private-network", "--console=pipe", "--settings=no"]
        with (folder / "console.log").open("wb") as console:
            nspawn = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT
            )
        init = None
        try:
            machine = Machine(root, _init_of(nspawn))
            init = os.pidfd_open(machine.pid)
            eventually(
                lambda: machine.says("systemctl is-system-running") in {"running", "degraded"},
                BOOT_S,
                "the machine has booted",
            )
            yield machine
        finally:
            nspawn.terminate()
            try:
                nspawn.wait(20)
            except subprocess.TimeoutExpired:
                nspawn.kill()
                nspawn.wait()
            if init is not None:  # whatever still runs in there ends with its PID 1
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(init, signal.SIGKILL)
                os.close(init)


@contextlib.contextmanager
def _own_group() -> Iterator[list[Path]]:
    groups = cgroups.make(f"hakeeper-package-{uuid.uuid4().hex[:8]}")
    try:
        yield groups
    finally:
        cgroups.remove(groups)


@contextlib.contextmanager
def _overlay(base: Path, folder: Path) -> Iterator[Path]:
    upper, work, root = (folder / name for name in ("upper", "work", "root"))
    for each in (upper, work, root):
        each.mkdir(parents=True)
    options = f"lowerdir={base},upperdir={upper},workdir={work}"
    subprocess.run(["mount", "-t", "overlay", "-o", options, "overlay", str(root)], check=True)
    try:
        yield root
    finally:
        subprocess.run(["umount", "--lazy", str(root)], check=True)
        remove(upper, work)


def _init_of(nspawn: "subprocess.Popen[bytes]") -> int:
    """Return the pid of its PID 1, which is nspawn's only child once it has become systemd."""

    def find() -> int:
        assert nspawn.poll() is None, "systemd-nspawn has ended"
        children = Path(f"/proc/{nspawn.pid}/task/{nspawn.pid}/children").read_text().split()
        for child in children:
            name = Path(f"/proc/{child}/comm").read_text().strip()
            if name == "systemd":
                return int(child)
        return 0

    return eventually(find, BOOT_S, "systemd runs in the container")

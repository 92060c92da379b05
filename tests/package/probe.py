"""Tries what hakeeper never does, from inside its sandbox; test_machines.py runs it."""

import contextlib
import ctypes
import errno
import json
import os
import pathlib
import resource
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from functools import partial

STATE = pathlib.Path(os.environ["STATE_DIRECTORY"])
IO_URING_SETUP = 425
"""On every architecture that has it."""
FIFTH = 4
"""Of /proc/self/mountinfo's columns: where it is mounted."""


def outcome(attempt: Callable[[], object]) -> str:
    """Say how it is refused, or that it is not."""
    try:
        attempt()
    except OSError as error:
        return errno.errorcode[error.errno] if error.errno else "refused"
    except ValueError:  # what setrlimit(2) says to EPERM
        return "EPERM"
    return "ALLOWED"


def writable() -> Iterator[pathlib.Path]:
    """Return the places where we may write: of what is mounted, and of what lies directly below."""
    mounts = pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
    for place in sorted({line.split()[FIFTH] for line in mounts}):
        for folder in (pathlib.Path(place), *pathlib.Path(place).glob("*/")):
            if folder.is_dir() and os.access(folder, os.W_OK) and folder.parts[1:2] != ("proc",):
                yield folder


def run_from(folder: pathlib.Path) -> None:
    """Run a program that we have written there ourselves."""
    own = folder / "own"
    shutil.copy("/bin/true", own)
    own.chmod(0o700)
    subprocess.run([own], check=True)


def load_own_library() -> None:
    """Load a library that we have written ourselves."""
    own = STATE / "own.so"
    shutil.copy(next(pathlib.Path("/usr/lib").glob("*/libz.so.1")), own)
    ctypes.CDLL(str(own))


def set_up_io_uring() -> None:
    """Make a ring."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(IO_URING_SETUP, 1, ctypes.create_string_buffer(256)) < 0:
        raise OSError(ctypes.get_errno(), "io_uring_setup")


def limits() -> dict[str, str]:
    """Return what the kernel holds for our own control group, in either version of those."""
    found = {}
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        _, controller, path = line.split(":", 2)
        if path == "/":  # not our own, but all that there is
            continue
        folder = pathlib.Path("/sys/fs/cgroup", controller, path.lstrip("/"))
        for name in ("memory.max", "memory.limit_in_bytes", "pids.max"):
            with contextlib.suppress(OSError):
                found[name] = (folder / name).read_text().strip()
    return found


def listen() -> None:
    """Offer a service to the network."""
    with socket.create_server(("127.0.0.1", 0)):
        pass


def code_of(*argv: str) -> int:
    """Return the exit code of a command."""
    return subprocess.run(argv, check=False, stdout=subprocess.DEVNULL).returncode


if __name__ == "__main__":
    unlimited = (1, resource.RLIM_INFINITY)
    refused = {
        "a shell": outcome(lambda: subprocess.run(["/bin/sh", "-c", "true"], check=True)),
        "a library of its own": outcome(load_own_library),
        "memfd_create": outcome(lambda: os.memfd_create("own")),
        "io_uring_setup": outcome(set_up_io_uring),
        "a core dump": outcome(lambda: resource.setrlimit(resource.RLIMIT_CORE, unlimited)),
    }
    works = {
        "python": code_of("/usr/bin/python3", "-IS", "-c", ""),
        "hakeeper": code_of("/usr/bin/hakeeper", "--version"),
    }
    places = {str(folder): outcome(partial(run_from, folder)) for folder in writable()}
    found = {"refused": refused, "works": works, "places": places}
    found |= {"limits": limits(), "listening": outcome(listen)}
    (STATE / "probe.json").write_text(json.dumps(found))

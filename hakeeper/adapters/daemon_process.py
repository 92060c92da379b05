"""The running daemon, found among the processes: for those whom its socket gives no answer.

A socket can be missing while the daemon runs and moves addresses: /run is full, or somebody has
removed the folder. "It does not run" would be wrong then. Any user can give a process its name; so
it has to be the service's, root's or one's own.

`hakeeper probe` may be asked often, so this imports next to nothing.
"""

import itertools
import os
from collections.abc import Collection
from pathlib import Path
from typing import Final

from hakeeper.adapters.users import trusted_users

_PROC: Final = Path("/proc")
_PROGRAM: Final = b"hakeeper"
_SOCKET: Final = "control.sock"
_UNITS_SOCKET: Final = "/run/hakeeper/daemon/control.sock"
_UNIT: Final = "/hakeeper.service"
_VARIABLE: Final = b"RUNTIME_DIRECTORY="
_BYTES: Final = 1 << 17
"""More than an environment has."""


def pid_of_daemon(socket: str) -> int | None:
    """Return the process that serves this socket, or would if it could; None: none is seen.

    Who may not see the environment of a process knows the service by its control group.
    """
    trusted = trusted_users()
    for entry in _PROC.iterdir():
        if entry.name.isdecimal() and _is_daemon(entry, trusted) and _serves(entry, socket):
            return int(entry.name)
    return None


def _is_daemon(process: Path, trusted: Collection[int]) -> bool:
    """Say whether it is `hakeeper run` of one of these users, started by whatever interpreter."""
    try:
        words = _read(process / "cmdline").split(b"\0")
        pairs = itertools.pairwise(words)
        if not any(word.rpartition(b"/")[2] == _PROGRAM and then == b"run" for word, then in pairs):
            return False
        return process.stat().st_uid in trusted
    except OSError:
        return False  # it has ended meanwhile


def _serves(process: Path, socket: str) -> bool:
    try:
        if not _has_our_processes(process):
            return False  # what is in a container has paths of its own
        folder = _runtime_folder(_read(process / "environ"))
    except PermissionError:
        return socket == _UNITS_SOCKET and _is_unit(process)
    except OSError:
        return False  # it has ended meanwhile
    return socket == (_UNITS_SOCKET if not folder else f"{folder}/{_SOCKET}")


def _has_our_processes(process: Path) -> bool:
    there, here = (process / "ns/pid").stat(), (_PROC / "self/ns/pid").stat()
    return os.path.samestat(there, here)


def _runtime_folder(environment: bytes) -> str:
    """Return the first folder of $RUNTIME_DIRECTORY, as the daemon itself does."""
    for variable in environment.split(b"\0"):
        if variable.startswith(_VARIABLE):
            return os.fsdecode(variable.removeprefix(_VARIABLE)).split(":")[0]
    return ""


def _is_unit(process: Path) -> bool:
    try:
        groups = _read(process / "cgroup").decode(errors="replace").splitlines()
    except OSError:
        return False
    return any(group.endswith(_UNIT) for group in groups)


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_BYTES)

"""The FIFO and the daemon."""

import os
import pwd
import stat
from pathlib import Path
from typing import Final

from hakeeper.adapters.control import ControlError, NotRunning, ask
from hakeeper.core.model import VrrpId, VrrpKind
from hakeeper.doctor.facts import DaemonFacts, FifoFacts

_ANSWER_TIMEOUT_S: Final = 5.0


def fifo_facts(path: Path) -> FifoFacts:
    """Look at what is there; it is not opened."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return FifoFacts(kind="")
    except OSError as error:
        return FifoFacts(kind="", problem=f"{path}: {error.strerror}")
    return FifoFacts(
        kind=_kind(found.st_mode),
        owner=_name(found.st_uid),
        owner_id=found.st_uid,
        group_id=found.st_gid,
        mode=stat.S_IMODE(found.st_mode),
    )


def _kind(mode: int) -> str:
    if stat.S_ISFIFO(mode):
        return "FIFO"
    if stat.S_ISLNK(mode):
        return "a symbolic link"
    if stat.S_ISDIR(mode):
        return "a directory"
    return "a regular file" if stat.S_ISREG(mode) else "something else"


def _name(user_id: int) -> str:
    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError:
        return str(user_id)


def daemon_facts(socket_path: Path) -> DaemonFacts:
    """Ask the daemon what troubles it."""
    try:
        status = ask(str(socket_path), {"command": "status"}, _ANSWER_TIMEOUT_S)
    except (ControlError, NotRunning) as error:
        return DaemonFacts(is_running=False, detail=str(error))
    told: dict[str, list[str]] = {"broken": [], "degraded": []}
    for problem in status.get("problems", []):
        told.setdefault(problem["health"], []).append(problem["text"])
    return DaemonFacts(
        is_running=True,
        broken=tuple(told["broken"]),
        degraded=tuple(told["degraded"]),
        follows={
            VrrpId(VrrpKind(role["kind"]), role["name"]): tuple(
                address["ref"] for address in role["addresses"]
            )
            for role in status.get("roles", [])
        },
    )

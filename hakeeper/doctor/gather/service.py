"""Facts about the FIFO and the daemon."""

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from hakeeper.adapters.control_client import (
    Busy,
    ControlError,
    NoSocket,
    NotRunning,
    Unreachable,
    ask,
)
from hakeeper.adapters.cures import socket_cure
from hakeeper.adapters.users import name_of_user
from hakeeper.core.model import VrrpId, VrrpKind
from hakeeper.doctor.facts import DaemonFacts, DaemonProblem
from hakeeper.doctor.keepalived_facts import FifoFacts

_ANSWER_TIMEOUT_S: Final = 5.0


def fifo_facts(path: Path, named: Iterable[str] = ()) -> FifoFacts:
    """Examine the path without opening it, and find the named paths that lead to the same file."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return FifoFacts(kind="", same_paths=_same(path, named))
    except OSError as error:
        return FifoFacts(kind="", problem=f"{path}: {error.strerror}")
    return FifoFacts(
        kind=_kind(found.st_mode),
        owner=name_of_user(found.st_uid) or str(found.st_uid),
        owner_id=found.st_uid,
        group_id=found.st_gid,
        mode=stat.S_IMODE(found.st_mode),
        same_paths=_same(path, named),
    )


def _same(path: Path, named: Iterable[str]) -> frozenset[str]:
    """Directories may be links, such as /var/run; keepalived does not follow a link at the end."""

    def real(text: str) -> str:
        folder, _, name = text.rpartition("/")
        return f"{os.path.realpath(folder or '/')}/{name}"

    return frozenset(
        one
        for one in named
        if one.startswith("/") and real(one) == real(str(path)) and not os.path.islink(one)  # noqa: PTH114  # strings, as written in the file
    )


def _kind(mode: int) -> str:
    if stat.S_ISFIFO(mode):
        return "FIFO"
    if stat.S_ISLNK(mode):
        return "a symbolic link"
    if stat.S_ISDIR(mode):
        return "a directory"
    return "a regular file" if stat.S_ISREG(mode) else "something else"


def daemon_facts(socket_path: Path) -> DaemonFacts:
    """Ask the daemon for its status."""
    try:
        status = ask(str(socket_path), {"command": "status"}, _ANSWER_TIMEOUT_S)
    except Busy as error:
        return DaemonFacts(is_running=True, is_busy=True, detail=str(error))
    except Unreachable as error:
        return DaemonFacts(is_running=False, is_denied=True, detail=str(error))
    except NoSocket as error:
        cure = socket_cure(error.place, error.lack)
        return DaemonFacts(is_running=True, unreachable_cure=cure, detail=str(error))
    except NotRunning as error:
        return DaemonFacts(is_running=False, detail=str(error))
    except ControlError as error:
        return DaemonFacts(is_running=False, is_silent=True, detail=str(error))
    roles = status.get("roles", [])
    return DaemonFacts(
        is_running=True,
        problems=tuple(_problem(problem) for problem in status.get("problems", [])),
        roles={_vrrp(role): str(role.get("role", "unknown")).lower() for role in roles},
        follows={
            _vrrp(role): tuple(
                dict.fromkeys(
                    each["ref"] for each in (*role.get("selectors", ()), *role["addresses"])
                )
            )
            for role in roles
        },
    )


def _vrrp(role: Mapping[str, Any]) -> VrrpId:
    return VrrpId(VrrpKind(role["kind"]), role["name"])


def _problem(problem: Mapping[str, Any]) -> DaemonProblem:
    text = str(problem["text"])
    return DaemonProblem(
        is_broken=problem["health"] == "broken",
        text=text,
        code=str(problem.get("code") or ""),
        cure=str(problem.get("cure") or ""),
    )

"""Who may connect to the daemon's control socket, and what to tell the others.

The kernel decides, by the socket's owner, group and mode: a stranger never gets as far as the
queue of those who wait, so nobody can fill it who may not ask. The daemon itself could only send
a stranger away after it had let him in; and in its sandbox it could not tell strangers apart,
since `PrivateUsers=` shows all other users, and their groups, as one.
"""

import grp
import os
import pwd
from pathlib import Path
from typing import Final

SOCKET_MODE: Final = 0o660
"""The service's user and group; root may in any case."""
_ROOT: Final = 0


def denial(path: str) -> str | None:
    """Return why this user may not connect to the socket, with the way in; None: not known."""
    try:
        group_id = Path(path).stat().st_gid
    except OSError:
        return None  # it is the folder that lets nobody in
    if group_id in {os.getegid(), *os.getgroups()}:
        return None
    name = _user_name()
    who = name or f"uid {os.geteuid()}"
    if group_id == _ROOT:
        return f"{who} may not ask hakeeper at {path}: only root may; run this with sudo"
    group = _group_name(group_id)
    return (
        f"{who} may not ask hakeeper at {path}: only root and members of the group {group} may;"
        f" run this with sudo, or have root run `adduser {name or 'NAME'} {group}`, and log in"
        " again"
    )


def _user_name() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return ""


def _group_name(group_id: int) -> str:
    try:
        return grp.getgrgid(group_id).gr_name
    except KeyError:
        return str(group_id)

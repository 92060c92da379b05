"""Who may connect to the daemon's control socket, and what to tell the others.

The kernel decides, by the socket's owner, group and mode: a stranger never gets as far as the
queue of those who wait, so nobody can fill it who may not ask. The daemon itself could only send
a stranger away after it had let him in; and in its sandbox it could not tell strangers apart,
since `PrivateUsers=` shows all other users, and their groups, as one.
"""

import os
from pathlib import Path
from typing import Final

from hakeeper.adapters.users import name_of_group, name_of_user

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
    name = name_of_user(os.geteuid())
    who = name or f"uid {os.geteuid()}"
    if group_id == _ROOT:
        return f"{who} may not ask hakeeper at {path}: only root may; run this with sudo"
    group = name_of_group(group_id) or str(group_id)
    return (
        f"{who} may not ask hakeeper at {path}: only root and members of the group {group} may;"
        f" run this with sudo, or have root run `adduser {name or 'NAME'} {group}`, and log in"
        " again"
    )

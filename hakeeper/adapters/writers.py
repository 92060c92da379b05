"""Who else may write what decides where the token is sent: the configuration, the CA file, a token.

Whoever may write a file, or the folder that it lies in, decides what stands in it. That is told and
not refused: a group of operators may be meant.
"""

import grp
import os
import pwd
import shlex
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path


def open_to_others(paths: Iterable[Path]) -> tuple[str, ...]:
    """Return a sentence for each file or folder that others than its owner may write."""
    return tuple(dict.fromkeys(text for path in paths for text in _of_file(path)))


def _of_file(path: Path) -> Iterator[str]:
    """Look at the file, at what it leads to if it is a link, and at the folders of both."""
    for one in dict.fromkeys((path, Path(os.path.realpath(path)))):
        for part in (one, one.parent):
            try:
                found = os.lstat(part)
            except OSError:  # whoever reads it says more
                continue
            if not stat.S_ISLNK(found.st_mode):
                yield from _of_part(part, found)


def _of_part(path: Path, found: os.stat_result) -> Iterator[str]:
    is_folder = stat.S_ISDIR(found.st_mode)
    what = "and so replace what lies in it" if is_folder else "and so decide what hakeeper does"
    mode = f"mode {stat.S_IMODE(found.st_mode):04o}"
    at = shlex.quote(str(path))
    if is_folder and found.st_mode & stat.S_ISVTX:
        return  # everybody may put something there, and replace nothing of others
    if found.st_mode & stat.S_IWOTH:
        yield f"{path}: every user may write it, {what} ({mode}); run: chmod go-w {at}"
    elif found.st_mode & stat.S_IWGRP and (group := _group(found)):
        yield f"{path}: the group {group} may write it, {what} ({mode}); run: chmod g-w {at}"
    if found.st_uid not in _trusted():
        owner = _name(found.st_uid)
        yield f"{path}: the user {owner} may write it, {what}; run: chown root {at}"


def _group(found: os.stat_result) -> str:
    """Return the name of the group; nothing if it is root's, or has nobody but the owner in it."""
    if found.st_gid == 0:
        return ""
    try:
        group = grp.getgrgid(found.st_gid)
        owner = pwd.getpwuid(found.st_uid)
    except KeyError:
        return str(found.st_gid)
    is_his_own = owner.pw_gid == found.st_gid and set(group.gr_mem) <= {owner.pw_name}
    return "" if is_his_own else group.gr_name


def _trusted() -> frozenset[int]:
    """Return who may write: root, who runs this, and the service's own user."""
    try:
        service = {pwd.getpwnam("hakeeper").pw_uid}
    except KeyError:
        service = set()
    return frozenset({0, os.geteuid(), *service})


def _name(user_id: int) -> str:
    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError:
        return str(user_id)

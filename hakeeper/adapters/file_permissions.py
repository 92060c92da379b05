"""Warnings about files that other users may change: the configuration, the CA file, the token.

These files decide where the token is sent. Whoever may write to a file or to its directory can
change it. That is a warning, not an error: it may be a group of operators.
"""

import grp
import os
import pwd
import shlex
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from hakeeper.adapters.users import name_of_user, trusted_users


def writable_by_others(paths: Iterable[Path]) -> tuple[str, ...]:
    """Return a sentence for each file and directory that other users may write to."""
    return tuple(dict.fromkeys(text for path in paths for text in _of_file(path)))


def _of_file(path: Path) -> Iterator[str]:
    """Check the file, its target if it is a link, and the directories of both."""
    for one in dict.fromkeys((path, Path(os.path.realpath(path)))):
        for part in (one, one.parent):
            try:
                found = os.lstat(part)
            except OSError:  # reading the file will report that
                continue
            if not stat.S_ISLNK(found.st_mode):
                yield from _of_part(part, found)


def _of_part(path: Path, found: os.stat_result) -> Iterator[str]:
    is_folder = stat.S_ISDIR(found.st_mode)
    what = "and replace files in it" if is_folder else "and decide what hakeeper does"
    mode = f"mode {stat.S_IMODE(found.st_mode):04o}"
    at = shlex.quote(str(path))
    if is_folder and found.st_mode & stat.S_ISVTX:
        return  # sticky: nobody can replace files of other users
    if found.st_mode & stat.S_IWOTH:
        yield f"{path}: every user may write to it, {what} ({mode}); run: chmod go-w {at}"
    elif found.st_mode & stat.S_IWGRP and (group := _group(found)):
        yield f"{path}: the group {group} may write to it, {what} ({mode}); run: chmod g-w {at}"
    if found.st_uid not in trusted_users():
        owner = name_of_user(found.st_uid) or str(found.st_uid)
        yield f"{path}: the user {owner} may write to it, {what}; run: chown root {at}"


def _group(found: os.stat_result) -> str:
    """Return the group's name; empty if it is root's, or has no member but the file's owner."""
    if found.st_gid == 0:
        return ""
    try:
        group = grp.getgrgid(found.st_gid)
        owner = pwd.getpwuid(found.st_uid)
    except KeyError:
        return str(found.st_gid)
    is_owner_only = owner.pw_gid == found.st_gid and set(group.gr_mem) <= {owner.pw_name}
    return "" if is_owner_only else group.gr_name

"""Which files may decide what is run: those that root and the current user alone can change."""

import os
import stat
from pathlib import Path


def fault_of_command(path: Path) -> str | None:
    """Return why a program is not run, with the way out; None if it may be."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        return f"{path}: {error.strerror}"
    if not stat.S_ISREG(mode):
        return f"{path} is not a regular file"
    if not os.access(path, os.X_OK):
        return f"{path} is not executable (mode {stat.S_IMODE(mode):04o}); run: chmod a+rx {path}"
    return fault_of_writers(path)


def fault_of_writers(path: Path) -> str | None:
    """Return who else may change a file, by itself or by a folder above it; None for nobody.

    A symbolic link is followed, and the folders of both count. Raises nothing: what cannot be
    looked at is a fault.
    """
    real = Path(os.path.realpath(path))
    for part in dict.fromkeys((path, *path.parents, real, *real.parents)):
        try:
            found = os.lstat(part)
        except OSError as error:
            return f"{part}: {error.strerror}"
        if not stat.S_ISLNK(found.st_mode) and (fault := _fault(part, found)):
            return fault
    return None


def _fault(part: Path, found: os.stat_result) -> str | None:
    if found.st_uid not in {0, os.geteuid()}:
        return f"{part} belongs to the user {found.st_uid}, who may change it; chown it to root"
    mode = stat.S_IMODE(found.st_mode)
    if stat.S_ISDIR(found.st_mode) and mode & stat.S_ISVTX:
        return None  # sticky: nobody can replace files of others
    group = found.st_gid != 0 and mode & stat.S_IWGRP
    if group or mode & stat.S_IWOTH:
        return f"others may write to {part} (mode {mode:04o}); run: chmod go-w {part}"
    return None

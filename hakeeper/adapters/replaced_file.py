"""Replaces a small file as a whole, so that nobody ever reads half of it."""

import contextlib
import os
from pathlib import Path


def replace_file(path: Path, data: bytes, *, synced: bool = False, mode: int = 0o600) -> None:
    """Give the file at `path` this content and mode; raises OSError.

    On failure the old file is removed, if possible: whoever relies on it would rely on what is out
    of date. `synced`: it survives a power cut from then on, which takes as long as the disk does.
    """
    temporary = path.with_name(f"{path.name}.new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        fd = os.open(temporary, flags, mode)
        with os.fdopen(fd, "wb") as file:
            os.fchmod(fd, mode)  # whatever the umask is
            file.write(data)
            if synced:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
        if synced:
            sync_folder(path.parent)
    except OSError:
        for each in (temporary, path):
            with contextlib.suppress(OSError):
                each.unlink()
        raise


def sync_folder(folder: Path) -> None:
    """Have its names survive a power cut as well; raises OSError."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)

"""A control group of its own for every machine that boots: without it two systemds share one."""

import contextlib
import os
from functools import partial
from pathlib import Path

from hakeeper.demo.lab import wait_until

_MOUNTS = Path("/sys/fs/cgroup")
_DYING_S = 30.0


def make(name: str) -> list[Path]:
    """Make the group where systemd-nspawn will look: in the hierarchy of systemd, or the only one.

    The name is below the group that this process is in.
    """
    made = []
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        mount = _mount_of(controllers)
        if mount is not None:
            folder = mount / path.lstrip("/") / name
            folder.mkdir(exist_ok=True)
            made.append(folder)
    return made


def entering(folders: list[Path]) -> list[str]:
    """Return the beginning of a command whose rest then runs in these groups."""
    files = " ".join(f"{folder}/cgroup.procs" for folder in folders)
    return ["sh", "-c", f'for file in {files}; do echo $$ >"$file"; done; exec "$@"', "sh"]


def _mount_of(controllers: str) -> Path | None:
    if controllers == "name=systemd":
        return _MOUNTS / "systemd"
    if controllers == "":  # version 2: alone, or beside version 1
        return _MOUNTS if (_MOUNTS / "cgroup.procs").exists() else _MOUNTS / "unified"
    return None


def remove(folders: list[Path]) -> None:
    """Remove groups whose processes are gone, or just going."""
    for folder in folders:
        wait_until(partial(_removed, folder), timeout_s=_DYING_S, what=f"the end of {folder}")


def _removed(folder: Path) -> bool:
    for path, _, _ in os.walk(folder, topdown=False):
        with contextlib.suppress(OSError):  # busy: the next try will tell
            Path(path).rmdir()
    return not folder.exists()

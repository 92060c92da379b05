"""keepalived's track file: a number that keepalived adds to the priority of its instances.

The file is ours and its folder is root's (tmpfiles.d), so that keepalived, which reads it as root,
can be led to no other file. It is written in place: keepalived reads it when it was closed.
"""

import os
import stat
from pathlib import Path
from typing import Final

from hakeeper.adapters.bounded_read import NotAFileError, read_bounded

LOWERED: Final = -253
"""Any priority becomes 1 by it. One less, and keepalived would go to FAULT, and give up MASTER
whether or not another node is there."""
NORMAL: Final = 0
_LIMIT_BYTES: Final = 64
_OF_THE_PACKAGE: Final = Path("/run/hakeeper-step-down")
"""The one that tmpfiles.d makes."""


def way_out(error: OSError) -> str:
    """Return how the package's own file comes back if it is missing; "": that is not known."""
    is_ours = isinstance(error, FileNotFoundError) and Path(error.filename) == _OF_THE_PACKAGE
    return "; to make it anew: systemd-tmpfiles --create hakeeper.conf" if is_ours else ""


class TrackFile:
    """The file at `path`, which somebody else makes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def move_to(self, path: Path) -> None:
        """Use another one from now on."""
        self.path = path

    def check(self) -> None:
        """Raise OSError if it is missing, is not a file or cannot be written."""
        os.close(self._open())

    def write(self, value: int) -> None:
        """Give it this number, unless it has it; raises OSError."""
        if self._read() == value:
            return
        with os.fdopen(self._open(), "wb", closefd=True) as file:
            file.truncate(0)
            file.write(b"%d\n" % value)

    def _read(self) -> int | None:
        try:
            return int(read_bounded(self.path, _LIMIT_BYTES, follow=False).data)
        except (OSError, NotAFileError, ValueError):
            return None

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        fd = os.open(self.path, flags)
        if stat.S_ISREG(os.fstat(fd).st_mode):
            return fd
        os.close(fd)
        raise OSError(f"{self.path} is not a file")

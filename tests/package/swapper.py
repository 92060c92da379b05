"""Tries to have keepalived give away a file, as the service's own user; ends with SIGTERM.

keepalived, as root, makes the FIFO that is missing and gives it to this user, by its name: a
symbolic link that is there in between would have it give away what it leads to. What came of all
tries is written to the file that is named first; the second one is the target.
"""

import ctypes
import errno
import json
import os
import pathlib
import signal
import sys
from collections.abc import Callable

FIFO = "/run/hakeeper/notify.fifo"
LINKS = (pathlib.Path("/run/hakeeper/daemon/link"), pathlib.Path("/run/hakeeper/link"))
"""The first one is where this user may write."""
RENAME_EXCHANGE = 2
AT_FDCWD = -100
libc = ctypes.CDLL(None, use_errno=True)
ended: list[int] = []


def outcome(attempt: Callable[..., object], *arguments: object) -> str:
    """Say how it is refused, or that it is not."""
    try:
        attempt(*arguments)
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, "refused")
    return "ALLOWED"


def exchange(link: pathlib.Path) -> None:
    """Swap a link and the FIFO at one blow."""
    names = (os.fsencode(link), os.fsencode(FIFO))
    if libc.renameat2(AT_FDCWD, names[0], AT_FDCWD, names[1], RENAME_EXCHANGE) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def main(told: str, target: str) -> None:
    """Try it again and again."""
    found: dict[str, set[str]] = {}

    def add(what: str, how: str) -> None:
        found.setdefault(what, set()).add(how)

    signal.signal(signal.SIGTERM, lambda *_: ended.append(1))
    rounds = 0
    while not ended:
        for link in LINKS:
            add(f"a link at {link}", outcome(link.symlink_to, target))
            add(f"swap {link}", outcome(exchange, link))
            add(f"move {link}", outcome(os.rename, link, FIFO))
        add("a link at once", outcome(os.symlink, target, FIFO))
        add("remove", outcome(os.unlink, FIFO))
        add("open the folder", outcome(os.chmod, "/run/hakeeper", 0o777))
        rounds += 1
    tries = {what: sorted(how) for what, how in found.items()}
    pathlib.Path(told).write_text(json.dumps({"rounds": rounds, "tries": tries}))


if __name__ == "__main__":
    main(*sys.argv[1:])

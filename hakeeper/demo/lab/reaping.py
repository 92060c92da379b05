"""Orphans: children of processes that the lab killed.

keepalived's VRRP child outlives its killed parent as a zombie until somebody reaps it. In a
container, process 1 may never do that; so the lab adopts orphans itself (prctl(2),
PR_SET_CHILD_SUBREAPER).
"""

import contextlib
import ctypes
import os
from collections.abc import Iterator

_PR_SET_CHILD_SUBREAPER = 36
_PR_GET_CHILD_SUBREAPER = 37


@contextlib.contextmanager
def adopting_orphans() -> Iterator[None]:
    """Be the one to whom orphans go, while the block lasts."""
    libc = ctypes.CDLL(None, use_errno=True)
    before = ctypes.c_int()
    libc.prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(before), 0, 0, 0)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        libc.prctl(_PR_SET_CHILD_SUBREAPER, before.value, 0, 0, 0)


def reap(pid: int) -> None:
    """Wait for the end of a killed orphan, if it came to us."""
    with contextlib.suppress(ChildProcessError):  # somebody else's: init reaps it
        os.waitpid(pid, 0)

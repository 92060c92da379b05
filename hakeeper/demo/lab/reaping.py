"""Orphans: children of processes that the lab has killed.

keepalived's VRRP child stays a zombie after its killed parent until some process reaps it. In a
container, process 1 may never do that, so the lab adopts orphans itself (prctl(2),
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
    """Adopt orphans within this context."""
    libc = ctypes.CDLL(None, use_errno=True)
    before = ctypes.c_int()
    libc.prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(before), 0, 0, 0)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        libc.prctl(_PR_SET_CHILD_SUBREAPER, before.value, 0, 0, 0)


def reap(pid: int) -> None:
    """Wait for a killed orphan, if we have adopted it."""
    with contextlib.suppress(ChildProcessError):  # not ours: init reaps it
        os.waitpid(pid, 0)

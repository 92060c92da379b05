"""What tests of every part need; imported as `helpers` (see `pythonpath` in pyproject.toml)."""

import os
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def out_of_sight(*argv: str) -> list[str]:
    """Return the command that runs what stands for keepalived; it keeps its pid.

    As root in a network of its own: else whoever looks for the keepalived of this machine's
    network, as other tests do at the same time, would find it.
    """
    return ["unshare", "--net", *argv] if os.geteuid() == 0 else [*argv]


def eventually(probe: Callable[[], T], timeout_s: float = 10.0, what: str = "") -> T:
    """Ask again and again until the answer is true, and return it; fail after the deadline.

    The deadline is generous on purpose: it only bounds a failing test, it is not an assertion.
    """
    deadline_s = time.monotonic() + timeout_s
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() > deadline_s:
            raise AssertionError(f"not within {timeout_s} s: {what or probe!r}; last: {answer!r}")
        time.sleep(0.01)

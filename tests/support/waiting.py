"""Waits for what processes and threads bring about, without sleeping for a guessed time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


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

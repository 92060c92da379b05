"""Waiting for a condition, with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

POLL_S = 0.02


class LabError(Exception):
    """The lab itself has failed."""


class LabTimeoutError(LabError):
    """The condition has not become true in time."""


def wait_until(
    condition: Callable[[], T | None],
    *,
    timeout_s: float,
    what: str | Callable[[], str],
    poll_s: float = POLL_S,
) -> T:
    """Poll `condition` until it is truthy and return that value.

    `what` completes the sentence "waited N s for ..."; a function is called at the end, so that it
    can say what was found instead. `poll_s` is the time between two polls, for conditions that are
    costly. Raises LabTimeoutError.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            text = what if isinstance(what, str) else what()
            raise LabTimeoutError(f"waited {timeout_s:g} s for {text}")
        time.sleep(poll_s)

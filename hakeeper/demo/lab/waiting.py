"""Waiting for a condition, with a deadline, instead of sleeping."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

POLL_S = 0.02


class LabError(Exception):
    """The lab itself could not do what it was told."""


class LabTimeoutError(LabError):
    """What was waited for did not come."""


def wait_until(
    condition: Callable[[], T | None],
    *,
    timeout_s: float,
    what: str | Callable[[], str],
    poll_s: float = POLL_S,
) -> T:
    """Poll `condition` until it is truthy and return that value.

    `what` completes the sentence "waited N s for ..."; as a function it is asked at the end, so
    that it can tell what was there instead. `poll_s`: the time between two looks, longer where a
    look is costly. Raises LabTimeoutError.
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

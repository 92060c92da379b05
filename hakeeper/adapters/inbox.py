"""The way from other threads into the daemon's loop."""

import contextlib
import os
from collections import deque
from typing import TypeAlias

from hakeeper.adapters.keepalived.bus import BusOwner
from hakeeper.core.calls import CallResult
from hakeeper.core.events import RolesQueried, SaveFailed

Delivery: TypeAlias = CallResult | RolesQueried | BusOwner | SaveFailed | BaseException
"""What a thread hands over. An exception ends the daemon: a thread has died of it."""


class Inbox:
    """Holds what other threads hand over; `fd` becomes readable with the first item."""

    def __init__(self) -> None:
        self._items: deque[Delivery] = deque()
        self.fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def put(self, item: Delivery) -> None:
        """Hand over, from any thread. Bounded by the calls and queries that are in flight."""
        self._items.append(item)
        with contextlib.suppress(OSError):  # the loop finds it at its next turn, within a second
            os.eventfd_write(self.fd, 1)

    def __bool__(self) -> bool:
        """Say whether anything waits."""
        return bool(self._items)

    def take(self) -> list[Delivery]:
        """Take all that is there, oldest first."""
        with contextlib.suppress(OSError):  # nothing was written
            os.eventfd_read(self.fd)
        items: list[Delivery] = []
        while self._items:
            items.append(self._items.popleft())
        return items

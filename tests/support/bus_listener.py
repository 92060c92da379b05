"""A listener for what KeepalivedBus delivers, shared by the tests of the real and the false bus."""

import contextlib
import queue
from collections.abc import Iterator

from hakeeper.adapters.keepalived.bus import BusOwner, KeepalivedBus
from hakeeper.core.events import RolesQueried


class Listener:
    """Collects what the thread delivers."""

    def __init__(self) -> None:
        self._values: queue.SimpleQueue[RolesQueried | BusOwner] = queue.SimpleQueue()
        self.owners: list[BusOwner] = []
        self.answers: list[RolesQueried] = []

    def __call__(self, value: RolesQueried | BusOwner) -> None:
        self._values.put(value)

    def next(self) -> RolesQueried | BusOwner:
        value = self._values.get(timeout=20)
        if isinstance(value, BusOwner):
            self.owners.append(value)
        else:
            self.answers.append(value)
        return value

    def answer(self) -> RolesQueried:
        while True:
            value = self.next()
            if isinstance(value, RolesQueried):
                return value

    def owner(self) -> BusOwner:
        while True:
            value = self.next()
            if isinstance(value, BusOwner):
                return value

    def nothing_more(self) -> bool:
        return self._values.empty()


@contextlib.contextmanager
def listening(address: str) -> Iterator[tuple[KeepalivedBus, Listener]]:
    listener = Listener()
    bus = KeepalivedBus(listener, address=address)
    try:
        yield bus, listener
    finally:
        bus.close()
        assert not bus._thread.is_alive()

"""What waits for one instance: one command at a time, in order, and of each sort the newest."""

import threading
from collections.abc import Callable
from typing import Final

from hakeeper.adapters.hooks.notice import Notice
from hakeeper.config.hooks import Moment
from hakeeper.core.model import VrrpId

WAITING_LIMIT: Final = 64
"""Addresses of one instance that can each have something waiting."""
_ROLES: Final = frozenset({Moment.MASTER, Moment.LOST_ROLE})


class InstanceQueue:
    """Hands the notices of one instance to `run`, on a thread of its own.

    While a command runs, a newer notice replaces those of its sort that wait: of the role there is
    one, of each address one for each moment. `on_dropped` hears how many were replaced, or had no
    room, before the next command is run.
    """

    def __init__(
        self, vrrp: VrrpId, run: Callable[[Notice], None], on_dropped: Callable[[int], None]
    ) -> None:
        """Start the thread."""
        self._run = run
        self._on_dropped = on_dropped
        self._changed = threading.Condition()
        self._waiting: list[Notice] = []
        self._dropped = 0
        self._is_running = False
        # A daemon thread: a command that cannot be ended must not keep the process alive.
        self._thread = threading.Thread(target=self._work, name=f"hooks of {vrrp}", daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether its thread works; it dies of nothing but a bug."""
        return self._thread.is_alive()

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits and nothing runs, or ever will."""
        with self._changed:
            return not (self._waiting or self._is_running) or not self.is_alive

    def put(self, notice: Notice) -> None:
        """Have it run after what waits."""
        with self._changed:
            others = [one for one in self._waiting if _topic(one) != _topic(notice)]
            kept = [*others, notice][-WAITING_LIMIT:]
            self._dropped += len(self._waiting) + 1 - len(kept)
            self._waiting = kept
            self._changed.notify()

    def clear(self) -> int:
        """Forget what waits; return how many that is."""
        with self._changed:
            count, self._waiting = len(self._waiting), []
            return count

    def _work(self) -> None:
        while True:
            with self._changed:
                self._is_running = False
                self._changed.wait_for(lambda: self._waiting)
                self._is_running = True
                notice = self._waiting.pop(0)
                dropped, self._dropped = self._dropped, 0
            if dropped:
                self._on_dropped(dropped)
            self._run(notice)


def _topic(notice: Notice) -> object:
    return "role" if notice.moment in _ROLES else (notice.moment, notice.address)

"""The whole state of a simulated API under one lock, and a way to wait for changes."""

import math
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable

from hakeeper.demo.cloud.access import Bucket, Tokens
from hakeeper.demo.cloud.api import Api
from hakeeper.demo.cloud.faults import Fault, FaultBook
from hakeeper.demo.cloud.log import RequestLog
from hakeeper.demo.cloud.model import CloudModel
from hakeeper.demo.cloud.values import Rules


class Engine(ABC):
    """Faults and log of any API, and what wakes those who wait.

    Hold `changed` (a condition) while touching them, or the model.
    """

    def __init__(self) -> None:
        """Start without faults and without a listener."""
        self.changed = threading.Condition(threading.RLock())
        self._touches = 0
        self._stopped = False
        self.faults = FaultBook()
        self.log = RequestLog()
        self.on_trouble: list[Callable[[], None]] = []
        """Called, under the lock, after faults have been added or removed."""

    @abstractmethod
    def advance(self, now: float) -> None:
        """Carry out what is due in the model."""

    @abstractmethod
    def next_at(self) -> float:
        """Return when something is due in the model next; infinity: nothing is planned."""

    @abstractmethod
    def changes(self) -> int:
        """Return how many changes the model has seen, those that time alone causes included."""

    @abstractmethod
    def end_actions_of(self, fault: int, now: float) -> None:
        """Make the actions that a fault keeps running fail now."""

    @staticmethod
    def now() -> float:
        """Return the time in which all time stamps are given."""
        return time.monotonic()

    def touch(self) -> None:
        """Wake all threads that wait for a change."""
        with self.changed:
            self._touches += 1
            self.changed.notify_all()

    @property
    def version(self) -> int:
        """A number that grows with every change, including those that time alone causes."""
        return self._touches + self.changes()

    def wait(self, after_version: int, timeout_s: float) -> int:
        """Wait until something changes after a version, or the time is up; return the version."""
        deadline_s = self.now() + timeout_s
        with self.changed:
            self._wait_until(
                lambda now: self.version > after_version or now >= deadline_s, deadline_s
            )
            return self.version

    def wait_until(self, reached: Callable[[float], bool]) -> None:
        """Wait until it is reached, as of a time, or all is stopped. The lock is free meanwhile."""
        with self.changed:
            self._wait_until(reached, math.inf)

    def _wait_until(self, reached: Callable[[float], bool], deadline_s: float) -> None:
        while not self._stopped:
            now = self.now()
            self.advance(now)
            if reached(now):
                return
            look_at_s = min(deadline_s, self.next_at())
            self.changed.wait(look_at_s - now if math.isfinite(look_at_s) else None)

    def stop(self) -> None:
        """Wake all threads that wait, now and later."""
        with self.changed:
            self._stopped = True
            self.changed.notify_all()

    def add_fault(self, fault: Fault) -> int:
        """Start a fault."""
        with self.changed:
            fault_id = self.faults.add(fault, self.now())
            self._trouble_changed()
            return fault_id

    def clear_fault(self, fault_id: int) -> None:
        """End a fault, release what it holds, and make the actions that it kept running fail."""
        with self.changed:
            self.faults.clear(fault_id, self.now())
            self.end_actions_of(fault_id, self.now())
            self._trouble_changed()

    def _trouble_changed(self) -> None:
        for notice in self.on_trouble:
            notice()
        self.touch()


class CloudEngine(Engine):
    """The engine of the simulated cloud: its model, and who has access to it."""

    def __init__(self, rules: Rules) -> None:
        """Start with an empty project."""
        super().__init__()
        self.model = CloudModel(epoch_s=time.time() - time.monotonic(), rules=rules)
        self.tokens = Tokens()
        self.bucket = Bucket(rules.limit_per_hour)
        self.api = Api(self.model, self.tokens, self.bucket)

    def advance(self, now: float) -> None:
        """Carry out what is due: ends of actions, changes of holders."""
        self.model.register.advance(now)

    def next_at(self) -> float:
        """Return when an action ends or takes effect next."""
        return self.model.register.next_at()

    def changes(self) -> int:
        """Return how many holders have changed and how many actions have ended."""
        holders = len(self.model.changes) + len(self.model.networks.changes)
        return holders + self.model.register.ended

    def end_actions_of(self, fault: int, now: float) -> None:
        """Make the actions that a fault keeps running fail now."""
        self.model.end_actions_of(fault, now)

"""The whole state of the simulated cloud under one lock, and a way to wait for changes."""

import threading
import time
from collections.abc import Callable

from hakeeper.demo.cloud.access import Bucket, Tokens
from hakeeper.demo.cloud.api import Api
from hakeeper.demo.cloud.faults import Fault, FaultBook
from hakeeper.demo.cloud.log import RequestLog
from hakeeper.demo.cloud.model import CloudModel
from hakeeper.demo.cloud.values import Rules


class Engine:
    """Model, access, faults and log. Hold `changed` (a condition) while touching any of them."""

    def __init__(self, rules: Rules) -> None:
        """Start with an empty project and no listener."""
        self.changed = threading.Condition(threading.RLock())
        self._touches = 0
        self._stopped = False
        self.model = CloudModel(epoch_s=time.time() - time.monotonic(), rules=rules)
        self.tokens = Tokens()
        self.bucket = Bucket(rules.limit_per_hour)
        self.api = Api(self.model, self.tokens, self.bucket)
        self.faults = FaultBook()
        self.log = RequestLog()
        self.on_trouble: list[Callable[[], None]] = []
        """Called, under the lock, after faults have been added or removed."""

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
        changes = len(self.model.changes) + len(self.model.networks.changes)
        return self._touches + changes + self.model.register.ended

    def wait(self, after_version: int, timeout_s: float) -> int:
        """Wait until something changes after a version, or the time is up; return the version."""
        deadline_s = self.now() + timeout_s
        with self.changed:
            while not self._stopped:
                now = self.now()
                self.model.register.advance(now)
                if self.version > after_version or now >= deadline_s:
                    break
                self.changed.wait(min(deadline_s, self.model.register.next_at()) - now)
            return self.version

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
            self.model.end_actions_of(fault_id, self.now())
            self._trouble_changed()

    def _trouble_changed(self) -> None:
        for notice in self.on_trouble:
            notice()
        self.touch()

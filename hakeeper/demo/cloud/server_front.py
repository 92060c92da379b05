"""The part of an interface that every simulated API has: faults, the log, waiting."""

import contextlib
import dataclasses
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from hakeeper.demo.cloud.faults import Fault
from hakeeper.demo.cloud.values import Counters, FaultRecord, JsonObject, LoggedRequest

_WAIT_SLICE_S = 10.0
_SHOWN = 15
Value = TypeVar("Value")


class CommandError(ValueError):
    """The simulator could not carry out a command; the message says why."""


class ServerFront(ABC):
    """A simulated API, as tests and labs use it."""

    url: str
    """The API's endpoint, base path included."""

    @abstractmethod
    def call(self, command: str, **arguments: object) -> Any:  # noqa: ANN401 - JSON
        """Carry out a command; raises CommandError if it is refused."""

    @abstractmethod
    def all_changes(self) -> list[JsonObject]:
        """Return all changes of holders as JSON, each with its `at_s`."""

    # --- trouble ----------------------------------------------------------------------------------

    def fault(self, fault: Fault) -> int:
        """Start a fault and return its id."""
        return int(self.call("fault", fault=fault.to_json()))

    def clear(self, fault_id: int) -> None:
        """End a fault and release what it holds."""
        self.call("clear", id=fault_id)

    def clear_all(self) -> None:
        """End all faults."""
        self.call("clear_all")

    @contextlib.contextmanager
    def faulty(self, fault: Fault) -> Iterator[int]:
        """Have a fault during a `with` block."""
        fault_id = self.fault(fault)
        try:
            yield fault_id
        finally:
            self.clear(fault_id)

    def faults(self) -> list[FaultRecord]:
        """Return the records of all faults, oldest first."""
        return [FaultRecord(**each) for each in self.call("faults")]

    def drop_connections(self) -> None:
        """Reset all present connections to the API."""
        self.call("drop_connections")

    def use_certificate(self, certfile: str, keyfile: str) -> None:
        """Use another certificate for new connections; needs a cloud started with TLS."""
        self.call("use_certificate", certfile=certfile, keyfile=keyfile)

    # --- asking -----------------------------------------------------------------------------------

    def requests(
        self,
        *,
        client: str | None = None,
        method: str | None = None,
        path: str | None = None,
        after_seq: int = 0,
    ) -> list[LoggedRequest]:
        """Return the logged requests; `path` is a part of the path."""
        entries = (LoggedRequest(**each) for each in self.call("requests", after_seq=after_seq))
        return [
            entry
            for entry in entries
            if client in {None, entry.client}
            and method in {None, entry.method}
            and (path is None or path in entry.path)
        ]

    def counters(self) -> Counters:
        """Return the listener's counters."""
        return Counters(**self.call("counters"))

    def wait_for(self, predicate: Callable[[], Value], timeout_s: float = 10.0) -> Value:
        """Wait until the predicate is truthy and return its value; raises TimeoutError.

        It is called again after every change in the cloud: a request, an answer, a holder, the end
        of an action, a fault.
        """
        deadline_s = time.monotonic() + timeout_s
        while True:
            version = self.call("wait", after_version=-1, timeout_s=0)
            value = predicate()
            if value:
                return value
            rest_s = deadline_s - time.monotonic()
            if rest_s <= 0:
                raise TimeoutError(self._story(timeout_s))
            self.call("wait", after_version=version, timeout_s=min(rest_s, _WAIT_SLICE_S))

    def _story(self, timeout_s: float) -> str:
        entries = [str(dataclasses.asdict(each)) for each in self.requests()[-_SHOWN:]]
        changes = sorted(self.all_changes(), key=lambda each: float(each["at_s"]))
        holders = [str(each) for each in changes[-_SHOWN:]]
        lines = [f"it did not happen within {timeout_s} s; last requests:", *entries]
        return "\n".join([*lines, "last changes of holder:", *holders])

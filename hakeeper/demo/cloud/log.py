"""The complete log of requests."""

from collections import deque
from dataclasses import replace
from itertools import islice

from hakeeper.demo.cloud.values import LoggedRequest

CAPACITY = 200_000
"""How many entries are kept; more than any test makes. Dropped ones are counted."""


class RequestLog:
    """Requests in the order in which they were completely received."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        """Start empty."""
        self._entries: deque[LoggedRequest] = deque(maxlen=capacity)
        self._received = 0

    @property
    def dropped(self) -> int:
        """How many of the oldest entries were dropped."""
        return self._received - len(self._entries)

    def next_seq(self) -> int:
        """Return the number for the next entry."""
        return self._received + 1

    def add(self, entry: LoggedRequest) -> None:
        """Append a request that was just received."""
        self._received += 1
        self._entries.append(entry)

    def update(self, seq: int, **changes: object) -> None:
        """Add the result of a request."""
        index = seq - 1 - self.dropped
        if index >= 0:
            self._entries[index] = replace(self._entries[index], **changes)  # type: ignore[arg-type]

    def entries(self, after_seq: int = 0) -> list[LoggedRequest]:
        """Return the entries with a number above `after_seq`, oldest first."""
        return list(islice(self._entries, max(0, after_seq - self.dropped), None))

"""When a node was MASTER, as far as anybody but hakeeper can say."""

import threading
from dataclasses import dataclass, field
from typing import Final

GRACE_S: Final = 1.0
"""So long after the line BACKUP an assign may still arrive: the daemon has to get its turn."""
DEATH_GRACE_S: Final = 2.5
"""The same after a keepalived was killed, which it says to nobody: the daemon looks each second."""


@dataclass
class Span:
    """A time in which keepalived's last word was MASTER."""

    begin_s: float
    end_s: float = float("inf")
    by_death: bool = False

    def allows(self, at_s: float) -> bool:
        """Say whether an assign may arrive at this time."""
        grace_s = DEATH_GRACE_S if self.by_death else GRACE_S
        return self.begin_s <= at_s <= self.end_s + grace_s


@dataclass
class Record:
    """The words of one keepalived, oldest first."""

    spans: list[Span] = field(default_factory=list)
    role: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, role: str, at_s: float, not_before_s: float | None = None) -> None:
        """Write down what it said; it had not said so yet at `not_before_s`."""
        with self._lock:
            if self.role == "MASTER" and role != "MASTER":
                self.spans[-1].end_s = at_s
            if self.role != "MASTER" and role == "MASTER":
                self.spans.append(Span(at_s if not_before_s is None else not_before_s))
            self.role = role

    def gone(self, at_s: float) -> None:
        """Write down that it is dead, or a part of it."""
        with self._lock:
            if self.role == "MASTER":
                self.spans[-1].end_s, self.spans[-1].by_death = at_s, True
            self.role = ""

    @property
    def is_master(self) -> bool:
        """Say whether its last word is MASTER."""
        return self.role == "MASTER"

    def allows(self, at_s: float) -> bool:
        """Say whether it was MASTER then, or until a moment before."""
        with self._lock:
            return any(span.allows(at_s) for span in self.spans)

    def last_end_s(self) -> float:
        """Return when it was MASTER last, for a complaint."""
        with self._lock:
            return max((span.end_s for span in self.spans), default=0.0)

    def last_begin_s(self) -> float:
        """Return when it became MASTER last."""
        with self._lock:
            return max((span.begin_s for span in self.spans), default=float("-inf"))

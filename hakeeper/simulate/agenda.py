"""Virtual time: what is to happen, in order; same times in the order of asking."""

import heapq
from collections.abc import Callable
from typing import Any


class Agenda:
    """A clock that jumps from one thing to the next."""

    def __init__(self, now: float) -> None:
        """Begin at this time, in seconds."""
        self.now = now
        self._began_at = now
        self._heap: list[tuple[float, int, Callable[..., object], tuple[Any, ...]]] = []
        self._count = 0

    @property
    def elapsed_s(self) -> float:
        """How long it is since the beginning."""
        return self.now - self._began_at

    def at(self, at_s: float, what: Callable[..., object], *args: object) -> None:
        """Let `what(*args)` happen at a time, at once if that has passed."""
        self._count += 1
        heapq.heappush(self._heap, (max(at_s, self.now), self._count, what, args))

    def after(self, delay_s: float, what: Callable[..., object], *args: object) -> None:
        """Let it happen so much later."""
        self.at(self.now + delay_s, what, *args)

    def next_at(self) -> float | None:
        """Return when the next thing happens; None: nothing does."""
        return self._heap[0][0] if self._heap else None

    def step(self) -> None:
        """Let the next thing happen."""
        self.now, _, what, args = heapq.heappop(self._heap)
        what(*args)

    def run_until(self, end_s: float, stop: Callable[[], bool]) -> None:
        """Let everything happen that is due until then, unless `stop` says that it is enough."""
        heap, pop = self._heap, heapq.heappop
        while heap and heap[0][0] <= end_s:
            self.now, _, what, args = pop(heap)
            what(*args)
            if stop():
                return
        self.now = max(self.now, end_s)

"""When one hakeeper is woken, and what it does then: its turns, its looks and its timer."""

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING

from hakeeper.core.state import InvariantError
from hakeeper.sequencer import LOOK_S, Handler, Source
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.observed_core import Crash
from hakeeper.simulate.observer import Observer

if TYPE_CHECKING:
    from hakeeper.simulate.node import Node, Run

WAKE_S = (0.0002, 0.002)
"""From something being ready to the turn that serves it."""


class Turns:
    """The turns of the runs of one node, one after the other."""

    def __init__(self, node: "Node", rng: Random, agenda: Agenda, observers: Observer) -> None:
        """Wake this node, with its chance; `observers` hear of a core that breaks."""
        self._node = node
        self._rng = rng
        self._agenda = agenda
        self._observers = observers
        self._look_is_due = False
        self._turn_at = float("inf")
        self._timer_at = float("inf")

    def forget(self) -> None:
        """Nothing is due any more: the run is over."""
        self._turn_at = self._timer_at = float("inf")

    def wake(self, source: Source) -> None:
        """Something is ready: let there be a turn in a moment."""
        if self._node.run is None:
            return
        self._node.run.ready.add(source)
        if self._turn_at == float("inf"):
            self._turn_at = self._agenda.now + self._rng.uniform(*WAKE_S)
            self._agenda.at(self._turn_at, self.turn, self._node.runs)

    def look_soon(self) -> None:
        """Something changed that only the look once a second finds."""
        if self._node.run is not None:
            self._agenda.after(self._rng.uniform(0.0, LOOK_S), self._look, self._node.runs)

    def retime(self) -> None:
        """The clock jumped: what was due by it may be due now."""
        if self._node.run is not None:
            self._timer_at = float("inf")
            self._set_timer(self._node.run)

    def _look(self, run_number: int) -> None:
        if self._node.run is None or self._node.runs != run_number:
            return
        self._look_is_due = True
        self.turn(run_number)

    def turn(self, run_number: int) -> None:
        """Serve what is ready, and what is due by the clock, unless hakeeper hangs."""
        run = self._node.run
        if run is None or self._node.runs != run_number:
            return
        self._turn_at = float("inf")
        if self._node.hung:
            return
        ready: list[tuple[Source, Handler]] = []
        if run.ready:
            ready = [(source, self._handler(run, source)) for source in sorted(run.ready)]
            run.ready.clear()
        # Looks that would find nothing are left out: nothing changed, or `look_soon` was called.
        late_s = self._node.clock() - run.sequencer.look_at_s
        if self._look_is_due:
            self._look_is_due = False
            run.sequencer.look_at_s = self._node.clock()
        elif late_s > 0.0:
            run.sequencer.look_at_s += LOOK_S * (int(late_s / LOOK_S) + 1)
        self.guarded(run.sequencer.turn, ready)

    def _handler(self, run: "Run", source: Source) -> Handler:
        match source:
            case Source.LINES:
                return run.sequencer.hear
            case Source.KEEPALIVED:
                return run.sequencer.look_at_keepalived
            case _:
                return self._take_inbox

    def _take_inbox(self) -> None:
        run = self._node.run
        if run is not None and run.inbox:
            answers = (*run.inbox,)
            run.inbox.clear()
            run.sequencer.feed(*answers)

    def guarded(self, what: Callable[..., None], *args: object) -> None:
        """Let the loop do something: it may die of it; else its timer is set anew."""
        try:
            what(*args)
        except Crash:
            self._node.kill()
            return
        except InvariantError as error:
            self._observers.invariant_broken(self._node, error)
            self._node.kill()
            return
        run = self._node.run
        if run is None:
            return
        if run.fifo.has_replaced_pipes:
            run.fifo.drop_silent(self._node.keepalived.writes_to)
        self._set_timer(run)

    def _set_timer(self, run: "Run") -> None:
        next_at_s = run.core.next_at()
        if next_at_s is None:
            return
        at = next_at_s - self._node.ahead_s
        if at + self._node.ahead_s < next_at_s:  # rounding must not wake it a hair too early
            at += 1e-6
        if at < self._timer_at:
            self._timer_at = at
            self._agenda.at(at, self._tick, self._node.runs, at)

    def _tick(self, run_number: int, at: float) -> None:
        run = self._node.run
        if run is None or self._node.runs != run_number or self._timer_at != at:
            return
        self._timer_at = float("inf")
        next_at_s = run.core.next_at()
        if next_at_s is None:
            return
        if next_at_s <= self._node.clock():
            self.turn(run_number)
        else:
            self._set_timer(run)

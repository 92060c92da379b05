"""The shipped core of one run of hakeeper, observed, and killed where a fault wants it."""

from collections.abc import Callable, Iterable
from dataclasses import fields
from random import Random
from typing import TYPE_CHECKING

from hakeeper.core.apis.states import ApiState
from hakeeper.core.claim.happenings import Happening
from hakeeper.core.claim.resource import Resource
from hakeeper.core.claim.stages import Stage
from hakeeper.core.core import Core
from hakeeper.core.events import Effect, Event, Report
from hakeeper.core.kind import Kinds
from hakeeper.core.state import State
from hakeeper.simulate.observer import Batch, Observer

if TYPE_CHECKING:
    from hakeeper.simulate.node import Node


class Crash(Exception):  # noqa: N818  # not an error: a fault that was asked for
    """kill -9, here and now."""


class ObservedState(State):
    """The memory of a core; `moved` hears of all that happens to a claim."""

    __slots__ = ("moved",)

    moved: Callable[[Happening, Stage, Stage], None]

    def happened(self, resource: Resource, what: Happening, now: float) -> None:
        """Move a resource by the claim table, and show the move."""
        before = resource.stage
        super().happened(resource, what, now)
        self.moved(what, before, resource.stage)


class ObservedCore(Core):
    """The shipped core; observers see what goes in and what comes out."""

    __slots__ = ("_node", "_observers", "_told")

    def __init__(self, node: "Node", observers: Observer, kinds: Kinds, rng: Random) -> None:
        """Make the core of one run of this node."""
        super().__init__(node.settings, kinds, rng, node.clock())
        self._node = node
        self._observers = observers
        self._told: list[Report] = []
        """What was reported while the events of the batch were taken in."""
        memory = {field.name: getattr(self._state, field.name) for field in fields(State)}
        self._state = state = ObservedState(**memory)
        state.moved = lambda *move: observers.claim_moved(node, *move)

    def api(self, name: str) -> ApiState | None:
        """Look into what it knows of an API; None: it moves nothing there."""
        return self._state.apis.apis.get(name)

    @property
    def names_reported(self) -> int:
        """How many unknown names it remembers, as told or to be shown."""
        return max(len(self._listener.names_reported), len(self._state.other_names))

    def handle(self, events: Iterable[Event], now: float) -> tuple[Effect, ...]:
        """Let the core handle a batch, and show what came of it."""
        self._node.boundary()
        batch = tuple(events)
        self._told.clear()
        self._observers.hearing(self._node)
        effects = super().handle(batch, now)
        self._observers.handled(self._node, Batch(batch, effects, now))
        self._node.boundary()
        return effects

    def _dispatch(self, event: Event, now: float) -> None:
        """Let the core take one event in, and show what it reports of it."""
        before = set(map(id, self._state.effects))
        self._observers.taking_in(self._node, event)
        super()._dispatch(event, now)
        new = (e for e in self._state.effects if id(e) not in before)
        reports = tuple(effect for effect in new if isinstance(effect, Report))
        self._observers.took_in(self._node, event, reports)
        for report in reports:
            self._observers.decided(self._node, event, report.decision)
        self._told += reports

    def _bound_journal(self, now: float) -> float | None:
        """Show what else was decided: what the throttle holds back happened all the same."""
        told = set(map(id, self._told))
        for effect in self._state.effects:
            if isinstance(effect, Report) and id(effect) not in told:
                self._observers.decided(self._node, None, effect.decision)
        return super()._bound_journal(now)

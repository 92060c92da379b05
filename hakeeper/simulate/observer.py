"""What happens in a world, told to whoever observes it: the nodes and faults know no other way."""

from typing import TYPE_CHECKING

from hakeeper.core.calls import Assign
from hakeeper.core.events import Effect, Event, Report
from hakeeper.core.lines import LineState
from hakeeper.core.state import InvariantError
from hakeeper.simulate.cloud import Move
from hakeeper.simulate.faults.kinds import Fault, Kind

if TYPE_CHECKING:
    from hakeeper.simulate.node import Node


class Observer:
    """Hears of everything that happens; a subclass says what it does with which news."""

    # --- faults ------------------------------------------------------------------------------

    def fault_began(self, fault: Fault) -> None:
        """A fault begins."""

    def impaired(self, fault: Fault, change: int) -> None:
        """One thing more (or less) is wrong with a node, or with everybody."""

    def call_struck(self, kind: Kind) -> None:
        """A fault of this kind struck a call."""

    def lines_lost(self, node: "Node", name: str) -> None:
        """Lines of this instance are missing or wrong, and hakeeper cannot know that."""

    def paused(self, node: "Node") -> None:
        """Hakeeper, its keepalived or D-Bus stops or goes on: no question was answered since."""

    def keepalived_resumes(self, node: "Node") -> None:
        """A keepalived that was frozen is about to go on."""

    def conditions_changed(self) -> None:
        """Something that kept masters from their addresses may have begun or ended."""

    # --- nodes, lines and the cloud ----------------------------------------------------------

    def started(self, node: "Node") -> None:
        """A run of hakeeper begins."""

    def ended(self, node: "Node") -> None:
        """A run of hakeeper ended."""

    def line_written(self, node: "Node", name: str, state: LineState, *, kept: bool) -> None:
        """Keepalived wrote a line; `kept` is False if the line is lost."""

    def moved(self, move: Move) -> None:
        """The holder of an address changed, in truth."""

    def assign_sent(self, index: int, request: Assign) -> None:
        """The first byte of an assign goes out at this node."""

    # --- hakeeper ----------------------------------------------------------------------------

    def hearing(self, node: "Node", event: Event) -> None:
        """The core is about to hear an event."""

    def handled(
        self,
        node: "Node",
        event: Event,
        effects: tuple[Effect, ...],
        found: tuple[Report, ...],
        now: float,
    ) -> None:
        """The core handled it; `found`: all reports, those that were held back among them."""

    def invariant_broken(self, node: "Node", error: InvariantError) -> None:
        """The core found that it broke an invariant of its own; this run of hakeeper ends."""

    # --- the end -----------------------------------------------------------------------------

    def split_ends(self) -> None:
        """A split brain without end was watched for long enough."""

    def healed(self) -> None:
        """All faults are over for long enough: every address must be with its one master."""

    def rested(self) -> None:
        """Some minutes have passed since, in which nothing may have happened."""


class Observers(Observer):
    """Several observers, each told in the order in which they were added."""

    def __init__(self) -> None:
        """Begin with none."""
        self._each: list[Observer] = []

    def add(self, observer: Observer) -> None:
        """Add one; it hears of what happens from now on."""
        self._each.append(observer)

    def fault_began(self, fault: Fault) -> None:
        """Pass it on, as all that follow."""
        for each in self._each:
            each.fault_began(fault)

    def impaired(self, fault: Fault, change: int) -> None:
        """Pass it on."""
        for each in self._each:
            each.impaired(fault, change)

    def call_struck(self, kind: Kind) -> None:
        """Pass it on."""
        for each in self._each:
            each.call_struck(kind)

    def lines_lost(self, node: "Node", name: str) -> None:
        """Pass it on."""
        for each in self._each:
            each.lines_lost(node, name)

    def paused(self, node: "Node") -> None:
        """Pass it on."""
        for each in self._each:
            each.paused(node)

    def keepalived_resumes(self, node: "Node") -> None:
        """Pass it on."""
        for each in self._each:
            each.keepalived_resumes(node)

    def conditions_changed(self) -> None:
        """Pass it on."""
        for each in self._each:
            each.conditions_changed()

    def started(self, node: "Node") -> None:
        """Pass it on."""
        for each in self._each:
            each.started(node)

    def ended(self, node: "Node") -> None:
        """Pass it on."""
        for each in self._each:
            each.ended(node)

    def line_written(self, node: "Node", name: str, state: LineState, *, kept: bool) -> None:
        """Pass it on."""
        for each in self._each:
            each.line_written(node, name, state, kept=kept)

    def moved(self, move: Move) -> None:
        """Pass it on."""
        for each in self._each:
            each.moved(move)

    def assign_sent(self, index: int, request: Assign) -> None:
        """Pass it on."""
        for each in self._each:
            each.assign_sent(index, request)

    def hearing(self, node: "Node", event: Event) -> None:
        """Pass it on."""
        for each in self._each:
            each.hearing(node, event)

    def handled(
        self,
        node: "Node",
        event: Event,
        effects: tuple[Effect, ...],
        found: tuple[Report, ...],
        now: float,
    ) -> None:
        """Pass it on."""
        for each in self._each:
            each.handled(node, event, effects, found, now)

    def invariant_broken(self, node: "Node", error: InvariantError) -> None:
        """Pass it on."""
        for each in self._each:
            each.invariant_broken(node, error)

    def split_ends(self) -> None:
        """Pass it on."""
        for each in self._each:
            each.split_ends()

    def healed(self) -> None:
        """Pass it on."""
        for each in self._each:
            each.healed()

    def rested(self) -> None:
        """Pass it on."""
        for each in self._each:
            each.rested()

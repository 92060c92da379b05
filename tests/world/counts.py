"""Counts what happens in a world, whatever the rules say of it."""

from hakeeper.adapters.journal.wording import entry_of
from hakeeper.core.events import Event, Report, StartCall
from hakeeper.simulate.faults.kinds import Kind
from hakeeper.simulate.node import Node
from hakeeper.simulate.observer import Batch, Observer
from tests.world.coverage import cells
from tests.world.tally import Tally


class Counts(Observer):
    """The counts of one world."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.tally = Tally()

    def call_struck(self, kind: Kind) -> None:
        self.tally.struck[kind.value] += 1

    def started(self, node: Node) -> None:
        del node
        self.tally.runs += 1

    def taking_in(self, node: Node, event: Event) -> None:
        for said, role in cells(node.core.state, event):
            self.tally.transitions[said.value, role.value] += 1

    def took_in(self, node: Node, event: Event, reports: tuple[Report, ...]) -> None:
        del node, event, reports
        self.tally.events += 1

    def handled(self, node: Node, batch: Batch) -> None:
        del node
        for effect in batch.effects:
            if isinstance(effect, StartCall):
                self.tally.calls += 1
            elif isinstance(effect, Report):
                self.tally.reports[entry_of(effect).event] += 1

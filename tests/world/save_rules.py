"""Rules about the state file: no call waits for it, and it holds what is believed."""

from collections.abc import Sequence

from hakeeper.core.calls import AllRead, CallResult
from hakeeper.core.events import Event, SaveState, StartCall
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.node import Node
from hakeeper.simulate.observer import Batch, Observer
from hakeeper.simulate.verdicts import Demand

SAVED_S = 3.0
"""A state that could not be written down is, at the latest so long after the last failure."""


class SaveRules(Observer):
    """The rules."""

    def __init__(self, agenda: Agenda, nodes: Sequence[Node], demand: Demand) -> None:
        """Look at the disks of these nodes."""
        self._agenda = agenda
        self._nodes = nodes
        self._demand = demand

    def handled(self, node: Node, batch: Batch) -> None:
        """Check that calls begin before the disk is asked for anything."""
        saves = False
        for effect in batch.effects:
            if isinstance(effect, SaveState):
                saves = True
            elif isinstance(effect, StartCall):
                self._demand("sent_first", node.index, not saves, "begun after the file")
        if not saves and any(_is_list(event) for event in batch.events):
            self._is_written(node)

    def healed(self) -> None:
        """Check all files."""
        for node in self._nodes:
            if node.run is not None:
                self._is_written(node)

    def _is_written(self, node: Node) -> None:
        """What is believed is in the state file, unless another hand or a full disk prevents it."""
        if node.disk.full or self._agenda.now - node.disk.failed_at < SAVED_S:
            return
        saved, roles = node.disk.saved, node.core.state.roles.roles()
        written = node.disk.tampered or (saved is not None and saved.roles == roles)
        self._demand("written_at_last", node.index, written, "{}, not {}", saved, roles)


def _is_list(event: Event) -> bool:
    return isinstance(event, CallResult) and isinstance(event.outcome, AllRead)

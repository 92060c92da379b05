"""Rules about the state file: no call waits for it, and it holds what is believed."""

from hakeeper.core.state import State
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.node import Node
from hakeeper.simulate.verdicts import Demand

SAVED_S = 3.0
"""A state that could not be written down is, at the latest so long after the last failure."""


class SaveRules:
    """The rules; effects are shown to it one by one, in their order."""

    def __init__(self, agenda: Agenda, demand: Demand) -> None:
        """Begin before any effect."""
        self._agenda = agenda
        self._demand = demand
        self._is_saved = False

    def begin(self) -> None:
        """Begin with the effects of one event."""
        self._is_saved = False

    def saves(self) -> None:
        """Note one that writes the file."""
        self._is_saved = True

    def calls(self, node: Node) -> None:
        """Check one that begins a call: it went before the disk was asked for anything."""
        self._demand("sent_first", node.index, not self._is_saved, "begun after the file")

    def is_written(self, node: Node, state: State) -> None:
        """What is believed is in the state file, unless another hand or a full disk prevents it."""
        if self._is_saved:
            return  # it is about to be
        if node.disk.full or self._agenda.now - node.disk.failed_at < SAVED_S:
            return
        saved, roles = node.disk.saved, state.roles.roles()
        written = node.disk.tampered or (saved is not None and saved.roles == roles)
        self._demand("written_at_last", node.index, written, "{}, not {}", saved, roles)

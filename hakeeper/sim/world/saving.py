"""Rules about the state file: written before a call goes out, and holding what is believed."""

from hakeeper.core.model import Role, SavedState, VrrpId
from hakeeper.core.state import State
from hakeeper.sim.world.excuses import Excuses
from hakeeper.sim.world.node import Node
from hakeeper.sim.world.verdicts import Demand

SAVED_S = 3.0
"""A state that could not be written down is, at the latest so long after the last failure."""


class Saving:
    """The rules; effects are shown to it one by one, in their order."""

    def __init__(self, excuses: Excuses, demand: Demand) -> None:
        """Begin before any effect."""
        self._excuses = excuses
        self._demand = demand
        self._saved: SavedState | None = None
        """What is in the file when the effects so far are performed."""
        self._is_saved = False
        self._calls_begun = False

    def begin(self, node: Node) -> None:
        """Begin with the effects of one event."""
        self._saved = node.disk.saved
        self._is_saved = self._calls_begun = False

    def saves(self, node: Node, state: SavedState) -> None:
        """Check one that writes the file."""
        self._saved, self._is_saved = state, True
        first = not self._calls_begun
        self._demand("written_first", node.index, first, "written after a call began")

    def calls(self) -> None:
        """Note one that begins a call."""
        self._calls_begun = True

    def claims(self, node: Node, vrrp: VrrpId) -> None:
        """Check that who claims an address of this name has written down that it may."""
        holds = self._excuses.is_meddled(node) or node.disk.full > 0
        if not holds and self._saved is not None:
            holds = self._saved.roles.get(vrrp) is Role.MASTER
        self._demand("written_first", node.index, holds, "its role is not written")

    def end(self, node: Node) -> None:
        """No effect of this event is left."""
        if self._is_saved and not node.disk.full:
            self._excuses.saved(node)

    def is_written(self, node: Node, state: State) -> None:
        """What is believed is in the state file, unless another hand or a full disk prevents it."""
        if node.disk.full or node.world.now - node.disk.failed_at < SAVED_S:
            return
        saved, roles = node.disk.saved, state.roles.roles()
        written = node.disk.tampered or (saved is not None and saved.roles == roles)
        self._demand("written_at_last", node.index, written, "{}, not {}", saved, roles)

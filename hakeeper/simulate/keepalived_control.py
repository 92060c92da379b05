"""What operators and faults do to keepalived on a node: to its process and to all its instances."""

from typing import TYPE_CHECKING

from hakeeper.simulate.node import Node

if TYPE_CHECKING:
    from hakeeper.simulate.world import World


class KeepalivedControl:
    """The keepalived of every node of one world."""

    def __init__(self, world: "World") -> None:
        """Act in this world."""
        self._world = world

    def start(self, node: Node) -> None:
        """Start keepalived on a node, if it is off and the machine is on."""
        if node.keepalived.process is not None or not node.power:
            return
        node.start_keepalived()
        for name in self._world.layout.names_at(node.index):
            self._world.vrrp[name].start(node.index)

    def stop(self, node: Node) -> None:
        """Stop keepalived in order; its STOP lines come before its end."""
        if node.keepalived.process is None:
            return
        if node.keepalived.frozen:
            self.kill(node)
            return
        for name in self._world.layout.names_at(node.index):
            self._world.vrrp[name].stop(node.index)
        node.end_keepalived()

    def kill(self, node: Node) -> None:
        """Let its process die without a line."""
        for name in self._world.layout.names_at(node.index):
            if node.hung:  # its words wait in the pipe, and nobody was there to see it end
                self._world.observers.lines_lost(node, name)
            self._world.vrrp[name].kill(node.index)
        node.end_keepalived()
        self._world.observers.conditions_changed()

    def freeze(self, node: Node, *, frozen: bool) -> None:
        """Stop its process where it stands, or let it go on."""
        node.keepalived.frozen = frozen
        node.keepalived.silent_from_s = self._world.now
        for name in self._world.layout.names_at(node.index):
            self._world.vrrp[name].freeze(node.index, frozen=frozen)
        self._world.observers.paused(node)

    def check(self, node: Node, change: int) -> None:
        """Let one more (or less) thing make its track script fail."""
        for name in self._world.layout.names_at(node.index):
            self._world.vrrp[name].check(node.index, change)

    def reload(self, node: Node) -> None:
        """SIGHUP: the FIFO is opened again; who is not MASTER says so, if so configured."""
        if node.keepalived.process is None or node.keepalived.frozen:
            return
        node.open_fifo_for_writing()
        for name in self._world.layout.names_at(node.index):
            self._world.vrrp[name].repeat(node.index)

    def reopen(self, node: Node) -> None:
        """A FIFO is there again, and keepalived was told to open it."""
        node.turns.look_soon()
        self.reload(node)

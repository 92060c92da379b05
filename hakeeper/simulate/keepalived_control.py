"""What operators and faults do to keepalived on a node: to its process and to all its instances."""

from dataclasses import dataclass

from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.node import Node
from hakeeper.simulate.observer import Observer


@dataclass(frozen=True, slots=True)
class KeepalivedControl:
    """The keepalived of every node of one world."""

    agenda: Agenda
    observers: Observer

    def start(self, node: Node) -> None:
        """Start keepalived on a node, if it is off and the machine is on."""
        if node.keepalived.process is not None or not node.power:
            return
        node.start_keepalived()
        for vrrp in node.vrrp.values():
            vrrp.start(node.index)

    def stop(self, node: Node) -> None:
        """Stop keepalived in order; its STOP lines come before its end."""
        if node.keepalived.process is None:
            return
        if node.keepalived.frozen:
            self.kill(node)
            return
        for vrrp in node.vrrp.values():
            vrrp.stop(node.index)
        node.end_keepalived()

    def kill(self, node: Node) -> None:
        """Let its process die without a line."""
        for name, vrrp in node.vrrp.items():
            if node.hung:  # its words wait in the pipe, and nobody was there to see it end
                self.observers.lines_lost(node, name)
            vrrp.kill(node.index)
        node.end_keepalived()
        self.observers.conditions_changed()

    def freeze(self, node: Node, *, frozen: bool) -> None:
        """Stop its process where it stands, or let it go on."""
        node.keepalived.frozen = frozen
        node.keepalived.silent_from_s = self.agenda.now
        for vrrp in node.vrrp.values():
            vrrp.freeze(node.index, frozen=frozen)
        self.observers.paused(node)

    def check(self, node: Node, change: int) -> None:
        """Let one more (or less) thing make its track script fail."""
        for vrrp in node.vrrp.values():
            vrrp.check(node.index, change)

    def reload(self, node: Node) -> None:
        """SIGHUP: the FIFO is opened again; who is not MASTER says so, if so configured."""
        if node.keepalived.process is None or node.keepalived.frozen:
            return
        node.open_fifo_for_writing()
        for vrrp in node.vrrp.values():
            vrrp.repeat(node.index)

    def reopen(self, node: Node) -> None:
        """A FIFO is there again, and keepalived was told to open it."""
        node.turns.look_soon()
        self.reload(node)

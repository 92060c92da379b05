"""Faults of VRRP: of the keepalived processes, of what they check, and of the links between."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from hakeeper.simulate.faults.action import Lasts, Table, Undo, nothing
from hakeeper.simulate.faults.kinds import Fault, Kind
from hakeeper.simulate.keepalived_control import KeepalivedControl
from hakeeper.simulate.node import Node
from hakeeper.simulate.paths import ISOLATED_UNTIL_S
from hakeeper.simulate.pipe import Pipe

if TYPE_CHECKING:
    from hakeeper.simulate.world import World

RESPAWN_S = 0.1


class VrrpFaults:
    """What each kind does to keepalived, or to what it hears."""

    def __init__(self, world: "World", keepalived: KeepalivedControl, lasts: Lasts) -> None:
        """Strike this world."""
        self._world = world
        self._keepalived = keepalived
        self._lasts = lasts

    def table(self) -> Table:
        """Return what to do for each kind."""
        return {
            Kind.FAILOVER: self._failover,
            Kind.FLAP: self.flap,
            Kind.FLAP_ONE: self._flap_one,
            Kind.SPLIT: self._split,
            Kind.ONE_WAY: self._one_way,
            Kind.NOBODY: self._nobody,
            Kind.KEEPALIVED_KILLED: self._kill,
            Kind.CHILD_CRASH: self._crash_child,
            Kind.KEEPALIVED_FROZEN: self._freeze,
            Kind.KEEPALIVED_HUNG: self._freeze,
            Kind.PRIORITY: self._priority,
            Kind.KEEPALIVED_RELOAD: self._reload,
            Kind.BROKEN_RELOAD: self._broken_reload,
            Kind.NO_ADDRESS: self._no_address,
        }

    def _failover(self, fault: Fault, node: Node) -> Undo:
        del fault
        self._keepalived.stop(node)
        return lambda: self._keepalived.start(node)

    def _kill(self, fault: Fault, node: Node) -> Undo:
        del fault
        if node.keepalived.process is not None:
            self._keepalived.kill(node)
        return lambda: self._keepalived.start(node)

    def _crash_child(self, fault: Fault, node: Node) -> Undo:
        """The VRRP child dies; its parent starts another one at once."""
        del fault
        if node.keepalived.process is not None:
            self._keepalived.kill(node)
            self._world.agenda.after(RESPAWN_S, self._keepalived.start, node)
        return nothing

    def _freeze(self, fault: Fault, node: Node) -> Undo:
        del fault
        if node.keepalived.process is None or node.keepalived.frozen:
            return nothing
        process = node.keepalived.process
        self._keepalived.freeze(node, frozen=True)

        def undo() -> None:
            self._world.observers.keepalived_resumes(node)
            if node.keepalived.process == process:
                self._keepalived.freeze(node, frozen=False)

        return undo

    def flap(self, fault: Fault, node: Node) -> Undo:
        """The track script fails and recovers, 0.1 to 10 times a second."""
        period_s = 0.1 * 100.0**fault.value
        return self._flap(fault, period_s, lambda change: self._keepalived.check(node, change))

    def _flap_one(self, fault: Fault, node: Node) -> Undo:
        """The same for one instance alone, often twenty edges a second."""
        vrrp = self._world.vrrp[fault.one_of(self._world.layout.names_at(node.index))]
        period_s = 0.1 if fault.serial % 2 else 2.0
        return self._flap(fault, period_s, lambda change: vrrp.check(node.index, change))

    def _flap(self, fault: Fault, period_s: float, check: Callable[[int], None]) -> Undo:
        broken = 0

        def turn() -> None:
            nonlocal broken
            if self._lasts(fault):
                check(1 if broken == 0 else -1)
                broken = 1 - broken
                self._world.agenda.after(period_s / 2, turn)

        self._world.agenda.after(0.0, turn)

        def undo() -> None:
            nonlocal broken
            if broken:
                check(-1)
                broken = 0

        return undo

    def _split(self, fault: Fault, node: Node) -> Undo:
        """One node and all others of its cluster do not hear each other."""
        others = [o.index for o in self._neighbours(node)]
        pairs = [(node.index, o) for o in others] + [(o, node.index) for o in others]
        del fault
        return self._cut(pairs)

    def _one_way(self, fault: Fault, node: Node) -> Undo:
        others = [o.index for o in self._neighbours(node)]
        if not others:
            return nothing
        other = others[fault.other % len(others)]
        return self._cut([(node.index, other)])

    def _neighbours(self, node: Node) -> list[Node]:
        return [
            self._world.nodes[i] for i in self._world.layout.members(node.index) if i != node.index
        ]

    def _cut(self, pairs: list[tuple[int, int]]) -> Undo:
        cuts = self._world.cuts
        for pair in pairs:
            cuts[pair] = cuts.get(pair, 0) + 1
        self._refresh(pairs)

        def undo() -> None:
            for pair in pairs:
                cuts[pair] -= 1
            self._refresh(pairs)

        return undo

    def _refresh(self, pairs: list[tuple[int, int]]) -> None:
        if pairs:
            for name in self._world.layout.names_at(pairs[0][0]):
                self._world.vrrp[name].refresh()

    def _nobody(self, fault: Fault, node: Node) -> Undo:
        """What all of them check is broken: no MASTER anywhere."""
        del fault
        everybody = [self._world.nodes[i] for i in self._world.layout.members(node.index)]
        for each in everybody:
            self._keepalived.check(each, 1)

        def undo() -> None:
            for each in everybody:
                self._keepalived.check(each, -1)

        return undo

    def _priority(self, fault: Fault, node: Node) -> Undo:
        name = self._world.layout.names_at(node.index)[0]
        vrrp = self._world.vrrp[name]
        before = vrrp.routers[node.index].priority
        lowered = max(1, before - 10 - int(fault.value * 80))
        notify = fault.serial % 2 == 0
        if before < 100:  # noqa: PLR2004 - already lowered by another fault
            return nothing
        vrrp.reprioritize(node.index, lowered, notify=notify)
        return lambda: vrrp.reprioritize(node.index, before, notify=notify)

    def _reload(self, fault: Fault, node: Node) -> Undo:
        """SIGHUP; in half of the cases of a keepalived that made its FIFO itself: another one."""
        if node.keepalived.process is None or node.keepalived.frozen:
            return nothing
        if fault.value < 0.5 and isinstance(node.place.at_path, Pipe):  # noqa: PLR2004
            node.lay(Pipe())
            node.turns.look_soon()
        self._keepalived.reload(node)
        return nothing

    def _broken_reload(self, fault: Fault, node: Node) -> Undo:
        """A broken configuration ends keepalived without a line; its addresses stay."""
        return self._kill(fault, node)

    def _no_address(self, fault: Fault, node: Node) -> Undo:
        """The private address is missing: it hears nobody, and newer keepalived says MASTER."""
        del fault
        self._plug(node, 1)
        return lambda: self._plug(node, -1)

    def _plug(self, node: Node, change: int) -> None:
        node.unplugged += change
        node.turns.look_soon()
        for name in self._world.layout.names_at(node.index):
            self._world.vrrp[name].unplug(node.index, isolated=node.unplugged > 0)
        self._world.agenda.after(ISOLATED_UNTIL_S + 0.1, self._world.observers.conditions_changed)

"""Faults of VRRP: of the keepalived processes, of what they check, and of the links between."""

from collections.abc import Callable
from dataclasses import dataclass

from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.faults.action import Lasts, Table, Undo, nothing
from hakeeper.simulate.faults.kinds import Fault, Kind
from hakeeper.simulate.node import Node
from hakeeper.simulate.observer import Observer
from hakeeper.simulate.paths import ISOLATED_UNTIL_S
from hakeeper.simulate.pipe import Pipe
from hakeeper.simulate.vrrp import Links

RESPAWN_S = 0.1


@dataclass(frozen=True, slots=True)
class VrrpFaults:
    """What each kind does to keepalived, or to what it hears."""

    links: Links
    agenda: Agenda
    observers: Observer
    lasts: Lasts

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
        node.keepalived.stop()
        return node.keepalived.start

    def _kill(self, fault: Fault, node: Node) -> Undo:
        del fault
        if node.keepalived.process is not None:
            node.keepalived.kill()
        return node.keepalived.start

    def _crash_child(self, fault: Fault, node: Node) -> Undo:
        """The VRRP child dies; its parent starts another one at once."""
        del fault
        if node.keepalived.process is not None:
            node.keepalived.kill()
            self.agenda.after(RESPAWN_S, node.keepalived.start)
        return nothing

    def _freeze(self, fault: Fault, node: Node) -> Undo:
        del fault
        if node.keepalived.process is None or node.keepalived.frozen:
            return nothing
        process = node.keepalived.process
        node.keepalived.freeze(frozen=True)

        def undo() -> None:
            self.observers.keepalived_resumes(node)
            if node.keepalived.process == process:
                node.keepalived.freeze(frozen=False)

        return undo

    def flap(self, fault: Fault, node: Node) -> Undo:
        """The track script fails and recovers, 0.1 to 10 times a second."""
        period_s = 0.1 * 100.0**fault.value
        return self._flap(fault, period_s, node.keepalived.check)

    def _flap_one(self, fault: Fault, node: Node) -> Undo:
        """The same for one instance alone, often twenty edges a second."""
        vrrp = fault.one_of([*node.vrrp.values()])
        period_s = 0.1 if fault.serial % 2 else 2.0
        return self._flap(fault, period_s, lambda change: vrrp.check(node.index, change))

    def _flap(self, fault: Fault, period_s: float, check: Callable[[int], None]) -> Undo:
        broken = 0

        def turn() -> None:
            nonlocal broken
            if self.lasts(fault):
                check(1 if broken == 0 else -1)
                broken = 1 - broken
                self.agenda.after(period_s / 2, turn)

        self.agenda.after(0.0, turn)

        def undo() -> None:
            nonlocal broken
            if broken:
                check(-1)
                broken = 0

        return undo

    def _split(self, fault: Fault, node: Node) -> Undo:
        """One node and all others of its cluster do not hear each other."""
        del fault
        others = _neighbours(node)
        ways = [(node.index, o) for o in others] + [(o, node.index) for o in others]
        return self._cut(node, ways)

    def _one_way(self, fault: Fault, node: Node) -> Undo:
        others = _neighbours(node)
        if not others:
            return nothing
        other = others[fault.other % len(others)]
        return self._cut(node, [(node.index, other)])

    def _cut(self, node: Node, ways: list[tuple[int, int]]) -> Undo:
        def change(by: int) -> None:
            self.links.change(ways, by)
            for vrrp in node.vrrp.values():
                vrrp.refresh()

        change(1)
        return lambda: change(-1)

    def _nobody(self, fault: Fault, node: Node) -> Undo:
        """What all of them check is broken: no MASTER anywhere."""
        del fault

        def check(change: int) -> None:
            for index in _members(node):
                for vrrp in node.vrrp.values():
                    vrrp.check(index, change)

        check(1)
        return lambda: check(-1)

    def _priority(self, fault: Fault, node: Node) -> Undo:
        vrrp = next(iter(node.vrrp.values()))
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
            node.put_at_path(Pipe())
            node.turns.look_soon()
        node.keepalived.reload()
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
        for vrrp in node.vrrp.values():
            vrrp.unplug(node.index, isolated=node.unplugged > 0)
        self.agenda.after(ISOLATED_UNTIL_S + 0.1, self.observers.conditions_changed)


def _members(node: Node) -> list[int]:
    """Return the nodes of its cluster."""
    return [*next(iter(node.vrrp.values())).routers]


def _neighbours(node: Node) -> list[int]:
    return [index for index in _members(node) if index != node.index]

"""Faults made real: each begins, does what its kind does, and is undone when it ends."""

from typing import TYPE_CHECKING

from hakeeper.simulate.faults.action import Table, Undo
from hakeeper.simulate.faults.api import ApiFaults
from hakeeper.simulate.faults.fifo import FifoFaults
from hakeeper.simulate.faults.host import HostFaults
from hakeeper.simulate.faults.kinds import HARMLESS, Fault, Kind
from hakeeper.simulate.faults.vrrp import VrrpFaults
from hakeeper.simulate.keepalived_control import KeepalivedControl
from hakeeper.simulate.node import Node
from hakeeper.simulate.pipe import Pipe

if TYPE_CHECKING:
    from hakeeper.simulate.world import World

HELD_BACK_S = 31.0
"""After a 429 its wait of up to half a minute is heeded."""


class Injector:
    """Begins and ends faults; every node knows how many things are wrong with it."""

    def __init__(self, world: "World") -> None:
        """Strike this world."""
        self.world = world
        self._keepalived = KeepalivedControl(world)
        self._running: dict[int, tuple[Fault, Undo]] = {}
        vrrp = VrrpFaults(world, self._keepalived, self._lasts)
        hosts = HostFaults(world, self._keepalived, self._lasts)
        fifo = FifoFaults(world, self._keepalived, hang=hosts.hang, flap=vrrp.flap)
        api = ApiFaults(world, self._lasts)
        self._do: Table = {**api.table(), **fifo.table(), **hosts.table(), **vrrp.table()}

    def begin(self, fault: Fault) -> None:
        """Let it begin, and end when its time has come."""
        world = self.world
        node = world.nodes[fault.node or 0]
        world.observers.fault_began(fault)
        undo = self._do[fault.kind](fault, node)
        if fault.lasts_s > 0.0:
            self._running[fault.serial] = (fault, undo)
            self._trouble(fault, 1)
            world.agenda.after(fault.lasts_s, self.end, fault.serial)
        else:
            undo()
        world.observers.conditions_changed()

    def end(self, serial: int) -> None:
        """End it, unless it was ended before."""
        running = self._running.pop(serial, None)
        if running is None:
            return
        fault, undo = running
        self.world.observers.fault_ends(fault)
        undo()
        if fault.kind is Kind.THROTTLED:  # its last word is heeded for a while yet
            longer_s = max(0.0, self.world.plan.shape.standby_interval_s - 60.0)
            self.world.agenda.after(HELD_BACK_S + longer_s, self._trouble_over, fault)
        else:
            self._trouble(fault, -1)
        self.world.observers.conditions_changed()

    def heal(self) -> None:
        """End everything at once."""
        self.world.observers.healing()
        for serial in list(self._running):
            self.end(serial)
        for node in self.world.nodes:
            node.crash_in = None
            if not isinstance(node.place.at_path, Pipe):
                node.place.at_path = Pipe()
                self._keepalived.reopen(node)

    def restart_where_no_role_is_known(self) -> None:
        """Do what an operator does where a hakeeper without D-Bus cannot know its role."""
        for node in self.world.nodes:
            if self.world.measurements.may_not_know_role(node):
                self.world.observers.keepalived_restarts(node)
                self._keepalived.stop(node)
                self._keepalived.start(node)

    def start_keepalived(self, node: Node) -> None:
        """Start keepalived on a node, if it is off and the machine is on."""
        self._keepalived.start(node)

    def _lasts(self, fault: Fault) -> bool:
        return fault.serial in self._running

    def _trouble(self, fault: Fault, change: int) -> None:
        if fault.kind not in HARMLESS:
            self.world.observers.impaired(fault, change)

    def _trouble_over(self, fault: Fault) -> None:
        self._trouble(fault, -1)
        self.world.observers.conditions_changed()

"""Faults made real: each begins, does what its kind does, and is undone when it ends."""

from collections.abc import Mapping, Sequence

from hakeeper.core.kind import Api
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.due_times import tail_s
from hakeeper.simulate.faults.action import Action, Table, Undo
from hakeeper.simulate.faults.kinds import HARMLESS, OBSTACLES, Fault, Kind
from hakeeper.simulate.node import Node
from hakeeper.simulate.observer import Observer
from hakeeper.simulate.pipe import Pipe
from hakeeper.simulate.plan import Shape

HELD_BACK_S = 31.0
"""After a 429 its wait of up to half a minute is heeded."""
MADE_ROOM_S = 13.0
"""A claim that met an obstacle looks after twelve seconds at most whether it is gone."""


class Injector:
    """Begins and ends faults; every node knows how many things are wrong with it."""

    def __init__(
        self,
        nodes: Sequence[Node],
        shape: Shape,
        agenda: Agenda,
        observers: Observer,
        apis: Mapping[str, Api],
    ) -> None:
        """Strike these nodes; begin without any action. `apis`: those of the world, by name."""
        self._nodes = nodes
        self._apis = apis
        self._throttled_for_s = HELD_BACK_S + shape.standby_slower_s()
        self._agenda = agenda
        self._observers = observers
        self._running: dict[int, tuple[Fault, Undo]] = {}
        self._actions: dict[Kind, Action] = {}

    def add(self, table: Table) -> None:
        """Take what to do for some kinds."""
        self._actions.update(table)

    def begin(self, fault: Fault) -> None:
        """Let it begin, and end when its time has come."""
        self._observers.fault_began(fault)
        undo = self._actions[fault.kind](fault, self._nodes[fault.node or 0])
        if fault.lasts_s > 0.0:
            self._running[fault.serial] = (fault, undo)
            self._trouble(fault, 1)
            self._agenda.after(fault.lasts_s, self.end, fault.serial)
        else:
            undo()
        self._observers.conditions_changed()

    def end(self, serial: int) -> None:
        """End it, unless it was ended before."""
        running = self._running.pop(serial, None)
        if running is None:
            return
        fault, undo = running
        self._observers.fault_ends(fault)
        undo()
        tail_s = self._tail_s(fault)
        if tail_s:
            self._agenda.after(tail_s, self._trouble_over, fault)
        elif fault.kind is Kind.THROTTLED:  # its last word is heeded for a while yet
            self._agenda.after(self._throttled_for_s, self._trouble_over, fault)
        elif fault.kind in OBSTACLES:
            self._agenda.after(MADE_ROOM_S, self._trouble_over, fault)
        else:
            self._trouble(fault, -1)
        self._observers.conditions_changed()

    def heal(self) -> None:
        """End everything at once."""
        self._observers.healing()
        for serial in list(self._running):
            self.end(serial)
        for node in self._nodes:
            node.crash_in = None
            if not isinstance(node.place.at_path, Pipe):
                node.place.at_path = Pipe()
                node.keepalived.reopen()

    def lasts(self, fault: Fault) -> bool:
        """Say whether it has begun and not ended."""
        return fault.serial in self._running

    def _tail_s(self, fault: Fault) -> float:
        api = self._apis.get(fault.api)
        return 0.0 if api is None else tail_s(fault.kind, api)

    def _trouble(self, fault: Fault, change: int) -> None:
        if fault.kind not in HARMLESS:
            self._observers.impaired(fault, change)

    def _trouble_over(self, fault: Fault) -> None:
        self._trouble(fault, -1)
        self._observers.conditions_changed()

"""Rules about losses: reads that lag and writes that were lost are none, and one is no contest."""

from collections import Counter
from collections.abc import Mapping

from hakeeper.cloud_register import Move
from hakeeper.core.decisions.claims import ResourceDrifted, ResourceHeldDown
from hakeeper.core.decisions.decision import Decision
from hakeeper.core.decisions.keepalived import RoleChanged
from hakeeper.core.events import Event
from hakeeper.core.model import Role
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.clouds import Clouds
from hakeeper.simulate.due_times import DueTimes, due_times
from hakeeper.simulate.layout import Layout
from hakeeper.simulate.node import Node
from hakeeper.simulate.observer import Observer
from hakeeper.simulate.verdicts import Demand

LOSSES = 2
"""So often it was taken away before that is a contest, and not a late write or a hand."""


class LossRules(Observer):
    """The rules."""

    def __init__(
        self,
        layout: Layout,
        number_of: Mapping[str, int],
        agenda: Agenda,
        clouds: Clouds,
        demand: Demand,
    ) -> None:
        """Begin before anything moved; `clouds` say whether reads are old.

        `number_of`: the number of an address by what the journal calls it.
        """
        self._layout = layout
        self._number_of = number_of
        self._agenda = agenda
        self._clouds = clouds
        self._demand = demand
        self._since: dict[tuple[int, int], float] = {}
        """By node and floating IP, since when what was taken away counts."""
        self._lost_at: dict[tuple[int, int], list[float]] = {}
        """When it was taken away."""
        self._reported: Counter[tuple[int, int]] = Counter()
        """How often that node said so."""

    def decided(self, node: Node, event: Event | None, decision: Decision) -> None:
        """Check what is said of losses."""
        del event
        match decision:
            case RoleChanged(vrrp, _, Role.MASTER):
                self._began(node.index, vrrp.name)
            case ResourceDrifted(_, label) if label in self._number_of:
                self._lost(node.index, self._number_of[label])
            case ResourceHeldDown(_, label) if label in self._number_of:
                self._contested(node.index, self._number_of[label])
            case _:
                pass

    def _began(self, index: int, name: str) -> None:
        """A node takes itself for MASTER of these addresses: old fights do not count."""
        for fip in self._layout.addresses[name]:
            self._since[index, fip] = self._agenda.now - self._due(fip).seen_late_s
            self._reported.pop((index, fip), None)

    def _due(self, fip: int) -> DueTimes:
        cloud = self._clouds.of(fip)
        return due_times(cloud.kind.api, cloud.nature)

    def moved(self, move: Move) -> None:
        """Hear that a holder changed, in truth."""
        if move.old is not None:
            self._lost_at.setdefault((int(move.old) - 1, move.number), []).append(move.at_s)

    def _losses(self, index: int, fip: int) -> int:
        since_s = self._since.get((index, fip), 0.0)
        return sum(at_s >= since_s for at_s in self._lost_at.get((index, fip), ()))

    def _lost(self, index: int, fip: int) -> None:
        """Check the word that an address was taken from this node.

        Reads that were older than `calls.LAG_S` may have told it of what it never had, long ago.
        """
        lost, reported = self._losses(index, fip), self._reported[index, fip] + 1
        faults = self._clouds.of(fip).faults
        if faults.stale_s or faults.stale_at > 0.0:
            self._reported[index, fip] = lost
            return
        self._reported[index, fip] = reported
        text, about = "ip-{} is called lost {} times, and was {} times", (fip, reported, lost)
        self._demand("lost_in_truth", index, lost >= reported, text, *about)

    def _contested(self, index: int, fip: int) -> None:
        """Check the word that others keep taking it."""
        faults = self._clouds.of(fip).faults
        if faults.stale_s or self._agenda.now - faults.stale_at <= self._due(fip).quick_loss_s:
            return
        lost = self._losses(index, fip)
        text = "ip-{} is called contested, lost {} times"
        self._demand("hold_down_earned", index, lost >= LOSSES, text, fip, lost)

"""Measures one world: how long addresses are away from their masters, and how often they move.

It also checks what an operator is promised about that; `hakeeper simulate` shows both.
"""

from hakeeper.core.calls import Mutate
from hakeeper.core.events import LinesRead, StartCall
from hakeeper.core.fifo_lines import LineState
from hakeeper.core.state import InvariantError
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.cloud import Move, WorldCloud
from hakeeper.simulate.faults.kinds import Fault
from hakeeper.simulate.layout import Layout
from hakeeper.simulate.measured import Measured
from hakeeper.simulate.node import Node
from hakeeper.simulate.observer import Batch, Observer
from hakeeper.simulate.paths import Paths
from hakeeper.simulate.repairs import Repairs
from hakeeper.simulate.split import check_split, moves_since
from hakeeper.simulate.verdicts import Verdicts


class Measurements(Observer):
    """The measurements of one world."""

    def __init__(
        self,
        layout: Layout,
        agenda: Agenda,
        cloud: WorldCloud,
        paths: Paths,
        verdicts: Verdicts,
    ) -> None:
        """Look at the cloud and at who is master; `verdicts` takes what broke a promise."""
        self.measured = Measured(evaluated=verdicts.evaluated)
        self.unserved: set[int] = set()
        """Masters that have not their addresses even when all faults are over."""
        self.split_at_s: float | None = None
        """When a split brain without end began."""
        self._layout = layout
        self._agenda = agenda
        self._cloud = cloud
        self._paths = paths
        self._verdicts = verdicts
        self._repairs = Repairs(layout, agenda, cloud, paths, self.measured, verdicts.demand)

    # --- what was measured -------------------------------------------------------------------

    @property
    def moves(self) -> list[Move]:
        """Every change of a holder."""
        return self._repairs.moves

    @property
    def settled_at(self) -> float:
        """When the last claim after a hold-down is over, with its closer reads."""
        return self._repairs.settled_at

    def held_down(self) -> bool:
        """Say whether some address waits for its contest to end."""
        return any(
            self._repairs.is_held_down(fip, master)
            for name, numbers in self._layout.addresses.items()
            for master in self._paths.masters(name)
            for fip in numbers
        )

    def split_moves(self) -> dict[int, list[float]]:
        """Return when each address moved, in seconds since the split without end began."""
        since_s = self._agenda.now if self.split_at_s is None else self.split_at_s
        return moves_since(since_s, self._layout.name_of, self.moves)

    # --- what happens ------------------------------------------------------------------------

    def fault_began(self, fault: Fault) -> None:
        """Count it."""
        self.measured.injected[fault.kind.value] += 1

    def conditions_changed(self) -> None:
        """Look at every address: does one master have a clear path to it now?"""
        for name in self._layout.addresses:
            self._repairs.assess(name, by_line=False)

    def split_begins(self) -> None:
        """Count the moves from now on."""
        self.split_at_s = self._agenda.now

    def ended(self, node: Node) -> None:
        """Look at the addresses of its cluster."""
        self._assess(node)

    def line_written(self, node: Node, name: str, state: LineState, *, kept: bool) -> None:
        """Look at the addresses of its cluster; somebody may have become master in this moment."""
        if state is LineState.MASTER_RX_LOWER_PRI:
            return
        del kept
        self._assess(node, master_of=name if state is LineState.MASTER else None)

    def moved(self, move: Move) -> None:
        """Measure how long it was away, or begin to."""
        self.measured.moves += 1
        self._repairs.moved(move)

    def hearing(self, node: Node) -> None:
        """Look at what a node believes before it handles events."""
        self._repairs.hearing(node.index, node.core.state)

    def handled(self, node: Node, batch: Batch) -> None:
        """Count assigns; lines may have told a node of what it did not know."""
        if any(isinstance(event, LinesRead) and event.lines for event in batch.events):
            self._assess(node)
        self.measured.assigns += sum(
            isinstance(effect, StartCall) and isinstance(effect.request, Mutate)
            for effect in batch.effects
        )

    def invariant_broken(self, node: Node, error: InvariantError) -> None:
        """Take it for a broken promise."""
        self._verdicts.violated("core_guard", node.index, f"exit code 70: {error}")

    def _assess(self, node: Node, *, master_of: str | None = None) -> None:
        for name in node.vrrp:
            self._repairs.assess(name, by_line=name == master_of)

    # --- the end -----------------------------------------------------------------------------

    def split_ends(self) -> None:
        """Check that a split brain without end moved its addresses seldom."""
        if self.split_at_s is not None:
            check_split(self._verdicts.demand, self._layout.shape, self.split_moves())

    def healed(self) -> None:
        """Check that every address is with its one master."""
        for name in self._layout.addresses:
            self._check_addresses(name)

    def _check_addresses(self, name: str) -> None:
        demand = self._verdicts.demand
        masters = self._paths.masters(name)
        ids = [master.server_id for master in masters]
        for fip in self._layout.addresses[name]:
            holder = self._cloud.holder(fip)
            right = ids == [holder]
            if not right:
                self.unserved.update(master.index for master in masters)
            waits = len(masters) == 1 and self._repairs.is_held_down(fip, masters[0])
            waiting = masters[0].index if waits else None
            held = right or not waits
            demand("hold_down_ends", waiting, held, "ip-{} waits for ever", fip)
            if not waits:
                demand(
                    "all_in_place", None, right, "ip-{} is with {}, masters: {}", fip, holder, ids
                )

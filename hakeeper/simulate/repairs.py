"""Rules about how long an address may be away from a master that has a clear path to it."""

from dataclasses import dataclass
from math import inf

from hakeeper.cloud_register import Move
from hakeeper.core.claim.rules import BETWEEN_STEPS_S
from hakeeper.core.claim.stages import HoldDown
from hakeeper.core.events import LinesRead
from hakeeper.core.roles.lines import LineState
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.cloud import number_of
from hakeeper.simulate.clouds import Clouds
from hakeeper.simulate.due_times import DueTimes, due_times
from hakeeper.simulate.faults.kinds import Kind
from hakeeper.simulate.layout import Layout
from hakeeper.simulate.measured import Measured, Times
from hakeeper.simulate.node import Node
from hakeeper.simulate.observer import Batch, Observer
from hakeeper.simulate.paths import Paths
from hakeeper.simulate.verdicts import Demand

ROUNDING_S = 1e-6
"""A wait that is shorter than this may be no wait at all."""


@dataclass(slots=True)
class _Epoch:
    """A time in which one address has one master, and nothing stands in its way."""

    master: Node
    by_line: bool
    wrong_since: float | None = None
    apart: bool = False
    """Whether another kind was in trouble when it last went wrong."""
    apis_apart: bool = False
    """Whether another API was, likewise."""
    came_at: float = -inf
    """When the address came to its master."""


class Repairs(Observer):
    """The rules; the times of what was repaired are counted."""

    def __init__(
        self,
        layout: Layout,
        agenda: Agenda,
        clouds: Clouds,
        paths: Paths,
        measured: Measured,
        demand: Demand,
    ) -> None:
        """Begin before anybody is master; the times go into `measured`."""
        self.moves: list[Move] = []
        """Every change of a holder."""
        self.unserved: set[int] = set()
        """Masters that have not their addresses even when all faults are over."""
        self.settled_at = -inf
        """When the last claim is over, with its closer reads."""
        self._layout = layout
        self._agenda = agenda
        self._clouds = clouds
        self._paths = paths
        self._measured = measured
        self._demand = demand
        self._due: dict[str, DueTimes] = {}
        self._slower_s: dict[str, float] = {}
        """By the kind."""
        for name, kind in clouds.kinds.items():
            self._slower_s[name] = layout.shape.queue_s()
            if kind.releases_first:  # what nobody has may be on its way to another server
                self._slower_s[name] += BETWEEN_STEPS_S + layout.shape.action_s
            gap_s = clouds.reading_gap_s(clouds.twins[name])
            self._slower_s[name] += max(0.0, gap_s - layout.shape.interval_s)
            self._due[name] = due_times(kind.api, clouds.twins[name].nature)
        self._epochs: dict[int, _Epoch] = {}
        self._held_down_at: dict[tuple[int, int], float] = {}
        """When a node was last seen to hold down for an address."""

    # --- what happens ------------------------------------------------------------------------

    def conditions_changed(self) -> None:
        """Look at every address."""
        for name in self._layout.addresses:
            self._assess_instance(name, by_line=False)

    def ended(self, node: Node) -> None:
        """Look at the addresses of its cluster."""
        self._assess_cluster(node)

    def line_written(self, node: Node, name: str, state: LineState, *, kept: bool) -> None:
        """Look at the addresses of its cluster; somebody may have become master in this moment."""
        del kept
        if state is not LineState.MASTER_RX_LOWER_PRI:
            self._assess_cluster(node, master_of=name if state is LineState.MASTER else None)

    def handled(self, node: Node, batch: Batch) -> None:
        """Lines may have told a node of what it did not know."""
        if any(isinstance(event, LinesRead) and event.lines for event in batch.events):
            self._assess_cluster(node)

    def _assess_cluster(self, node: Node, *, master_of: str | None = None) -> None:
        for name in node.vrrp:
            self._assess_instance(name, by_line=name == master_of)

    def _assess_instance(self, name: str, *, by_line: bool) -> None:
        """Look at an instance's addresses: does one master have a clear path to them now?

        `by_line`: somebody became its master in this moment.
        """
        masters = {}
        for fip in self._layout.addresses[name]:
            cloud = self._clouds.of(fip)
            if cloud not in masters:
                masters[cloud] = self._paths.master(name, cloud)
            master = masters[cloud]
            able = master is not None and cloud.may_have(fip, master.server_id)
            clear = able and not cloud.is_locked(fip)
            self._assess(fip, master if clear else None, by_line=by_line)

    def moved(self, move: Move) -> None:
        """Hear that a holder changed."""
        self.moves.append(move)
        now = self._agenda.now
        claimed = move.cause == f"server {move.new}"  # its own claim, which it now watches closely
        if claimed:
            settled_at = now + self._due_of(move.number).settled_after_s
            self.settled_at = max(self.settled_at, settled_at)
        epoch = self._epochs.get(move.number)
        if epoch is None:
            return
        if move.new == epoch.master.server_id:
            self._repaired(move.number, epoch, now)
            if claimed:
                epoch.came_at = now
        elif epoch.wrong_since is None:
            epoch.by_line = False
            self._wrong(move.number, epoch, now)

    def hearing(self, node: Node) -> None:
        """Look at what a node believes before it hears events: these may end a hold-down."""
        for resource, _ in node.core.state.in_stage(HoldDown):
            if resource.observation is not None:
                fip = number_of(resource.observation.id)
                self._held_down_at[node.index, fip] = self._agenda.now
                settled_at = self._agenda.now + self._due_of(fip).settled_after_s
                self.settled_at = max(self.settled_at, settled_at)

    # --- epochs ------------------------------------------------------------------------------

    def _assess(self, fip: int, master: Node | None, *, by_line: bool) -> None:
        epoch = self._epochs.get(fip)
        if master is None:
            self._epochs.pop(fip, None)
            return
        if epoch is not None and epoch.master is master:
            return
        now = self._agenda.now
        epoch = _Epoch(master, by_line)
        self._epochs[fip] = epoch
        if self._clouds.holder(fip) != master.server_id:
            self._wrong(fip, epoch, now)

    def _wrong(self, fip: int, epoch: _Epoch, now: float) -> None:
        epoch.wrong_since = now
        kind, exemptions = self._clouds.of(fip).kind, self._paths.exemptions
        epoch.apart = exemptions.others_in_trouble(epoch.master.index, kind)
        epoch.apis_apart = exemptions.apis_in_trouble(epoch.master.index, kind)
        slower_s, due = self._slower_s[self._layout.kind_of[fip]], self._due_of(fip)
        limit_s = self._repair_s(fip)
        jumped = epoch.master.jumped_at > epoch.came_at  # its settling is over
        if now - epoch.came_at < due.settles_s and not jumped:
            limit_s = due.settled_repair_s + slower_s
        if self._clouds.of(fip).faults.locked:
            limit_s += due.round_s
        self._agenda.after(limit_s, self._still_wrong, fip, epoch, now, limit_s)

    def _due_of(self, fip: int) -> DueTimes:
        return self._due[self._clouds.of(fip).kind.name]

    def _repair_s(self, fip: int) -> float:
        kind = self._clouds.of(fip).kind
        slower_s = self._slower_s[kind.name] + self._layout.shape.slower_s([kind.api.name])
        return self._due_of(fip).repair_s + slower_s

    def _still_wrong(self, fip: int, epoch: _Epoch, since: float, limit_s: float) -> None:
        def again(after_s: float) -> None:
            self._agenda.after(after_s, self._still_wrong, fip, epoch, since, limit_s)

        if self._epochs.get(fip) is not epoch or epoch.wrong_since != since:
            return
        if self._is_held_down(fip, epoch.master):
            earned = self._is_hold_down_earned(fip, epoch.master)
            self._demand("hold_down_earned", epoch.master.index, earned, "ip-{} is left alone", fip)
            again(self._repair_s(fip))
            return
        cloud, repair_s = self._clouds.of(fip), self._repair_s(fip)
        able = cloud.may_have(fip, epoch.master.server_id)
        if not able or not self._paths.is_clear(epoch.master, self._layout.name_of[fip], cloud):
            del self._epochs[fip]
            return
        held_down_s = self._agenda.now - self._held_down_at.get((epoch.master.index, fip), -inf)
        if held_down_s < repair_s - ROUNDING_S:  # its turn came a moment ago
            again(repair_s - held_down_s)
            return
        if self._paths.has_spent_all(epoch.master, cloud):  # half of the quota is a promise, too
            again(repair_s)
            return
        turns_s = self._paths.turns_s(epoch.master, cloud)
        longest_s = repair_s + (turns_s or 0.0)
        if turns_s is not None and limit_s < longest_s:
            # It is not watched closely now, and what was refused takes turns.
            rest_s = longest_s - limit_s
            self._agenda.after(rest_s, self._still_wrong, fip, epoch, since, longest_s)
            return
        text = "ip-{} is with server {}, not with its master, for {:.0f} s"
        about = (fip, cloud.holder(fip), limit_s)
        self._demand(self._rule(fip, epoch), epoch.master.index, False, text, *about)  # noqa: FBT003

    def _rule(self, fip: int, epoch: _Epoch) -> str:
        """Return by which rule it must be: others may be refused or in trouble meanwhile."""
        cloud = self._clouds.of(fip)
        if cloud.faults.locked:
            return "starves_nobody"
        if epoch.apart:
            return "kinds_apart"
        return "apis_apart" if epoch.apis_apart else "repaired"

    def _repaired(self, fip: int, epoch: _Epoch, now: float) -> None:
        if epoch.wrong_since is None:
            return
        held_down = self._held_down_at.get((epoch.master.index, fip), -inf) >= epoch.wrong_since
        took_s, epoch.wrong_since = now - epoch.wrong_since, None
        of_kind = self._measured.of_kind.setdefault(self._layout.kind_of[fip], Times())
        if held_down:
            for times in (self._measured, of_kind):
                times.hold_downs_s[int(took_s)] += 1
            return
        self._measured.evaluated[self._rule(fip, epoch)] += 1
        for times in (self._measured, of_kind):
            counter = times.claims_ms if epoch.by_line else times.repairs_ms
            counter[round(took_s * 1000)] += 1
        epoch.by_line = False

    # --- hold-downs ---------------------------------------------------------------------------

    def _is_held_down(self, fip: int, master: Node) -> bool:
        """Say whether this master leaves a contested address alone for a while."""
        if master.run is None:
            return False
        held_down = master.run.core.state.in_stage(HoldDown)
        seen = (resource.observation for resource, _ in held_down)
        return any(number_of(each.id) == fip for each in seen if each is not None)

    def held_down(self) -> bool:
        """Say whether some address waits for its contest to end."""
        return any(
            self._is_held_down(fip, master)
            for name, numbers in self._layout.addresses.items()
            for master in self._paths.masters(name)
            for fip in numbers
        )

    def unpaid(self) -> bool:
        """Say whether a master waits for its part of the quota, and has not its address."""
        return any(
            self._clouds.holder(fip) != master.server_id
            and self._paths.has_spent_all(master, self._clouds.of(fip))
            for name, numbers in self._layout.addresses.items()
            for master in self._paths.masters(name)
            for fip in numbers
        )

    def _is_hold_down_earned(self, fip: int, master: Node) -> bool:
        """Say whether others took it twice, or once while several others want it."""
        server_id, run = master.server_id, master.run
        moves = [move for move in self.moves if move.number == fip]
        others = {who for move in moves for who in (move.old, move.new)} - {None, server_id}
        taken = sum(move.new not in (None, server_id) for move in moves)
        if run is not None and run.core.state.silent_since_s is not None:
            return True  # its keepalived hangs
        old_reads = self._measured.injected[Kind.STALE_READ.value] > 0  # they can tell of losses
        return old_reads or taken > 1 or (taken == 1 and len(others) > 1)

    # --- the end -----------------------------------------------------------------------------

    def healed(self) -> None:
        """Check that every address is with its one master."""
        for name in self._layout.addresses:
            self._check_addresses(name)

    def _check_addresses(self, name: str) -> None:
        demand = self._demand
        masters = self._paths.masters(name)
        ids = [master.server_id for master in masters]
        for fip in self._layout.addresses[name]:
            holder = self._clouds.holder(fip)
            right = ids == [holder]
            if not right:
                self.unserved.update(master.index for master in masters)
            waits = len(masters) == 1 and self._is_held_down(fip, masters[0])
            waiting = masters[0].index if waits else None
            held = right or not waits
            demand("hold_down_ends", waiting, held, "ip-{} waits for ever", fip)
            if not waits:
                demand(
                    "all_in_place", None, right, "ip-{} is with {}, masters: {}", fip, holder, ids
                )

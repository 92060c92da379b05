"""Rules about how long an address may be away from a master that has a clear path to it."""

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from hakeeper.core.budget import Use
from hakeeper.core.claim_rules import WATCH_S
from hakeeper.core.stages import HoldDown
from hakeeper.core.state import State
from hakeeper.simulate.cloud import Move, number_of
from hakeeper.simulate.faults.kinds import Kind
from hakeeper.simulate.measured import Measured
from hakeeper.simulate.paths import Paths
from hakeeper.simulate.verdicts import Demand

if TYPE_CHECKING:
    from hakeeper.simulate.world import World

REPAIR_S = 15.0
"""One stable MASTER, an API that works: the address is with it after this."""
SETTLED_REPAIR_S = 7.0
"""The same for what is taken away within `SETTLES_S` after its master claimed it."""
SETTLES_S = 15.0
ROUND_S = 5.0
"""While others are refused, a token that was refused too costs its 12 s and a round's wait."""
SETTLED_AFTER_S = WATCH_S + 5.0
"""A claim that is begun is over, with the closer reads that follow it, after this."""


@dataclass(slots=True)
class _Epoch:
    """A time in which one address has one master, and nothing stands in its way."""

    master: int
    by_line: bool
    wrong_since: float | None = None
    came_at: float = -inf
    """When the address came to its master."""


class Repairs:
    """The rules; the times of what was repaired are counted."""

    def __init__(self, world: "World", paths: Paths, measured: Measured, demand: Demand) -> None:
        """Begin before anybody is master."""
        self.moves: list[Move] = []
        self.settled_at = -inf
        """When the last claim is over, with its closer reads."""
        self._world = world
        self._paths = paths
        self._measured = measured
        self._demand = demand
        shape = world.plan.shape
        self._queue_s = shape.queue_s()
        self._repair_s = REPAIR_S + self._queue_s + shape.slower_s()
        self._epochs: dict[int, _Epoch] = {}
        self._held_off_at: dict[tuple[int, int], float] = {}
        """When a node was last seen to hold down for an address."""

    # --- what happens ------------------------------------------------------------------------

    def assess(self, name: str, *, by_line: bool) -> None:
        """Look at an instance's addresses: does one master have a clear path to them now?

        `by_line`: somebody became its master in this moment.
        """
        master = self._paths.master(name)
        for fip in self._world.layout.addresses[name]:
            locked = self._world.cloud.is_locked(fip)
            self._assess(fip, None if locked else master, by_line=by_line)

    def moved(self, move: Move) -> None:
        """Hear that a holder changed."""
        self.moves.append(move)
        now = self._world.now
        claimed = move.cause == f"server {move.new}"  # its own claim, which it now watches closely
        if claimed:
            self.settled_at = now + SETTLED_AFTER_S
        epoch = self._epochs.get(move.floating_ip_id)
        if epoch is None:
            return
        if move.new == epoch.master + 1:
            self._repaired(move.floating_ip_id, epoch, now)
            if claimed:
                epoch.came_at = now
        elif epoch.wrong_since is None:
            epoch.by_line = False
            self._wrong(move.floating_ip_id, epoch, now)

    def hearing(self, index: int, state: State) -> None:
        """Look at what a node believes before it hears events: these may end a hold-down."""
        for resource, _ in state.in_stage(HoldDown):
            if resource.observation is not None:
                fip = number_of(resource.observation.id)
                self._held_off_at[index, fip] = self._world.now
                self.settled_at = self._world.now + SETTLED_AFTER_S

    # --- epochs ------------------------------------------------------------------------------

    def _assess(self, fip: int, master: int | None, *, by_line: bool) -> None:
        epoch = self._epochs.get(fip)
        if master is None:
            self._epochs.pop(fip, None)
            return
        if epoch is not None and epoch.master == master:
            return
        now = self._world.now
        epoch = _Epoch(master, by_line)
        self._epochs[fip] = epoch
        if self._world.cloud.holder(fip) != master + 1:
            self._wrong(fip, epoch, now)

    def _wrong(self, fip: int, epoch: _Epoch, now: float) -> None:
        epoch.wrong_since = now
        limit_s = self._repair_s
        jumped = self._world.nodes[epoch.master].jumped_at > epoch.came_at  # its settling is over
        if now - epoch.came_at < SETTLES_S and not jumped:
            limit_s = SETTLED_REPAIR_S + self._queue_s
        if self._world.cloud.faults.locked:
            limit_s += ROUND_S
        self._world.agenda.after(limit_s, self._still_wrong, fip, epoch, now, limit_s)

    def _still_wrong(self, fip: int, epoch: _Epoch, since: float, limit_s: float) -> None:
        def again(after_s: float) -> None:
            self._world.agenda.after(after_s, self._still_wrong, fip, epoch, since, limit_s)

        if self._epochs.get(fip) is not epoch or epoch.wrong_since != since:
            return
        if self.is_held_off(fip, epoch.master):
            earned = self._is_hold_down_earned(fip, epoch.master + 1)
            self._demand("hold_off_earned", epoch.master, earned, "ip-{} is left alone", fip)
            again(self._repair_s)
            return
        if not self._paths.is_clear(epoch.master, self._world.layout.name_of[fip]):
            del self._epochs[fip]
            return
        held_off_s = self._world.now - self._held_off_at.get((epoch.master, fip), -inf)
        if held_off_s < self._repair_s:  # its turn came a moment ago
            again(self._repair_s - held_off_s)
            return
        if self._has_spent_all(epoch.master):  # half of the quota is a promise, too
            again(self._repair_s)
            return
        text = "ip-{} is with server {}, not with its master, for {:.0f} s"
        about = (fip, self._world.cloud.holder(fip), limit_s)
        self._demand(self._rule(), epoch.master, False, text, *about)  # noqa: FBT003

    def _has_spent_all(self, index: int) -> bool:
        """Say whether this node may begin no claim for now, since its part of the quota is gone."""
        node = self._world.nodes[index]
        return node.run is not None and not node.run.core.api.budget.allows(Use.CLAIM, node.clock())

    def _rule(self) -> str:
        """Return by which rule it must be: others may be refused meanwhile."""
        return "starves_nobody" if self._world.cloud.faults.locked else "repaired"

    def _repaired(self, fip: int, epoch: _Epoch, now: float) -> None:
        if epoch.wrong_since is None:
            return
        held_off = self._held_off_at.get((epoch.master, fip), -inf) >= epoch.wrong_since
        took_s, epoch.wrong_since = now - epoch.wrong_since, None
        if held_off:
            self._measured.hold_downs_s[int(took_s)] += 1
            return
        self._measured.evaluated[self._rule()] += 1
        counter = self._measured.claims_ms if epoch.by_line else self._measured.repairs_ms
        counter[round(took_s * 1000)] += 1
        epoch.by_line = False

    # --- hold-downs ---------------------------------------------------------------------------

    def is_held_off(self, fip: int, master: int) -> bool:
        """Say whether this master leaves a contested address alone for a while."""
        run = self._world.nodes[master].run
        if run is None:
            return False
        held_down = run.core.state.in_stage(HoldDown)
        seen = (resource.observation for resource, _ in held_down)
        return any(number_of(each.id) == fip for each in seen if each is not None)

    def held_down(self) -> bool:
        """Say whether some address waits for its contest to end."""
        return any(
            self.is_held_off(fip, master.node)
            for name, vrrp in self._world.vrrp.items()
            for master in vrrp.masters()
            for fip in self._world.layout.addresses[name]
        )

    def _is_hold_down_earned(self, fip: int, server_id: int) -> bool:
        """Say whether others took it twice, or once while several others want it."""
        moves = [move for move in self.moves if move.floating_ip_id == fip]
        others = {who for move in moves for who in (move.old, move.new)} - {None, server_id}
        taken = sum(move.new not in (None, server_id) for move in moves)
        run = self._world.nodes[server_id - 1].run
        if run is not None and run.core.state.silent_since_s is not None:
            return True  # its keepalived hangs
        old_reads = self._measured.injected[Kind.STALE_READ.value] > 0  # they can tell of losses
        return old_reads or taken > 1 or (taken == 1 and len(others) > 1)

"""Looks at everything that happens in a world, and says what must never be, or not for so long.

Each room has rules of one kind (see `hakeeper.sim.world.verdicts`); the watch hears what happens,
and tells each room what concerns it, in the same order always.
"""

from typing import TYPE_CHECKING

from hakeeper.core.calls import Assign, CallResult, FloatingIpsListed
from hakeeper.core.events import (
    Effect,
    Event,
    KeepalivedGone,
    LinesLost,
    LinesRead,
    Report,
    RolesQueried,
    SaveState,
    StartCall,
    Started,
)
from hakeeper.core.lines import LineState
from hakeeper.core.model import Role, VrrpId, VrrpKind
from hakeeper.sim.world.call_rules import CallRules
from hakeeper.sim.world.cells import cells
from hakeeper.sim.world.cloud import Move
from hakeeper.sim.world.conduct import Conduct
from hakeeper.sim.world.contests import Contests
from hakeeper.sim.world.excuses import Excuses
from hakeeper.sim.world.fingerprint import Fingerprint
from hakeeper.sim.world.hanging import Hanging
from hakeeper.sim.world.kinds import Fault, Kind
from hakeeper.sim.world.narrator import narrate
from hakeeper.sim.world.node import Node, Run
from hakeeper.sim.world.peace import Peace
from hakeeper.sim.world.repairs import Repairs
from hakeeper.sim.world.saving import Saving
from hakeeper.sim.world.sending import Sending
from hakeeper.sim.world.split import judge_split, moves_since
from hakeeper.sim.world.tally import Tally
from hakeeper.sim.world.ticks import Ticks
from hakeeper.sim.world.verdicts import Verdicts, Violation
from hakeeper.sim.world.ways import Ways

if TYPE_CHECKING:
    from hakeeper.sim.world.world import World

MASTER = Role.MASTER.value


class Watch:
    """The rules of one world."""

    def __init__(self, world: "World") -> None:
        """Watch over this world."""
        self.world = world
        self.split_at_s: float | None = None
        self._tally = Tally()
        self._verdicts = Verdicts(world, self._tally)
        self.violations: list[Violation] = self._verdicts.violations
        demand = self._verdicts.demand
        self._excuses = Excuses(world)
        self._ways = Ways(world, self._excuses)
        self._conduct = Conduct(demand)
        self._calls = CallRules(world, self._tally, self._conduct, demand)
        self._sending = Sending(world, self._excuses, demand)
        self._saving = Saving(self._excuses, demand)
        self._ticks = Ticks(self._verdicts)
        self._repairs = Repairs(world, self._ways, self._tally, demand)
        self.moves: list[Move] = self._repairs.moves
        self._contests = Contests(world, demand)
        self._hanging = Hanging(world, demand)
        self._peace = Peace(world, self._repairs.is_held_off, demand)
        self._fingerprint = Fingerprint()

    # --- verdicts ----------------------------------------------------------------------------

    @property
    def stuck(self) -> bool:
        """Whether time does not go on any more."""
        return self._ticks.stuck

    @property
    def digest(self) -> int:
        """The same for the same plan, on every machine and in every process."""
        return self._fingerprint.digest

    @property
    def settled_at(self) -> float:
        """When the last claim after a hold-off is over, with its closer reads."""
        return self._repairs.settled_at

    def violated(self, rule: str, node: int | None, text: str) -> None:
        """Note that a rule was broken; each rule once."""
        self._verdicts.violated(rule, node, text)

    def tally(self) -> Tally:
        """Return the counts of this world."""
        self._tally.worlds = 1
        self._tally.simulated_s = self.world.now - self.world.agenda_start_s
        self._tally.moves = len(self.moves)
        return self._tally

    # --- what faults do ----------------------------------------------------------------------

    def injected(self, kind: Kind) -> None:
        """Count a fault."""
        self._tally.injected[kind.value] += 1

    def bitten(self, kind: Kind) -> None:
        """Count a call that a fault struck."""
        self._tally.bitten[kind.value] += 1

    def trouble(self, fault: Fault, change: int) -> None:
        """Something is wrong (or no longer) with a node, or with everybody."""
        self._excuses.trouble(fault, change)

    def mislead(self, node: Node, name: str) -> None:
        """Lines of this instance are missing or wrong: its belief may be as well, for a time."""
        self._excuses.mislead(node, name)

    def stood_still(self, node: Node) -> None:
        """Hear that hakeeper or its keepalived stops or goes on: no question was answered since."""
        self._excuses.stood_still(node)

    def thaws(self, node: Node) -> None:
        """Hear that a keepalived that was frozen is about to go on."""
        self._hanging.thaws(node)

    def meddled(self, node: Node) -> None:
        """The state file was changed by another hand."""
        self._excuses.meddle(node)

    # --- what happens ------------------------------------------------------------------------

    def began(self, node: Node) -> None:
        """A run of hakeeper begins."""
        self._tally.runs += 1
        self._calls.began(node.index)
        self._ticks.began(node.index)
        self._conduct.began(node.index)
        self.world.tell(f"node {node.index + 1}: hakeeper starts (run {node.runs})")

    def died(self, node: Node) -> None:
        """A run of hakeeper ended."""
        self.world.tell(f"node {node.index + 1}: hakeeper is gone")
        self.assess(node)

    def said(self, node: Node, name: str, word: LineState, *, kept: bool) -> None:
        """Hear that keepalived wrote a line, or could not."""
        if word is LineState.MASTER_RX_LOWER_PRI:
            return
        self._excuses.said(node, name, word, kept=kept)
        self.assess(node, master_of=name if word is LineState.MASTER else None)

    def moved(self, move: Move) -> None:
        """Hear that an owner changed."""
        self.world.tell(f"cloud: ip-{move.floating_ip_id}: {move.old} -> {move.new} ({move.cause})")
        self._calls.moved(move)
        self._contests.moved(move)
        self._repairs.moved(move)

    def sent(self, index: int, request: Assign) -> None:
        """Look at the very moment in which an assign's first byte goes out."""
        self.world.tell(f"node {index + 1}: sends assign of ip-{request.floating_ip_id}")
        self._sending.sent(index, request.floating_ip_id)

    def assess(self, node: Node | None = None, *, master_of: str | None = None) -> None:
        """Look at every address: does one master have a clear way to it now?

        `node`: only its cluster can be concerned. `master_of`: the instance of which somebody
        became master in this moment.
        """
        for name in self.world.vrrp if node is None else self.world.names_at(node.index):
            self._repairs.assess(name, by_line=name == master_of)

    def holding_off(self) -> bool:
        """Say whether some address waits for its contest to end."""
        return self._repairs.holding_off()

    def in_the_dark(self, node: Node) -> bool:
        """Say whether hakeeper there may rightly not know its role."""
        return self._ways.is_in_the_dark(node)

    # --- what hakeeper does ------------------------------------------------------------------

    def hearing(self, node: Node, event: Event) -> None:
        """Look at an event before the keeper hears it."""
        if node.run is not None:
            state = node.run.keeper.state
            self._conduct.hearing(node.index, state, event, node.clock())
            self._repairs.hearing(node.index, state)
            for said, role in cells(state, event):
                self._tally.transitions[said.value, role.value] += 1

    def handled(
        self,
        node: Node,
        event: Event,
        effects: tuple[Effect, ...],
        found: tuple[Report, ...],
        now: float,
    ) -> None:
        """Check what came of an event; `found`: all that there is to tell, told or held back."""
        run = node.run
        if run is None:
            return
        self._tally.events += 1
        self._fingerprint.mix(node.index, now, event, len(effects))
        if self.world.story is not None:
            narrate(self.world.tell, node.index, event, effects)
        self._conduct.handled(node.index, run.keeper.state, event, effects)
        if isinstance(event, CallResult):
            self._ended(node, run, event)
        elif isinstance(event, LinesRead):
            self._heard(node, run, event, effects)
        elif isinstance(event, KeepalivedGone | LinesLost):
            self._conduct.doubted(node.index, run.keeper.state, event)
        for report in found:
            self._found(node, event, report)
        if effects:
            self._performed(node, event, effects, now)
        self._ticks.handled(node.index, run.keeper.next_at(), now)

    def _ended(self, node: Node, run: Run, result: CallResult) -> None:
        self._calls.ended(node, result)
        if isinstance(result.outcome, FloatingIpsListed):
            self._saving.is_written(node, run.keeper.state)

    def _heard(self, node: Node, run: Run, event: LinesRead, effects: tuple[Effect, ...]) -> None:
        if not event.lines:
            return
        self._conduct.last_line(node.index, run.keeper.state, event)
        if not event.live or run.began_at == self.world.now:
            self._conduct.claims_nothing(node.index, effects)
        self._conduct.looked(node.index, run.keeper.state, node.clock())
        self.assess(node)

    def _performed(self, node: Node, event: Event, effects: tuple[Effect, ...], now: float) -> None:
        self._saving.begin()
        for effect in effects:
            match effect:
                case SaveState():
                    self._saving.saves()
                case StartCall():
                    self._called(node, effect, now)
                case Report():
                    self._tally.reports[effect.event] += 1
                    self._peace.told(node.index, effect)
                case _:
                    pass
        self._saving.end(node)
        if isinstance(event, Started | RolesQueried):
            self._conduct.claims_nothing(node.index, effects)

    def _called(self, node: Node, effect: StartCall, now: float) -> None:
        request = effect.request
        if isinstance(request, Assign):
            self._hanging.asked(node, request)
        self._saving.calls(node)
        self._fingerprint.mix(node.index, now, request, effect.call_id)
        self._peace.called(node.index, request)
        self._calls.started(node, effect, now)

    def _found(self, node: Node, event: Event, report: Report) -> None:
        index = node.index
        fip = self.world.number_of.get(str(report.fields.get("address", "")))
        if report.event == "role.changed":
            self._conduct.role_changed(index, event, report)
            if report.fields["previous_role"] == MASTER:
                self._calls.demoted(node, _named(report))
            if report.fields["role"] == MASTER:
                self._contests.began(index, self.world.addresses[_named(report).name])
        elif fip is None:
            return
        elif report.event == "address.claimed":
            self._calls.claimed(index, fip)
        elif report.event == "address.confirmed":
            self._calls.confirmed(index, fip)
        elif report.event == "address.drifted":
            self._conduct.lost(index, fip)
            self._contests.lost(index, fip)
        elif report.event == "address.contested":
            self._contests.contested(index, fip)

    # --- the end -----------------------------------------------------------------------------

    def judge_peace(self) -> None:
        """All faults are over for long enough: every address must be with its one master."""
        self._peace.judge(self._saving.is_written)

    def judge_quiet(self) -> None:
        """In peace: reads at their intervals, nothing else, no word, and all healthy."""
        self._peace.judge_quiet()

    def judge_split(self) -> None:
        """A split brain without end: few moves at first, then hardly any."""
        if self.split_at_s is not None:
            judge_split(self._verdicts.demand, self.world.plan.shape, self.split_moves())

    def split_moves(self) -> dict[int, list[float]]:
        """Return when each address moved, in seconds since the split began."""
        since_s = self.world.now if self.split_at_s is None else self.split_at_s
        return moves_since(since_s, self.world.name_of, self.moves)


def _named(report: Report) -> VrrpId:
    return VrrpId(VrrpKind(str(report.fields["kind"])), str(report.fields["instance"]))

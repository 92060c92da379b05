"""Looks at everything that happens in a world, and says what must never be, or not for so long.

Each room has rules of one kind, named in `world.rules`; the judge hears what happens, and tells
each room what concerns it, in the same order always. How long an address may be away is checked by
`hakeeper.simulate.measurements`.
"""

from dataclasses import dataclass

from hakeeper.adapters.journal.wording import entry_of
from hakeeper.core.calls import AllRead, CallResult, Mutate
from hakeeper.core.claim_events import Happening
from hakeeper.core.decisions import (
    Decision,
    OfResource,
    ResourceClaimed,
    ResourceConfirmed,
    ResourceDrifted,
    ResourceHeldDown,
    RoleChanged,
)
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
from hakeeper.core.kind import Kind as ResourceKind
from hakeeper.core.model import Role
from hakeeper.core.stages import Stage
from hakeeper.kinds import FLOATING_IPS
from hakeeper.simulate.cloud import Move, number_of
from hakeeper.simulate.faults.kinds import Kind
from hakeeper.simulate.node import Node
from hakeeper.simulate.observer import Observer
from hakeeper.simulate.plan import Plan
from hakeeper.simulate.verdicts import Violation
from hakeeper.simulate.world import World
from tests.world.call_rules import CallRules
from tests.world.coverage import cells
from tests.world.fingerprint import Fingerprint
from tests.world.hang_rules import HangRules
from tests.world.loss_rules import LossRules
from tests.world.move_rules import MoveRules
from tests.world.narrator import Narrator
from tests.world.quiet_rules import QuietRules
from tests.world.role_rules import RoleRules
from tests.world.save_rules import SaveRules
from tests.world.send_rules import SendRules
from tests.world.tally import Tally
from tests.world.tick_rules import TickRules


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of one world."""

    violations: list[Violation]
    tally: Tally
    digest: int
    """The same for the same plan, on every machine and in every process."""
    story: list[str]


def judged(
    plan: Plan, *, kind: ResourceKind = FLOATING_IPS, story: bool = False, go_on: bool = False
) -> Judged:
    """Run a world and judge it. `story`: keep what happens; `go_on`: a violation ends nothing."""
    world = World(plan, kind=kind, go_on=go_on)
    judge, narrator = Judge(world), Narrator(world.agenda)
    if story:
        world.observers.add(narrator)
    world.observers.add(judge)
    outcome = world.run()
    tally = judge.tally
    tally.add(outcome.measured)
    tally.worlds, tally.simulated_s = 1, outcome.simulated_s
    return Judged(outcome.violations, tally, judge.digest, narrator.story)


class Judge(Observer):
    """The rules of one world."""

    def __init__(self, world: World) -> None:
        """Judge this world."""
        self._agenda, self._addresses = world.agenda, world.layout.addresses
        self._number_of = {str(world.cloud.address(n)): n for n in world.layout.name_of}
        """By what the journal calls it."""
        self.tally = Tally()
        demand, exemptions = world.verdicts.demand, world.exemptions
        self._roles = RoleRules(demand)
        self._calls = CallRules(
            world.layout, world.agenda, world.cloud, self._roles, self.tally, demand
        )
        self._sending = SendRules(world.layout, world.agenda, exemptions, demand)
        self._saving = SaveRules(world.agenda, demand)
        self._ticks = TickRules(world.verdicts, world.stop)
        self._losses = LossRules(world.agenda, world.cloud.faults, demand)
        self._moves = MoveRules(self.tally, demand)
        self._hanging = HangRules(world.plan.shape.interval_s, demand)
        self._quiet = QuietRules(world.agenda, world.nodes, world.measurements.wronged, demand)
        self._fingerprint = Fingerprint()
        self._seen: tuple[Report, ...] = ()
        """What was reported while a batch was taken in."""

    @property
    def digest(self) -> int:
        """The same for the same plan, on every machine and in every process."""
        return self._fingerprint.digest

    # --- what happens ------------------------------------------------------------------------

    def call_struck(self, kind: Kind) -> None:
        """Count it."""
        self.tally.struck[kind.value] += 1

    def keepalived_resumes(self, node: Node) -> None:
        """Check what was to be seen of it until now."""
        self._hanging.resumes(node)

    def started(self, node: Node) -> None:
        """Begin anew with this node."""
        self.tally.runs += 1
        self._calls.began(node.index)
        self._ticks.began(node.index)
        self._roles.began(node.index)

    def moved(self, move: Move) -> None:
        """Tell who must know."""
        self._calls.moved(move)
        self._losses.moved(move)

    def assign_sent(self, node: Node, request: Mutate) -> None:
        """Look at the very moment in which an assign's first byte goes out."""
        self._sending.sent(node, number_of(request.resource))

    # --- what hakeeper does ------------------------------------------------------------------

    def hearing(self, node: Node) -> None:
        """Begin with a batch of events."""
        self._roles.hearing(node.index)

    def taking_in(self, node: Node, event: Event) -> None:
        """Look at an event before the core takes it in."""
        if node.run is not None:
            state = node.run.core.state
            self._roles.taking_in(node.index, state, event, node.clock())
            for said, role in cells(state, event):
                self.tally.transitions[said.value, role.value] += 1

    def took_in(self, node: Node, event: Event, reports: tuple[Report, ...]) -> None:
        """Check what came of an event, before anything is begun."""
        run = node.run
        if run is None:
            return
        self.tally.events += 1
        self._fingerprint.mix(node.index, node.clock(), event, len(reports))
        self._roles.took_in(node.index, run.core.state, event)
        if isinstance(event, CallResult):
            self._calls.ended(node, event)
        elif isinstance(event, LinesRead) and event.lines:
            self._roles.last_line(node.index, run.core.state, event)
            if not event.live or run.began_at == self._agenda.now:
                self._roles.claims_nothing(node.index, run.core.state)
        elif isinstance(event, KeepalivedGone | LinesLost):
            self._roles.doubted(node.index, run.core.state, event)
        elif isinstance(event, Started | RolesQueried):
            self._roles.claims_nothing(node.index, run.core.state)
        for report in reports:
            if isinstance(report.decision, RoleChanged):
                self._roles.role_changed(node.index, event, report.decision)
            self._found(node, report.decision)
        self._seen = (*self._seen, *reports)

    def claim_moved(self, node: Node, what: Happening, before: Stage, after: Stage) -> None:
        """Check that the claim table says so."""
        self._moves.moved(node.index, what, before, after)

    def handled(
        self,
        node: Node,
        events: tuple[Event, ...],
        effects: tuple[Effect, ...],
        found: tuple[Report, ...],
        now: float,
    ) -> None:
        """Check what came of a batch."""
        seen, self._seen = set(map(id, self._seen)), ()
        run = node.run
        if run is None:
            return
        self._fingerprint.mix(node.index, now, None, len(effects))
        self._roles.handled(node.index, run.core.state, effects)
        for report in found:
            if id(report) not in seen:
                self._found(node, report.decision)
        if any(isinstance(event, LinesRead) and event.lines for event in events):
            self._roles.looked(node.index, run.core.state, node.clock())
        self._performed(node, effects, now)
        if any(_is_list(event) for event in events):
            self._saving.is_written(node, run.core.state)
        self._ticks.handled(node.index, run.core.next_at(), now)

    def _performed(self, node: Node, effects: tuple[Effect, ...], now: float) -> None:
        self._saving.begin()
        for effect in effects:
            match effect:
                case SaveState():
                    self._saving.saves()
                case StartCall():
                    self._called(node, effect, now)
                case Report():
                    self.tally.reports[entry_of(effect).event] += 1
                    self._quiet.reported(node.index, effect)
                case _:
                    pass

    def _called(self, node: Node, effect: StartCall, now: float) -> None:
        request = effect.request
        if isinstance(request, Mutate):
            self._hanging.asked(node, request)
        self._saving.calls(node)
        self._fingerprint.mix(node.index, now, request, effect.call_id)
        self._quiet.called(node.index, request)
        self._calls.started(node, effect, now)

    def _found(self, node: Node, decision: Decision) -> None:
        index = node.index
        match decision:
            case RoleChanged(vrrp, before, after):
                if before is Role.MASTER:
                    self._calls.demoted(node, vrrp)
                if after is Role.MASTER:
                    self._losses.began(index, self._addresses[vrrp.name])
            case OfResource(_, label) if label in self._number_of:
                self._found_of(index, self._number_of[label], decision)
            case _:
                pass

    def _found_of(self, index: int, fip: int, decision: OfResource) -> None:
        match decision:
            case ResourceClaimed():
                self._calls.claimed(index, fip)
            case ResourceConfirmed():
                self._calls.confirmed(index, fip)
            case ResourceDrifted():
                self._roles.lost(index, fip)
                self._losses.lost(index, fip)
            case ResourceHeldDown():
                self._losses.contested(index, fip)
            case _:
                pass

    # --- the end -----------------------------------------------------------------------------

    def healed(self) -> None:
        """From now on, nothing happens but reads at their intervals."""
        self._quiet.healed(self._saving.is_written)

    def rested(self) -> None:
        """Check that nothing did."""
        self._quiet.rested()


def _is_list(event: Event) -> bool:
    return isinstance(event, CallResult) and isinstance(event.outcome, AllRead)

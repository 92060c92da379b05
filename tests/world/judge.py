"""Looks at everything that happens in a world, and says what must never be, or not for so long.

Each room has rules of one kind, named in `world.rules`; the judge hears what happens, and tells
each room what concerns it, in the same order always. How long an address may be away is checked by
`hakeeper.simulate.measurements`.
"""

from dataclasses import dataclass

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
from hakeeper.core.model import Role, VrrpId, VrrpKind
from hakeeper.simulate.cloud import Move
from hakeeper.simulate.faults.kinds import Kind
from hakeeper.simulate.node import Node, Run
from hakeeper.simulate.observer import Observer
from hakeeper.simulate.plan import Plan
from hakeeper.simulate.verdicts import Violation
from hakeeper.simulate.world import World
from tests.world.call_rules import CallRules
from tests.world.coverage import cells
from tests.world.fingerprint import Fingerprint
from tests.world.hang_rules import HangRules
from tests.world.loss_rules import LossRules
from tests.world.narrator import narrate
from tests.world.quiet_rules import QuietRules
from tests.world.role_rules import RoleRules
from tests.world.save_rules import SaveRules
from tests.world.send_rules import SendRules
from tests.world.tally import Tally
from tests.world.tick_rules import TickRules

MASTER = Role.MASTER.value


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of one world."""

    violations: list[Violation]
    tally: Tally
    digest: int
    """The same for the same plan, on every machine and in every process."""
    story: list[str]


def judged(plan: Plan, *, story: bool = False, go_on: bool = False) -> Judged:
    """Run a world and judge it. `story`: keep what happens; `go_on`: a violation ends nothing."""
    world = World(plan, story=story, go_on=go_on)
    judge = Judge(world)
    world.observers.add(judge)
    outcome = world.run()
    tally = judge.tally
    tally.add(outcome.measured)
    tally.worlds, tally.simulated_s = 1, outcome.simulated_s
    return Judged(outcome.violations, tally, judge.digest, outcome.story)


class Judge(Observer):
    """The rules of one world."""

    def __init__(self, world: World) -> None:
        """Judge this world."""
        self.world = world
        self.tally = Tally()
        demand, exemptions = world.verdicts.demand, world.measurements.exemptions
        self._roles = RoleRules(demand)
        self._calls = CallRules(world, self.tally, self._roles, demand)
        self._sending = SendRules(world, exemptions, demand)
        self._saving = SaveRules(demand)
        self._ticks = TickRules(world.verdicts, world.stop)
        self._losses = LossRules(world, demand)
        self._hanging = HangRules(world, demand)
        self._quiet = QuietRules(world, demand)
        self._fingerprint = Fingerprint()

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

    def assign_sent(self, index: int, request: Assign) -> None:
        """Look at the very moment in which an assign's first byte goes out."""
        self._sending.sent(index, request.floating_ip_id)

    # --- what hakeeper does ------------------------------------------------------------------

    def hearing(self, node: Node, event: Event) -> None:
        """Look at an event before the core hears it."""
        if node.run is not None:
            state = node.run.core.state
            self._roles.hearing(node.index, state, event, node.clock())
            for said, role in cells(state, event):
                self.tally.transitions[said.value, role.value] += 1

    def handled(
        self,
        node: Node,
        event: Event,
        effects: tuple[Effect, ...],
        found: tuple[Report, ...],
        now: float,
    ) -> None:
        """Check what came of an event."""
        run = node.run
        if run is None:
            return
        self.tally.events += 1
        self._fingerprint.mix(node.index, now, event, len(effects))
        if self.world.story is not None:
            narrate(self.world.log, node.index, event, effects)
        self._roles.handled(node.index, run.core.state, event, effects)
        if isinstance(event, CallResult):
            self._ended(node, run, event)
        elif isinstance(event, LinesRead):
            self._heard(node, run, event, effects)
        elif isinstance(event, KeepalivedGone | LinesLost):
            self._roles.doubted(node.index, run.core.state, event)
        for report in found:
            self._found(node, event, report)
        if effects:
            self._performed(node, event, effects, now)
        self._ticks.handled(node.index, run.core.next_at(), now)

    def _ended(self, node: Node, run: Run, result: CallResult) -> None:
        self._calls.ended(node, result)
        if isinstance(result.outcome, FloatingIpsListed):
            self._saving.is_written(node, run.core.state)

    def _heard(self, node: Node, run: Run, event: LinesRead, effects: tuple[Effect, ...]) -> None:
        if not event.lines:
            return
        self._roles.last_line(node.index, run.core.state, event)
        if not event.live or run.began_at == self.world.now:
            self._roles.claims_nothing(node.index, effects)
        self._roles.looked(node.index, run.core.state, node.clock())

    def _performed(self, node: Node, event: Event, effects: tuple[Effect, ...], now: float) -> None:
        self._saving.begin()
        for effect in effects:
            match effect:
                case SaveState():
                    self._saving.saves()
                case StartCall():
                    self._called(node, effect, now)
                case Report():
                    self.tally.reports[effect.event] += 1
                    self._quiet.reported(node.index, effect)
                case _:
                    pass
        if isinstance(event, Started | RolesQueried):
            self._roles.claims_nothing(node.index, effects)

    def _called(self, node: Node, effect: StartCall, now: float) -> None:
        request = effect.request
        if isinstance(request, Assign):
            self._hanging.asked(node, request)
        self._saving.calls(node)
        self._fingerprint.mix(node.index, now, request, effect.call_id)
        self._quiet.called(node.index, request)
        self._calls.started(node, effect, now)

    def _found(self, node: Node, event: Event, report: Report) -> None:
        index = node.index
        fip = self.world.number_of.get(str(report.fields.get("address", "")))
        if report.event == "role.changed":
            self._roles.role_changed(index, event, report)
            if report.fields["previous_role"] == MASTER:
                self._calls.demoted(node, _named(report))
            if report.fields["role"] == MASTER:
                self._losses.began(index, self.world.addresses[_named(report).name])
        elif fip is None:
            return
        elif report.event == "address.claimed":
            self._calls.claimed(index, fip)
        elif report.event == "address.confirmed":
            self._calls.confirmed(index, fip)
        elif report.event == "address.drifted":
            self._roles.lost(index, fip)
            self._losses.lost(index, fip)
        elif report.event == "address.held_down":
            self._losses.contested(index, fip)

    # --- the end -----------------------------------------------------------------------------

    def healed(self) -> None:
        """From now on, nothing happens but reads at their intervals."""
        self._quiet.healed(self._saving.is_written)

    def rested(self) -> None:
        """Check that nothing did."""
        self._quiet.rested()


def _named(report: Report) -> VrrpId:
    return VrrpId(VrrpKind(str(report.fields["kind"])), str(report.fields["instance"]))

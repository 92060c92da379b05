"""The whole: nodes, links, VRRP and the cloud over virtual time, run from one plan."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from hakeeper.core.fifo_lines import LineState
from hakeeper.core.kind import Kind, Kinds
from hakeeper.core.model import Role
from hakeeper.kinds import FLOATING_IPS
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.calls import LATEST_LANDING_S
from hakeeper.simulate.cloud import Move, Nature, WorldCloud
from hakeeper.simulate.faults.call import CallFault
from hakeeper.simulate.faults.injector import Injector
from hakeeper.simulate.faults.kinds import ECHOES
from hakeeper.simulate.keepalived import line_bytes
from hakeeper.simulate.layout import Layout
from hakeeper.simulate.measured import Measured
from hakeeper.simulate.measurements import Measurements
from hakeeper.simulate.node import Node
from hakeeper.simulate.observer import Observers
from hakeeper.simulate.plan import WARM_UP_S, Course, Plan
from hakeeper.simulate.verdicts import Verdicts, Violation
from hakeeper.simulate.vrrp import Router, Vrrp, VrrpSettings, VrrpState

START_S = 1000.0
ELECTION_S = 8.0
"""After the last fault: keepalived needs this to agree on its masters."""
PATIENCE_S = 60.0
"""After that, every address must be with its master, and the rest be settled."""
LONGEST_HOLD_DOWN_S = 2100.0
"""A contested address takes this at most, if no line ends the hold-down: see docs/dev/design.md."""
QUIET_S = 130.0
"""How long nothing may happen in the end."""
STRANGER = 999
"""A server of the project that takes part in nothing."""

ROLE_OF = {
    VrrpState.OFF: Role.STOPPED,
    VrrpState.BACKUP: Role.BACKUP,
    VrrpState.MASTER: Role.MASTER,
    VrrpState.FAULT: Role.FAULT,
}


@dataclass(slots=True)
class Outcome:
    """What came of one world."""

    violations: list[Violation]
    measured: Measured
    simulated_s: float


class World:
    """One world, whose nodes move resources of one kind."""

    def __init__(self, plan: Plan, *, kind: Kind = FLOATING_IPS, go_on: bool = False) -> None:
        """Build it; `go_on`: a violation does not end it."""
        self.plan = plan
        self.kind = kind
        self.kinds: Kinds = {kind.name: kind}
        self.layout = Layout(plan.shape, kind)
        self.agenda = Agenda(START_S)
        self.rng = Random(f"{plan.seed}-world")
        self.call_faults: list[CallFault] = []
        self.cuts: dict[tuple[int, int], int] = {}
        """How many faults cut the way from one node to another."""
        self.go_on = go_on
        self.split_at_s: float | None = None
        """When a split brain without end began."""
        self._stopped = False
        self.observers = Observers()
        self.verdicts = Verdicts(self.agenda, self.observers.rule_broken)
        self.measurements = Measurements(self, self.verdicts)
        self.observers.add(self.measurements)
        shape = plan.shape
        nature = Nature(
            latency_s=shape.latency_s,
            action_s=shape.action_s,
            holder_at_accept=shape.holder_at_accept,
            lock_servers=shape.lock_servers,
            limit_per_hour=shape.quota_per_hour,
            must_release=self.kind.releases_first,
        )
        self.cloud = WorldCloud(nature, self.kind, START_S, self.agenda.at, self._moved)
        self.vrrp: dict[str, Vrrp] = {}
        self.nodes = [Node(self, i, self.layout.settings_at(i)) for i in self.layout.nodes]
        self._people_the_cloud()
        self.number_of = {str(self.cloud.address(n)): n for n in self.layout.name_of}
        self._make_vrrp()
        self.injector = Injector(self)

    # --- building ----------------------------------------------------------------------------

    def _people_the_cloud(self) -> None:
        for node in self.nodes:
            self.cloud.add_server(node.server_id)
        self.cloud.add_server(STRANGER)
        holders = (None, STRANGER, *(node.server_id for node in self.nodes))
        for numbers in self.layout.addresses.values():
            for number in numbers:
                self.cloud.add_ip(number, self.rng.choice(holders))

    def _make_vrrp(self) -> None:
        shape = self.plan.shape
        for first in self.layout.nodes[:: shape.nodes]:
            for turn, name in enumerate(self.layout.names_at(first)):
                routers = [
                    Router(first + i, 150 - 10 * ((i + turn) % shape.nodes))
                    for i in range(shape.nodes)
                ]
                self.vrrp[name] = Vrrp(
                    routers,
                    VrrpSettings(
                        advert_s=shape.advert_s,
                        nopreempt=shape.nopreempt,
                        last_advert=shape.last_advert,
                    ),
                    self.agenda,
                    self.rng,
                    linked=self.linked,
                    say=self._sayer(name),
                )

    def _sayer(self, name: str) -> Callable[[int, LineState, int], None]:
        return lambda node, word, priority: self.say(node, name, word, priority)

    # --- what nodes and faults ask -----------------------------------------------------------

    @property
    def now(self) -> float:
        """The time, in seconds."""
        return self.agenda.now

    def linked(self, sender: int, receiver: int) -> bool:
        """Say whether what one node sends reaches another."""
        return not self.cuts.get((sender, receiver))

    def roles_at(self, node: int) -> dict[str, Role]:
        """Return what keepalived answers to a question."""
        names = self.layout.names_at(node)
        return {name: ROLE_OF[self.vrrp[name].routers[node].state] for name in names}

    def say(self, node: int, name: str, word: LineState, priority: int) -> None:
        """Let keepalived write its line, to its group as well where there is one."""
        where = self.nodes[node]
        state_line = word in (LineState.MASTER, LineState.BACKUP, LineState.FAULT, LineState.STOP)
        if not self.layout.part_of[name].group:
            kept = where.write(line_bytes(name, word, priority, group=False))
        elif state_line:
            kept = where.write(line_bytes(name, word, priority, group=True))
        else:
            kept = True  # groups do not speak of priorities and adverts
        self.observers.line_written(where, name, word, kept=kept)

    def _moved(self, move: Move) -> None:
        self.observers.moved(move)

    # --- running -----------------------------------------------------------------------------

    def run(self) -> Outcome:
        """Let it all happen: warm-up, chaos, healing, and what must be true then."""
        plan = self.plan
        for node in self.nodes:
            self.agenda.after(self.rng.uniform(0.0, 2.0), node.start)
            self.agenda.after(self.rng.uniform(0.0, 2.0), self.injector.start_keepalived, node)
        if plan.course is Course.SPLIT:
            self.agenda.after(WARM_UP_S + 100.0 * self.rng.random(), self._split_for_ever)
        for fault in plan.faults:
            self.agenda.at(START_S + fault.at_s, self.injector.begin, fault)
        self._until(START_S + plan.chaos_s)
        if plan.course is Course.SPLIT:
            self.observers.split_ends()
        else:
            self._heal()
        return Outcome(
            violations=self.verdicts.violations,
            measured=self.measurements.measured,
            simulated_s=self.now - START_S,
        )

    def stop(self) -> None:
        """End it: time does not go on any more."""
        self._stopped = True

    def _until(self, end_s: float) -> None:
        if not self._over():
            self.agenda.run_until(end_s, self._over)

    def _until_all_run(self) -> None:
        """Wait until what was killed was started: only then can an operator see what it knows."""
        end_s = self.now + PATIENCE_S
        while any(node.run is None for node in self.nodes) and self.now < end_s:
            if self._over():
                return
            self._until(self.now + 1.0)

    def _over(self) -> bool:
        return self._stopped or (bool(self.verdicts.violations) and not self.go_on)

    def _split_for_ever(self) -> None:
        for one in range(len(self.nodes)):
            self.cuts.update(
                {(one, other): 1 for other in self.layout.members(one) if other != one}
            )
        self.split_at_s = self.now
        for vrrp in self.vrrp.values():
            vrrp.refresh()

    def _heal(self) -> None:
        """End every fault, and demand what was promised."""
        self.injector.heal()
        self._until(self.now + ELECTION_S)
        self._until_all_run()
        self.injector.restart_where_no_role_is_known()
        shape = self.plan.shape
        patience_s = PATIENCE_S + shape.slower_s() + max(0.0, shape.standby_interval_s - 60.0)
        self._until(self.now + ELECTION_S + patience_s)
        if any(fault.kind in ECHOES for fault in self.plan.faults):
            self._until(self.now + LATEST_LANDING_S)
        waited_until = self.now + LONGEST_HOLD_DOWN_S
        while self.measurements.held_down() and self.now < waited_until and not self._over():
            self._until(self.now + 10.0)
            if not self.measurements.held_down():
                self._until(self.now + patience_s)
        self._until(max(self.now, self.measurements.settled_at))
        if self._over():
            return
        self.observers.healed()
        self._until(self.now + max(QUIET_S, 2.0 * shape.standby_interval_s + 10.0))
        self.observers.rested()

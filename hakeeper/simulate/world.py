"""The whole: nodes, links, VRRP and the cloud over virtual time, run from one plan."""

from collections.abc import Iterator, Sequence
from random import Random

from hakeeper.core.kind import Kind
from hakeeper.core.model import VrrpId
from hakeeper.core.roles.lines import LineState
from hakeeper.kinds import FLOATING_IPS
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.alias_cloud import AliasCloud
from hakeeper.simulate.calls import LATEST_LANDING_S
from hakeeper.simulate.clouds import Clouds
from hakeeper.simulate.due_times import tail_s
from hakeeper.simulate.exemptions import Exemptions
from hakeeper.simulate.faults.api import ApiFaults
from hakeeper.simulate.faults.fifo import FifoFaults
from hakeeper.simulate.faults.host import HostFaults
from hakeeper.simulate.faults.injector import Injector
from hakeeper.simulate.faults.kinds import MOVE_LATE
from hakeeper.simulate.faults.networks import NetworkFaults
from hakeeper.simulate.faults.vrrp import VrrpFaults
from hakeeper.simulate.layout import Layout
from hakeeper.simulate.measured import Measured, Meter
from hakeeper.simulate.node import Node
from hakeeper.simulate.observer import Observers
from hakeeper.simulate.paths import Paths
from hakeeper.simulate.plan import WARM_UP_S, Course, Plan
from hakeeper.simulate.project import Project
from hakeeper.simulate.repairs import Repairs
from hakeeper.simulate.split import SplitMoves
from hakeeper.simulate.twins import cloud_of, fitted, nature_of
from hakeeper.simulate.verdicts import Verdicts, Violation
from hakeeper.simulate.vrrp import Links, Router, Vrrp, VrrpSettings

START_S = 1000.0
ELECTION_S = 8.0
"""After the last fault: keepalived needs this to agree on its masters."""
PATIENCE_S = 60.0
"""After that, every address must be with its master, and the rest be settled."""
LONGEST_HOLD_DOWN_S = 2100.0
"""A contested address takes this at most, if no line ends the hold-down: see docs/dev/design.md.
What a node may spend of the quota flows in again within this time, too."""
UNINVOLVED = 999
"""A server of the project that takes part in nothing."""


class World:
    """One world, whose nodes move resources of one kind or of several."""

    def __init__(
        self, plan: Plan, *, kinds: Sequence[Kind] = (FLOATING_IPS,), go_on: bool = False
    ) -> None:
        """Build it; `go_on`: a violation does not end it."""
        self.plan = plan = fitted(plan, kinds)
        self.go_on = go_on
        self.layout = Layout(plan.shape, {kind.name: kind for kind in kinds})
        self.agenda = Agenda(START_S)
        self.observers = Observers()
        self.links = Links()
        self.rng = Random(f"{plan.seed}-world")
        self.clouds = self._make_clouds(kinds)
        self.vrrp = dict(self._make_vrrp())
        self.nodes = [self._make_node(index) for index in self.layout.nodes]
        self.injector = self._make_injector()
        self.measured = Measured()
        self.verdicts = Verdicts(self.agenda, self.measured.evaluated, self.observers)
        demand = self.verdicts.demand
        self.exemptions = Exemptions(self.layout, self.agenda)
        self.paths = Paths(
            self.layout, self.agenda, self.clouds, self.nodes, self.vrrp, self.exemptions
        )
        self.repairs = Repairs(
            self.layout, self.agenda, self.clouds, self.paths, self.measured, demand
        )
        self.split = SplitMoves(self.layout, self.agenda, demand, self.clouds.kinds)
        for each in (self.exemptions, self.repairs, self.split, Meter(self.measured)):
            self.observers.add(each)
        self.observers.add(self.verdicts)
        self._stopped = False

    # --- building ----------------------------------------------------------------------------

    def _make_clouds(self, kinds: Sequence[Kind]) -> Clouds:
        """Make a twin for each kind; those of one API share its project."""
        servers = [*(node + 1 for node in self.layout.nodes), UNINVOLVED]
        projects: dict[str, Project] = {}
        twins = []
        for kind in kinds:
            project = projects.get(kind.api.name)
            if project is None:
                nature = nature_of(kind.api, self.plan)
                project = projects[kind.api.name] = Project(nature, self.agenda)
                for server_id in servers:
                    project.add_server(server_id)
            cloud = cloud_of(kind)(project, kind, self.agenda, self.observers.moved)
            chance = None if self.plan.shape.plain else Random(f"{self.plan.seed}-others")
            cloud.furnish(chance, self.observers, self.layout.most_of(kind.name))
            twins.append(cloud)
        clouds = Clouds(twins, self.layout.kind_of)
        holders = (None, UNINVOLVED, *servers[:-1])
        for number in self.layout.numbers:
            clouds.of(number).add_numbered(number, self.rng.choice(holders))
        return clouds

    @property
    def project(self) -> Project:
        """The API that moves its resources, or the first of them."""
        return next(iter(self.clouds.projects.values()))

    def _make_vrrp(self) -> Iterator[tuple[str, Vrrp]]:
        shape = self.plan.shape
        for first in self.layout.nodes[:: shape.nodes]:
            for turn, name in enumerate(self.layout.names_at(first)):
                routers = [
                    Router(first + i, 150 - 10 * ((i + turn) % shape.nodes))
                    for i in range(shape.nodes)
                ]
                settings = VrrpSettings(
                    vrrp_id=self.layout.vrrp_id(name),
                    advert_s=shape.advert_s,
                    nopreempt=shape.nopreempt,
                    last_advert=shape.last_advert,
                )
                yield (
                    name,
                    Vrrp(routers, settings, self.agenda, self.rng, links=self.links, say=self._say),
                )

    def _say(self, node: int, vrrp: VrrpId, word: LineState, priority: int) -> None:
        self.nodes[node].keepalived.say(vrrp, word, priority)

    def _make_node(self, index: int) -> Node:
        return Node(
            index,
            self.layout.settings_at(index, self.clouds.ref_of),
            {name: self.vrrp[name] for name in self.layout.names_at(index)},
            seed=self.plan.seed,
            same_chance=self.plan.shape.same_chance,
            agenda=self.agenda,
            clouds=self.clouds,
            observers=self.observers,
        )

    def _make_injector(self) -> Injector:
        seed, agenda, clouds, observers = self.plan.seed, self.agenda, self.clouds, self.observers
        apis = {kind.api.name: kind.api for kind in clouds.kinds.values()}
        injector = Injector(self.nodes, self.plan.shape, agenda, observers, apis)
        lasts = injector.lasts
        vrrp = VrrpFaults(self.links, agenda, observers, lasts)
        host = HostFaults(agenda, clouds, observers, lasts)
        fifo = FifoFaults(seed, agenda, observers, host.hang, vrrp.flap)
        api = ApiFaults(seed, self.layout, agenda, clouds, observers, lasts)
        for faults in (api, fifo, host, vrrp):
            injector.add(faults.table())
        for cloud in clouds.twins.values():
            if isinstance(cloud, AliasCloud):
                injector.add(NetworkFaults(cloud).table())
        return injector

    # --- running -----------------------------------------------------------------------------

    def run(self) -> list[Violation]:
        """Let it all happen: warm-up, chaos, healing; return what broke a rule."""
        plan = self.plan
        for node in self.nodes:
            self.agenda.after(self.rng.uniform(0.0, 2.0), node.start)
            self.agenda.after(self.rng.uniform(0.0, 2.0), node.keepalived.start)
        if plan.course is Course.SPLIT:
            self.agenda.after(WARM_UP_S + 100.0 * self.rng.random(), self._split_for_ever)
        for fault in plan.faults:
            self.agenda.at(START_S + fault.at_s, self.injector.begin, fault)
        self._until(START_S + plan.chaos_s)
        if plan.course is Course.SPLIT:
            self._end_split()
        else:
            self._heal()
        return self.verdicts.violations

    def stop(self) -> None:
        """End it: time does not go on any more."""
        self._stopped = True

    def _until(self, end_s: float) -> None:
        if not self._over():
            self.agenda.run_until(end_s, self._over)

    def _until_all_run(self) -> None:
        """Wait until what was killed was started: only then can an operator see what it knows."""
        end_s = self.agenda.now + PATIENCE_S
        while any(node.run is None for node in self.nodes) and self.agenda.now < end_s:
            if self._over():
                return
            self._until(self.agenda.now + 1.0)

    def _over(self) -> bool:
        return self._stopped or (bool(self.verdicts.violations) and not self.go_on)

    def _split_for_ever(self) -> None:
        self.observers.split_begins()
        for one in self.layout.nodes:
            others = (other for other in self.layout.members(one) if other != one)
            self.links.change(((one, other) for other in others), 1)
        for vrrp in self.vrrp.values():
            vrrp.refresh()

    def _end_split(self) -> None:
        """Demand what was promised of a split brain without end."""
        self.observers.split_ends()

    def _restart_where_no_role_is_known(self) -> None:
        """Do what an operator does where a hakeeper without D-Bus cannot know its role."""
        for node in self.nodes:
            if self.paths.may_not_know_role(node):
                self.observers.keepalived_restarts(node)
                node.keepalived.stop()
                node.keepalived.start()

    def _waits(self) -> bool:
        """Say whether a master rightly lacks an address: contested, or its quota is spent."""
        return self.repairs.held_down() or self.repairs.unpaid()

    def _patience_s(self) -> float:
        """Return how long it may take until every address is with its master."""
        patience_s = PATIENCE_S
        for cloud in self.clouds.twins.values():
            due, api = self.paths.due(cloud), cloud.kind.api
            tails = [tail_s(f.kind, api) for f in self.plan.faults if f.api == api.name]
            if due.idle_s:
                patience_s = max(patience_s, max([due.refused_s, *tails]) + due.repair_s)
        return patience_s

    def _heal(self) -> None:
        """End every fault, and demand what was promised."""
        self.injector.heal()
        self._until(self.agenda.now + ELECTION_S)
        self._until_all_run()
        self._restart_where_no_role_is_known()
        shape = self.plan.shape
        patience_s = self._patience_s() + self.layout.slower_s() + shape.standby_slower_s()
        self._until(self.agenda.now + ELECTION_S + patience_s)
        if any(fault.kind in MOVE_LATE for fault in self.plan.faults):
            self._until(self.agenda.now + LATEST_LANDING_S)
        waited_until = self.agenda.now + LONGEST_HOLD_DOWN_S
        while self._waits() and self.agenda.now < waited_until and not self._over():
            self._until(self.agenda.now + 10.0)
            if not self._waits():
                self._until(self.agenda.now + patience_s)
        self._until(max(self.agenda.now, self.repairs.settled_at))
        if self._over():
            return
        self.observers.healed()
        quiet_s = max(self.paths.due(cloud).quiet_s for cloud in self.clouds.twins.values())
        self._until(self.agenda.now + max(quiet_s, 2.0 * shape.standby_interval_s + 10.0))
        self.observers.rested()

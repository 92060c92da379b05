"""Rules about takes by hand: they end what is waited for, and only on a master."""

from dataclasses import dataclass

from hakeeper.core.calls import Mutate
from hakeeper.core.decisions import Decision
from hakeeper.core.events import Event, Report, StartCall, Taken
from hakeeper.core.stages import HoldDown, MutateDue
from hakeeper.core.take_decisions import TakeBegun
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.cloud import number_of
from hakeeper.simulate.clouds import Clouds
from hakeeper.simulate.exemptions import Exemptions
from hakeeper.simulate.faults.kinds import Fault, Kind
from hakeeper.simulate.layout import Layout
from hakeeper.simulate.node import Node
from hakeeper.simulate.observer import Batch, Observer
from hakeeper.simulate.paths import Paths
from hakeeper.simulate.verdicts import Demand
from hakeeper.simulate.vrrp import VrrpState
from tests.world.pause_rules import ACTS_S
from tests.world.send_rules import ON_ITS_WAY_S


@dataclass(frozen=True, slots=True, eq=False)
class _Take:
    """A take, and what it was to end the waiting of."""

    node: Node
    run: int
    at_s: float
    waiting: tuple[int, ...]


class TakeRules(Observer):
    """The rules."""

    def __init__(
        self,
        layout: Layout,
        agenda: Agenda,
        clouds: Clouds,
        paths: Paths,
        exemptions: Exemptions,
        demand: Demand,
    ) -> None:
        """Begin with nothing asked."""
        self._layout = layout
        self._agenda = agenda
        self._clouds = clouds
        self._paths = paths
        self._exemptions = exemptions
        self._demand = demand
        self._disturbed_s = agenda.now
        """When something else happened last that may be in the way."""
        self._sent_s: dict[tuple[int, int], float] = {}
        """By node and resource: its last assign."""
        self._asked_s: dict[int, float] = {}
        """By node: its last call."""
        self._before: tuple[int, ...] = ()
        """What waited when the take was about to be taken in."""

    # --- only a master --------------------------------------------------------------------------

    def decided(self, node: Node, event: Event | None, decision: Decision) -> None:
        """Check that whoever says that it claims may claim."""
        del event
        if not isinstance(decision, TakeBegun):
            return
        name, now = decision.vrrp.name, self._agenda.now
        router = node.vrrp[name].routers[node.index]
        may = (
            router.state is VrrpState.MASTER
            or now - router.left_at_s <= ON_ITS_WAY_S
            or now <= self._exemptions.misled_until(node.index, name)
        )
        text = "{} is taken although keepalived is {}"
        about = (decision.label, router.state.value)
        self._demand("taken_by_master", node.index, may, text, *about)

    # --- the waiting ends -----------------------------------------------------------------------

    def taking_in(self, node: Node, event: Event) -> None:
        """Look at what waits."""
        if isinstance(event, Taken) and node.run is not None:
            self._before = tuple(self._waiting(node))

    def _waiting(self, node: Node) -> list[int]:
        """Return what waits between two tries, or for the end of a hold-down."""
        clock, found = node.clock(), []
        for resource, _ in node.core.state.in_stage(MutateDue, HoldDown):
            seen, health = resource.observation, resource.kind.api.health
            held_s = max(health.assigns_held_until_s, health.held_until_s, health.shut_until_s)
            sent_s = resource.writes.last_sent_s + ACTS_S
            if seen is not None and max(held_s, sent_s) <= clock:
                found.append(number_of(seen.id))
        return found

    def took_in(self, node: Node, event: Event, reports: tuple[Report, ...]) -> None:
        """Look in a moment, when the event is done with, who has a clear path."""
        del reports
        if isinstance(event, Taken) and self._before:
            take = _Take(node, node.runs, self._agenda.now, self._before)
            self._before = ()
            self._agenda.after(0.0, self._check_path, take)

    def _check_path(self, take: _Take) -> None:
        free = tuple(fip for fip in take.waiting if self._is_free(fip, take.node))
        if free:
            take = _Take(take.node, take.run, take.at_s, free)
            self._agenda.after(ACTS_S + self._layout.shape.queue_s(), self._check_acts, take)

    def _is_free(self, fip: int, node: Node) -> bool:
        """Say whether nothing but waiting keeps this master from taking it."""
        cloud, name = self._clouds.of(fip), self._layout.name_of[fip]
        able = cloud.may_have(fip, node.server_id) and not cloud.is_locked(fip)
        spent = self._paths.has_spent_all(node, cloud)
        return able and not spent and self._paths.master(name, cloud) is node

    def _check_acts(self, take: _Take) -> None:
        node = take.node
        if node.runs != take.run or self._disturbed_s >= take.at_s:
            return
        for fip in take.waiting:
            cloud = self._clouds.of(fip)
            if not self._is_free(fip, node):
                continue
            acted_s = self._sent_s.get((node.index, fip), 0.0)
            if not cloud.kind.acts_on_known:  # it reads first
                acted_s = max(acted_s, self._asked_s.get(node.index, 0.0))
            text = "ip-{} waits, and nothing is done {:.0f} s after a take"
            acts = acted_s >= take.at_s or cloud.holder(fip) == node.server_id
            self._demand("take_acts", node.index, acts, text, fip, ACTS_S)

    # --- what else happens ---------------------------------------------------------------------

    def assign_sent(self, node: Node, request: Mutate) -> None:
        """Note the assigns of a node."""
        for resource in request.resources:
            self._sent_s[node.index, number_of(resource)] = self._agenda.now

    def handled(self, node: Node, batch: Batch) -> None:
        """Note the calls of a node."""
        if any(isinstance(effect, StartCall) for effect in batch.effects):
            self._asked_s[node.index] = self._agenda.now

    def fault_began(self, fault: Fault) -> None:
        """Note that the world is not calm."""
        self._disturb(fault)

    def fault_ends(self, fault: Fault) -> None:
        """Note that the world is not calm."""
        self._disturb(fault)

    def _disturb(self, fault: Fault) -> None:
        if fault.kind is not Kind.TAKE:
            self._disturbed_s = self._agenda.now

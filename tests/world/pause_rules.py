"""Rules about pauses: nothing is moved while one lasts, and what is due moves when it ends."""

from dataclasses import dataclass

from hakeeper.core.calls import Mutate
from hakeeper.core.events import StartCall
from hakeeper.core.stages import MutateDue
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.cloud import number_of
from hakeeper.simulate.clouds import Clouds
from hakeeper.simulate.faults.kinds import Fault, Kind
from hakeeper.simulate.layout import Layout
from hakeeper.simulate.node import Node
from hakeeper.simulate.observer import Batch, Observer
from hakeeper.simulate.paths import Paths
from hakeeper.simulate.verdicts import Demand

ACTS_S = 1.0
"""After a pause, what is due goes out within this."""


@dataclass(frozen=True, slots=True, eq=False)
class _End:
    """The end of a pause, and what was due then."""

    node: Node
    run: int
    at_s: float
    due: tuple[int, ...]


class PauseRules(Observer):
    """The rules."""

    def __init__(
        self, layout: Layout, agenda: Agenda, clouds: Clouds, paths: Paths, demand: Demand
    ) -> None:
        """Begin with nothing sent."""
        self._layout = layout
        self._agenda = agenda
        self._clouds = clouds
        self._paths = paths
        self._demand = demand
        self._disturbed_s = agenda.now
        """When something else happened last that may be in the way."""
        self._sent_s: dict[tuple[int, int], float] = {}
        """By node and resource: its last assign."""
        self._asked_s: dict[int, float] = {}
        """By node: its last call."""

    # --- nothing is sent -----------------------------------------------------------------------

    def assign_sent(self, node: Node, request: Mutate) -> None:
        """Check that nobody was promised that nothing is moved."""
        for resource in request.resources:
            fip = number_of(resource)
            self._sent_s[node.index, fip] = self._agenda.now
            paused = node.pauses.is_on
            self._demand("paused_sends_nothing", node.index, not paused, "ip-{} while paused", fip)

    # --- what is due goes out ------------------------------------------------------------------

    def pause_ended(self, node: Node) -> None:
        """Look in a second at what is due now; the pause itself is over in a moment."""
        if node.run is None:
            return
        clock, due = node.clock(), []
        for resource, stage in node.core.state.in_stage(MutateDue):
            seen, health = resource.observation, resource.kind.api.health
            held_s = max(health.assigns_from_s, health.assigns_held_until_s, health.shut_until_s)
            if seen is not None and max(resource.mutate_from_s(stage.due_at_s), held_s) <= clock:
                due.append(number_of(seen.id))
        end = _End(node, node.runs, self._agenda.now, tuple(due))
        self._agenda.after(0.0, self._check_path, end)

    def _check_path(self, end: _End) -> None:
        free = tuple(fip for fip in end.due if self._is_free(fip, end.node))
        if free:
            end = _End(end.node, end.run, end.at_s, free)
            self._agenda.after(ACTS_S + self._layout.shape.queue_s(), self._check_acts, end)

    def _is_free(self, fip: int, node: Node) -> bool:
        """Say whether nothing but a pause keeps this master from taking it."""
        cloud, name = self._clouds.of(fip), self._layout.name_of[fip]
        able = cloud.may_have(fip, node.server_id) and not cloud.is_locked(fip)
        spent = self._paths.has_spent_all(node, cloud)
        return able and not spent and self._paths.master(name, cloud) is node

    def _check_acts(self, end: _End) -> None:
        node = end.node
        if node.runs != end.run or self._disturbed_s >= end.at_s:
            return
        for fip in end.due:
            cloud = self._clouds.of(fip)
            if not self._is_free(fip, node) or cloud.holder(fip) == node.server_id:
                continue
            acted_s = self._sent_s.get((node.index, fip), 0.0)
            if not cloud.kind.acts_on_known:  # it reads first
                acted_s = max(acted_s, self._asked_s.get(node.index, 0.0))
            acts = acted_s >= end.at_s
            text = "ip-{} is due, and nothing is done {:.0f} s after a pause"
            self._demand("pause_ends_at_once", node.index, acts, text, fip, ACTS_S)

    # --- what else happens ---------------------------------------------------------------------

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
        if fault.kind is not Kind.PAUSE:
            self._disturbed_s = self._agenda.now

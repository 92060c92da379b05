"""What waited is acted on at once when an operator has ended the waiting, if the path is clear."""

from dataclasses import dataclass, replace
from math import inf

from hakeeper.core.calls import Mutate
from hakeeper.core.events import StartCall
from hakeeper.core.roles.lines import LineState
from hakeeper.core.state import STEADY_S
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
"""What is due goes out within this."""


@dataclass(frozen=True, slots=True, eq=False)
class _Moment:
    """When the waiting was ended, and what had waited."""

    node: Node
    run: int
    at_s: float
    waiting: tuple[int, ...]


class Promptness(Observer):
    """Judges it by `rule`; `text` says of a resource and ACTS_S what is wrong."""

    rule: str
    text: str
    own: Kind
    """The fault by which it is ended; any other one is in the way."""

    def __init__(
        self, layout: Layout, agenda: Agenda, clouds: Clouds, paths: Paths, demand: Demand
    ) -> None:
        """Begin with nothing asked or sent."""
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
        self._said_s: dict[tuple[int, str], float] = {}
        """By node and name: keepalived's last line."""

    def expect(self, node: Node, waiting: tuple[int, ...]) -> None:
        """Look in a moment, when the event is done with, who has a clear path, and later again."""
        moment = _Moment(node, node.runs, self._agenda.now, waiting)
        self._agenda.after(0.0, self._check_path, moment)

    def _check_path(self, moment: _Moment) -> None:
        free = tuple(fip for fip in moment.waiting if self._is_free(fip, moment.node))
        if free:
            moment = replace(moment, waiting=free)
            self._agenda.after(ACTS_S + self._layout.shape.queue_s(), self._check_acts, moment)

    def _is_free(self, fip: int, node: Node) -> bool:
        """Say whether nothing but the waiting keeps this master from taking it."""
        cloud, name = self._clouds.of(fip), self._layout.name_of[fip]
        locked = cloud.is_locked(fip) or cloud.is_busy(fip)
        able = cloud.may_have(fip, node.server_id) and not locked
        waits = self._paths.goes_one_by_one(node, cloud)
        waits = waits or self._paths.has_spent_all(node, cloud)
        flaps = self._agenda.now - self._said_s.get((node.index, name), -inf) < STEADY_S
        if flaps and self._paths.turns_s(node, cloud) is not None:
            return False  # such a role waits for calls that are few
        return able and not waits and self._paths.master(name, cloud) is node

    def _check_acts(self, moment: _Moment) -> None:
        node = moment.node
        if node.runs != moment.run or self._disturbed_s >= moment.at_s:
            return
        for fip in moment.waiting:
            cloud = self._clouds.of(fip)
            if not self._is_free(fip, node):
                continue
            acted_s = self._sent_s.get((node.index, fip), 0.0)
            if not cloud.kind.acts_on_known:  # it reads first
                acted_s = max(acted_s, self._asked_s.get(node.index, 0.0))
            acts = acted_s >= moment.at_s or cloud.holder(fip) == node.server_id
            self._demand(self.rule, node.index, acts, self.text, fip, ACTS_S)

    # --- what happens --------------------------------------------------------------------------

    def assign_sent(self, node: Node, request: Mutate) -> None:
        """Note the assigns of a node."""
        for resource in request.resources:
            self._sent_s[node.index, number_of(resource)] = self._agenda.now

    def handled(self, node: Node, batch: Batch) -> None:
        """Note the calls of a node."""
        if any(isinstance(effect, StartCall) for effect in batch.effects):
            self._asked_s[node.index] = self._agenda.now

    def line_written(self, node: Node, name: str, state: LineState, *, kept: bool) -> None:
        """Note that a role may have changed."""
        del state, kept
        self._said_s[node.index, name] = self._agenda.now

    def fault_began(self, fault: Fault) -> None:
        """Note that the world is not calm."""
        self._disturb(fault)

    def fault_ends(self, fault: Fault) -> None:
        """Note that the world is not calm."""
        self._disturb(fault)

    def _disturb(self, fault: Fault) -> None:
        if fault.kind is not self.own:
            self._disturbed_s = self._agenda.now

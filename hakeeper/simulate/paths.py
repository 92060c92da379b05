"""Who is master, and whether anything stands between a master and its addresses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

from hakeeper.core.apis.budget import Use
from hakeeper.core.apis.states import KindState
from hakeeper.core.keepalived.isolation import TRUST_AFTER_S
from hakeeper.core.model import NEVER, Role
from hakeeper.core.state import RELEASE_CALLS
from hakeeper.sequencer import LOOK_S
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.cloud import WorldCloud
from hakeeper.simulate.clouds import Clouds
from hakeeper.simulate.due_times import DueTimes, due_times
from hakeeper.simulate.exemptions import Exemptions
from hakeeper.simulate.layout import Layout
from hakeeper.simulate.node import Node
from hakeeper.simulate.vrrp import Vrrp

ISOLATED_UNTIL_S = TRUST_AFTER_S + LOOK_S + 0.5
"""After its private address came back, a master that is guarded waits at most so long."""


def calls_ahead(kind: KindState) -> int:
    """Return how many other calls must be affordable before the first one of a claim goes.

    Where a read comes first, both must be paid, and what was read meanwhile; before a release,
    what leads to the next step as well.
    """
    reads = 0 if kind.kind.acts_on_known else 3 * kind.pages
    return reads + (RELEASE_CALLS if kind.kind.releases_first else 0)


def _kind_state(node: Node, cloud: WorldCloud) -> KindState | None:
    """Return what the hakeeper there knows of a kind; None: it does not run, or has no such."""
    return None if node.run is None else node.core.state.apis.kinds.get(cloud.kind.name)


@dataclass(frozen=True, slots=True)
class Paths:
    """The paths of all nodes of one world."""

    layout: Layout
    agenda: Agenda
    clouds: Clouds
    nodes: Sequence[Node]
    vrrp: Mapping[str, Vrrp]
    exemptions: Exemptions

    def due(self, cloud: WorldCloud) -> DueTimes:
        """Return how long what is promised may take there."""
        return due_times(cloud.kind.api, cloud.nature)

    def masters(self, name: str) -> list[Node]:
        """Return those that are MASTER of this instance by their own word."""
        return [self.nodes[router.node] for router in self.vrrp[name].masters()]

    def master(self, name: str, cloud: WorldCloud, *, paused: bool = False) -> Node | None:
        """Return the one master of this instance if it has a clear path to what it has there.

        `paused`: even if it is.
        """
        masters = self.masters(name)
        if len(masters) != 1 or self.vrrp[name].routers[masters[0].index].frozen:
            return None
        return masters[0] if self.is_clear(masters[0], name, cloud, paused=paused) else None

    def is_clear(self, node: Node, name: str, cloud: WorldCloud, *, paused: bool = False) -> bool:
        """Say whether nothing keeps this master from its resources of this kind now."""
        now, kind, project = self.agenda.now, cloud.kind, cloud.project
        hindered = self.exemptions.in_trouble(node.index, name, kind)
        hindered = hindered or (node.pauses.is_on and not paused)
        if node.run is None or node.hung or hindered:
            return False
        routers = self.vrrp[name].routers
        if any(self.exemptions.misled_until(index, name) > now for index in routers):
            return False  # one that is misled may take it from the true master, who takes it back
        router = routers[node.index]
        if now - router.isolation_changed_at_s < ISOLATED_UNTIL_S:
            return False
        # A master that saw a scarce quota reads like a standby, and may not look before that.
        if project.scarce() or now - project.scarce_at < self.layout.shape.standby_slower_s():
            return False
        told_to_wait = now - project.refused_at < self.due(cloud).refused_s
        told_to_wait = told_to_wait or cloud.is_shut(node.server_id)
        api = node.run.core.api(kind.api.name)
        told_scarce = api is None or api.health.scarce(node.clock())  # rightly or not
        if (
            cloud.faults.any()
            or cloud.lacks_some()
            or router.isolated
            or told_scarce
            or told_to_wait
        ):
            return False
        return not self._is_unknown_without_dbus(node, name)

    def has_spent_all(self, node: Node, cloud: WorldCloud) -> bool:
        """Say whether this node may begin no claim for now, since its part of the quota is gone."""
        kind, now = _kind_state(node, cloud), node.clock()
        if kind is None:
            return False
        steps, budget = kind.api.steps, kind.api.budget
        if steps is not None:  # what was refused is read and sent again out of what flows in
            return max(steps.from_s(Use.CLAIM, now), budget.from_s(Use.RETRY, now)) > now
        return budget.from_s(Use.CLAIM, now, ahead=calls_ahead(kind)) > now

    def goes_one_by_one(self, node: Node, cloud: WorldCloud) -> bool:
        """Say whether its steps wait for each other, since they may lock the server."""
        kind = _kind_state(node, cloud)
        return kind is not None and node.clock() < kind.api.health.one_by_one_until_s

    def turns_s(self, node: Node, cloud: WorldCloud) -> float | None:
        """Return how long the turns of all that was refused take, if they live on what flows in.

        None: this node has more calls than that. While it has not, nothing is read more often.
        """
        kind = _kind_state(node, cloud)
        if kind is None or not kind.api.budget.is_low(node.clock()):
            return None
        resources = node.core.state.resources.values()
        refused = sum(r.kind.api is kind.api and r.refused_at_s > NEVER for r in resources)
        return kind.api.budget.retry_every_s * refused

    def may_not_know_role(self, node: Node) -> bool:
        """Say whether hakeeper there may rightly not know its role."""
        if node.run is None:
            return False
        return any(
            self._is_unknown_without_dbus(node, name)
            or self.exemptions.misled_until(node.index, name) == inf
            for name in node.vrrp
        )

    def _is_unknown_without_dbus(self, node: Node, name: str) -> bool:
        group = self.layout.part_of[name].group
        if node.run is None or (node.can_learn_roles and not group):
            return False
        role_state = node.run.core.state.roles.role_states.get(self.layout.vrrp_id(name))
        return role_state is not None and role_state.role is Role.UNKNOWN

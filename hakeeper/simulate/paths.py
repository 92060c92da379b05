"""Whether anything stands between a master and its addresses."""

from math import inf
from typing import TYPE_CHECKING

from hakeeper.core.isolation import TRUST_AFTER_S
from hakeeper.core.model import Role
from hakeeper.sequencer import LOOK_S
from hakeeper.simulate.exemptions import Exemptions
from hakeeper.simulate.node import Node

if TYPE_CHECKING:
    from hakeeper.simulate.world import World

ISOLATED_UNTIL_S = TRUST_AFTER_S + LOOK_S + 0.5
"""After its private address came back, a master that is guarded waits at most so long."""


class Paths:
    """The paths of all nodes of one world."""

    def __init__(self, world: "World", exemptions: Exemptions) -> None:
        """Look at this world, and at what its nodes suffer from."""
        self._world = world
        self._exemptions = exemptions
        # A master that saw a scarce quota reads like a standby, and may not look before that.
        self._scarce_for_s = max(0.0, world.plan.shape.standby_interval_s - 60.0)

    def master(self, name: str) -> int | None:
        """Return the one master of this instance if it has a clear path to its addresses."""
        masters = self._world.vrrp[name].masters()
        if len(masters) != 1 or masters[0].frozen:
            return None
        master = masters[0].node
        return master if self.is_clear(master, name) else None

    def is_clear(self, master: int, name: str) -> bool:
        """Say whether nothing keeps this master from its addresses now."""
        world = self._world
        now, node = world.now, world.nodes[master]
        if node.run is None or node.hung or self._exemptions.in_trouble(master, name):
            return False
        routers = world.vrrp[name].routers
        if any(self._exemptions.misled_until(index, name) > now for index in routers):
            return False  # one that is misled may take it from the true master, who takes it back
        router = routers[master]
        if now - router.isolation_changed_at_s < ISOLATED_UNTIL_S:
            return False
        cloud = world.cloud
        if cloud.scarce(now) or now - cloud.scarce_at < self._scarce_for_s:
            return False
        told_scarce = node.run.core.api.health.scarce(node.clock())  # rightly or not
        if cloud.faults.any() or router.isolated or told_scarce:
            return False
        return not self._is_unknown_without_dbus(node, name)

    def may_not_know_role(self, node: Node) -> bool:
        """Say whether hakeeper there may rightly not know its role."""
        if node.run is None:
            return False
        return any(
            self._is_unknown_without_dbus(node, name)
            or self._exemptions.misled_until(node.index, name) == inf
            for name in self._world.layout.names_at(node.index)
        )

    def _is_unknown_without_dbus(self, node: Node, name: str) -> bool:
        group = self._world.layout.part_of[name].group
        if node.run is None or (node.has_answers and not group):
            return False
        role_state = node.run.core.state.roles.role_states.get(self._world.layout.vrrp_id(name))
        return role_state is not None and role_state.role is Role.UNKNOWN

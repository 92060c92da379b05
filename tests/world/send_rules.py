"""Rules about the very moment in which an assign's first byte goes out."""

from typing import TYPE_CHECKING

from hakeeper.core.isolation import TRUST_AFTER_S
from hakeeper.sequencer import LOOK_S
from hakeeper.simulate.exemptions import Exemptions
from hakeeper.simulate.verdicts import Demand
from hakeeper.simulate.vrrp import Router, VrrpState

if TYPE_CHECKING:
    from hakeeper.simulate.world import World

ON_ITS_WAY_S = 0.05
"""A line that was written so short a time ago need not have been read."""


class SendRules:
    """The rules."""

    def __init__(self, world: "World", exemptions: Exemptions, demand: Demand) -> None:
        """Look at the nodes and the VRRP of this world."""
        self._world = world
        self._exemptions = exemptions
        self._demand = demand

    def sent(self, index: int, fip: int) -> None:
        """Check that its keepalived is MASTER, and hears the others."""
        world = self._world
        name = world.layout.name_of[fip]
        router = world.vrrp[name].routers[index]
        now = world.now
        holds = (
            router.state is VrrpState.MASTER
            or now - router.left_at_s <= ON_ITS_WAY_S
            or now <= self._exemptions.misled_until(index, name)
        )
        text = "ip-{} although keepalived is {}"
        self._demand("sent_by_master", index, holds, text, fip, router.state.value)
        if world.layout.part_of[name].guarded:
            self._hears(index, router, now)

    def _hears(self, index: int, router: Router, now: float) -> None:
        """No claim while its keepalived is isolated, as far as it can be known, or was just now."""
        node, since_s = self._world.nodes[index], now - router.isolation_changed_at_s
        if router.isolated:
            holds = since_s <= LOOK_S + ON_ITS_WAY_S
        else:
            jumped = node.jumped_at > router.isolation_changed_at_s
            began = node.run is None or node.run.began_at > router.isolation_changed_at_s
            stood_from_s, stood_until_s = node.stood_s
            # The address went and came while nobody looked.
            passed_over = (
                stood_from_s <= router.isolated_from_s + LOOK_S
                and stood_until_s >= router.isolation_changed_at_s
            )
            holds = since_s > TRUST_AFTER_S or jumped or began or passed_over
        text, what = (
            "an assign {:.3f} s after its address {}",
            "went" if router.isolated else "came",
        )
        self._demand("isolated_claims_nothing", index, holds, text, since_s, what)

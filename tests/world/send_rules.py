"""Rules about the very moment in which an assign's first byte goes out."""

from hakeeper.core.calls import Mutate
from hakeeper.core.keepalived.isolation import TRUST_AFTER_S
from hakeeper.sequencer import LOOK_S
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.cloud import number_of
from hakeeper.simulate.exemptions import Exemptions
from hakeeper.simulate.layout import Layout
from hakeeper.simulate.node import Node
from hakeeper.simulate.observer import Observer
from hakeeper.simulate.verdicts import Demand
from hakeeper.simulate.vrrp import Router, VrrpState

ON_ITS_WAY_S = 0.05
"""A line that was written so short a time ago need not have been read."""


class SendRules(Observer):
    """The rules."""

    def __init__(
        self, layout: Layout, agenda: Agenda, exemptions: Exemptions, demand: Demand
    ) -> None:
        """Look at the clock, and at who is exempt."""
        self._layout = layout
        self._agenda = agenda
        self._exemptions = exemptions
        self._demand = demand

    def assign_sent(self, node: Node, request: Mutate) -> None:
        """Check that its keepalived is MASTER, and hears the others."""
        for resource in request.resources:
            self._check(node, number_of(resource))

    def _check(self, node: Node, fip: int) -> None:
        index, name, now = node.index, self._layout.name_of[fip], self._agenda.now
        router = node.vrrp[name].routers[index]
        holds = (
            router.state is VrrpState.MASTER
            or now - router.left_at_s <= ON_ITS_WAY_S
            or now <= self._exemptions.misled_until(index, name)
        )
        text = "ip-{} although keepalived is {}"
        self._demand("sent_by_master", index, holds, text, fip, router.state.value)
        if self._layout.part_of[name].guarded:
            self._hears(node, router, now)

    def _hears(self, node: Node, router: Router, now: float) -> None:
        """No claim while its keepalived is isolated, as far as it can be known, or was just now."""
        since_s = now - router.isolation_changed_at_s
        if router.isolated:
            holds = since_s <= LOOK_S + ON_ITS_WAY_S
        else:
            jumped = node.jumped_at > router.isolation_changed_at_s
            began = node.run is None or node.run.began_at > router.isolation_changed_at_s
            stood_from_s, stood_until_s = node.last_hang_s
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
        self._demand("isolated_claims_nothing", node.index, holds, text, since_s, what)

"""Rules about takes by hand: they end what is waited for, and only on a master."""

from hakeeper.core.apis.budget import Use
from hakeeper.core.claim.stages import HoldDown, MutateDue
from hakeeper.core.decisions.decision import Decision
from hakeeper.core.decisions.operator import TakeBegun
from hakeeper.core.events import Event, Report, Taken
from hakeeper.core.state import STEADY_S
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.cloud import number_of
from hakeeper.simulate.clouds import Clouds
from hakeeper.simulate.exemptions import Exemptions
from hakeeper.simulate.faults.kinds import Kind
from hakeeper.simulate.layout import Layout
from hakeeper.simulate.node import Node
from hakeeper.simulate.paths import Paths
from hakeeper.simulate.verdicts import Demand
from hakeeper.simulate.vrrp import VrrpState
from tests.world.promptness import ACTS_S, Promptness
from tests.world.send_rules import ON_ITS_WAY_S


class TakeRules(Promptness):
    """The rules."""

    rule = "take_acts"
    text = "ip-{} waits, and nothing is done {:.0f} s after a take"
    own = Kind.TAKE

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
        super().__init__(layout, agenda, clouds, paths, demand)
        self._exemptions = exemptions
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
            if not resource.kind.api.budget.allows(Use.RETRY, clock):  # a role that flaps waits
                since_s = node.core.state.roles.role_states[resource.vrrp].since_s
                held_s = max(held_s, since_s + STEADY_S)
            if seen is not None and max(held_s, sent_s) <= clock:
                found.append(number_of(seen.id))
        return found

    def took_in(self, node: Node, event: Event, reports: tuple[Report, ...]) -> None:
        """Look whether what waited is claimed."""
        del reports
        if isinstance(event, Taken) and self._before:
            self.expect(node, self._before)
            self._before = ()

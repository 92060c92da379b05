"""Rules about pauses: nothing is moved while one lasts, and what is due moves when it ends."""

from hakeeper.core.calls import Mutate
from hakeeper.core.claim.stages import MutateDue
from hakeeper.simulate.cloud import number_of
from hakeeper.simulate.faults.kinds import Kind
from hakeeper.simulate.node import Node
from tests.world.promptness import Promptness


class PauseRules(Promptness):
    """The rules."""

    rule = "pause_ends_at_once"
    text = "ip-{} is due, and nothing is done {:.0f} s after a pause"
    own = Kind.PAUSE

    def assign_sent(self, node: Node, request: Mutate) -> None:
        """Check that nobody was promised that nothing is moved."""
        super().assign_sent(node, request)
        for resource in request.resources:
            paused, fip = node.pauses.is_on, number_of(resource)
            self._demand("paused_sends_nothing", node.index, not paused, "ip-{} while paused", fip)

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
        self.expect(node, tuple(due))

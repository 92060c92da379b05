"""Rules about pauses: nothing is moved while one lasts, and what is due moves when it ends."""

from hakeeper.cloud_register import Move
from hakeeper.core.calls import Mutate
from hakeeper.core.claim.stages import MutateDue
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.cloud import number_of
from hakeeper.simulate.clouds import Clouds
from hakeeper.simulate.faults.kinds import Kind
from hakeeper.simulate.layout import Layout
from hakeeper.simulate.node import Node
from hakeeper.simulate.paths import Paths
from hakeeper.simulate.verdicts import Demand
from tests.world.promptness import Promptness


class PauseRules(Promptness):
    """The rules."""

    rule = "pause_ends_at_once"
    text = "ip-{} is due, and nothing is done {:.0f} s after a pause"
    own = Kind.PAUSE

    def __init__(
        self,
        layout: Layout,
        agenda: Agenda,
        clouds: Clouds,
        paths: Paths,
        demand: Demand,
    ) -> None:
        """Begin with nothing asked."""
        super().__init__(layout, agenda, clouds, paths, demand)
        self._released: dict[int, set[tuple[int, int]]] = {}
        """By resource: which nodes took it from its holder to have it, and in which runs."""

    def assign_sent(self, node: Node, request: Mutate) -> None:
        """Check that nobody was promised that nothing is moved: but what is half done is ended."""
        super().assign_sent(node, request)
        for fip in map(number_of, request.resources):
            run = (node.index, node.runs)
            released = self._released.setdefault(fip, set())
            ends = request.step.holder is not None and run in released
            may = ends or not node.pauses.is_on
            self._demand("paused_sends_nothing", node.index, may, "ip-{} while paused", fip)
            if request.step.holder is None:
                released.add(run)

    def moved(self, move: Move) -> None:
        """Hear that a move is done, or was undone."""
        released = self._released.get(move.number, set())
        self._released[move.number] = {
            run for run in released if move.new != self._paths.nodes[run[0]].server_id
        }

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

"""Rules about a keepalived that hangs, and that can be asked: it is told, and takes nothing."""

from hakeeper.core.calls import Mutate
from hakeeper.core.events import StartCall
from hakeeper.core.keepalived.hung import HANGS_AFTER_S
from hakeeper.core.observation import Other
from hakeeper.diagnosis.snapshot import snapshot_of
from hakeeper.simulate.bus import LATEST_ANSWER_S
from hakeeper.simulate.node import Node
from hakeeper.simulate.observer import Batch, Observer
from hakeeper.simulate.verdicts import Demand

SLACK_S = 2.0


class HangRules(Observer):
    """The rules."""

    def __init__(self, interval_s: float, demand: Demand) -> None:
        """A question is asked each `interval_s`, and its answer may be late."""
        self._demand = demand
        self._known_after_s = interval_s + LATEST_ANSWER_S + HANGS_AFTER_S + SLACK_S

    def handled(self, node: Node, batch: Batch) -> None:
        """Check the assigns that are begun."""
        for effect in batch.effects:
            if isinstance(effect, StartCall) and isinstance(effect.request, Mutate):
                self._begun(node, effect.request)

    def _begun(self, node: Node, request: Mutate) -> None:
        """An assign takes nothing from a server that runs, as far as is known."""
        hangs, state = node.silent_s() >= self._known_after_s, node.core.state
        for address in state.resources.values():
            seen_as, holder = address.observation, address.holder
            if seen_as is None or seen_as.id != request.resource:
                continue
            if isinstance(holder, Other):
                holds = not hangs or address.kind.api.is_dead(holder.server_id)
                text = "ip-{} is taken from {}, {:.0f} s after the last word"
                about = (seen_as.id, holder, node.silent_s())
                self._demand("hung_takes_nothing", node.index, holds, text, *about)

    def keepalived_resumes(self, node: Node) -> None:
        """Check what was to be seen of it until now."""
        if node.run is None or node.silent_s() < self._known_after_s:
            return
        codes = [problem.code for problem in snapshot_of(node.run.core, node.clock()).problems]
        told = "keepalived.hangs" in codes
        self._demand("hang_is_reported", node.index, told, "only {} is told", codes)

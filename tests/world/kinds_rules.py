"""Rules of worlds with several kinds: none of them waits for another when a node becomes MASTER."""

from collections.abc import Mapping

from hakeeper.core.apis.budget import Use
from hakeeper.core.calls import Mutate, ReadAll, ReadOne, Request
from hakeeper.core.claim.resource import SPACING_S
from hakeeper.core.decisions.decision import Decision
from hakeeper.core.decisions.keepalived import RoleChanged
from hakeeper.core.events import Event
from hakeeper.core.model import Role, VrrpId
from hakeeper.core.roles.lines import LineState
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.cloud import WorldCloud
from hakeeper.simulate.clouds import Clouds
from hakeeper.simulate.faults.kinds import Fault
from hakeeper.simulate.layout import Layout
from hakeeper.simulate.node import Node
from hakeeper.simulate.observer import Batch, Observer
from hakeeper.simulate.paths import Paths, calls_ahead
from hakeeper.simulate.verdicts import Demand

CALM_S = 60.0
"""After such a time without a change, nothing of the one before is under way."""
SLACK_S = 1.5
"""What a claim may take besides its actions and the ways to the API."""
WAYS = 14
"""The ways there and back of a claim of two steps, each perhaps on a new connection."""


class KindsRules(Observer):
    """The rules; `demand` takes each verdict."""

    def __init__(
        self, layout: Layout, agenda: Agenda, clouds: Clouds, paths: Paths, demand: Demand
    ) -> None:
        """Begin before anybody is master."""
        self._layout = layout
        self._agenda = agenda
        self._clouds = clouds
        self._paths = paths
        self._demand = demand
        self._new_masters: dict[VrrpId, None] = {}
        """Instances that became MASTER in the batch at hand."""
        self._changed_at: dict[tuple[int, VrrpId], float] = {}
        """When the role of an instance last changed, by the node's clock."""
        self._line_at: dict[str, float] = {}
        """When keepalived last wrote a line of an instance, anywhere."""
        self._expected: dict[tuple[str, str], Node] = {}
        """Who is to have all that an instance has of the kinds of an API."""
        self._calm_s = CALM_S + max(k.api.patience.step_timeout_s for k in clouds.kinds.values())
        shape = layout.shape
        most = min(kind.api.max_parallel for kind in clouds.kinds.values())
        self._few = sum(part.addresses for part in shape.names()) <= most

    def _limit_s(self, cloud: WorldCloud) -> float:
        """Return how long a claim may take there."""
        steps = 2.0 if cloud.nature.actions else 1.0
        moved_s = steps * cloud.nature.action_s + WAYS * cloud.nature.latency_s
        return moved_s + SLACK_S + self._layout.shape.queue_s()

    def _kinds_of(self, name: str) -> Mapping[str, list[int]]:
        """Return what an instance has of each kind."""
        of_kinds: dict[str, list[int]] = {}
        for number in self._layout.addresses[name]:
            of_kinds.setdefault(self._layout.kind_of[number], []).append(number)
        return of_kinds

    # --- what is begun at once ---------------------------------------------------------------

    def hearing(self, node: Node) -> None:
        """A batch begins."""
        del node
        self._new_masters.clear()

    def decided(self, node: Node, event: Event | None, decision: Decision) -> None:
        """Hear who becomes MASTER, after a time in which nothing was sent for that name."""
        del event
        if isinstance(decision, RoleChanged):
            which, now = (node.index, decision.vrrp), node.clock()
            calm = now - self._changed_at.get(which, 0.0) > self._calm_s
            self._changed_at[which] = now
            if decision.after is Role.MASTER and calm:
                self._new_masters[decision.vrrp] = None

    def handled(self, node: Node, batch: Batch) -> None:
        """Check that each kind of a new master is read or moved, unless its API has to wait."""
        for vrrp in self._new_masters:
            role_state = node.core.state.roles.role_states.get(vrrp)
            if role_state is not None and role_state.is_master and not role_state.isolated:
                self._begun(node, vrrp, batch.at_s)

    def _begun(self, node: Node, vrrp: VrrpId, now: float) -> None:
        apis = node.core.state.apis
        named = {ref.kind for ref in node.core.state.settings.resources.get(vrrp, ())}
        requests = [call.request for call in node.core.state.calls.values()]
        for name in named & apis.kinds.keys() if len(named) > 1 else ():
            api = apis.kinds[name].api
            from_s = max(api.health.held_until_s, api.health.shut_until_s, api.reads_from_s)
            waits = now < from_s or api.server is None or api.health.is_careful
            waits = waits or now < api.health.one_by_one_until_s  # for actions that lock the server
            waits = waits or node.core.state.pause is not None
            ours = node.core.state.resources_of(vrrp)
            sent_s = max(
                (r.writes.last_sent_s for r in ours if r.kind.kind.name == name), default=0.0
            )
            waits = waits or now < sent_s + SPACING_S
            waits = waits or (api.steps is not None and not api.steps.allows(Use.CLAIM, now))
            # Of an instance that had many edges lately, some things wait for the budget.
            ahead = calls_ahead(apis.kinds[name])
            turn_s = api.budget.turn.taken_until_s(None)  # what little flows in may be another's
            from_s = api.budget.from_s(Use.RETRY, now, ahead=ahead, taken_until_s=turn_s)
            if not waits and from_s <= now:
                begun = any(_is_about(request, name) for request in requests)
                text, about = "{} becomes MASTER, and nothing is asked of {}", (vrrp, name)
                self._demand("each_kind_begins", node.index, begun, text, *about)

    # --- what arrives together ---------------------------------------------------------------

    def line_written(self, node: Node, name: str, state: LineState, *, kept: bool) -> None:
        """Hear of a new master after a calm time: all that it is to have comes to it."""
        before_s, self._line_at[name] = self._line_at.get(name, 0.0), self._agenda.now
        others = state is not LineState.BACKUP
        for which, expected in list(self._expected.items()):
            if which[0] == name and (state is LineState.MASTER or (expected is node and others)):
                del self._expected[which]
        calm_s = self._agenda.now - before_s
        is_master = kept and state is LineState.MASTER
        if not (is_master and self._few and len(self._kinds_of(name)) > 1):
            return
        for api, cloud in {twin.kind.api.name: twin for twin in self._twins_of(name)}.items():
            busy = any(map(cloud.is_busy, self._numbers(name, api)))
            busy = busy or calm_s <= CALM_S + cloud.kind.api.patience.step_timeout_s
            if not busy and self._all_clear(node, name, api):
                self._expected[name, api] = node
                self._agenda.after(self._limit_s(cloud), self._look, name, api, node)

    def _twins_of(self, name: str) -> list[WorldCloud]:
        return [self._clouds.of(number) for number in self._layout.addresses[name]]

    def _numbers(self, name: str, api: str) -> list[int]:
        """Return what an instance has of the kinds of an API."""
        numbers = self._layout.addresses[name]
        return [n for n in numbers if self._clouds.of(n).kind.api.name == api]

    def _all_clear(self, node: Node, name: str, api: str) -> bool:
        """Say whether nothing keeps a node from all that an instance has there."""
        return all(self._is_clear(node, name, number) for number in self._numbers(name, api))

    def _is_clear(self, node: Node, name: str, number: int) -> bool:
        cloud = self._clouds.of(number)
        able = cloud.may_have(number, node.server_id) and not cloud.is_locked(number)
        api = None if node.run is None else node.run.core.api(cloud.kind.api.name)
        if api is None or api.server is None or api.health.is_careful:
            return False
        rich = api.budget.allows(Use.RETRY, node.clock())
        rich = rich and (api.steps is None or api.steps.allows(Use.CLAIM, node.clock()))
        able = able and not cloud.faults.calls and rich
        return able and self._paths.master(name, cloud) is node

    def _look(self, name: str, api: str, node: Node) -> None:
        if self._expected.get((name, api)) is not node or not self._all_clear(node, name, api):
            return
        del self._expected[name, api]
        numbers = self._numbers(name, api)
        holders = [self._clouds.holder(number) for number in numbers]
        held = set(holders) == {node.server_id}
        after_s = self._limit_s(self._clouds.of(numbers[0]))
        text, about = "{} is MASTER for {:.3f} s: {}", (name, after_s, holders)
        self._demand("all_kinds_follow", node.index, held, text, *about)

    # --- what else happens -------------------------------------------------------------------

    def fault_began(self, fault: Fault) -> None:
        """Look no more."""
        del fault
        self._expected.clear()

    def fault_ends(self, fault: Fault) -> None:
        """Look no more."""
        self.fault_began(fault)

    def ended(self, node: Node) -> None:
        """Look no more at what this one is to have."""
        for which in [which for which, master in self._expected.items() if master is node]:
            del self._expected[which]

    def paused(self, node: Node) -> None:
        """Look no more at what this one is to have."""
        self.ended(node)


def _is_about(request: Request, kind: str) -> bool:
    match request:
        case ReadAll(name):
            return name == kind
        case ReadOne(resource) | Mutate(resource):
            return resource.kind == kind
        case _:
            return False

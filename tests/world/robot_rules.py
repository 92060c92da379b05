"""Rules of an API that grants few requests, and blocks who logs in wrongly: what a node asks it.

They are said once more here, from what Robot grants and from how its logins work, not from what the
core makes of it. An hour and ten minutes are those of the node's clock; a run of hakeeper knows
nothing of the one before.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import inf

from hakeeper.core.calls import (
    AllRead,
    CallResult,
    Failure,
    FailureKind,
    Identify,
    Mutate,
    OneRead,
    Request,
)
from hakeeper.core.decisions.claims import ResourceClaimed, ResourceConfirmed
from hakeeper.core.decisions.decision import Decision
from hakeeper.core.decisions.keepalived import RoleChanged
from hakeeper.core.events import Event, Report, SettingsChanged, StartCall
from hakeeper.core.model import Role
from hakeeper.core.observation import Observation
from hakeeper.simulate.cloud import number_of
from hakeeper.simulate.layout import Layout
from hakeeper.simulate.node import Node
from hakeeper.simulate.observer import Batch, Observer
from hakeeper.simulate.plan import HOUR_S
from hakeeper.simulate.robot_cloud import BLOCKED_S, REFUSALS, RobotCloud, main_ip
from hakeeper.simulate.verdicts import Demand

GETS = 100
POSTS = 50
"""What Robot grants in an hour, to all nodes together."""
NODES = 2
"""Each of so many may take its part of that."""
KEPT = 10
"""So many of the POSTs are for new masters alone."""
EDGES, EDGES_S = 2, 600.0
"""Of a role that becomes MASTER more often than so often in that time, the rest is flapping."""
ROUNDING_S = 1e-6


@dataclass(slots=True)
class _Seen:
    """What one run of hakeeper asked of Robot, and what it was told."""

    calls: dict[int, bool] = field(default_factory=dict)
    """Those under way, and whether they began when the login was known to be good."""
    let_in: bool = False
    """Whether it was, by the last answer."""
    gets: deque[float] = field(default_factory=deque)
    posts: deque[float] = field(default_factory=deque)
    others: deque[float] = field(default_factory=deque)
    """The POSTs that follow from no new MASTER."""
    refused: deque[float] = field(default_factory=lambda: deque(maxlen=REFUSALS))
    """When a login was refused."""
    shut_from_s: float = -inf
    """The same of the last one, unless the operator has reloaded since."""
    new: set[int] = field(default_factory=set)
    """What it is new master of, and has not got yet."""
    edges: dict[int, deque[float]] = field(default_factory=dict)
    """When it became master of each, as far as that was no flapping."""
    first: set[int] = field(default_factory=set)
    """Likewise, and nothing was asked for it yet: such a claim is due whatever a read shows."""
    moving: set[int] = field(default_factory=set)
    """What the last read shows as moving."""
    switching: dict[int, int] = field(default_factory=dict)
    """What is being switched, by the call."""


class RobotRules(Observer):
    """The rules; `demand` takes each verdict."""

    def __init__(self, layout: Layout, cloud: RobotCloud, demand: Demand) -> None:
        """Begin with nobody running."""
        self._layout = layout
        self._cloud = cloud
        self._demand = demand
        self._seen: dict[int, _Seen] = {}
        self._numbers = {seen.label: number for number, seen in cloud.resources.items()}

    def started(self, node: Node) -> None:
        """A run of hakeeper begins."""
        self._seen[node.index] = _Seen()

    # --- what it is told -----------------------------------------------------------------------

    def decided(self, node: Node, event: Event | None, decision: Decision) -> None:
        """Hear who becomes MASTER, and what it has got."""
        del event
        seen = self._seen[node.index]
        match decision:
            case RoleChanged(vrrp, _, after):
                numbers = {
                    n for n in self._layout.addresses[vrrp.name] if n in self._cloud.resources
                }
                seen.new -= numbers
                seen.first -= numbers
                if after is Role.MASTER:
                    seen.first |= numbers
                    seen.new |= {n for n in numbers if self._is_new(seen, n, node.clock())}
            case ResourceClaimed(_, label) | ResourceConfirmed(_, label) if label in self._numbers:
                seen.new.discard(self._numbers[label])
                seen.first.discard(self._numbers[label])
            case _:
                pass

    def _is_new(self, seen: _Seen, number: int, now: float) -> bool:
        """Say whether its role is MASTER anew, and not one of many in a role that flaps."""
        edges = seen.edges.setdefault(number, deque(maxlen=EDGES))
        if len(edges) == EDGES and now - edges[0] < EDGES_S:
            return False
        edges.append(now)
        return True

    def took_in(self, node: Node, event: Event, reports: tuple[Report, ...]) -> None:
        """Hear of the end of a call, or of a reload."""
        del reports
        seen, now = self._seen[node.index], node.clock()
        if isinstance(event, SettingsChanged):
            seen.shut_from_s = -inf
            seen.refused.clear()
        if not isinstance(event, CallResult) or event.call_id not in seen.calls:
            return
        was_let_in = seen.calls.pop(event.call_id)
        match event.outcome:
            case Failure(kind=FailureKind.AUTH, http_status=401):
                # Of those that were sent while the login was good, nobody could know it of all.
                if seen.let_in or not was_let_in:
                    self._refused(node.index, seen, now)
                seen.let_in = False
            case OneRead(observation):
                self._read(seen, (observation,))
            case AllRead(_, reading):
                self._read(seen, reading.found)
            case _:
                pass
        seen.let_in = seen.let_in or not isinstance(event.outcome, Failure)
        number = seen.switching.pop(event.call_id, None)
        if number is not None:  # what was read before tells of this one
            seen.moving.discard(number)

    def _refused(self, index: int, seen: _Seen, now: float) -> None:
        """Check that its refused logins do not block it."""
        seen.refused.append(now)
        seen.shut_from_s = now
        lasted_s = now - seen.refused[0]
        blocked = len(seen.refused) == REFUSALS and lasted_s < BLOCKED_S
        text, about = "{} refused logins in {:.0f} s", (REFUSALS, lasted_s)
        self._demand("never_blocked", index, not blocked, text, *about)

    def _read(self, seen: _Seen, found: Iterable[Observation]) -> None:
        for each in found:
            (seen.moving.add if each.moving else seen.moving.discard)(number_of(each.id))

    # --- what it asks --------------------------------------------------------------------------

    def handled(self, node: Node, batch: Batch) -> None:
        """Check the requests that are begun."""
        for effect in batch.effects:
            if isinstance(effect, StartCall) and self._is_asked(effect.request):
                self._begun(node, effect, batch.at_s)

    def _is_asked(self, request: Request) -> bool:
        match request:
            case Identify():  # the machine knows that by itself
                return False
            case Mutate(resource):
                return resource.kind == self._cloud.kind.name
            case _:
                name = getattr(request, "kind", None) or getattr(request, "resource", None)
                return getattr(name, "kind", name) == self._cloud.kind.name

    def _begun(self, node: Node, effect: StartCall, now: float) -> None:
        index, seen, request = node.index, self._seen[node.index], effect.request
        seen.calls[effect.call_id] = seen.let_in
        since_s = now - seen.shut_from_s
        text = "a request {:.1f} s after a refused login"
        self._demand("login_waits", index, since_s >= BLOCKED_S - ROUNDING_S, text, since_s)
        if isinstance(request, Mutate):
            seen.switching[effect.call_id] = number_of(request.resource)
            self._switched(node, seen, request, now)
        else:
            count = _count(seen.gets, now)
            few = count <= GETS / NODES
            self._demand("reads_an_hour", index, few, "{} reads in an hour", count)

    def _switched(self, node: Node, seen: _Seen, request: Mutate, now: float) -> None:
        index, demand, number = node.index, self._demand, number_of(request.resource)
        count = _count(seen.posts, now)
        demand("switches_an_hour", index, count <= POSTS / NODES, "{} in an hour", count)
        if self._layout.shape.nodes == NODES:
            runs = (self._seen[i] for i in self._layout.members(index) if i in self._seen)
            count = sum(len(each.posts) for each in runs)
            demand("switches_an_hour", index, count <= POSTS, "{} of all in an hour", count)
        if number not in seen.new:
            count, most = _count(seen.others, now), (POSTS - KEPT) / NODES
            text = "{} in an hour that follow from no new MASTER"
            demand("switches_an_hour", index, count <= most, text, count)
        still = number not in seen.moving or number in seen.first
        seen.first.discard(number)
        demand("moving_waits", index, still, "ip-{} is moving", number)
        http = self._cloud.kind.request_of(request.resources, request.step)
        ours = main_ip(node.server_id)
        right = http.body == {"active_server_ip": ours}
        demand("own_main_ip", index, right, "{}, not {}", http, ours)


def _count(times: deque[float], now: float) -> int:
    """Add a request; return how many there were within the hour until now."""
    times.append(now)
    while times[0] <= now - HOUR_S:
        times.popleft()
    return len(times)

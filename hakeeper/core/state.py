"""Everything the core remembers, in one place; `core.py` and the rooms above it work on it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar

from hakeeper.core.apis.budget import Budget, Use
from hakeeper.core.apis.states import Apis, ApiState, KindState
from hakeeper.core.calls import Mutate, ReadAll, ReadOne, Request, Step
from hakeeper.core.choice import Choice, Owner
from hakeeper.core.claim.happenings import Happening, Hinted, Seen
from hakeeper.core.claim.resource import SPACING_S, Resource
from hakeeper.core.claim.stages import ActionRunning, MutateDue, ReadBack, Reading, Stage, Verify
from hakeeper.core.claim.table import take
from hakeeper.core.decisions.decision import Decision
from hakeeper.core.events import CancelCall, Effect, Report, StartCall
from hakeeper.core.kind import Kinds, api_name_of
from hakeeper.core.model import (
    NEVER,
    FifoState,
    IpAddress,
    Pause,
    ProcessId,
    RefusedSettings,
    SavedState,
    Settings,
    StepDowns,
    VrrpId,
)
from hakeeper.core.observation import Holder, ResourceRef
from hakeeper.core.roles.book import RoleBook

RELEASE_CALLS = 40
"""What a release takes until the next step, which must never wait: looks at its action, lists."""
SPARING_CALLS = 15
"""The same while half of the budget is spent."""
STEADY_S = 3.0
"""A role that is MASTER for so long does not flap."""
ASIDE_S = 2.0
"""So long after a MASTER edge nothing is read that the claim does not need."""
QUERY_SPACING_S = 0.5
"""Between two questions to keepalived: a FIFO that overflows without end must not cost more."""
S = TypeVar("S", bound=Stage)


class InvariantError(Exception):
    """The core is wrong about itself: its state cannot be trusted any more (exit code 70)."""


@dataclass(frozen=True, slots=True)
class Inflight:
    """A call under way. `resources` and `generation` are set for mutating requests only."""

    request: Request
    api: ApiState
    asked_at_s: float
    resources: tuple[Resource, ...] = ()
    """Those of one instance or group that it moves."""
    generation: int = 0


@dataclass(slots=True)
class Selection:
    """A selector of the configuration, and what it chose by the last list."""

    ref: ResourceRef
    vrrp: VrrpId
    kind: KindState
    asked_at_s: float = NEVER
    """When that list was begun."""
    choice: Choice | None = None
    """None before the first list."""
    missing: frozenset[ResourceRef] = frozenset()
    """Those that this list did not show at all: one more without them, and they are let go."""
    contested: dict[ResourceRef, tuple[str, Owner]] = field(default_factory=dict)
    """Those that follow another instance all the same: what people call them, and the entry."""
    empty_reported: bool = False
    broad_reported: bool = False


@dataclass(slots=True)
class Schedule:
    """When the recurring work is due that concerns no API, in monotonic seconds."""

    query_at_s: float = NEVER
    queried_at_s: float = NEVER
    save_from_s: float = NEVER
    """After a failed save: not before this."""
    edge_at_s: float = NEVER
    """The last MASTER edge."""
    aside_until_s: float = NEVER
    """Idle reading steps aside for a claim, but not again and again for a role that flaps."""

    def query_soon(self, now: float) -> None:
        """Ask keepalived as soon as may be: its answer of a moment ago may be out of date."""
        self.query_at_s = max(now, self.queried_at_s + QUERY_SPACING_S)

    def edge(self, now: float) -> bool:
        """A MASTER edge; say whether it is none of many in a moment, by a role that flaps."""
        alone = now >= self.edge_at_s + SPACING_S
        if now >= self.aside_until_s + ASIDE_S:
            self.aside_until_s = now + ASIDE_S
        self.edge_at_s = now
        return alone


def release_calls(api: ApiState, now: float) -> int:
    """Return what the budget must hold for a release, so that the next step never waits."""
    return SPARING_CALLS if api.budget.is_half_spent(now) else RELEASE_CALLS


@dataclass(slots=True)
class State:
    """The memory of one node."""

    settings: Settings
    rng: Random
    roles: RoleBook
    kinds: Kinds
    apis: Apis = field(default_factory=Apis)
    resources: dict[ResourceRef, Resource] = field(default_factory=dict)
    selections: dict[ResourceRef, Selection] = field(default_factory=dict)
    """By the selectors of the configuration; see `settings/selection.py`."""
    schedule: Schedule = field(default_factory=Schedule)
    keepalived: ProcessId | None = None
    keepalived_since_s: float = NEVER
    """Since when it is seen, or gone."""
    keepalived_gone: str = ""
    """How the last one ended; nothing if none was seen."""
    unverified: bool = False
    """Lines come, but the process that writes them is not seen."""
    query_failure: str = ""
    """Why keepalived cannot be asked for its roles; nothing while it answers."""
    silent_since_s: float | None = None
    """Since when keepalived lets questions wait; see `keepalived/hung.py`."""
    other_names: dict[VrrpId, None] = field(default_factory=dict)
    """Names that keepalived uses and the configuration lacks; in their order, bounded."""
    unnamed_since_s: dict[VrrpId, float] = field(default_factory=dict)
    """Configured instances that keepalived, when asked, names no more: it has others only."""
    refused_settings: RefusedSettings | None = None
    pause: Pause | None = None
    step_down: StepDowns = field(default_factory=StepDowns)
    fifo: FifoState | None = None
    fifo_detail: str = "not opened yet"
    fifo_since_s: float = NEVER
    has_writer: bool | None = None
    """Whether another process has the FIFO open for writing; None: not known."""
    writer_since_s: float = NEVER
    here: tuple[IpAddress, ...] | None = None
    """The VRRP addresses that this machine has; None before the first look."""
    counts_from_s: dict[IpAddress, float] = field(default_factory=dict)
    """VRRP addresses that were lost, and when they count again (infinity: not here yet)."""
    calls: dict[int, Inflight] = field(default_factory=dict)
    next_call_id: int = 1
    query_asked: tuple[int, float] | None = None
    """The id and time of the question that keepalived has not answered yet."""
    next_query_id: int = 1
    saved: SavedState | None = None
    gone_sent_s: float = NEVER
    """The last assign of any resource that a reload took away: it may come back as a new one."""
    effects: list[Effect] = field(default_factory=list)
    """What the event at hand has led to so far."""

    def report(self, *decisions: Decision) -> None:
        """Add to the journal."""
        self.effects.extend(map(Report, decisions))

    def is_master(self, vrrp: VrrpId) -> bool:
        """Say whether the role of an instance or group is confirmed MASTER."""
        return self.roles.role_states[vrrp].is_master

    def any_master(self, kind: KindState | None = None) -> bool:
        """Say whether anything, or anything with a resource of this kind, is confirmed MASTER."""
        if kind is None:
            return any(role_state.is_master for role_state in self.roles.role_states.values())
        if any(r.kind is kind and self.is_master(r.vrrp) for r in self.resources.values()):
            return True
        return any(s.kind is kind and self.is_master(s.vrrp) for s in self.selections.values())

    def resources_of(self, vrrp: VrrpId) -> list[Resource]:
        """Return the resources that go with an instance or group."""
        return [resource for resource in self.resources.values() if resource.vrrp == vrrp]

    def in_stage(
        self, *stages: type[S], of: ApiState | None = None
    ) -> Iterator[tuple[Resource, S]]:
        """Iterate over the resources (of an API) in these stages, with the stages."""
        for resource in self.resources.values():
            if isinstance(stage := resource.stage, stages) and of in (None, resource.kind.api):
                yield resource, stage

    def reading(self, of: ApiState) -> Iterator[tuple[Resource, Reading]]:
        """Iterate over the resources that wait for a read, with their stages."""
        for resource in self.resources.values():
            if isinstance(stage := resource.stage, Reading) and resource.kind.api is of:
                yield resource, stage

    def happened(self, resource: Resource, what: Happening, now: float) -> None:
        """Move a resource by the claim table; nothing else moves one."""
        self.report(*take(resource, what, now, self.rng))

    def observed(self, resource: Resource, holder: Holder, asked_at_s: float, now: float) -> None:
        """Take in the holder of a resource as of a read that was begun then."""
        before = resource.holder
        if resource.see(holder, asked_at_s, now):
            self.happened(resource, Seen(holder, before, asked_at_s), now)

    def hinted(self, resource: Resource, cause: str, now: float) -> None:
        """Take in that keepalived says something that may mean that the holder changed."""
        resource.hint(now)
        self.happened(resource, Hinted(cause), now)

    # --- calls ---------------------------------------------------------------------------

    def api_of(self, request: Request) -> ApiState:
        """Return the API that a request goes to."""
        return self.apis.apis[api_name_of(request, self.kinds)]

    def is_lane_taken(self, lane: str) -> bool:
        """Say whether a mutating request of this lane is under way, even an unwanted one."""
        return any(
            isinstance(call.request, Mutate) and call.request.step.lane == lane
            for call in self.calls.values()
        )

    def mutations(self, of: ApiState) -> int:
        """Return how many mutating requests are under way at an API."""
        calls = self.calls.values()
        return sum(isinstance(call.request, Mutate) and call.api is of for call in calls)

    def asked(self, request_type: type[Request], of: ApiState) -> bool:
        """Say whether a call of this type is under way at an API."""
        calls = self.calls.values()
        return any(isinstance(call.request, request_type) and call.api is of for call in calls)

    def is_asked(self, request: Request) -> bool:
        """Say whether this very request is under way."""
        return any(call.request == request for call in self.calls.values())

    def listings(self, kind: KindState) -> int:
        """Return how many lists of this kind are being read, whole or in part."""
        requests = (call.request for call in self.calls.values())
        return sum(isinstance(r, ReadAll) and r.kind == kind.kind.name for r in requests)

    def use_of(self, resource: Resource, now: float) -> Use:
        """Say which part of the budget the next call for this claim may draw upon."""
        refused = resource.refused_at_s > NEVER
        hopeless = refused and not resource.kind.api.health.assigns_work
        if resource.favoured and not hopeless:
            return Use.EDGE
        match resource.stage:
            case ReadBack(polls=0):  # one read, and the step is done
                return Use.CLAIM
            case ActionRunning(step=Step(holder=None)):
                return Use.CLAIM  # nobody has it until the next step
            case MutateDue() | Verify() if not refused and resource.is_released:
                return Use.EDGE  # nobody has it: that must not last until calls flow in
            case _:
                pass
        if hopeless:
            accepted = isinstance(resource.stage, ActionRunning)
            return Use.ACCEPTED if accepted else Use.RETRY
        steady = now - self.roles.role_states[resource.vrrp].since_s >= STEADY_S
        return Use.CLAIM if steady else Use.RETRY

    def standby_interval_s(self, kind: KindState) -> float:
        """Return the seconds between two readings of a standby: as set, or as the list allows."""
        return max(self.settings.standby_interval_s, self.reading_gap_s(kind.api))

    def reading_gap_s(self, api: ApiState) -> float:
        """Return the least time between two readings of an API's kinds: their lists add up."""
        pages = sum(kind.pages for kind in self.apis.kinds.values() if kind.api is api)
        return api.budget.reading_gap_s(pages)

    def affordable_from_s(
        self, resource: Resource, now: float, spare: int = 0, ahead: int = 0
    ) -> float:
        """Return from when on the budget lets the next call for this claim go."""
        return self._affordable_from_s(resource, resource.kind.api.budget, now, spare, ahead)

    def step_affordable_from_s(self, resource: Resource, now: float) -> float:
        """Return from when on it lets the next step of this claim go.

        What a step leads to, its action and the list that confirms it, must be paid as well, unless
        the API counts steps apart.
        """
        api = resource.kind.api
        if api.steps is not None:
            return self._affordable_from_s(resource, api.steps, now)
        ahead = release_calls(api, now) if resource.needs_release else 0
        return self.affordable_from_s(resource, now, 2 + resource.kind.pages, ahead)

    def _affordable_from_s(
        self, resource: Resource, budget: Budget, now: float, spare: int = 0, ahead: int = 0
    ) -> float:
        taken_until_s = budget.turn.taken_until_s(resource)
        from_s = budget.from_s(self.use_of(resource, now), now, spare, ahead, taken_until_s)
        steady_s = self.roles.role_states[resource.vrrp].since_s + STEADY_S
        return min(from_s, steady_s) if now < steady_s else from_s

    def start(self, request: Request, now: float, *resources: Resource) -> None:
        """Start a call; the only place where calls begin, so the guards stand here."""
        generation, api = 0, self.api_of(request)
        timeout_s = api.settings.call_timeout_s
        if isinstance(request, Mutate):
            generation = self._guard_mutation(request, resources)
            timeout_s = max(timeout_s, api.patience.step_timeout_s)
        call_id, self.next_call_id = self.next_call_id, self.next_call_id + 1
        self.calls[call_id] = Inflight(request, api, now, resources, generation)
        if api.goes_out(request):
            self._pay(request, api, now)
        self.effects.append(StartCall(call_id, request, timeout_s, urgent=bool(resources)))

    def _pay(self, request: Request, api: ApiState, now: float) -> None:
        if isinstance(request, Mutate) and api.steps is not None:
            api.steps.spend(now)
        elif isinstance(request, ReadAll):
            cost = self.apis.kinds[request.kind].cost_of(request.within)
            api.budget.spend(now, cost, reading=True)
        else:
            # A read that a step needs right before it must not keep that step waiting.
            first = isinstance(request, ReadOne) and not self._acts_on_known(request)
            api.budget.spend(now, reading=first)

    def _acts_on_known(self, request: ReadOne) -> bool:
        return self.apis.kinds[request.resource.kind].kind.acts_on_known

    def cancel_mutations(self, resources: Iterable[Resource]) -> None:
        """Stop the mutating requests of these resources that have not been sent yet."""
        chosen = {id(resource) for resource in resources}
        for call_id, call in self.calls.items():
            ours = any(id(resource) in chosen for resource in call.resources)
            if isinstance(call.request, Mutate) and ours:
                self.effects.append(CancelCall(call_id))

    def _guard_mutation(self, request: Mutate, resources: tuple[Resource, ...]) -> int:
        """Check the rules that no bug elsewhere may break; see docs/dev/design.md."""
        if not resources:
            raise InvariantError("a mutating request for no resource")
        first, step = resources[0], request.step
        what = f"{step.name} of {', '.join(resource.label for resource in resources)}"
        role_state, server = self.roles.role_states[first.vrrp], first.kind.api.server
        if self.pause is not None and not all(each.is_half_moved for each in resources):
            raise InvariantError(f"{what} while paused")
        if role_state.isolated:
            raise InvariantError(f"{what} while keepalived is isolated")
        if not role_state.is_master:
            raise InvariantError(f"{what} while not MASTER")
        seen = [resource.observation for resource in resources]
        if [None if each is None else each.id for each in seen] != list(request.resources):
            raise InvariantError(f"{what} that is another resource")
        if any(resource.vrrp != first.vrrp for resource in resources):
            raise InvariantError(f"{what} of several instances")
        if server is None or step.holder not in (None, *server.keys):
            raise InvariantError(f"{what} to another server")
        if self.is_lane_taken(step.lane):
            raise InvariantError(f"{what} beside another one")
        return role_state.generation

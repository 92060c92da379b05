"""The APIs as this node knows them, and the kinds of resources that each of them moves.

Each API has its own identity of this server, health, budget and waiting times, so that what one of
them suffers from delays nothing of the others.
"""

from dataclasses import dataclass, field

from hakeeper.core.apis.budget import Budget
from hakeeper.core.apis.health import Health
from hakeeper.core.apis.servers import DELETED, SeenServer, ServerNames
from hakeeper.core.calls import Identify, Mutate, Request, Step
from hakeeper.core.kind import Api, Kind, Kinds
from hakeeper.core.limits.pace import Pace
from hakeeper.core.limits.patience import Patience
from hakeeper.core.model import NEVER, ApiSettings, Server, Settings
from hakeeper.core.observation import Holder, Key, Nobody, Other, ResourceId, Unknown, Us

FRESH_S = 2.0
"""A step that needs a read right before it is taken within this time of the answer."""
OVERDUE_EVERY_S = 120.0
"""So that what flows in pays for each of them."""


@dataclass(slots=True, eq=False)
class ApiState:
    """One API."""

    api: Api
    settings: ApiSettings
    health: Health
    budget: Budget
    steps: Budget | None = None
    """That of mutating requests, if the API counts them apart."""
    overdue: Pace = field(default_factory=lambda: Pace(every_s=OVERDUE_EVERY_S, burst=1))
    """Of claims that are favoured because the budget has held them back for long."""
    server: Server | None = None
    """This machine, as this API has confirmed it."""
    cached_server_id: Key | None = None
    """What it was in an earlier run."""
    server_doubted: bool = False
    """It may have another id by now."""
    identify_from_s: float = NEVER
    identify_attempt: int = 0
    servers: dict[Key, SeenServer] = field(default_factory=dict)
    """The other servers that hold a resource of ours, by id."""
    names: ServerNames = field(default_factory=ServerNames)
    servers_from_s: float = NEVER
    """After a failed read of one of them: not before this."""
    reads_from_s: float = NEVER
    """After a failed read that somebody waits for: not before this."""
    read_attempt: int = 0
    read_failed_at_s: float = NEVER
    """When the last failed read that counted as an attempt ended."""

    @property
    def name(self) -> str:
        """Return the API's name."""
        return self.api.name

    @property
    def patience(self) -> Patience:
        """Return how it wants to be waited for."""
        return self.api.patience

    @property
    def known_server_id(self) -> Key | None:
        """Return what this machine is or, in an earlier run, was."""
        return self.cached_server_id if self.server is None else self.server.id

    def holder_from(self, server_id: Key | None) -> Holder:
        """Return who a server id of the API is."""
        if server_id is None:
            return Nobody()
        if self.server is None:
            return Unknown("which server this is has not been confirmed yet")
        return Us() if server_id in self.server.keys else Other(server_id)

    def goes_out(self, request: Request) -> bool:
        """Say whether a request goes out: who we are, not every API tells, but this machine."""
        return self.api.says_who_we_are or not isinstance(request, Identify)

    def see(self, server_id: Key, seen: SeenServer) -> None:
        """Take what the API has shown of another server; what is deleted keeps its name."""
        self.servers[server_id] = seen
        if seen.name:
            self.names.learn(server_id, seen.name)

    def is_dead(self, server_id: Key) -> bool:
        """Say whether another server cannot be using a resource, as far as is known."""
        seen = self.servers.get(server_id)
        return seen is not None and seen.status in (DELETED, *self.api.not_running)

    def read_failed(self, asked_at_s: float, now: float) -> int:
        """Count a failed read; return the attempt it belongs to.

        Reads that ran side by side are one attempt: what silenced one silenced all.
        """
        if asked_at_s >= self.read_failed_at_s:
            self.read_attempt += 1
            self.read_failed_at_s = now
        return self.read_attempt - 1

    def reads_work(self) -> None:
        """A read was answered: the next one waits for nothing."""
        self.read_attempt = 0
        self.reads_from_s = self.read_failed_at_s = NEVER

    def leave(self, now: float) -> None:
        """Believe nothing of what is known: another token or endpoint is in use."""
        self.cached_server_id = None
        self.server = None
        self.servers.clear()
        self.names.clear()
        self.health.refusals.clear()
        self.identify_from_s = now


@dataclass(slots=True)
class Moved:
    """A step of ours that the API accepted; `at_s`: then, or when its action had succeeded."""

    step: Step
    resources: frozenset[ResourceId]
    at_s: float


@dataclass(slots=True, eq=False)
class KindState:
    """One kind of resources, and when all of them are read."""

    kind: Kind
    api: ApiState
    listed_at_s: float = NEVER
    """When the last reading of all holders was begun."""
    is_listed: bool = False
    """Whether one has succeeded, since the start and the last reload."""
    pages: int = 1
    """How many calls the last list took."""
    whole_pages: int = 1
    """How many the last whole one took."""
    lists_parts: bool = True
    """Whether the API has answered so far when a part of it was to be listed."""
    whole_from_s: float = NEVER
    """From when on the next list that has the time is a whole one: parts do not show everything."""
    changed_at_s: dict[str, float] = field(default_factory=dict)
    """When the last step of each lane ended: reads begun before show the world before it."""
    moved: dict[str, Moved] = field(default_factory=dict)
    """The last step of each lane, as far as reads may lag behind it still."""
    role_look_at_s: float | None = None
    """When to read the holders because a role changed; None: no such look is due."""
    role_looked_at_s: float = NEVER

    def cost_of(self, within: tuple[Key, ...]) -> int:
        """Return how many calls a list of these parts, or the whole one, takes as far as known."""
        pages = self.pages if within else self.whole_pages
        # One that never came to its end has not told.
        return max(pages, len(self.kind.list_requests(within)))

    def listed(self, within: tuple[Key, ...], requests: int) -> None:
        """A list came to its end, after so many calls."""
        self.is_listed, self.pages = True, requests
        if not within:
            self.whole_pages = requests

    def changed(self, lane: str, now: float) -> None:
        """A step of ours has ended. What is long ago is forgotten: no older read counts anyway."""
        from_s = now - FRESH_S - self.api.settings.call_timeout_s
        recent = ((each, at_s) for each, at_s in self.changed_at_s.items() if at_s > from_s)
        self.changed_at_s = {**dict(recent), lane: now}

    def accepted(self, request: Mutate, now: float) -> None:
        """A step of ours is accepted."""
        step, resources = request.step, frozenset(request.resources)
        from_s = now - self.api.patience.lag_s
        self.moved = {lane: each for lane, each in self.moved.items() if each.at_s > from_s}
        for each in self.moved.values():
            # What goes elsewhere now need not be where an older step has brought it.
            if each.step.holder is not None:
                each.resources -= resources
        self.moved[step.lane] = Moved(step, resources, now)

    def forget(self, resource: ResourceId) -> None:
        """Others may move this one from now on."""
        for each in self.moved.values():
            each.resources -= {resource}

    def action_ended(self, lane: str, now: float, *, done: bool) -> None:
        """The action of the last step of a lane has ended, or is not known any more."""
        self.changed(lane, now)
        last = self.moved.pop(lane, None)
        if last is not None and done:
            last.at_s, self.moved[lane] = now, last

    def look_soon(self, now: float) -> None:
        """We are not MASTER any more: see who has the resources; a flapping role costs no more."""
        if self.role_look_at_s is None:
            patience = self.api.patience
            next_s = self.role_looked_at_s + patience.role_looks_s
            self.role_look_at_s = max(now + patience.role_look_s, next_s)

    def list_anew(self) -> None:
        """The resources are others now: list them at once."""
        self.listed_at_s, self.is_listed, self.lists_parts = NEVER, False, True

    def listing(self, now: float) -> None:
        """A reading of all holders begins."""
        self.listed_at_s = now
        if self.role_look_at_s is not None and now >= self.role_look_at_s:
            self.role_look_at_s, self.role_looked_at_s = None, now


@dataclass(slots=True)
class Apis:
    """The kinds in use, and their APIs."""

    kinds: dict[str, KindState] = field(default_factory=dict)
    apis: dict[str, ApiState] = field(default_factory=dict)
    left: dict[str, ApiState] = field(default_factory=dict)
    """Those that a reload took away."""

    def use(self, settings: Settings, kinds: Kinds) -> None:
        """Take over which kinds the configuration names; those that stay keep their state."""
        named = {ref.kind for refs in settings.resources.values() for ref in refs}
        named = named or {next(iter(kinds))}
        wanted = [kind for name, kind in kinds.items() if name in named]
        for name in self.kinds.keys() - named:
            del self.kinds[name]
        before, self.apis = self.apis, {}
        for kind in wanted:
            name = kind.api.name
            api = before.get(name) or self.apis.get(name) or self._begun(kind.api)
            api.settings = settings.apis.get(name, ApiSettings())
            self.apis[name] = api
            self.kinds.setdefault(kind.name, KindState(kind, api))
        self.left |= {name: api for name, api in before.items() if name not in self.apis}

    def _begun(self, api: Api) -> ApiState:
        """Begin with an API; what was spent and refused before a reload still counts."""
        made, left = _fresh(api), self.left.pop(api.name, None)
        if left is not None:
            made.health, made.budget, made.steps = left.health, left.budget, left.steps
        return made

    def try_at_once(self) -> None:
        """A MASTER edge: what a claim may need waits for no earlier failure."""
        for api in self.apis.values():
            api.reads_from_s = api.identify_from_s = NEVER

    def known_servers(self) -> dict[str, Key]:
        """Return what this machine is at each API, as far as that is known."""
        found = {name: api.known_server_id for name, api in self.apis.items()}
        return {name: server_id for name, server_id in found.items() if server_id is not None}


def _fresh(api: Api) -> ApiState:
    health = Health(most_parallel=api.max_parallel, patience=api.patience)
    budget, steps = Budget(limit_per_hour=api.limit_per_hour), None
    if api.steps_per_hour is not None:
        steps = Budget(limit_per_hour=api.steps_per_hour, kept_per_hour=api.steps_kept)
    return ApiState(api, ApiSettings(), health, budget, steps)

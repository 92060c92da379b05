"""The cloud in virtual time, as the core's port sees it: values in, values out.

Holders, actions and locks are those of `hakeeper.cloud_register`. Actions may fail, take long or
change nothing, and reads may be old. Each kind has a twin here; those of one API share a `Project`,
with its quota. What the HTTP
simulator (`hakeeper.demo.cloud`) and the shipped adapter make of the same requests is held against
this one by tests/contracts.
"""

import ipaddress
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from math import inf
from random import Random
from typing import ClassVar, TypedDict, assert_never

from hakeeper.cloud_register import ACTION_FAILED, Move, Refusal
from hakeeper.core.calls import (
    ActionsRead,
    AllRead,
    Answer,
    Failure,
    FailureKind,
    Identified,
    Identify,
    Mutate,
    MutationAccepted,
    OneRead,
    ReadActions,
    ReadAll,
    ReadOne,
    ReadServer,
    Request,
    ServerRead,
)
from hakeeper.core.kind import Kind
from hakeeper.core.model import Action, ActionStatus
from hakeeper.core.observation import Key, Observation, Reading, ResourceId, ResourceRef
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.observer import Observer
from hakeeper.simulate.project import ZONE, Accepted, Nature, Project, failure

ANOTHER_ACTOR = "another actor"
"""The cause of a move that no call asked for."""
NOT_FOUND = failure(FailureKind.NOT_FOUND, "not_found", 404)
UNAUTHORIZED = failure(FailureKind.AUTH, "unauthorized", 401)
LOCKED = failure(FailureKind.LOCKED, "locked", 423)
ALREADY = failure(FailureKind.ALREADY, "floating_ip_assigned", 422)


def number_of(resource: ResourceId) -> int:
    """Return the number of a resource in the world: its id, or the low half of its address."""
    key = resource.key
    return key if isinstance(key, int) else number_in(key.rpartition("/")[2])


@cache
def number_in(address: str) -> int:
    """Return the number that the low half of an address is; of an IPv6 one, that of its /64."""
    ip = ipaddress.ip_address(address)
    return int(ip) & 0xFFFF if ip.version == 4 else int(ip) >> 64 & 0xFFFF  # noqa: PLR2004  # IP's


class Course(TypedDict):
    """How an action goes, by the fields of `cloud_register.Action`."""

    id: int
    cause: str
    started_s: float
    ends_s: float
    moves_at_s: float
    error: tuple[str, str] | None


class WorldCloud:
    """The true state of one kind; `on_move` hears of every change of a holder."""

    locked: ClassVar[Failure] = LOCKED
    """What its API says of what is locked."""
    unavailable: ClassVar[str] = "unavailable"
    """What its API calls a 503."""

    def __init__(
        self,
        nature: Nature | Project,
        kind: Kind,
        agenda: Agenda,
        on_move: Callable[[Move], None],
    ) -> None:
        """Begin empty, in a project of this nature or in one that is there; it ends actions."""
        project = Project(nature, agenda) if isinstance(nature, Nature) else nature
        self.project = project
        self.nature, self.faults, self.servers = project.nature, project.faults, project.servers
        self.kind = kind
        self.resources: dict[Key, Observation] = {}
        """What is true, by the ids; `move` changes holders."""
        self._register = project.register
        self._agenda = agenda
        self._on_move = on_move
        project.hearers.append(self._moved)

    # --- the scene ---------------------------------------------------------------------------

    def add_server(self, server_id: Key, status: str = "running", zone: str = ZONE) -> None:
        """Add a server, or let another one have its id."""
        self.project.add_server(server_id, status, zone)

    def add(self, seen: Observation) -> None:
        """Add a resource."""
        self.resources[seen.id.key] = seen
        self._register.add(seen.id.key, seen.server_id, self._agenda.now)

    def add_numbered(self, number: int, holder: Key | None) -> None:
        """Add the resource with this number; its name is `ip-NUMBER`."""
        network = ipaddress.IPv4Network(0x0A000000 + number)
        self.add(
            Observation(
                id=ResourceId(self.kind.name, number),
                label=str(network.network_address),
                network=network,
                server_id=holder,
                name=f"ip-{number}",
                zone=ZONE,
            )
        )

    def ref_of(self, number: int) -> ResourceRef:
        """Return how configurations name the resource with this number."""
        return self.kind.ref(f"ip-{number}")

    def furnish(self, rng: Random | None, observers: Observer, ours: int) -> None:
        """Put in, by chance, what belongs to others, once the servers are there.

        `rng`: None for what is usual. `ours`: one server must have room for so many of ours.
        """

    def may_have(self, resource: Key, server_id: Key) -> bool:
        """Say whether nothing keeps a server from having it, whoever has it now."""
        del resource, server_id
        return True

    def key_of(self, server_id: Key) -> Key:
        """Return what the API calls a server."""
        return server_id

    def holder(self, resource: Key) -> Key | None:
        """Return who has it in truth."""
        return self.resources[resource].server_id

    def is_busy(self, resource: Key) -> bool:
        """Say whether an action of it runs."""
        return any(action.resource == resource for action in self._register.running())

    def is_locked(self, resource: Key) -> bool:
        """Say whether a fault has locked it."""
        return any(resource in locked for locked in self.faults.locked)

    def lacks_some(self) -> bool:
        """Say whether a fault hides some of its resources."""
        faults = self.faults
        return any(each in self.resources for each in (*faults.gone, *faults.slipped))

    def set_status(self, server_id: Key, status: str) -> None:
        """Switch a server on or off."""
        self.servers[server_id] = replace(self.servers[server_id], status=status)

    def move(self, resource: Key, holder: Key | None, cause: str = ANOTHER_ACTOR) -> None:
        """Change a holder, by whoever it is."""
        if self.holder(resource) != holder:
            self._register.give(resource, holder, self._agenda.now, cause)

    def seize(self, resource: Key, holder: Key | None) -> None:
        """Let somebody change a holder by hand."""
        self.move(resource, holder)

    def _moved(self, move: Move) -> None:
        seen = self.resources.get(move.resource)
        if seen is not None and move.old != move.new:
            self.resources[move.resource] = replace(seen, server_id=move.new)
            self._on_move(move)

    # --- answering ---------------------------------------------------------------------------

    def cost(self, request: Request) -> int:
        """Return how many HTTP requests it takes."""
        return self.kind.api.pages_of(len(self.resources)) if isinstance(request, ReadAll) else 1

    def is_shut(self, server_id: Key) -> bool:
        """Say whether a server may rightly ask nothing for a while."""
        del server_id
        return False

    def refuse_login(self, server_id: Key) -> Failure:
        """Refuse what a server logs in with."""
        del server_id
        return UNAUTHORIZED

    def answer_takes_s(self, outcome: Answer | Failure) -> float:
        """Return how long an answer takes beside its way: here all is answered at once."""
        del outcome
        return 0.0

    def answer(  # noqa: PLR0911  # one for each request
        self, request: Request, caller: Key, lag_s: float = 0.0
    ) -> Answer | Failure:
        """Carry a request out now; `lag_s`: holders are those of so long ago."""
        match request:
            case ReadAll(kind):
                reading = Reading(self._list(lag_s))
                return AllRead(kind, reading, requests=self.cost(request))
            case ReadOne(resource):
                key = self._key_in(resource)
                if key not in self.resources or key in self.faults.gone:
                    return NOT_FOUND
                return OneRead(self._as_of(key, lag_s))
            case Mutate(resource, step):
                return self._mutate(self._key_in(resource), self._server_in(step.holder))
            case ReadActions(_, action_ids):
                asked = action_ids[: self.kind.api.actions_per_call]
                known = (self._register.actions.get(each) for each in asked)
                return ActionsRead(tuple(self._seen(each) for each in known if each is not None))
            case ReadServer(_, server_id):
                server = self.servers.get(server_id)
                return NOT_FOUND if server is None else ServerRead(server)
            case Identify():
                server = self.servers.get(caller)
                return NOT_FOUND if server is None else Identified(server, "the world")
            case _:  # pragma: no cover
                assert_never(request)

    def _key_in(self, resource: ResourceId) -> Key:
        """Return the resource that a request names."""
        return resource.key

    def _server_in(self, key: Key | None) -> Key | None:
        """Return the server that a request names."""
        return key

    def _list(self, lag_s: float) -> tuple[Observation, ...]:
        faults = self.faults
        if not (lag_s or faults.stale_s or faults.gone or faults.slipped):
            return tuple(self.resources.values())
        hidden = {*faults.gone, *faults.slipped}
        return tuple(self._as_of(each, lag_s) for each in self.resources if each not in hidden)

    def _as_of(self, resource: Key, lag_s: float) -> Observation:
        found = self.resources[resource]
        lag_s = max([lag_s, *self.faults.stale_s])
        if not lag_s:
            return found
        then_s = self._agenda.now - lag_s
        return replace(found, server_id=self._register.holder_at(resource, then_s))

    def _seen(self, action: Accepted) -> Action:
        status = ActionStatus(action.status(self._agenda.now))
        code, message = action.error if status is ActionStatus.ERROR and action.error else ("", "")
        return Action(id=action.id, status=status, error_code=code, error_message=message)

    def _mutate(self, resource: Key, taker: Key | None) -> MutationAccepted | Failure:
        if resource not in self.resources or resource in self.faults.gone:
            return NOT_FOUND
        if taker is not None and taker not in self.servers:
            return NOT_FOUND
        if self.is_locked(resource):
            return LOCKED
        refusal = self._register.refusal(
            resource,
            taker,
            lock_servers=self.nature.lock_servers,
            releases_first=self.kind.releases_first,
        )
        if refusal is not None:
            return ALREADY if refusal is Refusal.ALREADY else LOCKED
        return self._begin(
            Accepted(twin=self, resource=resource, server=taker, **self._course(taker))
        )

    def carry_out(self, action: Accepted, now: float) -> None:
        """Let an action take effect: one that gives it to a server that is gone gives it nobody."""
        server = action.server if action.server in self.servers else None
        self._register.give(action.resource, server, now, action.cause, action)

    def _course(self, taker: Key | None) -> Course:
        """Return how an action goes that begins now, and gives something to this server."""
        faults, now = self.faults, self._agenda.now
        ends_s = inf if faults.endless_actions else now + self._slow_s()
        moves_at_s = now if self.nature.holder_at_accept else ends_s
        return {
            "id": self._register.next_id(),
            "cause": "released" if taker is None else f"server {taker}",
            "started_s": now,
            "ends_s": ends_s,
            "moves_at_s": inf if faults.action_errors or faults.lost_writes else moves_at_s,
            "error": ACTION_FAILED if faults.action_errors else None,
        }

    def _slow_s(self) -> float:
        """Return how long an action takes that begins now."""
        return max([self.nature.action_s, *self.faults.action_s])

    def _begin(self, action: Accepted) -> MutationAccepted:
        """Let an action begin; where there are none, it is done when it is answered."""
        now = self._agenda.now
        self._register.accept(action, now)
        if now < action.ends_s < inf:
            self._agenda.at(action.ends_s, self._register.advance, action.ends_s)
        return MutationAccepted(self._seen(action) if self.nature.actions else None)

    def forget(self) -> None:
        """Let nobody know of what was; actions that run lock nothing, and change nothing."""
        self._register.forget()

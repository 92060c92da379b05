"""The cloud in virtual time, as the core's port sees it: values in, values out.

A resource of any kind is a register that the last writer wins: a step is accepted, an action runs,
and the holder changes at its acceptance or at its end. A running action locks its resource (and its
server, in some worlds). Where a kind has to take a resource from its holder first, a step that
gives it to another is refused before that. Reads may be old. The quota is a bucket of the whole
project. What the HTTP simulator (`hakeeper.demo.cloud`) and the shipped adapter make of the same
requests is held against this one by tests/contracts.
"""

import ipaddress
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import assert_never

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
    Quota,
    ReadActions,
    ReadAll,
    ReadOne,
    ReadServer,
    Request,
    ServerRead,
)
from hakeeper.core.kind import Kind
from hakeeper.core.model import Action, ActionStatus, Server
from hakeeper.core.observation import Key, Observation, Reading, ResourceId
from hakeeper.simulate.faults.cloud import CloudFaults

HISTORY_S = 60.0
"""How long former holders are remembered, for reads that are old."""
ACTIONS_KEPT = 512
ZONE = "eu-central"
SCARCE = 0.15
"""The part of the quota under which nodes may read less often: theirs is a tenth, seen late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nature:
    """What this cloud is like in good times."""

    latency_s: float = 0.04
    """From sending to answer, half each way."""
    action_s: float = 0.0
    holder_at_accept: bool = True
    """Whether the holder changes when an assign is accepted, or when its action ends."""
    lock_servers: bool = False
    limit_per_hour: int = 3600
    must_release: bool = False
    """Whether a resource has to be taken from its holder before another can have it."""


@dataclass(frozen=True, slots=True)
class Move:
    """The holder of an address changed."""

    at_s: float
    floating_ip_id: int
    old: int | None
    new: int | None
    cause: str


@dataclass(slots=True)
class _Running:
    id: int
    number: int
    holder: int | None
    ends_s: float
    error: bool
    lost: bool
    """It succeeds, and changes nothing."""
    status: ActionStatus = ActionStatus.RUNNING

    def seen(self) -> Action:
        if self.status is ActionStatus.ERROR:
            return Action(
                id=self.id,
                status=self.status,
                error_code="action_failed",
                error_message="Action failed",
            )
        return Action(id=self.id, status=self.status)


def failure(kind: FailureKind, code: str, http_status: int | None = None) -> Failure:
    """Make a failure as the adapter would."""
    return Failure(kind=kind, code=code, message=code, http_status=http_status)


NOT_FOUND = failure(FailureKind.NOT_FOUND, "not_found", 404)
LOCKED = failure(FailureKind.LOCKED, "locked", 423)
ALREADY = failure(FailureKind.ALREADY, "floating_ip_assigned", 422)


def number_of(resource: ResourceId) -> int:
    """Return the number that a resource has in the world."""
    return int(resource.key)


def _cause(holder: int | None) -> str:
    return "released" if holder is None else f"server {holder}"


class WorldCloud:
    """The true state; `on_move` hears of every change of a holder."""

    def __init__(
        self,
        nature: Nature,
        kind: Kind,
        now: float,
        at: Callable[..., None],
        on_move: Callable[[Move], None],
    ) -> None:
        """Begin empty. `at(time, what, *args)` lets something happen later."""
        self.nature = nature
        self.kind = kind
        self.faults = CloudFaults()
        self.servers: dict[int, Server] = {}
        self._ips: dict[int, Observation] = {}
        self._history: dict[int, list[tuple[float, int | None]]] = {}
        self._listed: tuple[Observation, ...] | None = None
        self._actions: dict[int, _Running] = {}
        self._running: dict[int, _Running] = {}
        self._next_action = 1
        self._at = at
        self._on_move = on_move
        self._tokens = float(nature.limit_per_hour)
        self._tokens_at = now
        self.now = now
        self.spent: Counter[int] = Counter()
        """The requests that reached Hetzner, by the minute, refused ones among them."""
        self.scarce_at = float("-inf")
        """When a call last left little of the quota."""
        self.refused = 0
        """How many of them found the quota used up."""

    # --- the scene ---------------------------------------------------------------------------

    def add_server(self, server_id: int) -> None:
        """Add a server that runs."""
        self.servers[server_id] = Server(
            id=server_id, name=f"node{server_id}", status="running", zone=ZONE
        )

    def add_ip(self, floating_ip_id: int, holder: int | None) -> None:
        """Add a resource; its name is `ip-NUMBER`."""
        network = ipaddress.IPv4Network(0x0A000000 + floating_ip_id)
        self._ips[floating_ip_id] = Observation(
            id=ResourceId(self.kind.name, floating_ip_id),
            label=str(network.network_address),
            network=network,
            server_id=holder,
            name=f"ip-{floating_ip_id}",
            zone=ZONE,
        )
        self._history[floating_ip_id] = [(float("-inf"), holder)]
        self._listed = None

    def holder(self, floating_ip_id: int) -> int | None:
        """Return who has it in truth."""
        found = self._ips[floating_ip_id].server_id
        return found if isinstance(found, int) else None

    def address(self, floating_ip_id: int) -> Observation:
        """Return it as it is in truth."""
        return self._ips[floating_ip_id]

    def is_locked(self, floating_ip_id: int) -> bool:
        """Say whether a fault has locked it."""
        return any(floating_ip_id in locked for locked in self.faults.locked)

    def set_status(self, server_id: int, status: str) -> None:
        """Switch a server on or off."""
        self.servers[server_id] = replace(self.servers[server_id], status=status)

    def move(self, floating_ip_id: int, holder: int | None, now: float, cause: str) -> None:
        """Change a holder, by whoever it is."""
        old = self.holder(floating_ip_id)
        if old == holder:
            return
        self._ips[floating_ip_id] = replace(self._ips[floating_ip_id], server_id=holder)
        self._listed = None
        history = self._history[floating_ip_id]
        history.append((now, holder))
        while len(history) > 1 and history[1][0] < now - HISTORY_S:
            del history[0]
        self._on_move(Move(now, floating_ip_id, old, holder, cause))

    # --- the quota ---------------------------------------------------------------------------

    def cost(self, request: Request) -> int:
        """Return how many HTTP requests it takes."""
        return self.kind.api.pages_of(len(self._ips)) if isinstance(request, ReadAll) else 1

    def take_token(self, now: float, count: int = 1) -> bool:
        """Count so many requests; False if the project runs out of them on the way."""
        limit = float(self.nature.limit_per_hour)
        self._tokens = min(limit, self._tokens + (now - self._tokens_at) * limit / 3600.0)
        self._tokens_at = now
        if self._tokens < count:
            self.spent[int(now // 60.0)] += int(self._tokens) + 1
            self.refused += 1
            self._tokens -= int(self._tokens)
            return False
        self.spent[int(now // 60.0)] += count
        self._tokens -= count
        if self._tokens < SCARCE * limit:
            self.scarce_at = now
        return True

    def eat(self, share: float) -> None:
        """Let another tool use up this share of what is left."""
        self._tokens *= 1.0 - share

    def scarce(self, now: float) -> bool:
        """Say whether idle reading may be slower than usual, to spare the quota."""
        limit = float(self.nature.limit_per_hour)
        left = self._tokens + (now - self._tokens_at) * limit / 3600.0
        return left < SCARCE * limit

    def quota(self) -> Quota:
        """Return what the headers would say."""
        return Quota(limit_per_hour=self.nature.limit_per_hour, remaining=int(self._tokens))

    def throttled(self) -> Failure:
        """Return the 429 of an empty bucket; it names no time to wait."""
        return failure(FailureKind.THROTTLED, "rate_limit_exceeded", 429)

    # --- answering ---------------------------------------------------------------------------

    def answer(  # noqa: PLR0911  # one for each request
        self, request: Request, caller: int, now: float, lag_s: float = 0.0
    ) -> Answer | Failure:
        """Carry a request out, as of `now`; `lag_s`: holders are those of so long ago."""
        match request:
            case ReadAll(kind):
                return AllRead(kind, Reading(self._list(now, lag_s)))
            case ReadOne(resource):
                number = number_of(resource)
                if number not in self._ips or number in self.faults.gone:
                    return NOT_FOUND
                return OneRead(self._as_of(number, now, lag_s))
            case Mutate(resource, step):
                return self._mutate(number_of(resource), step.holder, now)
            case ReadActions(_, action_ids):
                asked = action_ids[: self.kind.api.actions_per_call]
                known = (self._actions.get(int(each)) for each in asked)
                return ActionsRead(tuple(each.seen() for each in known if each is not None))
            case ReadServer(_, server_id):
                server = self.servers.get(int(server_id))
                return NOT_FOUND if server is None else ServerRead(server)
            case Identify():
                server = self.servers.get(caller)
                return NOT_FOUND if server is None else Identified(server, "the world")
            case _:  # pragma: no cover
                assert_never(request)

    def _list(self, now: float, lag_s: float) -> tuple[Observation, ...]:
        faults = self.faults
        if not (lag_s or faults.stale_s or faults.gone or faults.slipped):
            if self._listed is None:
                self._listed = tuple(self._ips.values())
            return self._listed
        hidden = {*faults.gone, *faults.slipped}
        return tuple(self._as_of(each, now, lag_s) for each in self._ips if each not in hidden)

    def _as_of(self, floating_ip_id: int, now: float, lag_s: float) -> Observation:
        found = self._ips[floating_ip_id]
        lag_s = max([lag_s, *self.faults.stale_s])
        if not lag_s:
            return found
        then_s = now - lag_s
        past = [holder for at_s, holder in self._history[floating_ip_id] if at_s <= then_s]
        return replace(found, server_id=past[-1] if past else found.server_id)

    def _mutate(  # noqa: PLR0911  # one for each refusal
        self, floating_ip_id: int, holder: Key | None, now: float
    ) -> MutationAccepted | Failure:
        if floating_ip_id not in self._ips or floating_ip_id in self.faults.gone:
            return NOT_FOUND
        taker = None if holder is None else int(holder)
        if taker is not None and taker not in self.servers:
            return NOT_FOUND
        if self.is_locked(floating_ip_id):
            return LOCKED
        locks = self.nature.lock_servers
        for running in self._running.values():
            if running.number == floating_ip_id:
                return LOCKED
            if locks and running.holder == taker:
                return LOCKED
        at_present = self.holder(floating_ip_id)
        taken = self.nature.must_release and None not in (taker, at_present)
        if taken or at_present == taker:
            return ALREADY
        return MutationAccepted(self._begin(floating_ip_id, taker, now).seen())

    def _begin(self, floating_ip_id: int, holder: int | None, now: float) -> _Running:
        faults = self.faults
        error = faults.action_errors > 0
        takes_s = max([self.nature.action_s, *faults.action_s])
        if faults.endless_actions:
            takes_s = float("inf")
        action = _Running(self._next_action, floating_ip_id, holder, now + takes_s, error,
                          faults.lost_writes > 0)  # fmt: skip
        self._next_action += 1
        self._actions[action.id] = action
        if len(self._actions) > ACTIONS_KEPT:
            del self._actions[next(iter(self._actions))]
        if self.nature.holder_at_accept and not (error or action.lost):
            self.move(floating_ip_id, holder, now, _cause(holder))
        if takes_s == 0.0:
            self._end(action, now)
        else:
            self._running[action.id] = action
            if takes_s != float("inf"):
                self._at(action.ends_s, self._end_at, action)
        return action

    def _end_at(self, action: _Running) -> None:
        self._end(action, action.ends_s)

    def _end(self, action: _Running, now: float) -> None:
        self._running.pop(action.id, None)
        if action.status is not ActionStatus.RUNNING:
            return
        action.status = ActionStatus.ERROR if action.error else ActionStatus.SUCCESS
        if not (action.error or action.lost or self.nature.holder_at_accept):
            self.move(action.number, action.holder, now, _cause(action.holder))

    def end_endless(self, now: float) -> None:
        """Let the actions that had no end fail now; they no longer lock anything."""
        for action in list(self._running.values()):
            if action.ends_s == float("inf"):
                action.error = True
                self._end(action, now)

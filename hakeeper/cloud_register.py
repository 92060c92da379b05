"""The register of a simulated cloud: who has what, which actions run, and what they lock.

The last writer wins, whatever kind a resource is of. A step is accepted, its action runs,
and the holder changes at its acceptance, at its end, at another time or never. A running action
locks its resource and, in some clouds, the server that takes it.

Pure: the time is an argument. Nothing happens by itself: what is to come is planned, and
`advance(now)` carries out what is due, each at its exact time. `hakeeper.simulate` builds on it
what the core's port sees in virtual time, `hakeeper.demo` Hetzner's HTTP API.
"""

import enum
import heapq
import itertools
import math
from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Generic, TypeVar

from hakeeper.core.observation import Key

ACTION_FAILED = ("action_failed", "Action failed")
"""Why an action fails, if nothing else is said: code and message."""


@dataclass(slots=True, kw_only=True)
class Action:
    """An accepted step. It runs until `ends_s` (infinity: for ever), and fails if it has an error.

    The holder changes at `moves_at_s` (infinity: never), whatever the action says meanwhile.
    """

    id: int
    resource: Key
    server: Key | None
    """Who gets it; None: nobody."""
    cause: str
    started_s: float
    ends_s: float
    moves_at_s: float
    error: tuple[str, str] | None = None
    """Code and message."""
    locks: bool = True
    late: bool = False
    """Whether the holder changes at another time than usual."""

    def status(self, now: float) -> str:
        """Return Hetzner's name of its state."""
        if now < self.ends_s:
            return "running"
        return "success" if self.error is None else "error"


A = TypeVar("A", bound=Action)


@dataclass(frozen=True, slots=True)
class Move:
    """A resource was given to a server, or to nobody; perhaps to the one that had it."""

    at_s: float
    resource: Key
    old: Key | None
    new: Key | None
    cause: str
    action: Action | None = None
    """What did it; None: nobody asked the API for it."""

    @property
    def number(self) -> int:
        """The id of a resource that goes by a number."""
        return int(self.resource)


class Refusal(enum.Enum):
    """Why a step is refused."""

    LOCKED = "the resource is locked"
    SERVER_LOCKED = "its server is locked"
    ALREADY = "it is there already, or has to be taken from its holder first"


class Register(Generic[A]):
    """Holders and actions of one project. Not thread-safe."""

    def __init__(
        self,
        servers: Container[Key],
        on_move: Callable[[Move], None],
        carry_out: Callable[[A, float], None] | None = None,
    ) -> None:
        """Begin without resources; one that is given to a server that is gone has nobody.

        `carry_out`: what an action does when it takes effect, if not to move its one resource.
        """
        self.actions: dict[Key, A] = {}
        self.ended = 0
        """How many actions have ended."""
        self._servers = servers
        self._on_move = on_move
        self._carry_out = self._move if carry_out is None else carry_out
        self._holders: dict[Key, list[tuple[float, Key | None]]] = {}
        """All holders of each resource, the last one is the present one."""
        self._running: dict[Key, A] = {}
        self._due: list[tuple[float, bool, int, A]] = []
        """What happens to actions, by time: changes of holders, then ends."""
        self._ids = itertools.count(1)

    # --- holders -----------------------------------------------------------------------------

    def add(self, resource: Key, holder: Key | None, now: float) -> None:
        """Add a resource, or one anew."""
        self._holders[resource] = [(now, holder)]

    def remove(self, resource: Key) -> None:
        """Forget it; actions that run change nothing any more."""
        del self._holders[resource]

    def holder(self, resource: Key) -> Key | None:
        """Return who has it in truth."""
        return self._holders[resource][-1][1]

    def holder_at(self, resource: Key, at_s: float) -> Key | None:
        """Return who had it then; before it was added, the first one."""
        holders = self._holders[resource]
        return next((who for since_s, who in reversed(holders) if since_s <= at_s), holders[0][1])

    def held_by(self, server: Key) -> list[Key]:
        """Return what a server has."""
        return [resource for resource in self._holders if self.holder(resource) == server]

    def give(
        self, resource: Key, server: Key | None, now: float, cause: str, action: A | None = None
    ) -> None:
        """Change the holder at once, without a lock."""
        old = self.holder(resource)
        self._holders[resource].append((now, server))
        self._on_move(Move(now, resource, old, server, cause, action))

    # --- actions -----------------------------------------------------------------------------

    def next_id(self) -> int:
        """Return the id of the next action."""
        return next(self._ids)

    def refusal(
        self, resource: Key, server: Key | None, *, lock_servers: bool, releases_first: bool = False
    ) -> Refusal | None:
        """Return why a step that gives it to this server is refused now, if it is.

        `lock_servers`: a running action locks the server that takes its resource.
        `releases_first`: a resource is taken from its holder before another gets it.
        """
        holder = self.holder(resource)
        concerned = holder if server is None else server
        locked = self._locked(resource, concerned if lock_servers else None)
        if locked is not None:
            return locked
        taken = releases_first and None not in (server, holder)
        return Refusal.ALREADY if taken or holder == server else None

    def is_busy(self, server: Key) -> bool:
        """Say whether an action runs that locks this server."""
        running = self._running.values()
        return any(action.locks and action.server == server for action in running)

    def _locked(self, resource: Key, server: Key | None) -> Refusal | None:
        for action in self._running.values():
            if action.locks and action.resource == resource:
                return Refusal.LOCKED
            if action.locks and server is not None and action.server == server:
                return Refusal.SERVER_LOCKED
        return None

    def accept(self, action: A, now: float) -> None:
        """Let an action begin."""
        self.actions[action.id] = self._running[action.id] = action
        for at_s, ends in ((action.moves_at_s, False), (action.ends_s, True)):
            if math.isfinite(at_s):
                heapq.heappush(self._due, (at_s, ends, action.id, action))
        self.advance(now)

    def running(self) -> list[A]:
        """Return the actions that have not ended."""
        return list(self._running.values())

    def next_at(self) -> float:
        """Return when something happens next; infinity: nothing is planned."""
        return self._due[0][0] if self._due else math.inf

    def advance(self, now: float) -> None:
        """Carry out what is due, in order."""
        while self._due and self._due[0][0] <= now:
            at_s, ends, _, action = heapq.heappop(self._due)
            if ends:
                self._end(action)
            else:
                self._carry_out(action, at_s)

    def _move(self, action: A, now: float) -> None:
        if action.resource in self._holders:
            server = action.server if action.server in self._servers else None
            self.give(action.resource, server, now, action.cause, action)

    def _end(self, action: A) -> None:
        del self._running[action.id]
        self.ended += 1

    def fail_endless(self, now: float, which: Callable[[A], bool] = lambda _: True) -> None:
        """Let actions that had no end fail now; they no longer lock anything."""
        for action in list(self._running.values()):
            if math.isinf(action.ends_s) and which(action):
                action.ends_s, action.error = now, action.error or ACTION_FAILED
                self._end(action)

    def forget(self) -> None:
        """Let nobody know of what was; actions that run lock nothing, and change nothing."""
        self.actions.clear()
        self._running.clear()
        self._due.clear()
        for holders in self._holders.values():
            del holders[:-1]

"""A scripted cloud in virtual time: holders, actions, servers and faults, all as plain values."""

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from ipaddress import ip_network

from hakeeper.core.calls import (
    ActionsRead,
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
from hakeeper.core.model import Action, ActionStatus, Server
from hakeeper.core.observation import Key, Observation
from tests.core.faults import Faulty, failure
from tests.support.resources import floating_ip, listed, number_of


class Ending(enum.Enum):
    """How the actions of accepted assigns end."""

    SUCCESS = enum.auto()
    ERROR = enum.auto()
    NEVER = enum.auto()


@dataclass(frozen=True, slots=True)
class Move:
    """The holder changed, at `at_s`."""

    at_s: float
    floating_ip_id: int
    holder: Key | None


@dataclass(slots=True)
class FakeAction:
    """An action under way, or ended."""

    id: int
    floating_ip_id: int
    server_id: Key | None
    ends_at_s: float
    ending: Ending
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


@dataclass(slots=True, kw_only=True)
class FakeCloud(Faulty):
    """What is true, whatever the nodes believe."""

    action_s: float = 0.0
    ending: Ending = Ending.SUCCESS
    stale_s: float = 0.0
    loses_writes: bool = False
    """Whether assigns succeed without effect."""
    server_locks: bool = False
    """Whether a running action locks the server, too."""
    floating_ips: dict[int, Observation] = field(default_factory=dict)
    servers: dict[Key, Server] = field(default_factory=dict)
    actions: dict[Key, FakeAction] = field(default_factory=dict)
    moves: list[Move] = field(default_factory=list)

    # --- setting the scene ---------------------------------------------------------------

    def add_ip(
        self, floating_ip_id: int, name: str, network: str, holder: int | None = None
    ) -> Observation:
        made = floating_ip(
            id=floating_ip_id, name=name, network=ip_network(network), server_id=holder
        )
        self.floating_ips[floating_ip_id] = made
        self.moves.append(Move(float("-inf"), floating_ip_id, holder))
        return made

    def add_server(self, server_id: int, status: str = "running", zone: str = "") -> None:
        self.servers[server_id] = Server(
            id=server_id, name=f"node{server_id}", status=status, zone=zone
        )

    def holder(self, floating_ip_id: int) -> Key | None:
        return self.floating_ips[floating_ip_id].server_id

    def move(self, floating_ip_id: int, holder: Key | None) -> None:
        """Somebody, or one of our actions, changes the holder."""
        old = self.floating_ips[floating_ip_id]
        if old.server_id != holder:
            self.floating_ips[floating_ip_id] = replace(old, server_id=holder)
            self.moves.append(Move(self.now, floating_ip_id, holder))

    def moved_between(self, first_s: float, last_s: float) -> int:
        return sum(first_s <= move.at_s <= last_s for move in self.moves)

    # --- answering -----------------------------------------------------------------------

    def advance(self, now: float) -> None:
        """Let the actions that end until now end, in their order."""
        for action in sorted(self._running(), key=lambda a: a.ends_at_s):
            if action.ends_at_s <= now:
                self.now = max(self.now, action.ends_at_s)
                self._end(action)
        self.now = max(self.now, now)

    def _running(self) -> Iterator[FakeAction]:
        return (a for a in self.actions.values() if a.status is ActionStatus.RUNNING)

    def _end(self, action: FakeAction) -> None:
        if action.ending is Ending.ERROR:
            action.status = ActionStatus.ERROR
            return
        action.status = ActionStatus.SUCCESS
        if not self.loses_writes:
            self.move(action.floating_ip_id, action.server_id)

    def next_end_s(self) -> float | None:
        return min((a.ends_at_s for a in self._running() if a.ends_at_s < 1e12), default=None)

    def answer(  # noqa: PLR0911  # one for each request
        self, request: Request, caller: int
    ) -> Answer | Failure:
        """Do it, as of `now`."""
        match request:
            case Identify():
                return Identified(self.servers[caller], "the test")
            case ReadAll():
                return listed(tuple(map(self._seen, self.floating_ips)))
            case ReadOne(resource_id):
                floating_ip_id = int(resource_id.key)
                if floating_ip_id not in self.floating_ips:
                    return failure(FailureKind.NOT_FOUND, "not_found")
                return OneRead(self._seen(floating_ip_id))
            case Mutate(_, wanted):
                return self.assign(number_of(request), wanted.holder)
            case ReadActions(_, action_ids):
                known = [self.actions[i] for i in action_ids if i in self.actions]
                return ActionsRead(tuple(action.seen() for action in known))
            case ReadServer(_, server_id):
                if server_id not in self.servers:
                    return failure(FailureKind.NOT_FOUND, "not_found")
                return ServerRead(self.servers[server_id])

    def _seen(self, floating_ip_id: int) -> Observation:
        as_of_s = self.now - self.stale_s
        past = [m for m in self.moves if m.floating_ip_id == floating_ip_id and m.at_s <= as_of_s]
        return replace(self.floating_ips[floating_ip_id], server_id=past[-1].holder)

    def assign(self, floating_ip_id: int, server_id: Key | None) -> MutationAccepted | Failure:
        if floating_ip_id not in self.floating_ips:
            return failure(FailureKind.NOT_FOUND, "not_found")
        if any(
            a.floating_ip_id == floating_ip_id or (self.server_locks and a.server_id == server_id)
            for a in self._running()
        ):
            return failure(FailureKind.LOCKED, "locked", http_status=423)
        if self.holder(floating_ip_id) == server_id:
            return failure(FailureKind.ALREADY, "floating_ip_assigned", http_status=422)
        ends_at_s = float("inf") if self.ending is Ending.NEVER else self.now + self.action_s
        action = FakeAction(
            len(self.actions) + 1, floating_ip_id, server_id, ends_at_s, self.ending
        )
        self.actions[action.id] = action
        if self.action_s <= 0.0 and self.ending is not Ending.NEVER:
            self._end(action)
        return MutationAccepted(action.seen())

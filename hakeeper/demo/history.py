"""The record of a run of the demo: plain values, all times in monotonic seconds.

The verdict, the picture and the table are made from this record alone, so that they can be tested
with histories that went wrong.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from hakeeper.core.model import Role
from hakeeper.demo.cloud import AliasChange, HolderChange, LoggedRequest
from hakeeper.demo.cloud.values import CREATED
from hakeeper.demo.lab.witness import RoleChange

INSTANCE = "VI_1"
"""The demo's VRRP instance."""
ADDRESS = "203.0.113.10"
"""The floating IP, from RFC 5737's range for examples; the lab gives it to its first one."""
ALIAS = "10.99.0.100"
"""The alias IP, from the range of the lab's private network."""

Change: TypeAlias = HolderChange | AliasChange


def shown(node: str) -> str:
    """Return the server's name as the viewer sees it; the lab calls it `a`."""
    return f"web-{node}"


@dataclass(frozen=True, slots=True)
class Span:
    """A period of time."""

    from_s: float
    until_s: float

    def __contains__(self, at_s: float) -> bool:
        return self.from_s <= at_s < self.until_s

    @property
    def length_s(self) -> float:
        """How long it lasted."""
        return self.until_s - self.from_s


@dataclass(frozen=True, slots=True)
class PowerCut:
    """A period in which a server had no power."""

    node: str
    span: Span


@dataclass(frozen=True, slots=True)
class Said:
    """One entry of a hakeeper's log, as written; `time_s` is UNIX seconds."""

    at_s: float
    time_s: float
    node: str
    pid: int
    event: str
    level: str
    message: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state at the end of an act, when everything was stable."""

    at_s: float
    holders: Mapping[str, str | None]
    """By address: the node that has it according to the cloud."""
    masters: tuple[str, ...]
    """The nodes whose keepalived reports MASTER when asked."""
    running: tuple[str, ...]
    """The nodes whose hakeeper runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One part of the story: something happens to a server, and `heir` must get the addresses."""

    title: str
    heir: str
    running: tuple[str, ...]
    """The nodes that have power at its end."""
    trigger: str
    """The event that starts the clock of this act."""
    trigger_s: float
    checkpoint: Checkpoint | None
    """None: the act did not finish."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """All that is needed to show and check a run."""

    span: Span
    servers: Mapping[str, int]
    """The server id of each node."""
    address: str
    alias: str
    acts: tuple[Act, ...]
    acts_planned: int
    roles: tuple[RoleChange, ...]
    holder_changes: tuple[HolderChange, ...]
    alias_changes: tuple[AliasChange, ...]
    """Of all alias IPs of the network."""
    foreign: Mapping[str, str]
    """By node: an alias IP that it has for something else."""
    requests: tuple[LoggedRequest, ...]
    said: tuple[Said, ...]
    power_cuts: tuple[PowerCut, ...] = ()
    outages: tuple[Span, ...] = ()
    """When the API answered every request with 503."""
    failure: str | None = None
    """Why the story was aborted; None: it was played to the end."""

    def node_of(self, server: int | None) -> str | None:
        """Return the node with this server id."""
        return next((node for node, each in self.servers.items() if each == server), None)

    @property
    def addresses(self) -> tuple[str, str]:
        """The two that the master must have."""
        return self.address, self.alias

    def writes(self, address: str) -> tuple[LoggedRequest, ...]:
        """Return the requests to move an address that the cloud received, with any result."""
        if address == self.address:
            return tuple(each for each in self.requests if each.is_assign)
        return tuple(each for each in self.requests if each.is_alias_write)

    def changes(self, address: str) -> tuple[Change, ...]:
        """Return who got or lost an address since the start, when nobody had it."""
        if address == self.address:
            return tuple(each for each in self.holder_changes if each.cause != CREATED)
        return tuple(each for each in self.alias_changes if each.ip == address)

    def act_span(self, index: int) -> Span:
        """Return the time from an act's trigger to the next one's."""
        following = self.acts[index + 1 :]
        until_s = following[0].trigger_s if following else self.span.until_s
        return Span(self.acts[index].trigger_s, until_s)

    def owned(self, address: str) -> list[tuple[str | None, Span]]:
        """Return the holders of an address over time, without gaps; None: no holder."""
        changes = self.changes(address)
        holders = [None, *(self.node_of(each.new) for each in changes)]
        from_s = [self.span.from_s, *(each.at_s for each in changes)]
        return list(zip(holders, map(Span, from_s, [*from_s[1:], self.span.until_s]), strict=True))

    def gaps(self, address: str) -> list[Span]:
        """Return when nobody had an address that somebody had had."""
        return [span for holder, span in self.owned(address)[1:] if holder is None]

    def holder_at(self, address: str, at_s: float) -> str | None:
        """Return who had an address at a moment."""
        past = [holder for holder, span in self.owned(address) if span.from_s <= at_s]
        return past[-1] if past else None

    def mastered(self, node: str) -> list[Span]:
        """Return when a node was MASTER, according to keepalived's lines and its deaths."""
        mine = [each for each in self.roles if each.node == node and each.vrrp.name == INSTANCE]
        return [
            Span(each.at_s, mine[index + 1].at_s if index + 1 < len(mine) else self.span.until_s)
            for index, each in enumerate(mine)
            if each.role is Role.MASTER
        ]

    def dead(self, node: str) -> list[Span]:
        """Return when a node had no power."""
        return [cut.span for cut in self.power_cuts if cut.node == node]

    def dark_s(self, address: str) -> float:
        """Return how long in total an address was with a server without power."""
        return sum(
            max(0.0, min(span.until_s, dead.until_s) - max(span.from_s, dead.from_s))
            for holder, span in self.owned(address)
            if holder is not None
            for dead in self.dead(holder)
        )

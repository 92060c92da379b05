"""The record of a run of the demo: plain values, all times in monotonic seconds.

The verdict, the picture and the table are made from this record alone, so that they can be tested
with histories that went wrong.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hakeeper.core.model import Role
from hakeeper.demo.cloud import HolderChange, LoggedRequest
from hakeeper.demo.lab.witness import RoleChange

INSTANCE = "VI_1"
"""The demo's VRRP instance."""
ADDRESS = "203.0.113.10"
"""The floating IP, from RFC 5737's range for examples; the lab gives it to its first one."""


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
    holder: str | None
    """The node that holds the address according to the cloud."""
    masters: tuple[str, ...]
    """The nodes whose keepalived reports MASTER when asked."""
    running: tuple[str, ...]
    """The nodes whose hakeeper runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One part of the story: something happens to a server, and `heir` must get the address."""

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
    acts: tuple[Act, ...]
    acts_planned: int
    roles: tuple[RoleChange, ...]
    holder_changes: tuple[HolderChange, ...]
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
    def assigns(self) -> tuple[LoggedRequest, ...]:
        """Every assign that the cloud received, with any result."""
        return tuple(each for each in self.requests if each.is_assign)

    def act_span(self, index: int) -> Span:
        """Return the time from an act's trigger to the next one's."""
        following = self.acts[index + 1 :]
        until_s = following[0].trigger_s if following else self.span.until_s
        return Span(self.acts[index].trigger_s, until_s)

    def owned(self) -> list[tuple[str | None, Span]]:
        """Return the holders of the address over time, without gaps; None: no holder."""
        found: list[tuple[str | None, Span]] = []
        for index, change in enumerate(self.holder_changes):
            later = self.holder_changes[index + 1 :]
            until_s = later[0].at_s if later else self.span.until_s
            found.append((self.node_of(change.new), Span(change.at_s, until_s)))
        return found

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

    def dark_s(self) -> float:
        """Return how long in total the address was with a server without power."""
        return sum(
            max(0.0, min(span.until_s, dead.until_s) - max(span.from_s, dead.from_s))
            for holder, span in self.owned()
            if holder is not None
            for dead in self.dead(holder)
        )

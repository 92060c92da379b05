"""What happened in a run of the demo: plain values, all times in monotonic seconds.

The verdict, the picture and the table are made from this and from nothing else, so they can be
tried on histories that went wrong.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hakeeper.core.model import Role
from hakeeper.demo.cloud import HolderChange, LoggedRequest
from hakeeper.demo.lab.witness import RoleChange

INSTANCE = "VI_1"
"""The one VRRP instance of the demo."""
ADDRESS = "203.0.113.10"
"""The floating IP, from RFC 5737's range for examples; the lab gives it to its first one."""


def shown(node: str) -> str:
    """Return the name of a server as the viewer sees it; the lab calls it `a`."""
    return f"web-{node}"


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when."""

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
    """A server was dead for so long."""

    node: str
    span: Span


@dataclass(frozen=True, slots=True)
class Said:
    """One entry of a hakeeper's log, as it stands there; `time_s` is UNIX seconds."""

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
    """The state at the end of an act, when all was calm."""

    at_s: float
    holder: str | None
    """The node that the cloud sends the address to."""
    masters: tuple[str, ...]
    """The nodes whose keepalived, asked right now, says that it is MASTER."""
    running: tuple[str, ...]
    """The nodes whose hakeeper runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One part of the story: something happens to a server, and `heir` has to get the address."""

    title: str
    heir: str
    running: tuple[str, ...]
    """The nodes that have power at its end."""
    trigger: str
    """What starts the clock of this act."""
    trigger_s: float
    checkpoint: Checkpoint | None
    """None: the act did not come to its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """All that is needed to tell, draw and judge a run."""

    span: Span
    servers: Mapping[str, int]
    """By node: its id in the cloud."""
    address: str
    acts: tuple[Act, ...]
    acts_planned: int
    roles: tuple[RoleChange, ...]
    holder_changes: tuple[HolderChange, ...]
    requests: tuple[LoggedRequest, ...]
    said: tuple[Said, ...]
    power_cuts: tuple[PowerCut, ...] = ()
    outages: tuple[Span, ...] = ()
    """When the API answered 503 to everything."""
    failure: str | None = None
    """Why the story was broken off; None if it was told to its end."""

    def node_of(self, server: int | None) -> str | None:
        """Return the node with this server id."""
        return next((node for node, each in self.servers.items() if each == server), None)

    @property
    def assigns(self) -> tuple[LoggedRequest, ...]:
        """Every assign that the cloud received, whatever came of it."""
        return tuple(each for each in self.requests if each.is_assign)

    def act_span(self, index: int) -> Span:
        """From an act's trigger to the next one's."""
        following = self.acts[index + 1 :]
        until_s = following[0].trigger_s if following else self.span.until_s
        return Span(self.acts[index].trigger_s, until_s)

    def owned(self) -> list[tuple[str | None, Span]]:
        """Return who had the address when, without gaps; None stands for nobody."""
        found: list[tuple[str | None, Span]] = []
        for index, change in enumerate(self.holder_changes):
            later = self.holder_changes[index + 1 :]
            until_s = later[0].at_s if later else self.span.until_s
            found.append((self.node_of(change.new), Span(change.at_s, until_s)))
        return found

    def mastered(self, node: str) -> list[Span]:
        """Return when a node was MASTER, by keepalived's own lines and its death."""
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
        """For how long in all the address led to a server without power."""
        return sum(
            max(0.0, min(span.until_s, dead.until_s) - max(span.from_s, dead.from_s))
            for holder, span in self.owned()
            if holder is not None
            for dead in self.dead(holder)
        )

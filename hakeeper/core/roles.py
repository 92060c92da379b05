"""What keepalived last said of each instance and group, and whose words those are."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hakeeper.core.lines import NotifyLine
from hakeeper.core.machine import (
    EVENT_OF_ANSWER,
    EVENT_OF_LINE,
    EVENT_OF_RESTORED,
    TABLE,
    RoleEvent,
)
from hakeeper.core.model import IpAddress, Role, VrrpId, VrrpKind

OTHERS_KEPT = 64
"""How many names that the configuration does not have are remembered with their role."""


@dataclass(slots=True)
class Belief:
    """The role of one instance or group.

    `generation` counts its changes, and how often keepalived became deaf: work that was begun in
    an older one is void.
    """

    role: Role = Role.UNKNOWN
    generation: int = 0
    since_s: float = 0.0
    reason: str = "nothing heard yet"
    heard_at_s: float = float("-inf")
    """When a line last said its role; an answer to a query asked before that is out of date."""
    doubtful_since_s: float | None = None
    """Since when lines of it may be lost with a FIFO; None once it was spoken of."""
    deaf: bool = False
    """keepalived cannot hear the other nodes, so that MASTER means nothing; see `hearing.py`."""
    deaf_since_s: float = 0.0
    missing: tuple[IpAddress, ...] = ()
    """Its VRRP addresses that this machine has not."""
    missing_told: tuple[IpAddress, ...] = ()
    """Those that the journal knows of."""
    hears_at_s: float = 0.0
    """When deafness ends, once nothing is missing any more."""

    @property
    def is_master(self) -> bool:
        """Say whether MASTER is confirmed: said by keepalived, and it could hear otherwise."""
        return self.role is Role.MASTER and not self.deaf


@dataclass(frozen=True, slots=True)
class RoleChange:
    """The net result of one event for one name.

    `edge`: the role moved, perhaps away and back. `check`: look at the owner now.
    `live`: a line that came just now said so, so there is no doubt that it is new.
    """

    vrrp: VrrpId
    before: Role
    after: Role
    reason: str
    edge: bool
    check: bool
    live: bool


class RoleBook:
    """All beliefs; only names that the configuration knows have one."""

    def __init__(self, names: Iterable[VrrpId], now: float) -> None:
        """Begin with every role UNKNOWN."""
        self.beliefs: dict[VrrpId, Belief] = {name: Belief(since_s=now) for name in names}
        self.others: dict[VrrpId, Role] = {}
        """What was last said of names that the configuration does not have; bounded."""

    def rename(self, names: Iterable[VrrpId], now: float) -> None:
        """Take over another set of names; those that stay keep their belief."""
        before = self.beliefs
        self.beliefs = {name: before.get(name, Belief(since_s=now)) for name in names}
        for name, belief in before.items():
            if name not in self.beliefs:
                self._keep(name, belief.role)

    def recall(self, now: float) -> list[RoleChange]:
        """Take over what was said of the names that a reload has added."""
        said = {name: self.others.pop(name) for name in self.beliefs if name in self.others}
        return self.restore(said, now)

    def _keep(self, name: VrrpId, role: Role) -> None:
        if name in self.others or len(self.others) < OTHERS_KEPT:
            self.others[name] = role

    def roles(self) -> dict[VrrpId, Role]:
        """Return the bare roles, for the state file."""
        return {name: belief.role for name, belief in self.beliefs.items()}

    def all_stopped(self) -> bool:
        """Say whether keepalived has stopped in order, by its last words."""
        beliefs = self.beliefs.values()
        return bool(beliefs) and all(belief.role is Role.STOPPED for belief in beliefs)

    def hear(self, lines: Iterable[NotifyLine], now: float, *, live: bool) -> list[RoleChange]:
        """Apply a drained batch; what it says of unknown names is kept for a reload."""
        events: dict[VrrpId, list[RoleEvent]] = {}
        for line in lines:
            if line.state.is_hint:
                continue
            event = EVENT_OF_LINE[line.state]
            if line.vrrp in self.beliefs:
                events.setdefault(line.vrrp, []).append(event)
            else:
                self._keep(line.vrrp, TABLE[event][Role.UNKNOWN].role)
        for name in events:
            self.beliefs[name].heard_at_s = now
        return self._apply_all(events, now, live=live)

    def answered(
        self, roles: Mapping[str, Role], asked_at_s: float, now: float
    ) -> list[RoleChange]:
        """Apply the roles that keepalived states, but not over a line that came after the question.

        Groups are not in the answer: D-Bus knows only instances. A name that it does not know says
        nothing of the role: an instance that is removed writes a line, and D-Bus forgets living
        ones (keepalived 2.2.7 and 2.3.3, started while an older one still leaves the bus).
        """
        said = {
            name: roles.get(name.name, Role.UNKNOWN)
            for name, belief in self.beliefs.items()
            if name.kind is VrrpKind.INSTANCE and belief.heard_at_s < asked_at_s
        }
        events = {
            name: [EVENT_OF_ANSWER[role]] for name, role in said.items() if role in EVENT_OF_ANSWER
        }
        return self._apply_all(events, now, live=False)

    def restore(self, roles: Mapping[VrrpId, Role], now: float) -> list[RoleChange]:
        """Take over what the same keepalived process had said, by the state file or our memory."""
        events = {
            name: [EVENT_OF_RESTORED[roles[name]]]
            for name in self.beliefs
            if roles.get(name, Role.UNKNOWN) in EVENT_OF_RESTORED
        }
        return self._apply_all(events, now, live=False)

    def doubt(self, event: RoleEvent, now: float) -> list[RoleChange]:
        """Apply GONE, REPLACED or LOST to every name."""
        self.others.clear()
        return self._apply_all({name: [event] for name in self.beliefs}, now, live=False)

    def suspect(self, now: float) -> None:
        """Lines may be lost with a FIFO that was replaced: every role that is known is doubtful."""
        for belief in self.beliefs.values():
            if belief.role is not Role.UNKNOWN and belief.doubtful_since_s is None:
                belief.doubtful_since_s = now

    def _apply_all(
        self, events: Mapping[VrrpId, list[RoleEvent]], now: float, *, live: bool
    ) -> list[RoleChange]:
        changes = (self._apply(name, said, now, live=live) for name, said in events.items())
        return [change for change in changes if change.edge or change.check]

    def _apply(
        self, name: VrrpId, events: list[RoleEvent], now: float, *, live: bool
    ) -> RoleChange:
        belief = self.beliefs[name]
        before, generation, check = belief.role, belief.generation, False
        belief.doubtful_since_s = None
        for event in events:
            step = TABLE[event][belief.role]
            check = check or step.check
            if step.role is not belief.role:
                belief.role = step.role
                belief.generation += 1
                belief.since_s = now
                belief.reason = f"{step.reason} ({event.value})"
        edge = belief.generation != generation
        return RoleChange(name, before, belief.role, belief.reason, edge, check, live)

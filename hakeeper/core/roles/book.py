"""What keepalived last said of each instance and group, and which process said it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hakeeper.core.model import NEVER, IpAddress, Role, VrrpId, VrrpKind
from hakeeper.core.roles.lines import NotifyLine
from hakeeper.core.roles.table import (
    EVENT_OF_ANSWER,
    EVENT_OF_LINE,
    EVENT_OF_RESTORED,
    TABLE,
    RoleEvent,
)

OTHERS_KEPT = 64
"""How many names that the configuration does not have are remembered with their role."""


@dataclass(slots=True)
class RoleState:
    """The role of one instance or group.

    `generation` counts its changes, and how often keepalived became isolated: work of an older
    generation is void.
    """

    role: Role = Role.UNKNOWN
    generation: int = 0
    since_s: float = 0.0
    reason: str = "nothing heard yet"
    heard_at_s: float = NEVER
    """When a line last said its role; an answer to a query asked before that is out of date."""
    doubtful_since_s: float | None = None
    """Since when lines of it may be lost with a FIFO; None once it was spoken of."""
    isolated: bool = False
    """keepalived cannot hear its peers, so MASTER does not count; see `keepalived/isolation.py`."""
    isolated_since_s: float = 0.0
    missing: tuple[IpAddress, ...] = ()
    """Its VRRP addresses that this machine has not."""
    missing_reported: tuple[IpAddress, ...] = ()
    """Those that the journal knows of."""
    trusted_from_s: float = 0.0
    """When isolation ends, once nothing is missing any more."""

    @property
    def is_master(self) -> bool:
        """Say whether MASTER is confirmed: keepalived says it, and is not isolated."""
        return self.role is Role.MASTER and not self.isolated


@dataclass(frozen=True, slots=True)
class RoleChange:
    """The net result of one event for one name.

    `edge`: the role moved, perhaps away and back. `check`: look at the holder now.
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
    """All role states; only names that the configuration knows have one."""

    def __init__(self, names: Iterable[VrrpId], now: float) -> None:
        """Begin with every role UNKNOWN."""
        self.role_states: dict[VrrpId, RoleState] = {name: RoleState(since_s=now) for name in names}
        self.others: dict[VrrpId, Role] = {}
        """What was last said of names that the configuration does not have; bounded."""

    def rename(self, names: Iterable[VrrpId], now: float) -> None:
        """Take over another set of names; those that stay keep their role state."""
        before = self.role_states
        self.role_states = {name: before.get(name, RoleState(since_s=now)) for name in names}
        for name, role_state in before.items():
            if name not in self.role_states:
                self._keep(name, role_state.role)

    def recall(self, now: float) -> list[RoleChange]:
        """Take over what was said of the names that a reload has added."""
        said = {name: self.others.pop(name) for name in self.role_states if name in self.others}
        return self.restore(said, now)

    def _keep(self, name: VrrpId, role: Role) -> None:
        if name in self.others or len(self.others) < OTHERS_KEPT:
            self.others[name] = role

    def roles(self) -> dict[VrrpId, Role]:
        """Return the bare roles, for the state file."""
        return {name: role_state.role for name, role_state in self.role_states.items()}

    def all_stopped(self) -> bool:
        """Say whether keepalived has stopped in order, by its last lines."""
        role_states = self.role_states.values()
        return bool(role_states) and all(
            role_state.role is Role.STOPPED for role_state in role_states
        )

    def hear(self, lines: Iterable[NotifyLine], now: float, *, live: bool) -> list[RoleChange]:
        """Apply a drained batch; what it says of unknown names is kept for a reload."""
        events: dict[VrrpId, list[RoleEvent]] = {}
        for line in lines:
            if line.state.is_hint:
                continue
            event = EVENT_OF_LINE[line.state]
            if line.vrrp in self.role_states:
                events.setdefault(line.vrrp, []).append(event)
            else:
                self._keep(line.vrrp, TABLE[event][Role.UNKNOWN].role)
        for name in events:
            self.role_states[name].heard_at_s = now
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
            for name, role_state in self.role_states.items()
            if name.kind is VrrpKind.INSTANCE and role_state.heard_at_s < asked_at_s
        }
        events = {
            name: [EVENT_OF_ANSWER[role]] for name, role in said.items() if role in EVENT_OF_ANSWER
        }
        return self._apply_all(events, now, live=False)

    def restore(self, roles: Mapping[VrrpId, Role], now: float) -> list[RoleChange]:
        """Take over what the same keepalived process had said, by the state file or our memory."""
        events = {
            name: [EVENT_OF_RESTORED[roles[name]]]
            for name in self.role_states
            if roles.get(name, Role.UNKNOWN) in EVENT_OF_RESTORED
        }
        return self._apply_all(events, now, live=False)

    def doubt(self, event: RoleEvent, now: float) -> list[RoleChange]:
        """Apply GONE, REPLACED or LOST to every name."""
        self.others.clear()
        return self._apply_all({name: [event] for name in self.role_states}, now, live=False)

    def suspect(self, now: float) -> None:
        """Lines may be lost with a FIFO that was replaced: every role that is known is doubtful."""
        for role_state in self.role_states.values():
            if role_state.role is not Role.UNKNOWN and role_state.doubtful_since_s is None:
                role_state.doubtful_since_s = now

    def _apply_all(
        self, events: Mapping[VrrpId, list[RoleEvent]], now: float, *, live: bool
    ) -> list[RoleChange]:
        changes = (self._apply(name, said, now, live=live) for name, said in events.items())
        return [change for change in changes if change.edge or change.check]

    def _apply(
        self, name: VrrpId, events: list[RoleEvent], now: float, *, live: bool
    ) -> RoleChange:
        role_state = self.role_states[name]
        before, generation, hint = role_state.role, role_state.generation, ""
        role_state.doubtful_since_s = None
        for event in events:
            step = TABLE[event][role_state.role]
            reason = f"{step.reason} ({event.value})"
            if step.check:
                hint = reason
            if step.role is not role_state.role:
                role_state.role = step.role
                role_state.generation += 1
                role_state.since_s = now
                role_state.reason = reason
        edge = role_state.generation != generation
        reason = role_state.reason if edge else hint
        return RoleChange(name, before, role_state.role, reason, edge, bool(hint), live)

"""Which node was MASTER when, what made it so, and how the address followed.

Worked out after the fact from three records that know nothing of hakeeper's own words: the lab's
witness of keepalived's lines, the harness's list of faults, and the simulated cloud's log.
"""

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from hakeeper.core.model import Role
from hakeeper.demo.cloud import HolderChange, LoggedRequest
from hakeeper.demo.lab import RoleChange
from hakeeper.demo.lab.checks import IN_FLIGHT_S, WITNESS_LATE_S
from tests.soak.kinds import Family, Kind

SEVERAL = "several faults at once"
RETURN = "back to the better node, after healing"
UNPROVOKED = "no fault (the machine was busy)"
_RECOVERY_S = 2.0
"""So long after a fault of API or hakeeper has ended, it may still slow a claim down."""
CHECKED = "checked first"
"""What is added to the name of a broken file that keepalived refuses."""
_HARMLESS = frozenset({Kind.RELOAD.value, f"{Kind.BROKEN.value}, {CHECKED}"})
"""What cannot move the role."""
_DISTURBING = frozenset({Family.HAKEEPER, Family.API, Family.HAND})


@dataclass(slots=True, kw_only=True)
class Injected:
    """A fault that was done; times are monotonic seconds."""

    kind: Kind
    name: str
    node: str
    began_s: float
    ended_s: float = float("inf")
    """When healing it began; infinite while it lasts."""

    def touches(self, from_s: float, until_s: float) -> bool:
        """Say whether it went on at any time between."""
        return self.began_s <= until_s and self.ended_s >= from_s


class Sort(enum.Enum):
    """What a move of the MASTER role was."""

    FAILOVER = "failover"
    """The MASTER was hit, or a better one appeared, and another node took over."""
    SECOND = "second master"
    """A backup was hit, and took itself for the only one; the MASTER stayed."""
    RETURN = "return"
    """The better node took over again when things were healed."""
    UNPROVOKED = "unprovoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A node became MASTER that was not the holder of the role before. Durations in ms."""

    at_s: float
    """When the MASTER line was read by the witness."""
    source: str
    target: str
    sort: Sort
    cause: str
    line_ms: float | None = None
    """From the fault to the line; None without a single fault that it can be counted from."""
    assign_ms: float | None = None
    """From the line to the first assign in the cloud; None: none was needed, or none came."""
    confirmed_ms: float | None = None
    """From that assign to the answer that showed the new holder; None: overtaken before."""
    had_it: bool = False
    """The address was there already: an assign, if any, takes back what a late write took away."""
    disturbed: bool = False
    """hakeeper or its way to the API was faulty meanwhile, too, or a hand moved the address."""

    @property
    def total_ms(self) -> float | None:
        """From the fault to the answer that showed the new holder."""
        if self.line_ms is None or self.assign_ms is None or self.confirmed_ms is None:
            return None
        return self.line_ms + self.assign_ms + self.confirmed_ms


class Holders:
    """Follows the role through the witness's record."""

    def __init__(self) -> None:
        self._masters: dict[str, float] = {}
        self._holder = ""

    def take(self, changes: Iterable[RoleChange]) -> list[tuple[RoleChange, str]]:
        """Return each change by which another node became MASTER, with the holder before."""
        found = []
        for change in changes:
            if change.role is Role.MASTER:
                if change.node != self._holder:
                    if self._holder:
                        found.append((change, self._holder))
                    self._holder = change.node
                self._masters[change.node] = change.at_s
            else:
                self._masters.pop(change.node, None)
                if change.node == self._holder and self._masters:
                    self._holder = max(self._masters, key=lambda name: self._masters[name])
        return found


@dataclass(frozen=True, slots=True)
class _Cause:
    sort: Sort
    name: str
    since_s: float | None


_UNPROVOKED_CAUSE = _Cause(Sort.UNPROVOKED, UNPROVOKED, None)


def cause_of(change: RoleChange, faults: Sequence[Injected], horizon_s: float) -> _Cause:
    """Say which fault, or the end of which, made another node MASTER.

    `faults` are those of the round: before it, all was settled.
    """
    recent: list[tuple[float, bool, Injected]] = []
    for fault in faults:
        if fault.name in _HARMLESS or not fault.kind.moves_vrrp:
            continue
        ended = fault.ended_s <= change.at_s
        acted_s = fault.ended_s if ended else fault.began_s
        if change.at_s - horizon_s <= acted_s <= change.at_s:
            recent.append((acted_s, ended, fault))
    if not recent:
        at_s = change.at_s
        lasting = any(one.kind.moves_vrrp and one.touches(at_s, at_s) for one in faults)
        return _Cause(Sort.FAILOVER, SEVERAL, None) if lasting else _UNPROVOKED_CAUSE
    if all(ended for _, ended, _ in recent):
        since_s = recent[0][0] if len(recent) == 1 else None
        return _Cause(Sort.RETURN, RETURN, since_s)
    if len(recent) > 1:
        return _Cause(Sort.FAILOVER, SEVERAL, None)
    ((acted_s, _, fault),) = recent
    return _Cause(_sort_of(fault, change.node), fault.name, acted_s)


def _sort_of(fault: Injected, new_master: str) -> Sort:
    if fault.node != new_master or fault.kind is Kind.PRIORITY:
        return Sort.FAILOVER
    # keepalived starts another VRRP child by itself, so that fault heals without our doing.
    return Sort.RETURN if fault.kind is Kind.KILL_CHILD else Sort.SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known when a round is over."""

    changes: Sequence[RoleChange]
    faults: Sequence[Injected]
    requests: Sequence[LoggedRequest]
    holder_changes: Sequence[HolderChange]
    servers: dict[str, int]
    """The id of each node's server."""
    settled_s: float
    """When the round began: what was done before it had its effect already."""


def moves(evidence: Evidence, holders: Holders, horizon_s: float) -> list[Move]:
    """Return the moves of the role in this round, with what became of each."""
    found = []
    for change, source in holders.take(evidence.changes):
        faults = [one for one in evidence.faults if one.began_s >= evidence.settled_s]
        cause = cause_of(change, faults, horizon_s)
        found.append(_followed(evidence, change, source, cause))
    return found


def _followed(evidence: Evidence, change: RoleChange, source: str, cause: _Cause) -> Move:
    """Look up how the address came after the role."""
    node, line_s = change.node, change.at_s
    until_s = _end_of_term(evidence.changes, change)
    assign = next(
        (
            one
            for one in evidence.requests
            if one.client == node
            and one.is_assign
            and line_s - WITNESS_LATE_S <= one.received_s <= until_s + IN_FLIGHT_S
        ),
        None,
    )
    confirmed_s = None if assign is None else _confirmed_s(evidence, assign, until_s)
    end_s = min(until_s, confirmed_s or until_s)
    disturbed = any(
        fault.kind.family in _DISTURBING and fault.touches(line_s - _RECOVERY_S, end_s)
        for fault in evidence.faults
    )
    return Move(
        at_s=line_s,
        source=source,
        target=node,
        sort=cause.sort,
        cause=cause.name,
        line_ms=None if cause.since_s is None else _ms(cause.since_s, line_s),
        assign_ms=None if assign is None else _ms(line_s, assign.received_s),
        confirmed_ms=None
        if assign is None or confirmed_s is None
        else _ms(assign.received_s, confirmed_s),
        had_it=_holder_at(evidence.holder_changes, line_s) == evidence.servers[node],
        disturbed=disturbed,
    )


def _holder_at(holder_changes: Sequence[HolderChange], at_s: float) -> int | None:
    return next((one.new for one in reversed(holder_changes) if one.at_s <= at_s), None)


def _end_of_term(changes: Sequence[RoleChange], begin: RoleChange) -> float:
    return next(
        (
            one.at_s
            for one in changes
            if one.node == begin.node and one.at_s > begin.at_s and one.role is not Role.MASTER
        ),
        float("inf"),
    )


def _confirmed_s(evidence: Evidence, assign: LoggedRequest, until_s: float) -> float | None:
    """When the first reading was answered that was begun after the address had come."""
    came_s = next(
        (
            one.at_s
            for one in evidence.holder_changes
            if one.new == evidence.servers[assign.client] and one.at_s >= assign.received_s
        ),
        None,
    )
    if came_s is None:
        return None
    return next(
        (
            one.answered_s
            for one in evidence.requests
            if one.client == assign.client
            and "/floating_ips" in one.path
            and "/actions" not in one.path
            and one.answered_s is not None
            and one.status == HTTPStatus.OK
            and came_s <= one.received_s <= until_s
        ),
        None,
    )


def _ms(from_s: float, to_s: float) -> float:
    return (to_s - from_s) * 1000.0

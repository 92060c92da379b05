"""The role table: (role, what was said) to (role, reason), as data.

All role changes live here; nothing else in hakeeper sets a role. The table is complete: every
event has a row for every role (a test counts them), and docs/dev/design.md prints it from here.

Sources: keepalived's vrrp_notify.c and measured FIFO recordings. `MASTER_RX_LOWER_PRI` is written
only by an instance that is MASTER, so it also tells the role to a reader that missed the
transition. `MASTER_PRIORITY` and `BACKUP_PRIORITY` say none: keepalived 2.3.3 writes
BACKUP_PRIORITY for a MASTER after a reload.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from hakeeper.core.model import Role
from hakeeper.core.roles.lines import LineState


class RoleEvent(enum.Enum):
    """Everything that can move a role."""

    LINE_MASTER = "line MASTER"
    LINE_BACKUP = "line BACKUP"
    LINE_FAULT = "line FAULT"
    LINE_STOP = "line STOP"
    LINE_DELETED = "line DELETED"
    LINE_MASTER_RX_LOWER_PRI = "line MASTER_RX_LOWER_PRI"
    LINE_MASTER_PRIORITY = "line MASTER_PRIORITY"
    LINE_BACKUP_PRIORITY = "line BACKUP_PRIORITY"
    ANSWER_MASTER = "D-Bus says Master"
    ANSWER_BACKUP = "D-Bus says Backup"
    ANSWER_FAULT = "D-Bus says Fault"
    ANSWER_STOPPED = "D-Bus says Stop or Deleted"
    RESTORED_MASTER = "remembered: MASTER"
    RESTORED_BACKUP = "remembered: BACKUP"
    RESTORED_FAULT = "remembered: FAULT"
    RESTORED_STOPPED = "remembered: STOPPED"
    GONE = "keepalived is gone"
    REPLACED = "another keepalived is there at once"
    LOST = "lines may be lost"


@dataclass(frozen=True, slots=True)
class Step:
    """Where the table leads, and why. `check`: look at the holder now, whatever the role did."""

    role: Role
    reason: str
    check: bool = False


_ALL = tuple(Role)
_U, _B, _M, _F, _S = Role.UNKNOWN, Role.BACKUP, Role.MASTER, Role.FAULT, Role.STOPPED


def _rows() -> list[tuple[RoleEvent, tuple[Role, ...], Role | None, str, bool]]:
    """Each row: event, from which roles, to which role (None: stays), reason, check."""
    ev = RoleEvent
    return [
        (ev.LINE_MASTER, (_U, _B, _F, _S), _M, "keepalived became master", False),
        (ev.LINE_MASTER, (_M,), _M, "keepalived repeats that it is master", True),
        (ev.LINE_BACKUP, _ALL, _B, "keepalived is backup", False),
        (ev.LINE_FAULT, _ALL, _F, "keepalived is in fault, or the instance was removed", False),
        (ev.LINE_STOP, _ALL, _S, "keepalived stops", False),
        (ev.LINE_DELETED, _ALL, _S, "the instance was removed from keepalived", False),
        (
            ev.LINE_MASTER_RX_LOWER_PRI,
            _ALL,
            _M,
            "a lower-priority master was heard; only a master writes this",
            True,
        ),
        (ev.LINE_MASTER_PRIORITY, _ALL, None, "a priority changed: a hint, no role", False),
        (ev.LINE_BACKUP_PRIORITY, _ALL, None, "a priority changed: a hint, no role", False),
        (ev.ANSWER_MASTER, _ALL, _M, "keepalived answers that it is master", False),
        (ev.ANSWER_BACKUP, _ALL, _B, "keepalived answers that it is backup", False),
        (ev.ANSWER_FAULT, _ALL, _F, "keepalived answers that it is in fault", False),
        (ev.ANSWER_STOPPED, _ALL, _S, "keepalived answers that it stopped", False),
        (ev.RESTORED_MASTER, _ALL, _M, "the same keepalived had said master", False),
        (ev.RESTORED_BACKUP, _ALL, _B, "the same keepalived had said backup", False),
        (ev.RESTORED_FAULT, _ALL, _F, "the same keepalived had said fault", False),
        (ev.RESTORED_STOPPED, _ALL, _S, "the same keepalived had stopped", False),
        (ev.GONE, (_U, _B, _M, _F), _U, "the keepalived that said so is gone", False),
        (ev.GONE, (_S,), _S, "keepalived had stopped in order", False),
        (ev.REPLACED, (_M,), _U, "the keepalived that said so is gone", False),
        # Nothing is done as BACKUP or FAULT either, and it may be the new one that said so.
        (ev.REPLACED, (_U, _B, _F, _S), None, "another keepalived has taken its place", False),
        (ev.LOST, _ALL, _U, "newer lines may be lost", False),
    ]


def _build() -> Mapping[RoleEvent, Mapping[Role, Step]]:
    table: dict[RoleEvent, dict[Role, Step]] = {event: {} for event in RoleEvent}
    for event, sources, target, reason, check in _rows():
        for source in sources:
            table[event][source] = Step(source if target is None else target, reason, check)
    return table


TABLE: Mapping[RoleEvent, Mapping[Role, Step]] = _build()
"""The whole table; `TABLE[event][role]` exists for every pair."""

EVENT_OF_LINE: Mapping[LineState, RoleEvent] = {
    state: RoleEvent(f"line {state.value}") for state in LineState
}

EVENT_OF_ANSWER: Mapping[Role, RoleEvent] = {
    Role.MASTER: RoleEvent.ANSWER_MASTER,
    Role.BACKUP: RoleEvent.ANSWER_BACKUP,
    Role.FAULT: RoleEvent.ANSWER_FAULT,
    Role.STOPPED: RoleEvent.ANSWER_STOPPED,
}
"""UNKNOWN is missing on purpose: Init (a keepalived that reads its configuration) is no role, and
no answer outdoes no live line of a process that still runs."""

EVENT_OF_RESTORED: Mapping[Role, RoleEvent] = {
    Role.MASTER: RoleEvent.RESTORED_MASTER,
    Role.BACKUP: RoleEvent.RESTORED_BACKUP,
    Role.FAULT: RoleEvent.RESTORED_FAULT,
    Role.STOPPED: RoleEvent.RESTORED_STOPPED,
}
"""UNKNOWN is missing on purpose: it is what a role is before anything was restored."""

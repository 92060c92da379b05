"""What the core hears of keepalived: lines, the FIFO, answers over D-Bus, processes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias, assert_never

from hakeeper.core.decisions.keepalived import (
    FifoFailed,
    FifoOpened,
    FifoRecovered,
    FifoReplaced,
    KeepalivedLost,
    KeepalivedRuns,
    KeepalivedStopped,
    QueryFailed,
    RoleUnverified,
    UnknownInstance,
)
from hakeeper.core.events import (
    FifoChanged,
    KeepalivedGone,
    KeepalivedSeen,
    LinesLost,
    LinesRead,
    RolesQueried,
    WriterSeen,
)
from hakeeper.core.keepalived.hung import note_life, note_silence
from hakeeper.core.keepalived.line_reports import LineReports
from hakeeper.core.keepalived.role_changes import follow_changes
from hakeeper.core.model import FifoState, Role, VrrpId, VrrpKind
from hakeeper.core.roles.lines import NotifyLine
from hakeeper.core.roles.table import RoleEvent
from hakeeper.core.state import State

NAMES_REPORTED = 64
"""How many unknown names are remembered as reported; more are not reported."""
NAMES_KEPT = 64
"""How many names of this keepalived are remembered, to be shown where one is missed."""
NO_INSTANCE = "it answers on D-Bus, but names no instance there until it is restarted"
"""keepalived 2.2.7 and 2.3.3, started while an older one still leaves the bus."""

Heard: TypeAlias = (
    LinesRead
    | LinesLost
    | FifoChanged
    | RolesQueried
    | KeepalivedSeen
    | KeepalivedGone
    | WriterSeen
)


@dataclass(slots=True)
class Listener:
    """Takes it in, and remembers what of it was reported."""

    line_reports: LineReports = field(default_factory=LineReports)
    names_reported: set[VrrpId] = field(default_factory=set)
    query_failure_reported: bool = False

    def copied(self) -> "Listener":
        """Return another one that has reported the same, and holds no report back."""
        names = set(self.names_reported)
        return replace(self, line_reports=LineReports(), names_reported=names)

    def take_in(self, state: State, event: Heard, now: float) -> None:
        """Change the state by what was heard."""
        match event:
            case LinesRead():
                self._hear(state, event, now)
            case LinesLost(reason):
                self._lost(state, reason, now)
            case FifoChanged():
                _fifo(state, event, now)
            case WriterSeen(present):
                state.has_writer, state.writer_since_s = present, now
            case RolesQueried():
                self._queried(state, event, now)
            case KeepalivedSeen():
                _seen(state, event, now)
            case KeepalivedGone(reason, replaced):
                _gone(state, reason, now, replaced=replaced)
            case _:  # pragma: no cover
                assert_never(event)

    def _lost(self, state: State, reason: str, now: float) -> None:
        state.report(*self.line_reports.lost(reason, now))
        _doubt(state, RoleEvent.LOST, now)

    def _hear(self, state: State, event: LinesRead, now: float) -> None:
        state.report(*self.line_reports.bad(event, now))
        self._report_unknown(state, event.lines)
        if any(line.state.is_hint for line in event.lines):
            state.schedule.query_soon(now)
        if event.lines and event.live:
            note_life(state)
        changes = state.roles.hear(event.lines, now, live=event.live)
        if changes and state.keepalived is None and not state.unverified:
            state.unverified = True
            state.report(RoleUnverified())
        follow_changes(state, changes, now)

    def _report_unknown(self, state: State, lines: Iterable[NotifyLine]) -> None:
        known = state.roles.role_states
        for vrrp in dict.fromkeys(line.vrrp for line in lines):  # each once, in their order
            if vrrp in known:
                continue
            _note_name(state, vrrp)
            if vrrp not in self.names_reported and len(self.names_reported) < NAMES_REPORTED:
                self.names_reported.add(vrrp)
                state.report(UnknownInstance(vrrp))

    def _queried(self, state: State, event: RolesQueried, now: float) -> None:
        if state.query_asked is None or state.query_asked[0] != event.query_id:
            return
        asked_at_s, state.query_asked = state.query_asked[1], None
        state.query_failure = "" if event.roles else event.reason or NO_INSTANCE
        _note_unnamed(state, event.roles or {}, now)
        if event.waits:
            note_silence(state, now)
        elif event.roles is not None:
            note_life(state)
        if event.roles:
            self.query_failure_reported = False
            for name in event.roles:
                _note_name(state, VrrpId(VrrpKind.INSTANCE, name))
            follow_changes(state, state.roles.answered(event.roles, asked_at_s, now), now)
            return
        wanted = state.settings.must_query or Role.UNKNOWN in state.roles.roles().values()
        if state.keepalived is not None and wanted and not self.query_failure_reported:
            self.query_failure_reported = True
            state.report(QueryFailed(state.query_failure))


def _fifo(state: State, event: FifoChanged, now: float) -> None:
    before, state.fifo, state.fifo_detail = state.fifo, event.state, event.detail
    state.fifo_since_s = now
    is_open = event.state is FifoState.OPEN
    if not is_open:
        state.report(FifoFailed(event.state, event.detail, state.settings.fifo_path))
    elif event.reopened:
        state.report(FifoReplaced(event.detail))
    elif before is None:
        state.report(FifoOpened(event.detail))
    else:
        state.report(FifoRecovered(event.detail))
    state.schedule.query_soon(now)
    if is_open and before is not None:
        # One that lay there in between may have taken lines with it.
        state.roles.suspect(now)
    if before is None and not is_open:
        # The state file may be older than lines that wait where we cannot read them.
        _doubt(state, RoleEvent.LOST, now)


def _note_name(state: State, vrrp: VrrpId) -> None:
    """Remember a name that keepalived has, for who looks for the right one."""
    if vrrp not in state.roles.role_states and len(state.other_names) < NAMES_KEPT:
        state.other_names[vrrp] = None


def _note_unnamed(state: State, roles: Mapping[str, Role], now: float) -> None:
    """Remember which instances the answer lacks: a reload may have renamed them unheard."""
    before = state.unnamed_since_s
    state.unnamed_since_s = {
        vrrp: before.get(vrrp, now)
        for vrrp in state.roles.role_states
        if roles and vrrp.kind is VrrpKind.INSTANCE and vrrp.name not in roles
    }


def _seen(state: State, event: KeepalivedSeen, now: float) -> None:
    if state.keepalived is not None and state.keepalived != event.process:
        _gone(state, "another keepalived process took its place", now, replaced=True)
    state.keepalived, state.keepalived_since_s = event.process, now
    state.unverified = False
    note_life(state)
    state.other_names.clear()
    state.unnamed_since_s.clear()
    state.schedule.query_soon(now)
    state.report(KeepalivedRuns(event.process))


def _gone(state: State, reason: str, now: float, *, replaced: bool) -> None:
    state.keepalived, state.keepalived_since_s, state.keepalived_gone = None, now, reason
    note_life(state)
    state.unnamed_since_s.clear()
    in_order = state.roles.all_stopped()
    state.report(KeepalivedStopped(reason) if in_order else KeepalivedLost(reason, replaced))
    _doubt(state, RoleEvent.REPLACED if replaced else RoleEvent.GONE, now)


def _doubt(state: State, event: RoleEvent, now: float) -> None:
    follow_changes(state, state.roles.doubt(event, now), now)
    state.query_asked = None
    state.schedule.query_soon(now)

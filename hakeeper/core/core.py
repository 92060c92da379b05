"""The core: a batch of events in, effects out; the whole daemon's mind.

`handle(events, now)` takes all that was found in one look around, in its order, and only then
decides what to begin. It returns the effects to perform, in their order: what must be stopped
first, then what is to be asked, then what is to be written down (a claim waits for no disk), then
what is to be reported. `next_at()` says when it wants to be called again, if need be with an empty
batch. Same events, same times, same random source: same effects.
"""

from collections.abc import Iterable, Mapping
from copy import copy
from random import Random
from typing import assert_never

from hakeeper.core.answers.results import take_result
from hakeeper.core.calls import CallResult
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
from hakeeper.core.due.reconcile import reconcile
from hakeeper.core.events import (
    CancelCall,
    Effect,
    Event,
    FifoChanged,
    KeepalivedGone,
    KeepalivedSeen,
    LinesLost,
    LinesRead,
    QueryRoles,
    ReloadToken,
    Report,
    RolesQueried,
    SaveFailed,
    SavePause,
    SaveState,
    SetStepDown,
    SettingsChanged,
    SettingsRefused,
    StartCall,
    Started,
    VrrpAddressesSeen,
    WriterSeen,
)
from hakeeper.core.keepalived.hung import note_life, note_silence
from hakeeper.core.keepalived.isolation import check_isolation
from hakeeper.core.keepalived.line_reports import LineReports
from hakeeper.core.keepalived.role_changes import follow_changes
from hakeeper.core.kind import Kinds
from hakeeper.core.model import (
    FifoState,
    RefusedSettings,
    Role,
    SavedState,
    Settings,
    VrrpId,
    VrrpKind,
)
from hakeeper.core.operator.pause import keep_pause
from hakeeper.core.operator.requests import carry_out
from hakeeper.core.operator.step_down import Objection, keep_step_down, objection
from hakeeper.core.roles.book import RoleBook
from hakeeper.core.roles.lines import NotifyLine
from hakeeper.core.roles.table import RoleEvent
from hakeeper.core.settings.book import arrange
from hakeeper.core.settings.reloading import reconfigure
from hakeeper.core.state import State
from hakeeper.core.throttle import Throttle

NAMES_REPORTED = 64
"""How many unknown names are remembered as reported; more are not reported."""
NAMES_KEPT = 64
"""How many names of this keepalived are remembered, to be shown where one is missed."""
NO_INSTANCE = "it answers on D-Bus, but names no instance there until it is restarted"
"""keepalived 2.2.7 and 2.3.3, started while an older one still leaves the bus."""
SAVE_AGAIN_S = 1.0
"""After a state that could not be written down."""

_ORDER = (CancelCall, ReloadToken, StartCall, SetStepDown, SavePause, SaveState, QueryRoles, Report)


class Core:
    """The state machine of one node. It never blocks, reads no clock and does no I/O."""

    def __init__(self, settings: Settings, kinds: Kinds, rng: Random, now: float) -> None:
        """Begin with every role UNKNOWN; the first event must be `Started`."""
        self._state = State(settings, rng, RoleBook(settings.resources, now), kinds)
        self._state.apis.use(settings, kinds)
        arrange(self._state, {})
        self._state.keepalived_since_s = now
        check_isolation(self._state, now)
        self._next_at: float | None = None
        self._line_reports = LineReports()
        self._throttle = Throttle()
        self._query_failure_reported = False
        self._names_reported: set[VrrpId] = set()

    def next_at(self) -> float | None:
        """Return the monotonic time at which `handle` is to be called; None if there is none."""
        return self._next_at

    @property
    def state(self) -> State:
        """What it remembers, for who only looks."""
        return self._state

    def objection_to_step_down(self) -> Objection | None:
        """Return why this server cannot step down now; None: it can."""
        return objection(self._state)

    def with_state(self, state: State) -> "Core":
        """Return another core, which goes on from a state: to try out what would come of it."""
        made = copy(self)
        made._take_up(state)  # noqa: SLF001  # another one of this class
        return made

    def _take_up(self, state: State) -> None:
        self._state, self._names_reported = state, set(self._names_reported)
        self._line_reports, self._throttle = LineReports(), Throttle()

    def handle(self, events: Iterable[Event], now: float) -> tuple[Effect, ...]:
        """Take what was found in one look around; return what is to be done about it.

        Nothing is begun before the last event was taken in. The batch may be empty: time passes.
        """
        state = self._state
        state.effects = []
        for event in events:
            self._dispatch(event, now)
        next_at_s = reconcile(state, now)
        save_at_s = self._save(now)
        journal_at_s = self._bound_journal(now)
        wakes = (next_at_s, save_at_s, journal_at_s)
        self._next_at = min((t for t in wakes if t is not None), default=None)
        if len(state.effects) < 2:  # noqa: PLR2004 - nothing to put in order
            return tuple(state.effects)
        return tuple(sorted(state.effects, key=lambda effect: _ORDER.index(type(effect))))

    def _bound_journal(self, now: float) -> float | None:
        """Add what is overdue, hold back what is too much; return when to look again."""
        state = self._state
        state.report(*self._line_reports.overdue(now))
        made = [effect.decision for effect in state.effects if isinstance(effect, Report)]
        if made or self._throttle.next_at_s() <= now:
            others = [effect for effect in state.effects if not isinstance(effect, Report)]
            state.effects = [*others, *self._throttle.passed(made, now)]
        at_s = min(self._line_reports.next_at_s(), self._throttle.next_at_s())
        return None if at_s == float("inf") else at_s

    def _dispatch(self, event: Event, now: float) -> None:
        match event:
            case Started():
                self._start(event, now)
            case LinesRead():
                self._hear(event, now)
            case LinesLost(reason):
                self._lost(reason, now)
            case FifoChanged():
                self._fifo(event, now)
            case RolesQueried():
                self._queried(event, now)
            case KeepalivedSeen():
                self._seen(event, now)
            case KeepalivedGone(reason, replaced):
                self._gone(reason, now, replaced=replaced)
            case CallResult():
                take_result(self._state, event, now)
            case VrrpAddressesSeen() | WriterSeen() | SettingsRefused() | SaveFailed():
                self._note(event, now)
            case SettingsChanged():
                reconfigure(self._state, event, now)
            case _:
                carry_out(self._state, event, now)

    def _note(
        self, event: VrrpAddressesSeen | WriterSeen | SettingsRefused | SaveFailed, now: float
    ) -> None:
        state = self._state
        match event:
            case VrrpAddressesSeen(here):
                state.here = here
                check_isolation(state, now)
            case WriterSeen(present):
                state.has_writer, state.writer_since_s = present, now
            case SettingsRefused(reason):
                state.refused_settings = RefusedSettings(reason, now)
            case SaveFailed(failed):
                if failed == state.saved:  # else another one was written since
                    state.saved = None
                    state.schedule.save_from_s = now + SAVE_AGAIN_S
            case _:  # pragma: no cover
                assert_never(event)

    # --- keepalived ----------------------------------------------------------------------

    def _start(self, event: Started, now: float) -> None:
        state = self._state
        state.keepalived, state.keepalived_since_s = event.keepalived, now
        if event.pause is not None:
            keep_pause(state, event.pause, now)
        if event.step_down is not None:
            keep_step_down(state, event.step_down, now)
        saved = event.saved
        if saved is None:
            return
        for name, server_id in saved.servers.items():
            if name in state.apis.apis:
                state.apis.apis[name].cached_server_id = server_id
        if saved.keepalived and event.keepalived and event.keepalived.same_run(saved.keepalived):
            follow_changes(self._state, state.roles.restore(saved.roles, now), now)

    def _lost(self, reason: str, now: float) -> None:
        self._state.report(*self._line_reports.lost(reason, now))
        self._doubt(RoleEvent.LOST, now)

    def _hear(self, event: LinesRead, now: float) -> None:
        self._state.report(*self._line_reports.bad(event, now))
        self._report_unknown(event.lines)
        if any(line.state.is_hint for line in event.lines):
            self._state.schedule.query_soon(now)
        if event.lines and event.live:
            note_life(self._state)
        changes = self._state.roles.hear(event.lines, now, live=event.live)
        if changes and self._state.keepalived is None and not self._state.unverified:
            self._state.unverified = True
            self._state.report(RoleUnverified())
        follow_changes(self._state, changes, now)

    def _report_unknown(self, lines: Iterable[NotifyLine]) -> None:
        known = self._state.roles.role_states
        for vrrp in dict.fromkeys(line.vrrp for line in lines):  # each once, in their order
            if vrrp in known:
                continue
            self._note_name(vrrp)
            if vrrp not in self._names_reported and len(self._names_reported) < NAMES_REPORTED:
                self._names_reported.add(vrrp)
                self._state.report(UnknownInstance(vrrp))

    def _fifo(self, event: FifoChanged, now: float) -> None:
        state = self._state
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
            self._doubt(RoleEvent.LOST, now)

    def _queried(self, event: RolesQueried, now: float) -> None:
        state = self._state
        if state.query_asked is None or state.query_asked[0] != event.query_id:
            return
        asked_at_s, state.query_asked = state.query_asked[1], None
        state.query_failure = "" if event.roles else event.reason or NO_INSTANCE
        self._note_unnamed(event.roles or {}, now)
        if event.waits:
            note_silence(state, now)
        elif event.roles is not None:
            note_life(state)
        if event.roles:
            self._query_failure_reported = False
            for name in event.roles:
                self._note_name(VrrpId(VrrpKind.INSTANCE, name))
            follow_changes(self._state, state.roles.answered(event.roles, asked_at_s, now), now)
            return
        wanted = state.settings.must_query or Role.UNKNOWN in state.roles.roles().values()
        if state.keepalived is not None and wanted and not self._query_failure_reported:
            self._query_failure_reported = True
            state.report(QueryFailed(state.query_failure))

    def _note_name(self, vrrp: VrrpId) -> None:
        """Remember a name that keepalived has, for who looks for the right one."""
        state = self._state
        if vrrp not in state.roles.role_states and len(state.other_names) < NAMES_KEPT:
            state.other_names[vrrp] = None

    def _note_unnamed(self, roles: Mapping[str, Role], now: float) -> None:
        """Remember which instances the answer lacks: a reload may have renamed them unheard."""
        state = self._state
        before = state.unnamed_since_s
        state.unnamed_since_s = {
            vrrp: before.get(vrrp, now)
            for vrrp in state.roles.role_states
            if roles and vrrp.kind is VrrpKind.INSTANCE and vrrp.name not in roles
        }

    def _seen(self, event: KeepalivedSeen, now: float) -> None:
        state = self._state
        if state.keepalived is not None and state.keepalived != event.process:
            self._gone("another keepalived process took its place", now, replaced=True)
        state.keepalived, state.keepalived_since_s = event.process, now
        state.unverified = False
        note_life(state)
        state.other_names.clear()
        state.unnamed_since_s.clear()
        state.schedule.query_soon(now)
        state.report(KeepalivedRuns(event.process))

    def _gone(self, reason: str, now: float, *, replaced: bool) -> None:
        state = self._state
        state.keepalived, state.keepalived_since_s, state.keepalived_gone = None, now, reason
        note_life(state)
        state.unnamed_since_s.clear()
        in_order = state.roles.all_stopped()
        state.report(KeepalivedStopped(reason) if in_order else KeepalivedLost(reason, replaced))
        self._doubt(RoleEvent.REPLACED if replaced else RoleEvent.GONE, now)

    def _doubt(self, event: RoleEvent, now: float) -> None:
        follow_changes(self._state, self._state.roles.doubt(event, now), now)
        self._state.query_asked = None
        self._state.schedule.query_soon(now)

    # --- memory -----------------------------------------------------------------------------

    def _save(self, now: float) -> float | None:
        """Have it written down if it is news; return when to try that again, if it failed."""
        state = self._state
        servers = state.apis.known_servers()
        roles = state.roles.roles()
        saved = SavedState(keepalived=state.keepalived, roles=roles, servers=servers)
        if state.saved == saved:
            return None
        if now < state.schedule.save_from_s:
            return state.schedule.save_from_s
        state.saved = saved
        state.effects.append(SaveState(saved))
        return None

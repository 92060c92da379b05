"""The core: a batch of events in, effects out; the whole daemon's mind.

`handle(events, now)` takes all that was found in one look around, in its order, and only then
decides what to begin. It returns the effects to perform, in their order: what must be stopped
first, then what is to be asked, then what is to be written down (a claim waits for no disk), then
what is to be reported. `next_at()` says when it wants to be called again, if need be with an empty
batch. Same events, same times, same random source: same effects.
"""

from collections.abc import Iterable
from copy import copy
from random import Random
from typing import assert_never

from hakeeper.core.answers.results import take_result
from hakeeper.core.calls import CallResult
from hakeeper.core.due.reconcile import reconcile
from hakeeper.core.events import (
    CancelCall,
    Effect,
    Event,
    Paused,
    QueryRoles,
    ReloadToken,
    Report,
    Resumed,
    SaveFailed,
    SavePause,
    SaveState,
    SetStepDown,
    SettingsChanged,
    SettingsRefused,
    StartCall,
    Started,
    StepDownAsked,
    StepUpAsked,
    Taken,
    VrrpAddressesSeen,
)
from hakeeper.core.keepalived.isolation import check_isolation
from hakeeper.core.keepalived.listener import Listener
from hakeeper.core.keepalived.role_changes import follow_changes
from hakeeper.core.kind import Kinds
from hakeeper.core.model import (
    RefusedSettings,
    SavedState,
    Settings,
)
from hakeeper.core.operator.pause import keep_pause
from hakeeper.core.operator.requests import carry_out
from hakeeper.core.operator.step_down import Objection, keep_step_down, objection
from hakeeper.core.roles.book import RoleBook
from hakeeper.core.settings.book import arrange
from hakeeper.core.settings.reloading import reconfigure
from hakeeper.core.state import State
from hakeeper.core.throttle import Throttle

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
        self._listener = Listener()
        self._throttle = Throttle()

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
        self._state = state
        self._listener, self._throttle = self._listener.copied(), Throttle()

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
        state.report(*self._listener.line_reports.overdue(now))
        made = [effect.decision for effect in state.effects if isinstance(effect, Report)]
        if made or self._throttle.next_at_s() <= now:
            others = [effect for effect in state.effects if not isinstance(effect, Report)]
            state.effects = [*others, *self._throttle.passed(made, now)]
        at_s = min(self._listener.line_reports.next_at_s(), self._throttle.next_at_s())
        return None if at_s == float("inf") else at_s

    def _dispatch(self, event: Event, now: float) -> None:
        match event:
            case Started():
                self._start(event, now)
            case SettingsChanged():
                reconfigure(self._state, event, now)
            case SettingsRefused() | VrrpAddressesSeen() | SaveFailed():
                self._note(event, now)
            case CallResult():
                take_result(self._state, event, now)
            case Paused() | Resumed() | StepDownAsked() | StepUpAsked() | Taken():
                carry_out(self._state, event, now)
            case _:
                self._listener.take_in(self._state, event, now)

    def _note(self, event: VrrpAddressesSeen | SettingsRefused | SaveFailed, now: float) -> None:
        state = self._state
        match event:
            case VrrpAddressesSeen(here):
                state.here = here
                check_isolation(state, now)
            case SettingsRefused(reason):
                state.refused_settings = RefusedSettings(reason, now)
            case SaveFailed(failed):
                if failed == state.saved:  # else another one was written since
                    state.saved = None
                    state.schedule.save_from_s = now + SAVE_AGAIN_S
            case _:  # pragma: no cover
                assert_never(event)

    # --- memory -------------------------------------------------------------------------------

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

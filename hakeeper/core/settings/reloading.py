"""Taking over another configuration, while everything goes on."""

from hakeeper.core.apis.states import ApiState
from hakeeper.core.events import CancelCall, SettingsChanged
from hakeeper.core.keepalived.isolation import check_isolation
from hakeeper.core.keepalived.role_changes import follow_changes
from hakeeper.core.settings.book import arrange, let_go_of_others, take_up
from hakeeper.core.state import State


def reconfigure(state: State, event: SettingsChanged, now: float) -> None:
    """Keep what stays, drop what goes, begin with what is new."""
    old = state.resources
    state.settings = event.settings
    state.refused_settings = None
    state.apis.use(event.settings, state.kinds)
    arrange(state, old)
    let_go_of_others(state, old.values())
    state.roles.rename(event.settings.resources, now)
    check_isolation(state, now)
    take_up(state, old.values(), "added by a reload", now)
    follow_changes(state, state.roles.recall(now), now)
    for kind in state.apis.kinds.values():
        kind.list_anew()
    state.schedule.query_soon(now)
    for api in state.apis.apis.values():
        api.health.may_log_in()
    for name in event.apis_changed:
        if name in state.apis.apis:
            _leave_api(state, state.apis.apis[name], now)


def _leave_api(state: State, api: ApiState, now: float) -> None:
    """Believe no answer of the API we knew, except that its mutations have ended."""
    api.leave(now)
    ours = {call_id: call for call_id, call in state.calls.items() if call.api is api}
    cancelled = {e.call_id for e in state.effects if isinstance(e, CancelCall)}
    state.effects.extend(CancelCall(each) for each in ours if each not in cancelled)
    for call_id, call in ours.items():
        if not call.resources:
            del state.calls[call_id]

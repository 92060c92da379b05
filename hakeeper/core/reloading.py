"""Taking over another configuration, while everything goes on."""

from hakeeper.core.api_states import ApiState
from hakeeper.core.claim_events import Master
from hakeeper.core.events import CancelCall, SettingsChanged
from hakeeper.core.isolation import check_isolation
from hakeeper.core.model import Settings, VrrpId
from hakeeper.core.observation import ResourceRef
from hakeeper.core.resource import Resource
from hakeeper.core.role_changes import follow_changes
from hakeeper.core.state import State


def reconfigure(state: State, event: SettingsChanged, now: float) -> None:
    """Keep what stays, drop what goes, begin with what is new."""
    old = state.resources
    state.settings = event.settings
    state.refused_settings = None
    state.apis.use(event.settings, state.kinds)
    state.resources = resource_book(state, event.settings, old)
    kept = {id(resource) for resource in state.resources.values()}
    gone = [resource for resource in old.values() if id(resource) not in kept]
    state.cancel_mutations(gone)
    state.gone_sent_s = max([state.gone_sent_s, *(a.writes.last_sent_s for a in gone)])
    state.roles.rename(event.settings.resources, now)
    check_isolation(state, now)
    known = {id(resource) for resource in old.values()}
    for resource in state.resources.values():
        if id(resource) in known:
            continue
        resource.writes.last_sent_s = state.gone_sent_s
        if state.is_master(resource.vrrp):
            state.happened(resource, Master("added by a reload", read_first=True), now)
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


def resource_book(
    state: State, settings: Settings, old: dict[ResourceRef, Resource]
) -> dict[ResourceRef, Resource]:
    """Make the resource book; what stays with its instance keeps its state."""

    def fresh(ref: ResourceRef, vrrp: VrrpId) -> Resource:
        return Resource(ref, vrrp, state.apis.kinds[ref.kind])

    book: dict[ResourceRef, Resource] = {}
    for vrrp, refs in settings.resources.items():
        for ref in refs:
            kept = old.get(ref)
            book[ref] = kept if kept is not None and kept.vrrp == vrrp else fresh(ref, vrrp)
    return book

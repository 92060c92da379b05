"""What becomes of a call's answer: observations of the resources, health of the API."""

from collections.abc import Mapping
from typing import assert_never

from hakeeper.core.answers.effects import (
    acting,
    current,
    holder_down,
    note_progress,
    retry_soon,
    works,
)
from hakeeper.core.answers.failures import take_failure
from hakeeper.core.apis.servers import SeenServer
from hakeeper.core.apis.states import ApiState
from hakeeper.core.calls import (
    NOT_THIS_MACHINE,
    ActionsRead,
    AllRead,
    Answer,
    CallResult,
    Failure,
    FailureKind,
    Identified,
    Mutate,
    MutationAccepted,
    OneRead,
    ReadOne,
    ServerRead,
)
from hakeeper.core.claim.happenings import Accepted, ActionLost, ActionSeen, Moving, NotFound
from hakeeper.core.claim.resource import Resource
from hakeeper.core.claim.stages import ActionRunning, Held
from hakeeper.core.decisions.resources import (
    ResourceBlocked,
    ResourceRenamed,
    ResourceResolved,
    ResourceUnresolved,
    ServerIdentified,
    ZoneMismatch,
)
from hakeeper.core.decisions.selectors import ResourceSelected
from hakeeper.core.kind import named_twice, not_there, unusable
from hakeeper.core.model import Action, ActionStatus, Server
from hakeeper.core.observation import (
    BY_NAME,
    Key,
    Observation,
    ResourceId,
    ResourceRef,
    Unknown,
    label_of,
)
from hakeeper.core.settings.selection import select
from hakeeper.core.state import Inflight, State

SURELY_RUNNING_S = 0.1
"""So long after it was accepted an action is taken to be still running."""


def take_result(state: State, result: CallResult, now: float) -> None:
    """Take in the end of a call; one that nobody asked for is passed over."""
    call = state.calls.pop(result.call_id, None)
    if call is None:
        return
    api = call.api
    api.health.note_quota(result.quota, now)
    if result.quota is not None:
        api.budget.note_limit(result.quota.limit_per_hour, now)
    if isinstance(call.request, Mutate):
        for resource in call.resources:
            resource.kind.changed(call.request.step.lane, now)
    outcome = _checked(result.outcome)
    if isinstance(outcome, Failure):
        take_failure(state, call, result, outcome, now)
        return
    api.health.granted(type(call.request))
    if api.goes_out(call.request):
        if not isinstance(call.request, Mutate):  # which one API answers when its work is done
            api.health.latency_s = result.finished_at_s - call.asked_at_s
        works(state, api, now)
    _answered(state, call, result, outcome, now)


def _checked(outcome: Answer | Failure) -> Answer | Failure:
    """Refuse a server that is not this machine: the resources would go to another one."""
    if not isinstance(outcome, Identified) or outcome.is_here:
        return outcome
    return Failure(
        kind=FailureKind.NOT_FOUND,
        code=NOT_THIS_MACHINE,
        message=_not_this_machine(outcome.server, outcome.source),
    )


def _not_this_machine(server: Server, source: str) -> str:
    """Return why a server that exists is not taken for this machine."""
    own = " and ".join(map(label_of, server.own or ()))
    has = f"of its addresses, {own}, none is here" if own else "it has no address at all"
    return f"{server.name} (id {server.id}, from: {source}) is not this machine: {has}"


def _answered(state: State, call: Inflight, result: CallResult, answer: Answer, now: float) -> None:
    api = call.api
    match answer:
        case Identified(server=server, source=source):
            _identified(state, api, server, source, now)
        case AllRead():
            api.reads_work()
            api.health.granted(ReadOne)  # the list says of each what a single read would
            _listed(state, answer, call.asked_at_s, now)
        case OneRead(seen):
            api.reads_work()
            for resource in state.resources.values():
                if resource.observation is not None and resource.observation.id == seen.id:
                    _observe(state, resource, seen, call.asked_at_s, now)
        case MutationAccepted(action):
            api.health.assign_accepted(now, alongside=_ran_alongside(state, call))
            claiming = current(state, call, now)
            if isinstance(call.request, Mutate) and claiming:
                claiming[0].kind.accepted(call.request, now)
            for resource in claiming:
                state.happened(resource, Accepted(action, result.sent_at_s), now)
                note_progress(resource, now)
        case ActionsRead(actions):
            _actions_read(state, call, {action.id: action for action in actions}, now)
        case ServerRead(server):
            api.see(server.id, SeenServer(server.name, server.status, now))
            if server.status in api.api.not_running:
                holder_down(state, api, server.id, server.status, now)
        case _:  # pragma: no cover
            assert_never(answer)


def _ran_alongside(state: State, call: Inflight) -> bool:
    """Say whether an action of ours was surely running when this call was begun."""
    phases = (stage.claim.phases for _, stage in state.in_stage(ActionRunning, of=call.api))
    accepted = (p.accepted_s for p in phases if p.accepted_s is not None)
    return any(0.0 <= call.asked_at_s - at_s <= SURELY_RUNNING_S for at_s in accepted)


def _identified(state: State, api: ApiState, server: Server, source: str, now: float) -> None:
    is_news = api.server is None or api.server.id != server.id
    api.server = server
    api.server_doubted = False
    api.identify_attempt = 0
    if not is_news:
        return
    state.report(ServerIdentified(api.name, server, source))
    for resource in state.resources.values():
        seen, at_s = resource.observation, resource.holder_at_s
        if resource.kind.api is api and seen is not None and at_s is not None:
            _observe(state, resource, seen, at_s, now)
            _warn_of_zone(state, resource, seen)


def _listed(state: State, answer: AllRead, asked_at_s: float, now: float) -> None:
    listed, reading = state.apis.kinds.get(answer.kind), answer.reading
    if listed is None:  # a reload has dropped the kind
        return
    kind = listed.kind
    listed.listed(answer.within, answer.requests)
    if not answer.within:
        select(state, listed, reading, asked_at_s, now)
    taken: set[ResourceId] = set()
    for resource in state.resources.values():
        known = resource.observation
        if resource.kind is not listed or not _is_within(answer, known):
            continue
        found = kind.find(resource.ref, known, reading)
        if found is None and resource.chosen_by is not None:  # the next list decides
            state.happened(resource, NotFound(), now)
            continue
        why = None if found is not None else kind.why_unreadable(resource.ref, reading)
        if found is None and why is not None:
            # It may well be there: what was known of it stays.
            if known is None:
                _unresolved(state, resource, unusable(why), now)
            continue
        if found is None or found.id in taken:
            why = kind.why_not_found(resource.ref, reading) or not_there(kind)
            text = why if found is None else named_twice(kind)
            _unresolved(state, resource, text, now)
            continue
        taken.add(found.id)
        if known is not None and _is_renamed(resource.ref, known, found):
            state.report(ResourceRenamed(resource.vrrp, str(resource.ref), found))
        if resource.reported_id != found.id or resource.unresolved_reported:
            _resolved(state, resource, found)
        _observe(state, resource, found, asked_at_s, now)


def _is_within(answer: AllRead, known: Observation | None) -> bool:
    """Say whether a list, which may be that of a part of the API, tells of a resource."""
    return not answer.within or (known is not None and known.part in answer.within)


def _is_renamed(ref: ResourceRef, known: Observation, found: Observation) -> bool:
    return ref.by == BY_NAME and found.name not in (ref.text, known.name)


def _resolved(state: State, resource: Resource, found: Observation) -> None:
    resource.reported_id = found.id
    resource.unresolved_reported = False
    of = (resource.vrrp, found.label)
    if resource.chosen_by is None:
        state.report(ResourceResolved(*of, resource.ref, found.id))
    else:
        state.report(ResourceSelected(*of, resource.chosen_by, found.id))
    _warn_of_zone(state, resource, found)


def _unresolved(state: State, resource: Resource, why: str, now: float) -> None:
    resource.observation = None
    resource.unresolved_why = why
    state.happened(resource, NotFound(), now)
    if not resource.unresolved_reported:
        resource.unresolved_reported = True
        state.report(ResourceUnresolved(resource.vrrp, str(resource.ref), why))


def _warn_of_zone(state: State, resource: Resource, seen: Observation) -> None:
    server = resource.kind.api.server
    if server is not None and seen.zone and server.zone and seen.zone != server.zone:
        state.report(ZoneMismatch(resource.vrrp, seen.label, seen.zone, server.zone))


def _observe(
    state: State, resource: Resource, seen: Observation, asked_at_s: float, now: float
) -> None:
    api = resource.kind.api
    if resource.holder_at_s is None or asked_at_s >= resource.holder_at_s:
        resource.observation = seen
    if seen.blocked and not resource.blocked_reported:
        state.report(ResourceBlocked(resource.vrrp, seen.label))
    resource.blocked_reported = seen.blocked
    claiming = resource.claim is not None and resource.claim.is_sent
    if seen.moving:
        state.observed(resource, Unknown(f"{api.api.title} is moving it"), asked_at_s, now)
        state.happened(resource, Moving(), now)
    else:
        state.observed(resource, api.holder_from(seen.server_id), asked_at_s, now)
    if resource.is_suspect:  # is keepalived still there that says MASTER?
        state.schedule.query_soon(now)
    # While its action runs, it is not claimed yet; but others need not wait for the next one.
    here = isinstance(resource.stage, Held | ActionRunning) and resource.ours_at_s == asked_at_s
    if claiming and here:
        if not api.health.assigns_work:
            retry_soon(state, api, now)
        api.health.assigns_work = True
    note_progress(resource, now)


def _actions_read(state: State, call: Inflight, actions: Mapping[Key, Action], now: float) -> None:
    for resource, stage in acting(state, call):
        action = actions.get(stage.action_id)
        if action is None or action.status is not ActionStatus.RUNNING:
            done = action is not None and action.status is ActionStatus.SUCCESS
            resource.kind.action_ended(stage.step.lane, now, done=done)
        if action is None:
            state.happened(resource, ActionLost(), now)
        else:
            state.happened(resource, ActionSeen(action, call.asked_at_s), now)
            note_progress(resource, now)

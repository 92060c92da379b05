"""What answers and failures of calls have in common: whom they concern, and what they prove."""

from hakeeper.core.apis.failure_table import RESPONSES, Scope
from hakeeper.core.apis.states import ApiState
from hakeeper.core.calls import Mutate, ReadActions
from hakeeper.core.claim.happenings import ApiWorks, HolderDown
from hakeeper.core.claim.resource import Resource
from hakeeper.core.claim.stages import ActionRunning, HoldDown, MutateDue, MutateSent
from hakeeper.core.decisions.resources import ApiRecovered
from hakeeper.core.observation import Key, Other
from hakeeper.core.state import Inflight, State


def works(state: State, api: ApiState, now: float) -> None:
    """The API answers: what waited for that goes on."""
    lasted_s = api.health.answered(now)
    if lasted_s is not None:
        state.report(ApiRecovered(api.name, lasted_s))
        api.reads_work()
        retry_soon(state, api, now)


def retry_soon(state: State, api: ApiState, now: float) -> None:
    """What failed because the API did is tried again soon; a lock or a refusal is another thing."""
    for resource, stage in state.in_stage(MutateDue, of=api):
        failure = stage.claim.failure
        if failure is None or RESPONSES[failure.kind].scope in (Scope.API, Scope.NOTHING):
            state.happened(resource, ApiWorks(), now)


def note_progress(resource: Resource, now: float) -> None:
    """Note that a claim has just come to nothing although its request was accepted."""
    if resource.refused_at_s == now:
        resource.kind.api.health.assigns_work = False


def acting(state: State, call: Inflight) -> list[tuple[Resource, ActionRunning]]:
    """Return the resources whose action a call asked for, with their stages."""
    asked = call.request.action_ids if isinstance(call.request, ReadActions) else ()
    running = state.in_stage(ActionRunning, of=call.api)
    return [(resource, stage) for resource, stage in running if stage.action_id in asked]


def holder_down(state: State, api: ApiState, server_id: Key, status: str, now: float) -> None:
    """A server does not run: what it holds need not be left there."""
    for resource, _ in list(state.in_stage(HoldDown, of=api)):
        if resource.holder == Other(server_id):
            state.happened(resource, HolderDown(status), now)


def current(state: State, call: Inflight, now: float) -> list[Resource]:
    """Return the resources of a step, but those for which a role change or reload made it void."""
    found = []
    for resource in concerned(state, call):
        role_state = state.roles.role_states[resource.vrrp]
        sent = isinstance(resource.stage, MutateSent) and role_state.generation == call.generation
        if sent and _is_of(call, resource):
            found.append(resource)
        else:
            resource.writes.fresh_from_s = now
    return found


def concerned(state: State, call: Inflight) -> list[Resource]:
    """Return the resources of a step; a reload may have put others in their place."""
    wanted = call.request.resources if isinstance(call.request, Mutate) else ()
    return [
        resource
        for resource in state.resources.values()
        if _is_of(call, resource)
        or (resource.observation is not None and resource.observation.id in wanted)
    ]


def _is_of(call: Inflight, resource: Resource) -> bool:
    return any(resource is each for each in call.resources)

"""What becomes of a call that failed; what each class leads to is in `apis/failure_table.py`."""

from typing import assert_never

from hakeeper.core.answers.effects import (
    acting,
    concerned,
    current,
    holder_down,
    note_progress,
    works,
)
from hakeeper.core.apis.failure_table import RESPONSES, Scope
from hakeeper.core.apis.servers import DELETED, SeenServer
from hakeeper.core.apis.states import ApiState
from hakeeper.core.calls import (
    NO_IDENTITY,
    CallResult,
    Failure,
    FailureKind,
    Identify,
    Mutate,
    ReadActions,
    ReadAll,
    ReadOne,
    ReadServer,
)
from hakeeper.core.claim.happenings import ActionLost, ActionUnread, Failed, LostTrack
from hakeeper.core.claim.stages import ActionRunning
from hakeeper.core.decisions.resources import ApiFailed, ServerUnidentified
from hakeeper.core.events import ReloadToken
from hakeeper.core.observation import Us
from hakeeper.core.state import Inflight, State

SERVER_AGAIN_S = 60.0
"""After a failed read of a server that nobody waits for."""


def take_failure(
    state: State, call: Inflight, result: CallResult, failure: Failure, now: float
) -> None:
    """Take in why a call brought no answer."""
    api = call.api
    if failure.kind is FailureKind.AUTH:
        if failure.http_status is not None:
            api.health.login_refused(now)
        state.effects.append(ReloadToken(api.name))
    match call.request:
        case Mutate():
            _step_failed(state, call, result, failure, now)
        case ReadServer(server_id=server_id) if failure.kind is FailureKind.NOT_FOUND:
            api.see(server_id, SeenServer("", DELETED, now))
            holder_down(state, api, server_id, DELETED, now)
        case ReadActions() if failure.kind is FailureKind.NOT_FOUND:
            for resource, _ in acting(state, call):
                state.happened(resource, ActionLost(), now)
        case Identify():
            _note(state, call, failure, now)
            if failure.kind is FailureKind.NOT_FOUND:  # what we knew is wrong by now
                api.server = None
            api.identify_from_s = now + _delay_s(state, api, failure, api.identify_attempt)
            api.identify_attempt += 1
        case ReadActions():
            _note(state, call, failure, now)
            for resource, _ in acting(state, call):
                state.happened(resource, ActionUnread(), now)
        case ReadAll() | ReadOne():
            _read_failed(state, call, failure, now)
        case ReadServer():
            api.servers_from_s = now + SERVER_AGAIN_S
            _note(state, call, failure, now)
        case _:  # pragma: no cover
            assert_never(call.request)


def _step_failed(
    state: State, call: Inflight, result: CallResult, failure: Failure, now: float
) -> None:
    api, health = call.api, call.api.health
    for resource in call.resources if result.sent_at_s is None else ():
        resource.writes.never_sent(call.asked_at_s)
    if failure.kind is FailureKind.THROTTLED:
        health.failed(failure, now, state.rng, assign=True)
    if failure.kind is FailureKind.NOT_FOUND:  # of the resource, or of our server: it was made anew
        api.server_doubted = True
    # What locks the server is most likely another claim of ours: that is no news.
    ours = state.mutations(api) > 0 or any(state.in_stage(ActionRunning, of=api))
    locked = failure.kind is FailureKind.LOCKED
    if failure.kind not in (FailureKind.CANCELLED, FailureKind.THROTTLED):
        of_one = RESPONSES[failure.kind].scope is Scope.RESOURCE
        first = health.assign_refused(call.asked_at_s, now, state.rng, of_one=of_one)
        if locked and ours:
            health.lock_met(now, first=first)
    claiming = current(state, call, now)
    for resource in claiming:
        # Here before a demotion, it was never taken: what "already" means will be read.
        here = failure.kind is FailureKind.ALREADY and isinstance(resource.holder, Us)
        reported = not (locked and ours) and not here
        state.happened(resource, Failed(failure, result.sent_at_s, reported=reported), now)
        note_progress(resource, now)
    if failure.kind is FailureKind.OUTCOME_UNKNOWN:
        for each in concerned(state, call):
            if all(each is not one for one in claiming):
                each.writes.lose_track(now)
                state.happened(each, LostTrack(), now)


def _read_failed(state: State, call: Inflight, failure: Failure, now: float) -> None:
    api, request = call.api, call.request
    attempt = api.read_failed(call.asked_at_s, now)
    delay_s = _delay_s(state, api, failure, attempt)
    if isinstance(request, ReadAll) and request.within and failure.kind is FailureKind.NOT_FOUND:
        # The part is gone, or this API cannot list parts: the whole list tells which.
        state.apis.kinds[request.kind].lists_parts = False
        api.reads_from_s = now
        works(state, api, now)
        return
    if isinstance(request, ReadOne) and failure.kind is FailureKind.NOT_FOUND:
        # Deleted, or another token: the list will show.
        delay_s = api.patience.retry.delay_s(attempt, state.rng)
        for resource in state.resources.values():
            if resource.observation and resource.observation.id == request.resource:
                resource.observation = None
    api.reads_from_s = now + delay_s
    _note(state, call, failure, now)


def _delay_s(state: State, api: ApiState, failure: Failure, attempt: int) -> float:
    needs_operator = RESPONSES[failure.kind].needs_operator
    schedule = api.patience.slow if needs_operator else api.patience.retry
    return schedule.delay_s(attempt, state.rng)


def _note(state: State, call: Inflight, failure: Failure, now: float) -> None:
    """Count it as ill health of the API or refusal of one request; report it if it is news."""
    if failure.kind is FailureKind.CANCELLED:
        return
    request, health = call.request, call.api.health
    # What has to be put right after a 401 is the token, not the identity.
    identifying = isinstance(request, Identify) and failure.kind is not FailureKind.AUTH
    of, file = call.api.name, call.api.settings.secret_file
    decision: ServerUnidentified | ApiFailed = ApiFailed(of, failure, request, file)
    if identifying:
        decision = ServerUnidentified(of, failure)
    refused = RESPONSES[failure.kind].scope is Scope.REQUEST
    if refused or failure.code == NO_IDENTITY:
        if failure.code != NO_IDENTITY and call.api.goes_out(request):
            works(state, call.api, now)
        if health.refused(type(request), failure, now):
            state.report(decision)
        return
    health.failed(failure, now, state.rng)
    if health.is_news(type(decision), failure.code):
        state.report(decision)

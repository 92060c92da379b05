"""Takes the steps that are due: which mutating requests go out now, and for which resources."""

from collections.abc import Sequence
from typing import TypeAlias

from hakeeper.core.apis.budget import Use
from hakeeper.core.apis.states import ApiState
from hakeeper.core.calls import Failure, FailureKind, Mutate, Obstacle, Step
from hakeeper.core.claim.happenings import Awaited, Failed, Hung, LostTrack, Sending
from hakeeper.core.claim.resource import Resource
from hakeeper.core.claim.stages import (
    ActionRunning,
    MutateDue,
    MutateSent,
    ReadBack,
    Verify,
)
from hakeeper.core.due.reads import next_reader, read_affordable_from_s, tried_at_s
from hakeeper.core.keepalived.hung import is_left
from hakeeper.core.limits.wake import Wake, due
from hakeeper.core.model import Server
from hakeeper.core.observation import Observation
from hakeeper.core.operator.pause import halt, pause_for
from hakeeper.core.state import State

Waiting: TypeAlias = Sequence[tuple[Resource, MutateDue]]
"""The resources whose steps are due, with their stages, in the order of their turns."""
OVERDUE_S = 30.0
"""A claim that has waited for the budget so long may draw on the reserve of new masters."""


def favour_overdue(state: State, api: ApiState, now: float, wake: Wake) -> None:
    """Let claims that the budget holds back go on at last, one at a time.

    The reserve is for the next failover; but an address that is away now must not wait for it to
    fill up. Those that were refused come last.
    """
    if api.budget.holds(Use.CLAIM, now) or state.pause is not None:
        return
    waiting: list[tuple[Resource, Verify | MutateDue]] = []
    for stages in (state.in_stage(Verify, of=api), state.in_stage(MutateDue, of=api)):
        waiting += stages
    waiting.sort(key=lambda each: each[1].claim.refused_at_s)
    for resource, stage in waiting:
        if resource.favoured or _affordable_from_s(state, resource, now) <= now:
            continue
        since_s = state.roles.role_states[resource.vrrp].since_s
        overdue_s = max(stage.claim.phases.line_s, since_s) + OVERDUE_S
        if due(max(overdue_s, api.overdue.due_s(now)), now, wake):
            api.overdue.take(now)
            resource.favoured = True


def _affordable_from_s(state: State, resource: Resource, now: float) -> float:
    if isinstance(resource.stage, MutateDue):
        return state.step_affordable_from_s(resource, now)
    return read_affordable_from_s(state, resource, now)


def take_due_steps(state: State, api: ApiState, now: float, wake: Wake) -> None:
    """Take the steps that are due, in their turns."""
    if api.server is None or _is_at_parallel_limit(state, api, now):
        return
    waiting = sorted(state.in_stage(MutateDue, of=api), key=lambda each: _turn(*each))
    reader = next_reader(state, api, now) if waiting else None
    for resource, stage in waiting:
        seen, from_s = resource.observation, resource.mutate_from_s(stage.due_at_s)
        if resource.stage is not stage or seen is None or not due(from_s, now, wake):
            continue
        rounds_s = api.health.rounds_until_s(stage.claim.refused_at_s)
        held_until_s = max(rounds_s, api.health.assigns_held_until_s)
        if not due(held_until_s, now, wake) or _is_at_parallel_limit(state, api, now):
            return
        if is_left(state, resource, now):
            state.happened(resource, Hung(), now)
            continue
        pause = pause_for(state, resource)
        if pause is not None:
            halt(state, pause, resource, now)
            continue
        if not due(state.step_affordable_from_s(resource, now), now, wake):
            continue
        if reader is not None and _yields(state, resource, reader, now):
            continue
        if _try_step(state, resource, seen, api.server, waiting, now):
            reader = next_reader(state, api, now)


def _turn(resource: Resource, stage: MutateDue) -> tuple[float, float]:
    """Return what sorts them: those first that were never refused, or longest ago.

    Of these, what we have taken from its holder goes before the rest, the longest ago first.
    """
    since_s = resource.holder_since_s if resource.is_half_moved else None
    return stage.claim.refused_at_s, float("inf") if since_s is None else since_s


def _try_step(
    state: State,
    resource: Resource,
    seen: Observation,
    us: Server,
    waiting: Waiting,
    now: float,
) -> bool:
    """Take the step of a resource, unless something is in its way; say if it reads instead."""
    step = resource.kind.kind.next_step(seen, us)
    lane = "" if isinstance(step, Obstacle) else step.lane
    if _is_lane_taken(state, lane):
        if resource.is_released:
            _await_lane(state, lane, now)
    elif not resource.shows(lane, now):
        state.happened(resource, LostTrack(), now)
        return True
    elif isinstance(step, Obstacle):
        state.happened(resource, Failed(_failure(step)), now)
    elif resource.is_behind(lane, now):
        state.happened(resource, LostTrack(resource.patience.suspect_s), now)
    elif (most := min(step.most, _room(state, resource, step))) > 0:
        others = _others(state, resource, step, waiting, now)
        _take_step(state, [resource, *others[: most - 1]], step, now)
    return False


def _take_step(state: State, resources: list[Resource], step: Step, now: float) -> None:
    """Send the request that brings these resources closer to us."""
    for resource in resources:
        state.happened(resource, Sending(step), now)
        resource.kind.api.budget.turn.end(resource)
    first, *others = [r.observation.id for r in resources if r.observation is not None]
    state.start(Mutate(first, step, tuple(others)), now, *resources)


def _others(
    state: State,
    resource: Resource,
    step: Step,
    waiting: Waiting,
    now: float,
) -> list[Resource]:
    """Return what may go with the same request: of the same instance, with the same step.

    What was refused goes alone, so that it spoils nobody's.
    """
    if step.most <= 1 or _is_refused(resource):
        return []
    server, found = resource.kind.api.server, []
    for other, stage in waiting:
        seen = other.observation
        ready = other.stage is stage and other.mutate_from_s(stage.due_at_s) <= now
        ready = ready and pause_for(state, other) is None
        if other is resource or not ready or other.vrrp != resource.vrrp or _is_refused(other):
            continue
        if server is None or seen is None or other.kind is not resource.kind:
            continue
        if other.shows(step.lane, now) and other.kind.kind.next_step(seen, server) == step:
            found.append(other)
    return found


def _room(state: State, resource: Resource, step: Step) -> int:
    """Return how many resources may go with this step, so that each finds its place here.

    Those that are on their way have theirs, and what was refused without our having moved it none.
    """
    if step.room is None:
        return step.most
    of_kind = (each for each in state.resources.values() if each.kind is resource.kind)
    coming = sum(each is not resource and _is_coming(each) for each in of_kind)
    return step.room - coming


def _is_coming(resource: Resource) -> bool:
    if isinstance(resource.stage, MutateSent | ActionRunning | ReadBack) or resource.is_half_moved:
        return True
    return resource.claim is not None and resource.is_released and not _is_refused(resource)


def _yields(state: State, resource: Resource, reader: Resource, now: float) -> bool:
    """Say whether another one, which is read first, has its turn before this one."""
    refused = state.use_of(resource, now) is Use.RETRY
    return refused and tried_at_s(resource) > tried_at_s(reader)


def _is_refused(resource: Resource) -> bool:
    """Say whether its last try met a refusal that concerns the resource itself."""
    failure = None if resource.claim is None else resource.claim.failure
    return failure is not None and failure.kind in (
        FailureKind.ALREADY,
        FailureKind.NOT_FOUND,
        FailureKind.REFUSED,
    )


def _failure(obstacle: Obstacle) -> Failure:
    """Return what no request can change as the refusal that it would meet."""
    return Failure(kind=FailureKind.REFUSED, code=obstacle.code, message=obstacle.message)


def _is_lane_taken(state: State, lane: str) -> bool:
    """Say whether a step of this lane is under way, or its action runs."""
    running = (stage.step.lane for _, stage in state.in_stage(ActionRunning))
    return state.is_lane_taken(lane) or lane in running


def _await_lane(state: State, lane: str, now: float) -> None:
    """Have the action that a lane waits for looked at often: nobody has what waits for it."""
    for resource, stage in state.in_stage(ActionRunning):
        if stage.step.lane == lane:
            state.happened(resource, Awaited(), now)


def _is_at_parallel_limit(state: State, api: ApiState, now: float) -> bool:
    taken = state.mutations(api)
    if now < api.health.one_by_one_until_s:
        taken += sum(1 for _ in state.in_stage(ActionRunning, of=api))
    return taken >= api.health.parallel_limit(now)

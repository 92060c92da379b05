"""How often all is read, which reads claims wait for, and whose retry is next if little flows in.

When retries live on what flows into the budget, one call in nine seconds, a step that needs a read
right before it would find that call gone: to a step of another, or to a look at a server. By the
next one the read is too old, and it reads again, for ever. So the call that pays for such a step is
its own from the read on, and those that were refused take turns, whatever they need first.
"""

from collections.abc import Iterable

from hakeeper.core.apis.budget import Use
from hakeeper.core.apis.states import FRESH_S, ApiState, KindState
from hakeeper.core.calls import ReadAll, ReadOne, Request, Step
from hakeeper.core.claim.resource import Resource
from hakeeper.core.claim.stages import ReadBack, Reading, Verify
from hakeeper.core.limits.wake import Wake, due
from hakeeper.core.state import State, release_calls


def reading_interval_s(state: State, kind: KindState, now: float) -> float:
    """Return the seconds between two readings of a kind as things stand."""
    api, settings = kind.api, state.settings
    # Until a first list says which resources are meant, a claim would have to wait for it.
    is_wanted = state.any_master(kind) or not kind.is_listed
    if not is_wanted or api.health.scarce(now):
        return state.standby_interval_s(kind)
    wanted_s = max(settings.interval_s, api.patience.least_interval_s)
    settling = any(r.watch_until_s > now and r.kind is kind for r in state.resources.values())
    if settling and api.budget.allows(Use.RETRY, now):
        return min(api.patience.watch_interval_s, wanted_s)
    return max(wanted_s, state.reading_gap_s(api))


def is_thrifty(api: ApiState, now: float) -> bool:
    """Say whether reading that nobody waits for should spare the quota, or our part of it."""
    return api.health.scarce(now) or not api.budget.allows(Use.RETRY, now)


def reads_due(
    state: State, api: ApiState, now: float, wake: Wake
) -> list[tuple[Resource, Reading]]:
    """Return the resources that need a read now which nobody has begun, with their stages."""
    waiting = [each for each in state.reading(api) if due(each[1].due_at_s, now, wake)]
    return [
        (resource, stage)
        for resource, stage in waiting
        if not _read_is_under_way(state, resource, stage.after_s)
        and not _is_read(resource, stage.after_s)
    ]


def next_reader(state: State, api: ApiState, now: float) -> Resource | None:
    """Return what was refused and may be read now, before any step that was tried after it.

    None as long as the budget is not low, or nothing of the kind is due.
    """
    waits = now < max(api.reads_from_s, api.health.held_until_s)
    if waits or not api.budget.is_low(now):
        return None
    reading = [
        resource
        for resource, stage in reads_due(state, api, now, _forget)
        if isinstance(stage, Verify)
        and not resource.kind.kind.acts_on_known
        and state.use_of(resource, now) is Use.RETRY
    ]
    first = min(reading, key=tried_at_s, default=None)
    if first is None or not affordable(state, [first], now, _forget):
        return None
    return first


def tried_at_s(resource: Resource) -> float:
    """Return when it had its last turn."""
    return max(resource.refused_at_s, resource.turn_at_s)


def begin_turn(resource: Resource, now: float) -> None:
    """What flows in next is for the step of this one, if it follows while the read is new."""
    api = resource.kind.api
    resource.turn_at_s = now
    api.budget.turn.begin(resource, now + api.settings.call_timeout_s + FRESH_S)


def _forget(at_s: float) -> None:
    """Nobody has to be woken for what is only looked at."""


def affordable(state: State, claims: Iterable[Resource], now: float, wake: Wake) -> bool:
    """Say whether the budget lets a call go that serves these claims."""
    return due(min(read_affordable_from_s(state, each, now) for each in claims), now, wake)


def read_affordable_from_s(state: State, resource: Resource, now: float) -> float:
    """Return from when on the budget lets a read go that this claim waits for."""
    return state.affordable_from_s(resource, now, *_with_step(resource, now))


def _with_step(resource: Resource, now: float) -> tuple[int, int]:
    """Return what the budget must hold besides, so that a step follows its read while it is new."""
    pages = resource.kind.pages
    if resource.kind.kind.acts_on_known:
        return 0, 0
    match resource.stage:
        case Verify() if resource.needs_release:
            return 2 + pages, pages + release_calls(resource.kind.api, now)
        case Verify() | ReadBack(step=Step(holder=None)):
            return 2 + pages, pages
        case _:
            return 0, 0


def _read_is_under_way(state: State, resource: Resource, after_s: float) -> bool:
    """Say whether an answer is coming that will be new enough."""
    return any(
        call.asked_at_s >= after_s and _shows(call.request, resource)
        for call in state.calls.values()
    )


def _shows(request: Request, resource: Resource) -> bool:
    """Say whether the answer to a request will show this resource."""
    seen = resource.observation
    match request:
        case ReadAll(kind, within):
            return kind == resource.kind.kind.name and (seen is not None or not within)
        case ReadOne(resource_id):
            return seen is not None and seen.id == resource_id
        case _:
            return False


def alone(resource: Resource) -> ReadOne | None:
    """Return the call that reads it without the others; None: that takes a list."""
    seen = resource.observation
    if seen is None or resource.kind.kind.read_request(seen.id) is None:
        return None
    return ReadOne(seen.id)


def _is_read(resource: Resource, after_s: float) -> bool:
    """Say whether the answer is here already and only our own identity is missing."""
    read_s = resource.holder_at_s
    return resource.kind.api.server is None and read_s is not None and read_s >= after_s

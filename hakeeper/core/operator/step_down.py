"""A step-down: another node becomes MASTER and claims, while this server is as good as ever.

keepalived reads a number from its track file, which lowers its priority. It stays in VRRP: it is
MASTER until it hears a better one, and becomes MASTER again if that one dies. So the worst that a
step-down can do is nothing. If nobody takes over in time, or takes the addresses, it is taken back.

Only observed facts count: how the roles are, and who has the addresses. Whatever ends a run in the
middle, the next one goes on from what it finds.
"""

import enum
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from hakeeper.core.claim.resource import Resource
from hakeeper.core.claim.stages import Held
from hakeeper.core.decisions.operator import (
    StepDownBegun,
    StepDownDone,
    StepDownExpired,
    StepDownFailed,
    StepDownOvertaken,
    StepDownProlonged,
    SteppedUp,
)
from hakeeper.core.events import SetStepDown, StepDownAsked, StepUpAsked
from hakeeper.core.limits.wake import Wake, due
from hakeeper.core.model import EndedStepDown, Role, StepDown, StepDownEnd, StepDownStage, VrrpId
from hakeeper.core.observation import Other
from hakeeper.core.state import State

YIELD_S: Final = 20.0
"""A node that would take over does so within some four adverts: for adverts every 5 s at most."""
CLAIM_S: Final = 30.0
"""By then a new MASTER has claimed, unless its API is a slower one."""
LOOK_S: Final = 1.0
"""Between two looks at the holders while a new MASTER claims."""
_GIVEN_UP: Final = frozenset({Role.BACKUP, Role.FAULT, Role.STOPPED})


class Objection(enum.Enum):
    """Why this server cannot step down now; the values are what programs read."""

    NOT_MASTER = "not_master"
    PAUSED = "paused"
    UNDER_WAY = "under_way"
    """Another step-down has not come to its end or to its aim."""
    NOT_SETTLED = "not_settled"
    """It is MASTER of an address that is not confirmed here: a claim is under way, or fails."""
    API_FAILS = "api_fails"
    """Whether another server claims could not be seen."""


def objection(state: State) -> Objection | None:
    """Return why a step-down would make no sense now, or could not be watched; None: it would."""
    current = state.step_down.current
    if state.pause is not None:
        return Objection.PAUSED
    if current is not None:
        return None if current.stage is StepDownStage.DOWN else Objection.UNDER_WAY
    if not state.any_master():
        return Objection.NOT_MASTER
    ours = [each for each in state.resources.values() if state.is_master(each.vrrp)]
    if any(each.kind.api.health.failure is not None for each in ours):
        return Objection.API_FAILS
    settled = all(isinstance(each.stage, Held) for each in ours)
    return None if settled else Objection.NOT_SETTLED


def keep_step_down(state: State, kept: StepDown, now: float) -> None:
    """Go on with what the last run was given; one that is over ends at once."""
    state.step_down.current = kept
    if kept.until_s > now:
        state.report(StepDownBegun(kept, kept.until_s - now, kept=True))


def change_step_down(state: State, event: StepDownAsked | StepUpAsked, now: float) -> None:
    """Begin or prolong one, unless there is an objection; or end it before its time."""
    current = state.step_down.current
    if isinstance(event, StepUpAsked):
        if current is not None:
            state.report(SteppedUp(current, event.by, event.user_id, now - current.since_s))
            _end(state, current, StepDownEnd.STEPPED_UP, now)
    elif objection(state) is None:
        asked, left_s = event.step_down, event.step_down.until_s - now
        if current is None:
            wanted = replace(asked, vrrps=_mastered(state))
            state.report(StepDownBegun(wanted, left_s, kept=False))
        else:
            wanted = current.prolonged(asked)
            state.report(StepDownProlonged(wanted, left_s))
        _set(state, wanted)


def follow_step_down(state: State, now: float, wake: Wake) -> None:
    """Take it as far as it has come by what is known now."""
    current = state.step_down.current
    if current is None:
        return
    if due(current.until_s, now, wake):
        state.report(StepDownExpired(current))
        _end(state, current, StepDownEnd.EXPIRED, now)
    elif current.yielded_s is None:
        _await_master(state, current, now, wake)
    elif current.claimed_s is None:
        _await_claim(state, current, current.yielded_s, now, wake)
    else:
        _watch(state, current, now)


def _await_master(state: State, current: StepDown, now: float, wake: Wake) -> None:
    roles = [state.roles.role_states[vrrp].role for vrrp in _configured(state, current)]
    if all(role in _GIVEN_UP for role in roles):
        yielded = replace(current, yielded_s=now)
        _set(state, yielded)
        _await_claim(state, yielded, now, now, wake)
    elif due(current.since_s + YIELD_S, now, wake):
        _fail(state, current, StepDownEnd.NOT_TAKEN_OVER, now)


def _await_claim(state: State, current: StepDown, yielded_s: float, now: float, wake: Wake) -> None:
    ours = [*_resources(state, current)]
    latest_s = max([CLAIM_S, *(each.patience.alarm_after_s for each in ours)])
    if all(_is_elsewhere(each, yielded_s) for each in ours):
        claimed = replace(current, claimed_s=now)
        _set(state, claimed)
        state.report(StepDownDone(claimed))
    elif _is_master(state, current):
        _fail(state, current, StepDownEnd.CAME_BACK, now)
    elif due(yielded_s + latest_s, now, wake):
        _fail(state, current, StepDownEnd.NOT_CLAIMED, now)
    else:
        _look(ours, now)


def _watch(state: State, current: StepDown, now: float) -> None:
    is_back = _is_master(state, current)
    if is_back and current.back_s is None:
        back = replace(current, back_s=now)
        _set(state, back)
        state.report(StepDownOvertaken(back))
    elif not is_back and current.back_s is not None:
        _set(state, replace(current, back_s=None))


def _look(ours: list[Resource], now: float) -> None:
    """Have the holders read soon: a demoted node reads seldom."""
    for kind in {id(each.kind): each.kind for each in ours}.values():
        interval_s = max(LOOK_S, kind.api.patience.least_interval_s)
        at_s = max(now, kind.listed_at_s + interval_s)
        if kind.role_look_at_s is None or kind.role_look_at_s > at_s:
            kind.role_look_at_s = at_s


def _is_elsewhere(resource: Resource, yielded_s: float) -> bool:
    read_s = resource.holder_at_s
    return read_s is not None and read_s >= yielded_s and isinstance(resource.holder, Other)


def _mastered(state: State) -> tuple[VrrpId, ...]:
    return tuple(vrrp for vrrp in state.roles.role_states if state.is_master(vrrp))


def _configured(state: State, current: StepDown) -> Iterator[VrrpId]:
    """What it is about, without what a reload took away meanwhile."""
    return (vrrp for vrrp in current.vrrps if vrrp in state.roles.role_states)


def _is_master(state: State, current: StepDown) -> bool:
    return any(state.is_master(vrrp) for vrrp in _configured(state, current))


def _resources(state: State, current: StepDown) -> Iterator[Resource]:
    for vrrp in _configured(state, current):
        yield from state.resources_of(vrrp)


def _fail(state: State, current: StepDown, end: StepDownEnd, now: float) -> None:
    state.report(StepDownFailed(current, end, now - current.since_s))
    _end(state, current, end, now)


def _end(state: State, current: StepDown, end: StepDownEnd, now: float) -> None:
    state.step_down.ended = EndedStepDown(current, end, now)
    _set(state, None)


def _set(state: State, step_down: StepDown | None) -> None:
    state.step_down.current = step_down
    state.effects.append(SetStepDown(step_down))

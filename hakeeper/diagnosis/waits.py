"""What each resource waits for, and until when: typed, without a sentence, for `hakeeper explain`.

These are the times by which the core's room `due/` lets a step or a read go, asked for without
taking one. Several may hold at once; what is over is left out.
"""

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from hakeeper.core.claim.resource import Resource
from hakeeper.core.claim.stages import (
    ActionRunning,
    Held,
    HoldDown,
    MutateDue,
    ReadBack,
    Reading,
    Recheck,
    Verify,
)
from hakeeper.core.due.reads import read_affordable_from_s, reading_interval_s
from hakeeper.core.keepalived.hung import is_left
from hakeeper.core.model import Role
from hakeeper.core.operator.pause import pause_for
from hakeeper.core.state import State


class WaitFor(enum.Enum):
    """What is waited for; the values are those of the JSON."""

    ROLE = "role"
    """keepalived does not say MASTER."""
    ISOLATION = "isolation"
    """It does, and that does not count: its private address is missing, or was until now."""
    LOOK = "look"
    """Nothing is to be done; the holder is read again then."""
    HOLD_DOWN = "hold_down"
    """Another server takes it again and again, and keeps it until then."""
    HUNG = "hung"
    """keepalived hangs: nothing is taken from a server that runs."""
    ANSWER = "answer"
    """A call is under way."""
    ACTION = "action"
    """The provider carries it out; by then the holder is read in any case."""
    SERVER = "server"
    """It is not known yet which server this is."""
    PAUSE = "pause"
    """hakeeper is paused."""
    RETRY = "retry"
    """The pause after a try that came to nothing, or the second between two requests."""
    ROUNDS = "rounds"
    """Several rounds of assigns were refused, and all wait."""
    THROTTLE = "throttle"
    """The API said that there were too many calls."""
    LOGIN = "login"
    """The API refused the login: a third time would block this server."""
    READS = "reads"
    """The pause after reads that failed."""
    BUDGET = "budget"
    """This node's part of the quota is spent: it flows in again."""
    TURN = "turn"
    """Other requests go first: as many as may run at once are under way."""


@dataclass(frozen=True, slots=True)
class Wait:
    """One of these, and in how many seconds it is over; None: no clock says that."""

    what: WaitFor
    in_s: float | None = None


_Until: TypeAlias = tuple[WaitFor, float | None]
"""What, and until when in the time of the core."""


def waits_of(state: State, resource: Resource, now: float) -> tuple[Wait, ...]:
    """Return what a resource waits for, as things stand after the core has begun what is due."""
    waits = (*_of_role(state, resource), *_of_stage(state, resource, now))
    left = tuple(
        Wait(what, None if until_s is None else until_s - now)
        for what, until_s in waits
        if until_s is None or until_s > now
    )
    if left:
        return left
    return (Wait(WaitFor.TURN if isinstance(resource.stage, MutateDue) else WaitFor.ANSWER),)


def _of_role(state: State, resource: Resource) -> Iterator[_Until]:
    role_state = state.roles.role_states[resource.vrrp]
    if role_state.role is not Role.MASTER:
        yield WaitFor.ROLE, None
    if role_state.isolated:
        yield WaitFor.ISOLATION, None if role_state.missing else role_state.trusted_from_s


def _of_stage(state: State, resource: Resource, now: float) -> Iterator[_Until]:
    match resource.stage:
        case Held():
            interval_s = reading_interval_s(state, resource.kind, now)
            yield WaitFor.LOOK, resource.kind.listed_at_s + interval_s
        case HoldDown() if is_left(state, resource, now):
            yield WaitFor.HUNG, None
        case HoldDown(until_s):
            yield WaitFor.HOLD_DOWN, until_s
        case ActionRunning(until_s=until_s):
            yield WaitFor.ACTION, until_s
        case MutateDue() as stage:
            yield from _of_step(state, resource, stage, now)
        case Verify() | ReadBack() | Recheck() as reading:
            yield from _of_read(state, resource, reading, now)
        case _:
            pass  # keepalived or an answer is all that counts


def _of_step(state: State, resource: Resource, stage: MutateDue, now: float) -> Iterator[_Until]:
    api = resource.kind.api
    if api.server is None:
        yield WaitFor.SERVER, None
    pause = pause_for(state, resource)
    if pause is not None:
        yield WaitFor.PAUSE, pause.until_s
    yield WaitFor.LOGIN, api.health.shut_until_s
    yield WaitFor.RETRY, resource.mutate_from_s(stage.due_at_s)
    yield WaitFor.ROUNDS, api.health.rounds_until_s(stage.claim.refused_at_s)
    yield WaitFor.THROTTLE, api.health.assigns_held_until_s
    yield WaitFor.BUDGET, state.step_affordable_from_s(resource, now)


def _of_read(state: State, resource: Resource, stage: Reading, now: float) -> Iterator[_Until]:
    api = resource.kind.api
    if api.server is None:
        yield WaitFor.SERVER, None
    yield WaitFor.LOGIN, api.health.shut_until_s
    yield WaitFor.RETRY, stage.due_at_s
    yield WaitFor.THROTTLE, api.health.held_until_s
    yield WaitFor.READS, api.reads_from_s
    yield WaitFor.BUDGET, read_affordable_from_s(state, resource, now)

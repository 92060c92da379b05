"""Looks at what is believed, wanted and observed, and starts the calls that are due.

Level-triggered: it never asks what happened, only how things stand. Each step either starts a
call or says when it wants to be asked again; the earliest of those times is `Core.next_at()`.
"""

from collections.abc import Iterable
from typing import Final

from hakeeper.core.apis.budget import Use
from hakeeper.core.apis.states import ApiState, KindState
from hakeeper.core.calls import (
    Identify,
    ReadActions,
    ReadAll,
    ReadServer,
)
from hakeeper.core.claim.happenings import ActionLost, HoldDownOver, HolderAsked
from hakeeper.core.claim.resource import Resource
from hakeeper.core.claim.stages import ActionRunning, Held, HoldDown, Idle
from hakeeper.core.due.reads import (
    affordable,
    alone,
    begin_turn,
    is_thrifty,
    next_reader,
    reading_interval_s,
    reads_due,
)
from hakeeper.core.due.steps import favour_overdue, take_due_steps
from hakeeper.core.events import QueryRoles
from hakeeper.core.keepalived.hung import is_left
from hakeeper.core.keepalived.isolation import trust_again
from hakeeper.core.limits.wake import Wake, due
from hakeeper.core.model import FifoState
from hakeeper.core.observation import Key, Other, order_of
from hakeeper.core.operator.pause import expire_pause
from hakeeper.core.operator.step_down import follow_step_down
from hakeeper.core.state import QUERY_SPACING_S, State

POLL_SPREAD_S = 0.25
"""For each full call of running actions, how much longer they are left alone: the assigns are out,
and many looks at them would only cost quota."""
LONGEST_POLL_SPREAD_S = 0.75
RELEASE_LISTS = 30
"""So often the list is read beside the action of the first of two steps: for a second at a round
trip of 20 ms."""
WHOLE_INTERVAL_S = 600.0
"""Between two whole lists, where parts would do."""
GATHER_S = 0.5
"""How long finished claims wait for others, so that one reading confirms many."""
HOLDER_LOOK_S = 30.0
"""Between two looks at the server that holds a contested resource."""
OTHERS_INTERVAL_S = 600.0
"""Between two looks at a server that holds a resource: its name, and whether it runs."""
QUERY_TIMEOUT_S = 5.0
"""An unanswered question to keepalived is given up after this."""

AT_REST = (Idle, Held)
"""A resource in one of these needs no call of its own."""


def reconcile(state: State, now: float) -> float | None:
    """Start what is due; return when to come back, None if nothing is scheduled."""
    wakes: list[float] = []
    expire_pause(state, now, wakes.append)
    follow_step_down(state, now, wakes.append)
    _query_roles(state, now, wakes.append)
    _end_isolation(state, now, wakes.append)
    _end_hold_downs(state, now, wakes.append)
    for api in state.apis.apis.values():
        _serve(state, api, now, wakes.append)
    return min(wakes, default=None)


def _serve(state: State, api: ApiState, now: float, wake: Wake) -> None:
    """Start the calls to one API that are due."""
    if not due(api.health.shut_until_s, now, wake):
        return
    ours = (resource for resource in state.resources.values() if resource.kind.api is api)
    pursued = any(not isinstance(resource.stage, AT_REST) for resource in ours)
    if pursued and not _must_wait(state, api):
        favour_overdue(state, api, now, wake)
        take_due_steps(state, api, now, wake)
    if now < api.health.held_until_s:
        wake(api.health.held_until_s)
        return
    for serve in _IN_CLAIMS if pursued else _AT_REST:
        if _must_wait(state, api):
            return
        serve(state, api, now, wake)


def _must_wait(state: State, api: ApiState) -> bool:
    """Say whether another call may not go before the one under way has shown that we may log in."""
    return api.health.is_careful and any(call.api is api for call in state.calls.values())


def _query_roles(state: State, now: float, wake: Wake) -> None:
    if not state.settings.can_query:
        return
    if state.query_asked is not None:
        if not due(state.query_asked[1] + QUERY_TIMEOUT_S, now, wake):
            return
        state.query_asked = None
    if due(state.schedule.query_at_s, now, wake):
        query_id, state.next_query_id = state.next_query_id, state.next_query_id + 1
        state.query_asked = (query_id, now)
        state.schedule.queried_at_s = now
        # While the FIFO cannot be read, nothing else says a role.
        reads_lines = state.fifo in (None, FifoState.OPEN)
        state.schedule.query_at_s = now + (
            state.settings.interval_s if reads_lines else QUERY_SPACING_S
        )
        state.effects.append(QueryRoles(query_id))
        wake(now + QUERY_TIMEOUT_S)


def _end_isolation(state: State, now: float, wake: Wake) -> None:
    for vrrp, role_state in state.roles.role_states.items():
        if (
            role_state.isolated
            and not role_state.missing
            and due(role_state.trusted_from_s, now, wake)
        ):
            trust_again(state, vrrp, now)


def _end_hold_downs(state: State, now: float, wake: Wake) -> None:
    for resource, stage in state.in_stage(HoldDown):
        if not is_left(state, resource, now) and due(stage.until_s, now, wake):
            state.happened(resource, HoldDownOver(), now)


def _identify(state: State, api: ApiState, now: float, wake: Wake) -> None:
    is_known = api.server is not None and not api.server_doubted
    if is_known or state.asked(Identify, api):
        return
    request, from_s = Identify(api.name, api.cached_server_id), api.identify_from_s
    if api.goes_out(request):
        from_s = max(from_s, api.budget.from_s(Use.CLAIM, now))
    if due(from_s, now, wake):
        state.start(request, now)


def _poll_actions(state: State, api: ApiState, now: float, wake: Wake) -> None:
    asked = {
        action_id
        for call in state.calls.values()
        if isinstance(call.request, ReadActions) and call.api is api
        for action_id in call.request.action_ids
    }
    polls: list[tuple[float, Resource, ActionRunning]] = []
    for resource, stage in state.in_stage(ActionRunning, of=api):
        if stage.action_id in asked:
            continue
        if now >= stage.until_s:
            state.happened(resource, ActionLost(), now)
        else:
            polls.append((min(stage.due_at_s, stage.until_s), resource, stage))
    polls.sort(key=lambda each: (each[0], order_of(each[2].action_id)))
    per_call = api.api.actions_per_call
    spread_s = min(LONGEST_POLL_SPREAD_S, POLL_SPREAD_S * (len(polls) // per_call))
    # A call that has to be made is filled up with the actions that would be due next.
    while polls and due(polls[0][0] + spread_s, now, wake):
        chosen, polls = polls[:per_call], polls[per_call:]
        if not affordable(state, (resource for _, resource, _ in chosen), now, wake):
            wake(min(stage.until_s for _, _, stage in chosen))
            continue
        # One action may be that of several resources.
        action_ids = dict.fromkeys(stage.action_id for _, _, stage in chosen)
        state.start(ReadActions(api.name, tuple(action_ids)), now)
        _look_at_released(state, chosen, now)


def _look_at_released(
    state: State, polls: Iterable[tuple[float, Resource, ActionRunning]], now: float
) -> None:
    """Read the list that the second of two steps needs beside the action of the first.

    So it follows at once when that ends; an action that takes long would cost too many lists.
    """
    releasing = (
        resource
        for _, resource, stage in polls
        if not resource.kind.api.budget.is_half_spent(now)
        if stage.step.holder is None and stage.polls < RELEASE_LISTS and alone(resource) is None
    )
    for kind in {id(resource.kind): resource.kind for resource in releasing}.values():
        _list(state, kind, now, at_once=2)


def _read_for_claims(state: State, api: ApiState, now: float, wake: Wake) -> None:
    """Read the holders of the resources whose claim needs to know."""
    reading = reads_due(state, api, now, wake)
    if not reading or not due(api.reads_from_s, now, wake):
        return
    gathered_s = min(stage.due_at_s for _, stage in reading) + GATHER_S
    wanted = [resource for resource, _ in reading]
    only_confirms = all(r.claim is not None and r.claim.is_sent for r in wanted)
    if only_confirms and state.mutations(api) > 0 and not due(gathered_s, now, wake):
        return
    if not affordable(state, wanted, now, wake):
        return
    reader = next_reader(state, api, now)
    if reader is not None:
        begin_turn(reader, now)
    if len(wanted) == 1 and (request := alone(wanted[0])) is not None:
        state.start(request, now)
        return
    for kind in {id(resource.kind): resource.kind for resource in wanted}.values():
        # Where every step needs a list of its own, a claim waits for none that is too old.
        _list(state, kind, now, at_once=1 if kind.kind.acts_on_known else 2)


def _list(state: State, kind: KindState, now: float, at_once: int = 1) -> None:
    """Read all holders; only so many such readings at a time."""
    if state.listings(kind) < at_once:
        kind.listing(now)
        parts = _parts(state, kind, now)
        if not parts:
            kind.whole_from_s = now + WHOLE_INTERVAL_S
        state.start(ReadAll(kind.kind.name, parts), now)


def _parts(state: State, kind: KindState, now: float) -> tuple[Key, ...]:
    """Return the parts of the API that have all of our resources; empty: read the whole list."""
    ours = [resource for resource in state.resources.values() if resource.kind is kind]
    is_sent = any(each.claim is not None and each.claim.is_sent for each in ours)
    if not kind.lists_parts or (now >= kind.whole_from_s and not is_sent):
        return ()
    parts = {None if each.observation is None else each.observation.part for each in ours}
    return () if None in parts else tuple(sorted((p for p in parts if p is not None), key=order_of))


def _read_all_idly(state: State, api: ApiState, now: float, wake: Wake) -> None:
    for kind in state.apis.kinds.values():
        if kind.api is api and not _must_wait(state, api):
            _read_idly(state, kind, now, wake)


def _read_idly(state: State, kind: KindState, now: float, wake: Wake) -> None:
    """Keep looking for ever, at a constant price: one reading of all holders each interval."""
    if state.listings(kind):
        return
    due_at_s = kind.listed_at_s + reading_interval_s(state, kind, now)
    if state.any_master(kind):
        due_at_s = max(due_at_s, state.schedule.aside_until_s)
    if kind.role_look_at_s is not None and not is_thrifty(kind.api, now):
        due_at_s = min(due_at_s, kind.role_look_at_s)
    due_at_s = max(due_at_s, kind.api.budget.from_s(Use.EDGE, now))
    if due(due_at_s, now, wake):
        _list(state, kind, now)
        wake(now + reading_interval_s(state, kind, now))


def _look_at_holders(state: State, api: ApiState, now: float, wake: Wake) -> None:
    if not api.api.shows_servers:
        return
    for resource, stage in state.in_stage(HoldDown, of=api):
        due_at_s = max(stage.look_at_s, _spare_from_s(api, now))
        if isinstance(resource.holder, Other) and due(due_at_s, now, wake):
            state.happened(resource, HolderAsked(now + HOLDER_LOOK_S), now)
            wake(now + HOLDER_LOOK_S)
            request = ReadServer(api.name, resource.holder.server_id)
            if not state.is_asked(request):
                state.start(request, now)


def _spare_from_s(api: ApiState, now: float) -> float:
    """Return from when on the budget has a retry that is nobody's."""
    return api.budget.from_s(Use.RETRY, now, taken_until_s=api.budget.turn.taken_until_s(None))


def _look_at_others(state: State, api: ApiState, now: float, wake: Wake) -> None:
    """Learn name and state of the servers that hold our resources, one at a time, seldom."""
    if is_thrifty(api, now) or not api.api.shows_servers:
        return
    ours = (resource for resource in state.resources.values() if resource.kind.api is api)
    held = {r.holder.server_id for r in ours if isinstance(r.holder, Other)}
    for gone in api.servers.keys() - held:
        del api.servers[gone]
    for server_id in sorted(held, key=order_of):
        seen = api.servers.get(server_id)
        at_s = api.servers_from_s
        if seen is not None:
            at_s = max(at_s, seen.at_s + OTHERS_INTERVAL_S)
        if due(at_s, now, wake) and not state.asked(ReadServer, api):
            state.start(ReadServer(api.name, server_id), now)


_IN_CLAIMS: Final = (_identify, _poll_actions, _read_for_claims, _look_at_holders, _read_all_idly)
"""What is looked at, in this order, while an address is pursued."""
_AT_REST: Final = (_identify, _read_all_idly, _look_at_others)
"""And while none is."""

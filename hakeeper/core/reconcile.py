"""Looks at what is believed, wanted and observed, and starts the calls that are due.

Level-triggered: it never asks what happened, only how things stand. Each step either starts a
call or says when it wants to be asked again; the earliest of those times is `Core.next_at()`.
"""

from collections.abc import Callable, Iterable

from hakeeper.core.address import Address
from hakeeper.core.budget import Use
from hakeeper.core.calls import (
    Assign,
    Identify,
    ListFloatingIps,
    ReadActions,
    ReadFloatingIp,
    ReadServer,
)
from hakeeper.core.events import QueryRoles
from hakeeper.core.hanging import is_left
from hakeeper.core.happenings import ActionLost, HoldDownOver, HolderAsked, Hung, Sending
from hakeeper.core.isolation import trust_again
from hakeeper.core.model import FifoState, Other
from hakeeper.core.stages import (
    ActionRunning,
    Held,
    HoldDown,
    Idle,
    MutateDue,
)
from hakeeper.core.state import QUERY_SPACING_S, Inflight, State

WATCH_INTERVAL_S = 2.0
"""Between two readings while a claim settles: this catches the old master's late write."""
ACTIONS_PER_CALL = 25
"""How many actions one call asks for; Hetzner's own client uses this number."""
POLL_SPREAD_S = 0.25
"""For each full call of running actions, how much longer they are left alone: the assigns are out,
and many looks at them would only cost quota."""
LONGEST_POLL_SPREAD_S = 0.75
GATHER_S = 0.5
"""How long finished claims wait for others, so that one reading confirms many."""
HOLDER_LOOK_S = 30.0
"""Between two looks at the server that holds a contested address."""
OTHERS_INTERVAL_S = 600.0
"""Between two looks at a server that holds an address: its name, and whether it runs."""
QUERY_TIMEOUT_S = 5.0
"""An unanswered question to keepalived is given up after this."""

AT_REST = (Idle, Held)
"""An address in one of these needs no call of its own."""

Wake = Callable[[float], None]


def reconcile(state: State, now: float) -> float | None:
    """Start what is due; return when to come back, None if nothing is scheduled."""
    wakes: list[float] = []
    _query_roles(state, now, wakes.append)
    _end_isolation(state, now, wakes.append)
    pursued = any(not isinstance(a.stage, AT_REST) for a in state.addresses.values())
    if pursued:
        _end_hold_downs(state, now, wakes.append)
        _send_assigns(state, now, wakes.append)
    if now < state.api.held_until_s:
        wakes.append(state.api.held_until_s)
    else:
        _identify(state, now, wakes.append)
        if pursued:
            _poll_actions(state, now, wakes.append)
            _read_for_claims(state, now, wakes.append)
            _look_at_holders(state, now, wakes.append)
        _read_idly(state, now, wakes.append)
        if not pursued:
            _look_at_others(state, now, wakes.append)
    return min(wakes, default=None)


def _due(at_s: float, now: float, wake: Wake) -> bool:
    if at_s <= now:
        return True
    wake(at_s)
    return False


def _query_roles(state: State, now: float, wake: Wake) -> None:
    if not state.settings.can_query:
        return
    if state.query_asked is not None:
        if not _due(state.query_asked[1] + QUERY_TIMEOUT_S, now, wake):
            return
        state.query_asked = None
    if _due(state.schedule.query_at_s, now, wake):
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
            and _due(role_state.trusted_from_s, now, wake)
        ):
            trust_again(state, vrrp, now)


def _end_hold_downs(state: State, now: float, wake: Wake) -> None:
    for address, stage in state.in_stage(HoldDown):
        if not is_left(state, address, now) and _due(stage.until_s, now, wake):
            state.happened(address, HoldDownOver(), now)


def _send_assigns(state: State, now: float, wake: Wake) -> None:
    """Send the assigns that are due, those first that were never refused, or longest ago."""
    if state.server is None or _is_at_parallel_limit(state, now):
        return
    waiting = sorted(state.in_stage(MutateDue), key=lambda each: each[1].claim.refused_at_s)
    for address, stage in waiting:
        floating_ip, from_s = address.floating_ip, address.assign_from_s(stage.due_at_s)
        if floating_ip is None or not _due(from_s, now, wake):
            continue
        held_until_s = max(state.api.assigns_from_s, state.api.assigns_held_until_s)
        if not _due(held_until_s, now, wake) or _is_at_parallel_limit(state, now):
            return
        if is_left(state, address, now):
            state.happened(address, Hung(), now)
            continue
        # What an assign leads to, its action and the list that confirms it, must be paid as well.
        if not _due(state.affordable_from_s(address, now, 2 + state.pages), now, wake):
            continue
        if not state.assigning(floating_ip.id):
            state.happened(address, Sending(), now)
            state.start(Assign(floating_ip.id, state.server.id), now, address)


def _is_at_parallel_limit(state: State, now: float) -> bool:
    taken = state.assigns()
    if now < state.api.one_by_one_until_s:
        taken += sum(1 for _ in state.in_stage(ActionRunning))
    return taken >= state.api.parallel_limit(now)


def _identify(state: State, now: float, wake: Wake) -> None:
    is_known = state.server is not None and not state.schedule.server_doubted
    if is_known or state.asked(Identify):
        return
    from_s = max(state.schedule.identify_from_s, state.budget.from_s(Use.CLAIM, now))
    if _due(from_s, now, wake):
        state.start(Identify(state.cached_server_id), now)


def _poll_actions(state: State, now: float, wake: Wake) -> None:
    asked = {
        action_id
        for call in state.calls.values()
        if isinstance(call.request, ReadActions)
        for action_id in call.request.action_ids
    }
    acting: dict[int, Address] = {}
    until_s: dict[int, float] = {}
    polls: list[tuple[float, int]] = []
    for address, stage in state.in_stage(ActionRunning):
        if stage.action_id in asked:
            continue
        if now >= stage.until_s:
            state.happened(address, ActionLost(), now)
        else:
            acting[stage.action_id] = address
            until_s[stage.action_id] = stage.until_s
            polls.append((min(stage.due_at_s, stage.until_s), stage.action_id))
    polls.sort()
    spread_s = min(LONGEST_POLL_SPREAD_S, POLL_SPREAD_S * (len(polls) // ACTIONS_PER_CALL))
    # A call that has to be made is filled up with the actions that would be due next.
    while polls and _due(polls[0][0] + spread_s, now, wake):
        chosen, polls = polls[:ACTIONS_PER_CALL], polls[ACTIONS_PER_CALL:]
        if not _affordable(state, (acting[action_id] for _, action_id in chosen), now, wake):
            wake(min(until_s[action_id] for _, action_id in chosen))
            continue
        state.start(ReadActions(tuple(action_id for _, action_id in chosen)), now)


def _affordable(state: State, claims: Iterable[Address], now: float, wake: Wake) -> bool:
    """Say whether the budget lets a call go that serves these claims."""
    return _due(min(state.affordable_from_s(address, now) for address in claims), now, wake)


def _read_for_claims(state: State, now: float, wake: Wake) -> None:
    """Read the holders of the addresses whose claim needs to know."""
    waiting = [each for each in state.reading() if _due(each[1].due_at_s, now, wake)]
    reading = [
        (address, stage)
        for address, stage in waiting
        if not _read_is_under_way(state, address, stage.after_s)
        and not _is_read(state, address, stage.after_s)
    ]
    if not reading or not _due(state.schedule.reads_from_s, now, wake):
        return
    gathered_s = min(stage.due_at_s for _, stage in reading) + GATHER_S
    wanted = [address for address, _ in reading]
    only_confirms = all(a.claim is not None and a.claim.is_sent for a in wanted)
    if only_confirms and state.assigns() > 0 and not _due(gathered_s, now, wake):
        return
    if not _affordable(state, wanted, now, wake):
        return
    if len(wanted) == 1 and wanted[0].floating_ip is not None:
        state.start(ReadFloatingIp(wanted[0].floating_ip.id), now)
    else:
        _list(state, now)


def _read_is_under_way(state: State, address: Address, after_s: float) -> bool:
    """Say whether an answer is coming that will be new enough."""

    def serves(call: Inflight) -> bool:
        match call.request:
            case ListFloatingIps():
                return call.asked_at_s >= after_s
            case ReadFloatingIp(floating_ip_id):
                return (
                    address.floating_ip is not None
                    and address.floating_ip.id == floating_ip_id
                    and call.asked_at_s >= after_s
                )
            case _:
                return False

    return any(serves(call) for call in state.calls.values())


def _is_read(state: State, address: Address, after_s: float) -> bool:
    """Say whether the answer is here already and only our own identity is missing."""
    return (
        state.server is None and address.holder_at_s is not None and address.holder_at_s >= after_s
    )


def _list(state: State, now: float) -> None:
    """Read all holders; only one such reading at a time."""
    if not state.asked(ListFloatingIps):
        state.schedule.listing(now)
        state.start(ListFloatingIps(), now)


def _read_idly(state: State, now: float, wake: Wake) -> None:
    """Keep looking for ever, at a constant price: one reading of all holders each interval."""
    if state.asked(ListFloatingIps):
        return
    due_at_s = state.schedule.listed_at_s + reading_interval_s(state, now)
    if state.any_master():
        due_at_s = max(due_at_s, state.schedule.aside_until_s)
    if state.schedule.role_look_at_s is not None and not _is_thrifty(state, now):
        due_at_s = min(due_at_s, state.schedule.role_look_at_s)
    due_at_s = max(due_at_s, state.budget.from_s(Use.EDGE, now))
    if _due(due_at_s, now, wake):
        _list(state, now)
        wake(now + reading_interval_s(state, now))


def reading_interval_s(state: State, now: float) -> float:
    """Return the seconds between two readings as things stand."""
    if not state.any_master() or state.api.scarce(now):
        return state.standby_interval_s()
    settings = state.settings
    settling = any(address.watch_until_s > now for address in state.addresses.values())
    if settling and state.budget.allows(Use.RETRY, now):
        return min(WATCH_INTERVAL_S, settings.interval_s)
    return max(settings.interval_s, state.budget.reading_gap_s(state.pages))


def _is_thrifty(state: State, now: float) -> bool:
    """Say whether reading that nobody waits for should spare the quota, or our part of it."""
    return state.api.scarce(now) or not state.budget.allows(Use.RETRY, now)


def _look_at_holders(state: State, now: float, wake: Wake) -> None:
    for address, stage in state.in_stage(HoldDown):
        due_at_s = max(stage.look_at_s, state.budget.from_s(Use.RETRY, now))
        if isinstance(address.holder, Other) and _due(due_at_s, now, wake):
            state.happened(address, HolderAsked(now + HOLDER_LOOK_S), now)
            wake(now + HOLDER_LOOK_S)
            request = ReadServer(address.holder.server_id)
            if all(call.request != request for call in state.calls.values()):
                state.start(request, now)


def _look_at_others(state: State, now: float, wake: Wake) -> None:
    """Learn name and state of the servers that hold our addresses, one at a time, seldom."""
    if _is_thrifty(state, now):
        return
    held = {a.holder.server_id for a in state.addresses.values() if isinstance(a.holder, Other)}
    for gone in state.servers.keys() - held:
        del state.servers[gone]
    for server_id in sorted(held):
        seen = state.servers.get(server_id)
        at_s = state.schedule.servers_from_s
        if seen is not None:
            at_s = max(at_s, seen.at_s + OTHERS_INTERVAL_S)
        if _due(at_s, now, wake) and not state.asked(ReadServer):
            state.start(ReadServer(server_id), now)

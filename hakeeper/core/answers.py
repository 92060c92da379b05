"""What becomes of a call's result: observations for the addresses, health for the API."""

from collections.abc import Iterable, Mapping
from typing import assert_never

from hakeeper.core.address import Address
from hakeeper.core.backoff import RETRY, SLOW
from hakeeper.core.calls import (
    ASSIGNED,
    NO_IDENTITY,
    NOT_THIS_MACHINE,
    ActionsRead,
    Answer,
    Assign,
    AssignAccepted,
    CallResult,
    Failure,
    FailureKind,
    FloatingIpRead,
    FloatingIpsListed,
    Identified,
    Identify,
    ListFloatingIps,
    ReadActions,
    ReadFloatingIp,
    ReadServer,
    Request,
    ServerRead,
    pages_of,
)
from hakeeper.core.cures import NAMED_TWICE, NOT_THERE, unusable
from hakeeper.core.decisions import (
    AddressBlocked,
    AddressRenamed,
    AddressResolved,
    AddressUnresolved,
    ApiFailed,
    ApiRecovered,
    ServerIdentified,
    ServerUnidentified,
    ZoneMismatch,
)
from hakeeper.core.events import ReloadToken
from hakeeper.core.failures import RESPONSES, Scope
from hakeeper.core.happenings import (
    Accepted,
    ActionLost,
    ActionSeen,
    ActionUnread,
    ApiWorks,
    Failed,
    HolderDown,
    LostTrack,
    NotFound,
)
from hakeeper.core.model import (
    Action,
    AddressRef,
    ById,
    ByName,
    ByNetwork,
    FloatingIp,
    Other,
    Server,
    Us,
)
from hakeeper.core.servers import DELETED, NOT_RUNNING, SeenServer
from hakeeper.core.stages import ActionRunning, Held, HoldDown, MutateDue, MutateSent
from hakeeper.core.state import Inflight, State

SERVER_AGAIN_S = 60.0
"""After a failed read of a server that nobody waits for."""

SURELY_RUNNING_S = 0.1
"""So long after it was accepted an action is taken to be still running."""


def take_answer(state: State, result: CallResult, now: float) -> None:
    """Take in the end of a call; one that nobody asked for is passed over."""
    call = state.calls.pop(result.call_id, None)
    if call is None:
        return
    state.api.note_quota(result.quota, now)
    if result.quota is not None:
        state.budget.note_limit(result.quota.limit_per_hour, now)
    outcome = _checked(result.outcome)
    if isinstance(outcome, Failure):
        _failed(state, call, result, outcome, now)
        return
    state.api.latency_s = result.finished_at_s - call.asked_at_s
    state.api.granted(type(call.request))
    _works(state, now)
    _answered(state, call, result, outcome, now)


def _checked(outcome: Answer | Failure) -> Answer | Failure:
    """Refuse a server that is not this machine: the addresses would go to another one."""
    if not isinstance(outcome, Identified) or outcome.is_here:
        return outcome
    return Failure(
        kind=FailureKind.NOT_FOUND,
        code=NOT_THIS_MACHINE,
        message=_not_this_machine(outcome.server, outcome.source),
    )


def _not_this_machine(server: Server, source: str) -> str:
    """Return why a server that exists is not taken for this machine."""
    own = " and ".join(map(str, map(ByNetwork, server.own or ())))
    has = f"of its addresses, {own}, none is here" if own else "it has no address at all"
    return f"{server.name} (id {server.id}, from: {source}) is not this machine: {has}"


def _works(state: State, now: float) -> None:
    """The API answers: what waited for that goes on."""
    lasted_s = state.api.answered(now)
    if lasted_s is not None:
        state.report(ApiRecovered(lasted_s))
        state.schedule.reads_work()
        _retry_soon(state, now)


def _retry_soon(state: State, now: float) -> None:
    """What failed because the API did is tried again soon; a lock or a refusal is another thing."""
    for address, stage in state.in_stage(MutateDue):
        failure = stage.claim.failure
        if failure is None or RESPONSES[failure.kind].scope in (Scope.API, Scope.NOTHING):
            state.happened(address, ApiWorks(), now)


# --- answers ---------------------------------------------------------------------------------


def _answered(state: State, call: Inflight, result: CallResult, answer: Answer, now: float) -> None:
    match answer:
        case Identified(server=server, source=source):
            _identified(state, server, source, now)
        case FloatingIpsListed():
            state.schedule.reads_work()
            state.pages = pages_of(len(answer.floating_ips))
            _listed(state, answer, call.asked_at_s, now)
        case FloatingIpRead(floating_ip):
            state.schedule.reads_work()
            for address in state.addresses.values():
                if address.floating_ip is not None and address.floating_ip.id == floating_ip.id:
                    _observe(state, address, floating_ip, call.asked_at_s, now)
        case AssignAccepted(action):
            state.api.assign_accepted(now, alongside=_ran_alongside(state, call))
            current = _current(state, call, now)
            if current is not None:
                state.happened(current, Accepted(action, result.sent_at_s), now)
                _note_progress(state, current, now)
        case ActionsRead(actions):
            _actions_read(state, call, {action.id: action for action in actions}, now)
        case ServerRead(server):
            state.servers[server.id] = SeenServer(server.name, server.status, now)
            _holder_seen(state, server.id, server.status, now)
        case _:  # pragma: no cover
            assert_never(answer)


def _ran_alongside(state: State, call: Inflight) -> bool:
    """Say whether an action of ours was surely running when this call was begun."""
    phases = (stage.claim.phases for _, stage in state.in_stage(ActionRunning))
    accepted = (p.accepted_s for p in phases if p.accepted_s is not None)
    return any(0.0 <= call.asked_at_s - at_s <= SURELY_RUNNING_S for at_s in accepted)


def _identified(state: State, server: Server, source: str, now: float) -> None:
    is_news = state.server is None or state.server.id != server.id
    state.server = server
    state.schedule.server_doubted = False
    state.schedule.identify_attempt = 0
    if not is_news:
        return
    state.report(ServerIdentified(server, source))
    for address in state.addresses.values():
        if address.floating_ip is not None and address.holder_at_s is not None:
            _observe(state, address, address.floating_ip, address.holder_at_s, now)
            _warn_of_zone(state, address, address.floating_ip)


def _listed(state: State, listed: FloatingIpsListed, asked_at_s: float, now: float) -> None:
    taken: set[int] = set()
    floating_ips = listed.floating_ips
    for address in state.addresses.values():
        found = find(address.ref, floating_ips) or _renamed(state, address, floating_ips)
        if found is None and (odd := listed.why_odd(address.ref)) is not None:
            # It may well be there: what was known of it stays.
            if address.floating_ip is None:
                _unresolved(state, address, unusable(odd), now)
            continue
        if found is None or found.id in taken:
            why = NOT_THERE if found is None else NAMED_TWICE
            _unresolved(state, address, why, now)
            continue
        taken.add(found.id)
        if address.reported_id != found.id or address.unresolved_reported:
            _resolved(state, address, found)
        _observe(state, address, found, asked_at_s, now)


def find(ref: AddressRef, floating_ips: Iterable[FloatingIp]) -> FloatingIp | None:
    """Find the floating IP that the configuration means; None if the project has none such."""
    match ref:
        case ById(floating_ip_id):
            matches = (fip for fip in floating_ips if fip.id == floating_ip_id)
        case ByName(name):
            matches = (fip for fip in floating_ips if fip.name == name)
        case ByNetwork(network):
            matches = (fip for fip in floating_ips if fip.network == network)
        case _:  # pragma: no cover
            assert_never(ref)
    return next(matches, None)


def _renamed(
    state: State, address: Address, floating_ips: Iterable[FloatingIp]
) -> FloatingIp | None:
    """Find the floating IP that the configured name has meant: another name does not move it."""
    known = address.floating_ip
    if known is None or not isinstance(address.ref, ByName):
        return None
    found = find(ById(known.id), floating_ips)
    if found is not None and found.name != known.name:
        state.report(AddressRenamed(address.vrrp, str(address.ref), found))
    return found


def _resolved(state: State, address: Address, found: FloatingIp) -> None:
    address.reported_id = found.id
    address.unresolved_reported = False
    state.report(AddressResolved(address.vrrp, str(found), address.ref, found.id))
    _warn_of_zone(state, address, found)


def _unresolved(state: State, address: Address, why: str, now: float) -> None:
    address.floating_ip = None
    address.unresolved_why = why
    state.happened(address, NotFound(), now)
    if not address.unresolved_reported:
        address.unresolved_reported = True
        state.report(AddressUnresolved(address.vrrp, str(address.ref), why))


def _warn_of_zone(state: State, address: Address, floating_ip: FloatingIp) -> None:
    server, zone = state.server, floating_ip.network_zone
    if server is not None and zone and server.network_zone and zone != server.network_zone:
        state.report(ZoneMismatch(address.vrrp, str(floating_ip), zone, server.network_zone))


def _observe(
    state: State, address: Address, floating_ip: FloatingIp, asked_at_s: float, now: float
) -> None:
    address.floating_ip = floating_ip
    if floating_ip.blocked and not address.blocked_reported:
        state.report(AddressBlocked(address.vrrp, str(floating_ip)))
    address.blocked_reported = floating_ip.blocked
    holder = state.holder_from(floating_ip.server_id)
    claiming = address.claim is not None and address.claim.is_sent
    state.observed(address, holder, asked_at_s, now)
    if address.is_suspect:  # is keepalived still there that says MASTER?
        state.schedule.query_soon(now)
    if claiming and isinstance(address.stage, Held):
        if not state.api.assigns_work:
            _retry_soon(state, now)
        state.api.assigns_work = True
    _note_progress(state, address, now)


def _note_progress(state: State, address: Address, now: float) -> None:
    """Note that a claim has just come to nothing although its assign was accepted."""
    if address.refused_at_s == now:
        state.api.assigns_work = False


def _actions_read(state: State, call: Inflight, actions: Mapping[int, Action], now: float) -> None:
    for address, action_id in _acting(state, call.request):
        action = actions.get(action_id)
        if action is None:
            state.happened(address, ActionLost(), now)
        else:
            state.happened(address, ActionSeen(action), now)
            _note_progress(state, address, now)


def _acting(state: State, request: Request) -> list[tuple[Address, int]]:
    """Return the addresses whose action a call asked for, with the action."""
    asked = request.action_ids if isinstance(request, ReadActions) else ()
    acting = state.in_stage(ActionRunning)
    return [(address, stage.action_id) for address, stage in acting if stage.action_id in asked]


def _holder_seen(state: State, server_id: int, status: str, now: float) -> None:
    if status in NOT_RUNNING:
        _holder_down(state, server_id, status, now)


def _holder_down(state: State, server_id: int, status: str, now: float) -> None:
    for address, _ in list(state.in_stage(HoldDown)):
        if address.holder == Other(server_id):
            state.happened(address, HolderDown(status), now)


def _current(state: State, call: Inflight, now: float) -> Address | None:
    """Return the address of an assign, unless a role change or reload made the assign void."""
    for address in _concerned(state, call):
        role_state = state.roles.role_states[address.vrrp]
        sent = isinstance(address.stage, MutateSent) and role_state.generation == call.generation
        if address is call.address and sent:
            return address
        address.writes.fresh_from_s = now
    return None


def _concerned(state: State, call: Inflight) -> list[Address]:
    """Return the address of an assign; a reload may have put another one in its place."""
    wanted = call.request.floating_ip_id if isinstance(call.request, Assign) else None
    return [
        address
        for address in state.addresses.values()
        if address is call.address
        or (address.floating_ip is not None and address.floating_ip.id == wanted)
    ]


# --- failures --------------------------------------------------------------------------------


def _failed(state: State, call: Inflight, result: CallResult, failure: Failure, now: float) -> None:
    if failure.kind is FailureKind.AUTH:
        state.effects.append(ReloadToken())
    match call.request:
        case Assign():
            _assign_failed(state, call, result, failure, now)
        case ReadServer(server_id) if failure.kind is FailureKind.NOT_FOUND:
            state.servers[server_id] = SeenServer("", DELETED, now)
            _holder_down(state, server_id, DELETED, now)
        case ReadActions() if failure.kind is FailureKind.NOT_FOUND:
            for address, _ in _acting(state, call.request):
                state.happened(address, ActionLost(), now)
        case Identify():
            _note(state, call.request, failure, now)
            if failure.kind is FailureKind.NOT_FOUND:  # what we knew is wrong by now
                state.server = None
            delay_s = _delay_s(state, failure, state.schedule.identify_attempt)
            state.schedule.identify_from_s = now + delay_s
            state.schedule.identify_attempt += 1
        case ReadActions():
            _note(state, call.request, failure, now)
            for address, _ in _acting(state, call.request):
                state.happened(address, ActionUnread(), now)
        case ListFloatingIps() | ReadFloatingIp():
            _read_failed(state, call.request, call.asked_at_s, failure, now)
        case ReadServer():
            state.schedule.servers_from_s = now + SERVER_AGAIN_S
            _note(state, call.request, failure, now)
        case _:  # pragma: no cover
            assert_never(call.request)


def _assign_failed(
    state: State, call: Inflight, result: CallResult, failure: Failure, now: float
) -> None:
    if result.sent_at_s is None and call.address is not None:
        call.address.writes.never_sent(call.asked_at_s)
    if failure.kind is FailureKind.THROTTLED:
        state.api.failed(failure, now, state.rng, assign=True)
    if failure.kind is FailureKind.NOT_FOUND:  # of the address, or of our server: it was made anew
        state.schedule.server_doubted = True
    # What locks the server is most likely another claim of ours: that is no news.
    ours = state.assigns() > 0 or any(state.in_stage(ActionRunning))
    locked = failure.kind is FailureKind.LOCKED and failure.code != ASSIGNED
    if failure.kind not in (FailureKind.CANCELLED, FailureKind.THROTTLED):
        first = state.api.assign_refused(call.asked_at_s, now, state.rng)
        if locked and ours:
            state.api.lock_met(now, first=first)
    address = _current(state, call, now)
    if address is not None:
        # Here before a demotion, it was never taken: what "assigned already" means will be read.
        here = failure.code == ASSIGNED and isinstance(address.holder, Us)
        reported = not (locked and ours) and not here
        state.happened(address, Failed(failure, result.sent_at_s, reported=reported), now)
        _note_progress(state, address, now)
    elif failure.kind is FailureKind.OUTCOME_UNKNOWN:
        for concerned in _concerned(state, call):
            concerned.writes.lose_track(now)
            state.happened(concerned, LostTrack(), now)


def _read_failed(
    state: State,
    request: ListFloatingIps | ReadFloatingIp,
    asked_at_s: float,
    failure: Failure,
    now: float,
) -> None:
    attempt = state.schedule.read_failed(asked_at_s, now)
    delay_s = _delay_s(state, failure, attempt)
    if isinstance(request, ReadFloatingIp) and failure.kind is FailureKind.NOT_FOUND:
        # Deleted, or another token: the list will show.
        delay_s = RETRY.delay_s(attempt, state.rng)
        for address in state.addresses.values():
            if address.floating_ip and address.floating_ip.id == request.floating_ip_id:
                address.floating_ip = None
    state.schedule.reads_from_s = now + delay_s
    _note(state, request, failure, now)


def _delay_s(state: State, failure: Failure, attempt: int) -> float:
    schedule = SLOW if RESPONSES[failure.kind].needs_operator else RETRY
    return schedule.delay_s(attempt, state.rng)


def _note(state: State, request: Request, failure: Failure, now: float) -> None:
    """Count it as ill health of the API or refusal of one request; report it if it is news."""
    if failure.kind is FailureKind.CANCELLED:
        return
    # What has to be put right after a 401 is the token, not the identity.
    identifying = isinstance(request, Identify) and failure.kind is not FailureKind.AUTH
    decision = ServerUnidentified(failure) if identifying else ApiFailed(failure, request)
    refused = RESPONSES[failure.kind].scope is Scope.REQUEST
    if refused or failure.code == NO_IDENTITY:
        if failure.code != NO_IDENTITY:
            _works(state, now)
        if state.api.refused(type(request), failure, now):
            state.report(decision)
        return
    state.api.failed(failure, now, state.rng)
    if state.api.is_news(type(decision), failure.code):
        state.report(decision)

"""What is not as it should be, by the state of one moment.

The rule behind it: OK means that this node would take over if it were needed now, and that what
`status` shows is so. An observation that is older than the role it stands beside is no fact.
"""

from collections.abc import Iterator
from typing import TypeGuard

from hakeeper.core.apis.states import ApiState
from hakeeper.core.calls import FailureKind, Identify
from hakeeper.core.claim.resource import Resource
from hakeeper.core.claim.stages import Held, HoldDown
from hakeeper.core.due.reads import reading_interval_s
from hakeeper.core.keepalived.hung import hangs
from hakeeper.core.kind import Api
from hakeeper.core.model import Role
from hakeeper.core.observation import Nobody, Other, Unknown, Us
from hakeeper.core.operator.pause import is_halted
from hakeeper.core.roles.book import RoleState
from hakeeper.core.state import State
from hakeeper.diagnosis.find_keepalived_problems import (
    late,
    of_keepalived,
    of_roles,
)
from hakeeper.diagnosis.operator_problems import (
    ChosenTwice,
    HakeeperPaused,
    LeftByPause,
    NothingChosen,
    SteppedDown,
)
from hakeeper.diagnosis.problems import (
    ApiFails,
    Blocked,
    Disputed,
    Health,
    HeldDown,
    LeftHere,
    Nowhere,
    Pending,
    Problem,
    QuotaLow,
    ReadRefused,
    ReloadRefused,
    ServerUnknown,
    Trouble,
    Unauthorized,
    Unresolved,
)

STALE_READS = 3.0
"""What was read longer ago than so many reading intervals is no fact any more."""


def problems(state: State, now: float) -> tuple[Problem, ...]:
    """Return everything that is wrong, the worst first."""
    of_addresses = [*_of_addresses(state, now)]
    known = {_failure(problem.trouble) for problem in of_addresses} - {None}
    found = [
        *_of_operators(state),
        *of_addresses,
        *_of_selections(state),
        *(
            problem
            for api in state.apis.apis.values()
            for problem in _of_api(state, api, now)
            if _failure(problem.trouble) not in known
        ),
        *of_keepalived(state, now),
        *of_roles(state, now),
        *_of_settings(state),
    ]
    spent = {it.api for it in (problem.trouble for problem in found) if _is_spent(it)}
    told = (problem for problem in found if not _follows(problem.trouble, spent))
    return tuple(sorted(told, key=lambda problem: -problem.health))


def _is_spent(trouble: Trouble) -> TypeGuard[ApiFails]:
    return isinstance(trouble, ApiFails) and trouble.failure.kind is FailureKind.THROTTLED


def _follows(trouble: Trouble, spent: set[Api]) -> bool:
    """Say whether it is but what a told refusal comes of: of no calls left, few are left."""
    return isinstance(trouble, QuotaLow) and trouble.api in spent


def _failure(trouble: Trouble) -> tuple[str, str] | None:
    """Return which failure of a call it is about: what an address tells need not be told twice."""
    match trouble:
        case ApiFails() | ReadRefused() | ServerUnknown() | Pending() | Unauthorized():
            failure = trouble.failure
            return None if failure is None else (failure.code, failure.message)
        case _:
            return None


def is_current(state: State, address: Resource, now: float) -> bool:
    """Say whether the holder that is known is a fact of now: read in this term, and lately."""
    read_s = address.holder_at_s
    if read_s is None or address.observation is None or isinstance(address.holder, Unknown):
        return False
    since_s = state.roles.role_states[address.vrrp].since_s
    kind = address.kind
    timeout_s = kind.api.settings.call_timeout_s
    longest_s = STALE_READS * reading_interval_s(state, kind, now) + timeout_s
    return read_s >= since_s and now - read_s <= longest_s


# --- the API and the configuration ------------------------------------------------------------


def _of_api(state: State, at: ApiState, now: float) -> Iterator[Problem]:
    api = at.health
    if api.failure is not None:
        bad = api.failure.kind is FailureKind.AUTH or (
            state.any_master() and now - api.failing_since_s > at.patience.alarm_after_s
        )
        health = Health.BROKEN if bad else Health.DEGRADED
        trouble = ApiFails(at.api, api.failure, at.settings.endpoint, at.settings.secret_file)
        yield Problem(health, trouble, api.failing_since_s)
    for request, refusal in api.refusals.items():
        if request is not Identify:
            refused = ReadRefused(at.api, refusal.failure)
            yield Problem(Health.DEGRADED, refused, refusal.since_s)
    if api.scarce(now) and api.quota is not None:
        left = int(api.quota_left(now) or 0)
        yield Problem(Health.DEGRADED, QuotaLow(at.api, left, api.quota.limit_per_hour))
    if at.server is None:
        yield _unidentified(at, now)


def _unidentified(at: ApiState, now: float) -> Problem:
    refusal = at.health.refusals.get(Identify)
    if refusal is None:
        return Problem(Health.DEGRADED, ServerUnknown(at.api, None))
    health = late(refusal.since_s, now, at.patience.alarm_after_s)
    return Problem(health, ServerUnknown(at.api, refusal.failure), refusal.since_s)


def _of_operators(state: State) -> Iterator[Problem]:
    if state.pause is not None:
        yield Problem(Health.DEGRADED, HakeeperPaused(state.pause), state.pause.since_s)
    step_down = state.step_down.current
    if step_down is not None:
        yield Problem(Health.DEGRADED, SteppedDown(step_down), step_down.since_s)


def _of_settings(state: State) -> Iterator[Problem]:
    refused = state.refused_settings
    if refused is not None:
        yield Problem(Health.DEGRADED, ReloadRefused(refused.reason), refused.at_s)


# --- addresses --------------------------------------------------------------------------------


def _of_addresses(state: State, now: float) -> Iterator[Problem]:
    for address in state.resources.values():
        if address.observation is None:
            if address.unresolved_reported:
                noun, why = address.kind.kind.noun, address.unresolved_why
                trouble = Unresolved(address.vrrp, noun, str(address.ref), why)
                yield Problem(Health.BROKEN, trouble)
            continue
        if address.observation.blocked:
            yield Problem(Health.BROKEN, Blocked(address.title))
        if state.is_master(address.vrrp):
            yield from _of_master(state, address, now)
        elif is_current(state, address, now):
            yield from _of_others(state, address, now)


def _of_selections(state: State) -> Iterator[Problem]:
    for each in state.selections.values():
        vrrp, ref = each.vrrp, str(each.ref)
        if each.choice is not None and each.choice.count == 0:
            trouble = NothingChosen(vrrp, each.kind.kind.noun, ref, each.choice.listed)
            yield Problem(Health.DEGRADED, trouble)
        for label, owner in each.contested.values():
            if owner.ref.is_selector:
                yield Problem(Health.DEGRADED, ChosenTwice(vrrp, label, ref, owner))


def _of_master(state: State, address: Resource, now: float) -> Iterator[Problem]:
    lost_s = address.split_brain.first_loss_at_s
    if isinstance(address.stage, HoldDown):
        if not hangs(state, now):  # that is reported once, for all of them
            held_down = HeldDown(address.title, address.name_of(address.holder))
            yield Problem(Health.BROKEN, held_down, lost_s)
        return
    if address.split_brain.was_lost_often(now):
        yield Problem(Health.DEGRADED, Disputed(address.title), lost_s)
    looking_again = address.claim is None and isinstance(address.holder, Us)
    if not isinstance(address.stage, Held) and not looking_again:
        yield _pending(state, address, now)


def _pending(state: State, address: Resource, now: float) -> Problem:
    since_s = state.roles.role_states[address.vrrp].since_s
    claim, api = address.claim, address.kind.api
    begun_s = since_s if claim is None else claim.phases.line_s
    here = isinstance(address.holder, Us) and (address.holder_at_s or 0.0) >= since_s
    own = None if claim is None else claim.failure
    failure, endpoint = own or api.health.failure, api.settings.endpoint
    if failure is not None and failure.kind is FailureKind.AUTH:
        failing_s = begun_s if claim is None or own is None else claim.failing_since_s
        file = api.settings.secret_file
        unauthorized = Unauthorized(api.api, address.title, failure, endpoint, file)
        return Problem(Health.BROKEN, unauthorized, failing_s)
    if is_halted(state, address):
        left = LeftByPause(address.title, address.name_of(address.holder))
        return Problem(late(begun_s, now, address.patience.alarm_after_s), left, begun_s)
    part = None if address.observation is None else address.observation.part
    trouble = Pending(
        address.title,
        failure,
        server_name=None if api.server is None else api.server.name,
        stage=address.stage.label,
        endpoint=endpoint,
        kind=address.kind.kind.name,
        part="" if part is None else str(part),
    )
    health = Health.DEGRADED if here else late(begun_s, now, address.patience.alarm_after_s)
    return Problem(health, trouble, begun_s)


def _of_others(state: State, address: Resource, now: float) -> Iterator[Problem]:
    """As BACKUP or FAULT: is the address with somebody who can use it?"""
    role_state = state.roles.role_states[address.vrrp]
    after_s = address.patience.alarm_after_s
    if now - role_state.since_s <= after_s or role_state.role in {Role.MASTER, Role.UNKNOWN}:
        return
    seen_s = address.holder_since_s
    if seen_s is None or now - seen_s <= after_s:
        return
    match address.holder:
        case Us():
            left_here = LeftHere(address.title, role_state.role)
            yield Problem(_astray(role_state), left_here, max(role_state.since_s, seen_s))
        case Nobody():
            yield Problem(_astray(role_state), Nowhere(address.title), seen_s)
        case Other(server_id):
            if address.kind.api.is_dead(server_id):
                status = address.kind.api.servers[server_id].status
                nowhere = Nowhere(address.title, address.name_of(address.holder), status)
                yield Problem(_astray(role_state), nowhere, seen_s)
        case _:  # pragma: no cover
            pass  # a holder that is not known is no fact of now


def _astray(role_state: RoleState) -> Health:
    """In FAULT on all servers there is no MASTER, and nobody else would raise the alarm."""
    return Health.BROKEN if role_state.role is Role.FAULT else Health.DEGRADED

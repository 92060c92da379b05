"""What is not as it should be, by the state of one moment: each trouble with its cause and cure.

The rule behind it: OK means that this node would take over if it were needed now, and that what
`status` shows is so. An observation that is older than the role it stands beside is no fact.
"""

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from hakeeper.core.apis import ApiState
from hakeeper.core.calls import Failure, FailureKind, Identify
from hakeeper.core.cures import FIFO_CODES, READ_ONLY, api_code, api_cure, cure_of, fifo_cure
from hakeeper.core.failures import RESPONSES, Scope
from hakeeper.core.hanging import hangs
from hakeeper.core.model import FifoState, Role, VrrpId, VrrpKind
from hakeeper.core.observation import Nobody, Other, Unknown, Us
from hakeeper.core.reconcile import reading_interval_s
from hakeeper.core.resource import Resource
from hakeeper.core.roles import RoleState
from hakeeper.core.stages import Held, HoldDown
from hakeeper.core.state import State

BROKEN_AFTER_S = 15.0
"""A claim or an API failure that lasts longer than this is worth waking somebody for."""
GRACE_S = 5.0
"""keepalived opens the FIFO, and writes of its instances, a moment after it starts."""
STALE_READS = 3.0
"""What was read longer ago than so many reading intervals is no fact any more."""
NAMES_SHOWN = 5


class Health(enum.IntEnum):
    """The verdict; the numbers are the exit codes of `hakeeper status`."""

    OK = 0
    DEGRADED = 1
    BROKEN = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is not as it should be.

    `code` is a key of `cures.TROUBLES`; `since_s` is in monotonic seconds, None where it has no
    beginning. `what` since then, because of `cause`: do `cure`.
    """

    health: Health
    code: str
    what: str
    cause: str = ""
    cure: str
    since_s: float | None = None


def problems(state: State, now: float) -> tuple[Problem, ...]:
    """Return everything that is wrong, the worst first."""
    of_addresses = [*_of_addresses(state, now)]
    reported = {problem.cause for problem in of_addresses}
    found = [
        *of_addresses,
        *(
            problem
            for api in state.apis.apis.values()
            for problem in _of_api(state, api, now)
            if problem.cause not in reported
        ),
        *_of_keepalived(state, now),
        *_of_roles(state, now),
        *_of_settings(state),
    ]
    return tuple(sorted(found, key=lambda problem: -problem.health))


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


def _late(since_s: float, now: float) -> Health:
    return Health.BROKEN if now - since_s > BROKEN_AFTER_S else Health.DEGRADED


def _said(failure: Failure) -> str:
    return f"{failure.message} ({failure.code})"


_API_WORDS = {
    "token.rejected": "Hetzner rejects the API token",
    "token.readonly": "the API token may only read",
    "api.throttled": "Hetzner takes no more calls for now",
    "api.unresolved": "the Hetzner API cannot be reached",
    "api.unreachable": "the Hetzner API cannot be reached",
}


def _of_api(state: State, at: ApiState, now: float) -> Iterator[Problem]:
    api, endpoint = at.health, at.settings.endpoint
    if api.failure is not None:
        code = api_code(api.failure)
        bad = api.failure.kind is FailureKind.AUTH or (
            state.any_master() and now - api.failing_since_s > BROKEN_AFTER_S
        )
        yield Problem(
            health=Health.BROKEN if bad else Health.DEGRADED,
            code=code,
            what=_API_WORDS.get(code, "the Hetzner API cannot be used"),
            cause=_said(api.failure),
            cure=api_cure(code, endpoint),
            since_s=api.failing_since_s,
        )
    for request, refusal in api.refusals.items():
        if request is not Identify:
            yield Problem(
                health=Health.DEGRADED,
                code="api.refused",
                what="Hetzner refuses to let the addresses be read",
                cause=_said(refusal.failure),
                cure=api_cure("api.refused", endpoint),
                since_s=refusal.since_s,
            )
    if api.scarce(now) and api.quota is not None:
        left = int(api.quota_left(now) or 0)
        yield Problem(
            health=Health.DEGRADED,
            code="quota.low",
            what=f"{left} of {api.quota.limit_per_hour} API calls are left in this hour",
            cure=cure_of("quota.low"),
        )
    if at.server is None:
        yield _unidentified(at, now)


def _unidentified(at: ApiState, now: float) -> Problem:
    refusal = at.health.refusals.get(Identify)
    return Problem(
        health=Health.DEGRADED if refusal is None else _late(refusal.since_s, now),
        code="server.unidentified",
        what="which Hetzner server this is, is not known",
        cause="the API has not confirmed it yet" if refusal is None else _said(refusal.failure),
        cure=cure_of("server.unidentified"),
        since_s=None if refusal is None else refusal.since_s,
    )


def _of_settings(state: State) -> Iterator[Problem]:
    refused = state.refused_settings
    if refused is not None:
        yield Problem(
            health=Health.DEGRADED,
            code="config.refused",
            what="a reload was refused: the old configuration is in force, and the next start"
            " would fail",
            cause=refused.reason,
            cure=cure_of("config.refused"),
            since_s=refused.at_s,
        )


# --- keepalived -------------------------------------------------------------------------------


def _is_asked(state: State) -> bool:
    """Say whether keepalived answers over D-Bus, so that a role is known without its lines."""
    return state.settings.can_query and not state.query_failure and state.keepalived is not None


def _of_keepalived(state: State, now: float) -> Iterator[Problem]:
    if state.fifo is not FifoState.OPEN:
        code = "fifo.missing" if state.fifo is None else FIFO_CODES[state.fifo]
        opened = state.fifo is not None
        yield Problem(
            health=_unheard_health(state, state.fifo_since_s, now) if opened else Health.DEGRADED,
            code=code,
            what="keepalived cannot be heard",
            cause=state.fifo_detail,
            cure=fifo_cure(code, state.settings.fifo_path),
            since_s=state.fifo_since_s if opened else None,
        )
    elif state.has_writer is False and state.keepalived is not None:
        since_s = max(state.writer_since_s, state.keepalived_since_s)
        if now - since_s > GRACE_S:
            yield Problem(
                health=_unheard_health(state, since_s, now),
                code="fifo.no_writer",
                what=f"keepalived runs, but does not write to {state.settings.fifo_path}",
                cause="its configuration has no such line, or it holds another file of that name",
                cure=fifo_cure("fifo.no_writer", state.settings.fifo_path),
                since_s=since_s,
            )
    if state.keepalived is None:
        yield _no_keepalived(state, now)
    if hangs(state, now):
        yield Problem(
            health=_late(state.silent_since_s or now, now),
            code="keepalived.hangs",
            what="keepalived hangs: nothing is taken from another server until it answers",
            cause=f"asked over D-Bus: {state.query_failure}",
            cure=cure_of("keepalived.hangs"),
            since_s=state.silent_since_s,
        )
    elif state.settings.must_query and state.query_failure and state.keepalived is not None:
        yield Problem(
            health=Health.DEGRADED,
            code="keepalived.unasked",
            what="keepalived.state is dbus, and keepalived cannot be asked",
            cause=state.query_failure,
            cure=cure_of("keepalived.unasked"),
        )


def _unheard_health(state: State, since_s: float, now: float) -> Health:
    """Without lines a failover waits for the next answer of D-Bus, or for ever."""
    return Health.DEGRADED if _is_asked(state) else _late(since_s, now)


def _no_keepalived(state: State, now: float) -> Problem:
    since_s = state.keepalived_since_s
    if state.unverified:
        code, what, cause = (
            "keepalived.unseen",
            "keepalived writes lines, but its process is not seen",
            "keepalived.pid_file leads to no keepalived",
        )
        health = Health.DEGRADED
    elif state.roles.all_stopped():
        code, what, cause = "keepalived.stopped", "keepalived was stopped in order", ""
        health = Health.DEGRADED
    else:
        code, what = "keepalived.gone", "keepalived does not run"
        cause = state.keepalived_gone or "keepalived.pid_file leads to no keepalived"
        health = _late(since_s, now)
    return Problem(
        health=health, code=code, what=what, cause=cause, cure=cure_of(code), since_s=since_s
    )


# --- roles ------------------------------------------------------------------------------------


def _of_roles(state: State, now: float) -> Iterator[Problem]:
    for vrrp, role_state in state.roles.role_states.items():
        if role_state.isolated:
            yield _isolated(vrrp, role_state, now)
        if role_state.doubtful_since_s is not None and now - role_state.doubtful_since_s > GRACE_S:
            yield Problem(
                health=Health.DEGRADED,
                code="role.doubtful",
                what=f"{vrrp}: that it is {role_state.role.value} is doubtful",
                cause="the FIFO was replaced, and lines may be lost",
                cure=cure_of("role.doubtful"),
                since_s=role_state.doubtful_since_s,
            )
        unnamed_s = state.unnamed_since_s.get(vrrp)
        if unnamed_s is not None and now - unnamed_s > GRACE_S + state.settings.interval_s:
            yield _unheard(state, vrrp, f"keepalived has no {vrrp} any more", unnamed_s, now)
            continue
        match role_state.role:
            case Role.UNKNOWN if state.keepalived is not None or state.unverified:
                yield _unknown(state, vrrp, role_state, now)
            case Role.FAULT:
                yield Problem(
                    health=Health.DEGRADED,
                    code="role.fault",
                    what=f"{vrrp} is in FAULT: this server cannot become MASTER",
                    cure=cure_of("role.fault"),
                    since_s=role_state.since_s,
                )
            case Role.STOPPED if state.keepalived is not None:
                yield Problem(
                    health=_late(role_state.since_s, now),
                    code="role.stopped",
                    what=f"{vrrp} was stopped or removed by keepalived, which runs",
                    cure=cure_of("role.stopped"),
                    since_s=role_state.since_s,
                )
            case _:
                pass


def _unknown(state: State, vrrp: VrrpId, role_state: RoleState, now: float) -> Problem:
    since_s = max(role_state.since_s, state.keepalived_since_s)
    others = [one for one in state.other_names if one.kind is vrrp.kind]
    if others and now - since_s > GRACE_S:
        return _unheard(state, vrrp, f"keepalived never speaks of {vrrp}", since_s, now)
    asked = f"; it cannot be asked: {state.query_failure}" if state.query_failure else ""
    return Problem(
        health=_late(since_s, now),
        code="role.unknown",
        what=f"{vrrp}: the role is not known",
        cause=f"keepalived runs, but has not said it{asked}",
        cure=cure_of("role.unknown"),
        since_s=since_s,
    )


def _unheard(state: State, vrrp: VrrpId, what: str, since_s: float, now: float) -> Problem:
    others = [one.name for one in state.other_names if one.kind is vrrp.kind]
    return Problem(
        health=_late(since_s, now),
        code="role.unheard",
        what=what,
        cause=f"it speaks of {', '.join(others[:NAMES_SHOWN])}",
        cure=cure_of(
            "role.unheard",
            section="instances" if vrrp.kind is VrrpKind.INSTANCE else "groups",
            name=next(iter(others), "NAME"),
        ),
        since_s=since_s,
    )


def _isolated(vrrp: VrrpId, role_state: RoleState, now: float) -> Problem:
    since_s = role_state.isolated_since_s
    late = (
        role_state.role is Role.MASTER and now - max(role_state.since_s, since_s) > BROKEN_AFTER_S
    )
    missing = ", ".join(map(str, role_state.missing))
    if not missing:
        return Problem(
            health=Health.DEGRADED,
            code="vrrp_address.returning",
            what=f"{vrrp}: its private address is back; giving a better master time to speak",
            cure=cure_of("vrrp_address.returning"),
            since_s=since_s,
        )
    return Problem(
        health=Health.BROKEN if late else Health.DEGRADED,
        code="vrrp_address.missing",
        what=f"{vrrp}: nothing is claimed: vrrp_address {missing} is not on this machine",
        cure=cure_of("vrrp_address.missing", vrrp_address=missing),
        since_s=since_s,
    )


# --- addresses --------------------------------------------------------------------------------


def _of_addresses(state: State, now: float) -> Iterator[Problem]:
    for address in state.resources.values():
        if address.observation is None:
            if address.unresolved_reported:
                yield _unresolved(address)
            continue
        if address.observation.blocked:
            yield Problem(
                health=Health.BROKEN,
                code="address.blocked",
                what=f"{address.title} is blocked by Hetzner: no traffic reaches it",
                cure=cure_of("address.blocked"),
            )
        if state.is_master(address.vrrp):
            yield from _of_master(state, address, now)
        elif is_current(state, address, now):
            yield from _of_others(state, address, now)


def _unresolved(address: Resource) -> Problem:
    return Problem(
        health=Health.BROKEN,
        code="address.unresolved",
        what=f"{address.vrrp}: {address.kind.kind.noun} {address.ref} is not found",
        cause=address.unresolved_why,
        cure=cure_of("address.unresolved"),
    )


def _of_master(state: State, address: Resource, now: float) -> Iterator[Problem]:
    if isinstance(address.stage, HoldDown):
        if hangs(state, now):
            return  # that is reported once, for all of them
        yield Problem(
            health=Health.BROKEN,
            code="address.held_down",
            what=f"{address.title} is held by {address.name_of(address.holder)}, which takes it"
            " back although this server is MASTER",
            cure=cure_of("address.held_down"),
            since_s=address.split_brain.first_loss_at_s,
        )
        return
    if address.split_brain.was_lost_often(now):
        yield Problem(
            health=Health.DEGRADED,
            code="address.disputed",
            what=f"another server took {address.title} while this one was MASTER",
            cause="it may be MASTER, too, and try again; or somebody moved it by hand",
            cure=cure_of("address.disputed"),
            since_s=address.split_brain.first_loss_at_s,
        )
    looking_again = address.claim is None and isinstance(address.holder, Us)
    if not isinstance(address.stage, Held) and not looking_again:
        yield _pending(state, address, now)


def _pending(state: State, address: Resource, now: float) -> Problem:
    since_s = state.roles.role_states[address.vrrp].since_s
    claim = address.claim
    begun_s = since_s if claim is None else claim.phases.line_s
    here = isinstance(address.holder, Us) and (address.holder_at_s or 0.0) >= since_s
    failure = (claim.failure if claim is not None else None) or address.kind.api.health.failure
    if failure is not None and failure.kind is FailureKind.AUTH:
        return _unauthorized(address, failure, begun_s)
    cause, cure = _why_pending(address, failure)
    return Problem(
        health=Health.DEGRADED if here else _late(begun_s, now),
        code="address.pending",
        what=f"{address.title} is not confirmed on this server, which is MASTER",
        cause=cause,
        cure=cure,
        since_s=begun_s,
    )


def _unauthorized(address: Resource, failure: Failure, begun_s: float) -> Problem:
    code, claim = api_code(failure), address.claim
    readonly = f"the token may only read ({READ_ONLY})"
    return Problem(
        health=Health.BROKEN,
        code=code,
        what=f"Hetzner refuses the assign of {address.title}",
        cause=readonly if code == "token.readonly" else _said(failure),
        cure=api_cure(code, address.kind.api.settings.endpoint),
        since_s=begun_s if claim is None or claim.failure is None else claim.failing_since_s,
    )


def _why_pending(address: Resource, failure: Failure | None) -> tuple[str, str]:
    """Return cause and cure of a claim that has not come to its end."""
    api = address.kind.api
    server = "this server" if api.server is None else api.server.name
    by_hand = cure_of("address.pending", address=address.title, server=server)
    if failure is not None:
        if RESPONSES[failure.kind].scope in (Scope.REQUEST, Scope.RESOURCE):
            return _said(failure), by_hand
        cure = api_cure(api_code(failure), api.settings.endpoint)
        return _said(failure), f"{cure}; {by_hand}"
    if api.server is None:
        return "which Hetzner server this is, is not known", cure_of("server.unidentified")
    return address.stage.label, by_hand


def _of_others(state: State, address: Resource, now: float) -> Iterator[Problem]:
    """As BACKUP or FAULT: is the address with somebody who can use it?"""
    role_state = state.roles.role_states[address.vrrp]
    if now - role_state.since_s <= BROKEN_AFTER_S or role_state.role in {Role.MASTER, Role.UNKNOWN}:
        return
    seen_s = address.holder_since_s
    if seen_s is None or now - seen_s <= BROKEN_AFTER_S:
        return
    match address.holder:
        case Us():
            yield Problem(
                health=_astray(role_state),
                code="address.left_here",
                what=f"{address.title} is on this server, which is {role_state.role.value}",
                cause="no MASTER has claimed it",
                cure=cure_of("address.left_here"),
                since_s=max(role_state.since_s, seen_s),
            )
        case Nobody():
            yield _nowhere(address, "is on no server", role_state, seen_s)
        case Other(server_id):
            if address.kind.api.is_dead(server_id):
                status = address.kind.api.servers[server_id].status
                where = f"is on {address.name_of(address.holder)}, which is {status}"
                yield _nowhere(address, where, role_state, seen_s)
        case _:  # pragma: no cover
            pass  # a holder that is not known is no fact of now


def _astray(role_state: RoleState) -> Health:
    """In FAULT on all servers there is no MASTER, and nobody else would raise the alarm."""
    return Health.BROKEN if role_state.role is Role.FAULT else Health.DEGRADED


def _nowhere(address: Resource, where: str, role_state: RoleState, seen_s: float) -> Problem:
    return Problem(
        health=_astray(role_state),
        code="address.nowhere",
        what=f"{address.title} {where}",
        cure=cure_of("address.nowhere"),
        since_s=seen_s,
    )

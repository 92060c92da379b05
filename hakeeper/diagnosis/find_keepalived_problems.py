"""What is wrong with keepalived and the roles that it says, by the state of one moment."""

from collections.abc import Iterator

from hakeeper.core.keepalived.hung import hangs
from hakeeper.core.model import FifoState, Role, VrrpId
from hakeeper.core.roles.book import RoleState
from hakeeper.core.state import State
from hakeeper.diagnosis.problems import (
    FifoClosed,
    Health,
    Isolated,
    IsolationEnds,
    KeepalivedDown,
    KeepalivedEnded,
    KeepalivedHangs,
    KeepalivedUnasked,
    KeepalivedUnseen,
    NoWriter,
    Problem,
    RoleDoubtful,
    RoleFault,
    RoleStopped,
    RoleUnheard,
    RoleUnknown,
)

BROKEN_AFTER_S = 15.0
"""What lasts longer than this is worth waking somebody for, unless its API is a slower one."""
GRACE_S = 5.0
"""keepalived opens the FIFO, and writes of its instances, a moment after it starts."""


def late(since_s: float, now: float, after_s: float = BROKEN_AFTER_S) -> Health:
    """Return how bad it is that something has lasted since then."""
    return Health.BROKEN if now - since_s > after_s else Health.DEGRADED


# --- keepalived -------------------------------------------------------------------------------


def _is_asked(state: State) -> bool:
    """Say whether keepalived answers over D-Bus, so that a role is known without its lines."""
    return state.settings.can_query and not state.query_failure and state.keepalived is not None


def of_keepalived(state: State, now: float) -> Iterator[Problem]:
    """Yield what is wrong with the FIFO and with keepalived itself."""
    path = state.settings.fifo_path
    if state.fifo is None:
        yield Problem(Health.DEGRADED, FifoClosed(None, state.fifo_detail, path))
    elif state.fifo is not FifoState.OPEN:
        health = _unheard_health(state, state.fifo_since_s, now)
        trouble = FifoClosed(state.fifo, state.fifo_detail, path)
        yield Problem(health, trouble, state.fifo_since_s)
    elif state.has_writer is False and state.keepalived is not None:
        since_s = max(state.writer_since_s, state.keepalived_since_s)
        if now - since_s > GRACE_S:
            yield Problem(_unheard_health(state, since_s, now), NoWriter(path), since_s)
    if state.keepalived is None:
        yield _no_keepalived(state, now)
    if hangs(state, now):
        health = late(state.silent_since_s or now, now)
        yield Problem(health, KeepalivedHangs(state.query_failure), state.silent_since_s)
    elif state.settings.must_query and state.query_failure and state.keepalived is not None:
        yield Problem(Health.DEGRADED, KeepalivedUnasked(state.query_failure))


def _unheard_health(state: State, since_s: float, now: float) -> Health:
    """Without lines a failover waits for the next answer of D-Bus, or for ever."""
    return Health.DEGRADED if _is_asked(state) else late(since_s, now)


def _no_keepalived(state: State, now: float) -> Problem:
    since_s = state.keepalived_since_s
    if state.unverified:
        return Problem(Health.DEGRADED, KeepalivedUnseen(), since_s)
    if state.roles.all_stopped():
        return Problem(Health.DEGRADED, KeepalivedDown(), since_s)
    return Problem(late(since_s, now), KeepalivedEnded(state.keepalived_gone), since_s)


# --- roles ------------------------------------------------------------------------------------


def of_roles(state: State, now: float) -> Iterator[Problem]:
    """Yield what is wrong with the role of each instance and group."""
    for vrrp, role_state in state.roles.role_states.items():
        if role_state.isolated:
            yield _isolated(vrrp, role_state, now)
        since_s = role_state.doubtful_since_s
        if since_s is not None and now - since_s > GRACE_S:
            yield Problem(Health.DEGRADED, RoleDoubtful(vrrp, role_state.role), since_s)
        unnamed_s = state.unnamed_since_s.get(vrrp)
        if unnamed_s is not None and now - unnamed_s > GRACE_S + state.settings.interval_s:
            was_named = role_state.role is not Role.UNKNOWN
            trouble = RoleUnheard(vrrp, was_named=was_named, others=_others(state, vrrp))
            yield Problem(late(unnamed_s, now), trouble, unnamed_s)
            continue
        match role_state.role:
            case Role.UNKNOWN if state.keepalived is not None or state.unverified:
                yield _unknown(state, vrrp, role_state, now)
            case Role.FAULT:
                yield Problem(Health.DEGRADED, RoleFault(vrrp), role_state.since_s)
            case Role.STOPPED if state.keepalived is not None:
                health = late(role_state.since_s, now)
                yield Problem(health, RoleStopped(vrrp), role_state.since_s)
            case _:
                pass


def _others(state: State, vrrp: VrrpId) -> tuple[str, ...]:
    """Return the other names of its kind that keepalived has."""
    return tuple(one.name for one in state.other_names if one.kind is vrrp.kind)


def _unknown(state: State, vrrp: VrrpId, role_state: RoleState, now: float) -> Problem:
    since_s = max(role_state.since_s, state.keepalived_since_s)
    others = _others(state, vrrp)
    if others and now - since_s > GRACE_S:
        trouble = RoleUnheard(vrrp, was_named=False, others=others, is_surely_missing=False)
        return Problem(late(since_s, now), trouble, since_s)
    return Problem(late(since_s, now), RoleUnknown(vrrp, state.query_failure), since_s)


def _isolated(vrrp: VrrpId, role_state: RoleState, now: float) -> Problem:
    since_s = role_state.isolated_since_s
    if not role_state.missing:
        return Problem(Health.DEGRADED, IsolationEnds(vrrp), since_s)
    is_master = role_state.role is Role.MASTER
    health = late(max(role_state.since_s, since_s), now) if is_master else Health.DEGRADED
    return Problem(health, Isolated(vrrp, role_state.missing), since_s)

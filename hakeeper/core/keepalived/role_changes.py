"""From the roles to the claims: what a change of a role means for the resources that follow it."""

from collections.abc import Iterable

from hakeeper.core.claim.happenings import Demoted, Master
from hakeeper.core.claim.resource import Resource
from hakeeper.core.decisions.keepalived import RoleChanged
from hakeeper.core.keepalived.isolation import isolation_reason, report_isolated_master
from hakeeper.core.model import Role
from hakeeper.core.observation import Us
from hakeeper.core.roles.book import RoleChange
from hakeeper.core.state import State

RECENT_READS = 1.5
"""A read is recent when it is younger than this many reading intervals."""


def follow_changes(state: State, changes: Iterable[RoleChange], now: float) -> None:
    """Begin, end or hint at the claims that hang on these roles."""
    for change in changes:
        resources = state.resources_of(change.vrrp)
        if change.edge:
            generation = state.roles.role_states[change.vrrp].generation
            state.report(
                RoleChanged(change.vrrp, change.before, change.after, change.reason, generation)
            )
            if change.after is Role.MASTER:
                report_isolated_master(state, change.vrrp)
            state.cancel_mutations(resources)
            for resource in resources:
                _follow(state, resource, change, now)
            if change.after is not Role.MASTER:
                for kind in state.apis.kinds.values():
                    kind.look_soon(now)
        else:  # only a MASTER gets hints
            for resource in resources:
                state.hinted(resource, change.reason, now)


def _follow(state: State, resource: Resource, change: RoleChange, now: float) -> None:
    if change.before is Role.MASTER and change.after is not Role.UNKNOWN:
        resource.left_at_s = now
    if change.after is not Role.MASTER:
        reason = f"the role is {change.after.value}: {change.reason}"
        state.happened(resource, Demoted(reason), now)
        return
    resource.new_term()
    role_state = state.roles.role_states[change.vrrp]
    if role_state.isolated:
        state.happened(resource, Demoted(isolation_reason(role_state), new_term=True), now)
        return
    resource.edge(now)
    if state.schedule.edge(now):
        state.apis.try_at_once()
    resource.kind.api.health.forget_refused_rounds()
    unseen = resource.observation is None
    read_first = not change.live or unseen or _surely_ours(state, resource, now)
    pause_s = 0.0 if change.live else resource.returns.pause_s(now)
    state.happened(resource, Master(change.reason, read_first, pause_s, is_edge=True), now)


def _surely_ours(state: State, resource: Resource, now: float) -> bool:
    """Say whether a recent read says so: then another read is cheaper than an assign.

    One that was begun before our demotion proves nothing: another node has become MASTER.
    """
    recent_s = RECENT_READS * state.standby_interval_s(resource.kind)
    return (
        isinstance(resource.holder, Us)
        and resource.holder_at_s is not None
        and resource.holder_at_s >= max(now - recent_s, resource.left_at_s)
    )

"""Whether keepalived is isolated: whether it can hear its peers, as far as we can know.

keepalived sends and receives from a private address of its own, the VRRP address. While this
machine does not have it (it is not up yet after a boot, or was lost), keepalived hears no adverts
and becomes MASTER for want of them. So MASTER counts only while every `vrrp_address` of an instance
is here. While one is missing, the claim rests as after a demotion; the role itself is remembered.

When the address is back, the role may still be the one of the isolation: a better master corrects
it with its next advert. So MASTER counts again after `TRUST_AFTER_S`, and the claim begins with a
read.
"""

import itertools

from hakeeper.core.claim.happenings import Demoted, Returned
from hakeeper.core.decisions.keepalived import VrrpAddressFound, VrrpAddressMissing
from hakeeper.core.model import Role, VrrpId
from hakeeper.core.roles.book import RoleState
from hakeeper.core.state import State

TRUST_AFTER_S = 3.0
"""How long a lost address must be back: time for the adverts of a better master, which keepalived
sends every second by default."""


def check_isolation(state: State, now: float) -> None:
    """Compare the addresses that each instance needs with those that are here."""
    here = state.here or ()
    _note_lost(state, now)
    for vrrp, role_state in state.roles.role_states.items():
        needed = state.settings.vrrp_addresses.get(vrrp, ())
        before, role_state.missing = role_state.missing, tuple(a for a in needed if a not in here)
        if role_state.missing and not role_state.isolated:
            _isolate(state, vrrp, role_state, now)
        if before and not role_state.missing:
            # If it was never seen missing, there is no reason to wait.
            role_state.trusted_from_s = now + TRUST_AFTER_S if role_state.missing_reported else now
        if not role_state.missing and not role_state.isolated:
            # An instance that a reload has brought back, and its address a moment before.
            counts_from_s = max((state.counts_from_s.get(a, now) for a in needed), default=now)
            if counts_from_s > now:
                _isolate(state, vrrp, role_state, now)
                role_state.trusted_from_s = counts_from_s
        if state.here is not None and role_state.missing != role_state.missing_reported:
            _tell(state, vrrp, role_state)


def _note_lost(state: State, now: float) -> None:
    """Remember which addresses are lost, and from when on those that came back count again.

    A reload can take an instance away, and with it what is known of the address.
    """
    if state.here is None:
        return
    for address in itertools.chain.from_iterable(state.settings.vrrp_addresses.values()):
        if address not in state.here:
            state.counts_from_s[address] = float("inf")
        elif state.counts_from_s.get(address) == float("inf"):
            state.counts_from_s[address] = now + TRUST_AFTER_S


def _isolate(state: State, vrrp: VrrpId, role_state: RoleState, now: float) -> None:
    role_state.isolated, role_state.isolated_since_s = True, now
    if role_state.role is not Role.MASTER:
        return
    role_state.generation += 1
    resources = state.resources_of(vrrp)
    state.cancel_mutations(resources)
    for resource in resources:
        state.happened(resource, Demoted(isolation_reason(role_state)), now)


def _tell(state: State, vrrp: VrrpId, role_state: RoleState) -> None:
    reported, role_state.missing_reported = role_state.missing_reported, role_state.missing
    if role_state.missing:
        state.report(VrrpAddressMissing(vrrp, role_state.missing, role_state.role))
    else:
        state.report(VrrpAddressFound(vrrp, reported, TRUST_AFTER_S))


def report_isolated_master(state: State, vrrp: VrrpId) -> None:
    """Report why the MASTER that keepalived has just said does not count."""
    role_state = state.roles.role_states[vrrp]
    if role_state.missing_reported:
        state.report(VrrpAddressMissing(vrrp, role_state.missing_reported, role_state.role))


def isolation_reason(role_state: RoleState) -> str:
    """Return why the role of an isolated keepalived does not count."""
    if role_state.missing:
        missing = ", ".join(map(str, role_state.missing))
        return f"keepalived is isolated: {missing} is not on this machine"
    return "keepalived was isolated until a moment ago; giving a better master time to advertise"


def trust_again(state: State, vrrp: VrrpId, now: float) -> None:
    """Let the role count again, and go on as MASTER if keepalived still says so."""
    role_state = state.roles.role_states[vrrp]
    role_state.isolated = False
    if role_state.role is Role.MASTER:
        if state.schedule.edge(now):
            state.apis.try_at_once()
        for resource in state.resources_of(vrrp):
            cause = f"{role_state.reason}, and its VRRP address is here"
            state.happened(resource, Returned(cause), now)

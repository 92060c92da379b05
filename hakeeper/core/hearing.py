"""Whether keepalived can hear the other nodes, as far as the configuration lets us know.

keepalived speaks from a private address of its own. While this machine has not that address (it is
not up yet after a boot, or was lost) keepalived hears nobody, and takes the silence for its turn to
be MASTER. So the word MASTER counts only while every `vrrp_address` of an instance is here. While
one is missing, the claim rests as after a demotion; keepalived's word itself is remembered.

When the address is back, MASTER may still be of the time without it: a better master corrects that
with its next advert. So the word counts again after `HEARING_S`, and the first thing is to read.
"""

import itertools

from hakeeper.core import wording
from hakeeper.core.model import Role, VrrpId
from hakeeper.core.roles import Belief
from hakeeper.core.state import State

HEARING_S = 3.0
"""How long a lost address must be back: time for the adverts of a better master, which keepalived
sends every second unless told otherwise."""


def weigh_addresses(state: State, now: float) -> None:
    """Compare the addresses that each instance needs with those that are here."""
    here = state.here or ()
    _note_lost(state, now)
    for vrrp, belief in state.roles.beliefs.items():
        needed = state.settings.vrrp_addresses.get(vrrp, ())
        before, belief.missing = belief.missing, tuple(a for a in needed if a not in here)
        if belief.missing and not belief.deaf:
            _become_deaf(state, vrrp, belief, now)
        if before and not belief.missing:
            # Who never saw it missing has no reason to wait.
            belief.hears_at_s = now + HEARING_S if belief.missing_told else now
        if not belief.missing and not belief.deaf:
            # An instance that a reload has brought back, and its address a moment before.
            counts_from_s = max((state.counts_from_s.get(a, now) for a in needed), default=now)
            if counts_from_s > now:
                _become_deaf(state, vrrp, belief, now)
                belief.hears_at_s = counts_from_s
        if state.here is not None and belief.missing != belief.missing_told:
            _tell(state, vrrp, belief)


def _note_lost(state: State, now: float) -> None:
    """Remember which addresses are lost, and from when on those that came back count again.

    A reload can take an instance away, and what its belief knows of the address.
    """
    if state.here is None:
        return
    for address in itertools.chain.from_iterable(state.settings.vrrp_addresses.values()):
        if address not in state.here:
            state.counts_from_s[address] = float("inf")
        elif state.counts_from_s.get(address) == float("inf"):
            state.counts_from_s[address] = now + HEARING_S


def _become_deaf(state: State, vrrp: VrrpId, belief: Belief, now: float) -> None:
    belief.deaf, belief.deaf_since_s = True, now
    if belief.role is not Role.MASTER:
        return
    belief.generation += 1
    addresses = state.addresses_of(vrrp)
    state.cancel_assigns(addresses)
    for address in addresses:
        state.tell(*address.stop(now, deaf_reason(belief)))


def _tell(state: State, vrrp: VrrpId, belief: Belief) -> None:
    told, belief.missing_told = belief.missing_told, belief.missing
    if belief.missing:
        state.tell(wording.vrrp_address_missing(vrrp, belief.missing, belief.role))
    else:
        state.tell(wording.vrrp_address_found(vrrp, told, HEARING_S))


def tell_deaf_master(state: State, vrrp: VrrpId) -> None:
    """Say why the word does not count with which keepalived has just become MASTER."""
    belief = state.roles.beliefs[vrrp]
    if belief.missing_told:
        state.tell(wording.vrrp_address_missing(vrrp, belief.missing_told, belief.role))


def deaf_reason(belief: Belief) -> str:
    """Return why the word of a deaf keepalived does not count."""
    if belief.missing:
        return f"keepalived is isolated: {wording.joined(belief.missing)} is not on this machine"
    return "keepalived was isolated until a moment ago; giving a better master time to speak"


def hear_again(state: State, vrrp: VrrpId, now: float) -> None:
    """Let keepalived's word count again, and go on as MASTER if it still says so."""
    belief = state.roles.beliefs[vrrp]
    belief.deaf = False
    if belief.role is Role.MASTER:
        state.schedule.edge(now)
        for address in state.addresses_of(vrrp):
            address.resume(now, f"{belief.reason}, and its VRRP address is here")

"""Taking addresses by hand, for a client of the control socket."""

import time
from collections.abc import Iterator, Mapping
from typing import Final

from hakeeper.adapters.control_commands import BadRequest
from hakeeper.adapters.decision_texts import decision_text
from hakeeper.adapters.instance_request import chosen_roles
from hakeeper.adapters.timed_request import read_user
from hakeeper.core.claim.stages import HoldDown
from hakeeper.core.core import Core
from hakeeper.core.events import Taken
from hakeeper.diagnosis.snapshot import AddressPicture, RolePicture, snapshot_of
from hakeeper.sequencer import Sequencer

TAKE_PARAMETERS: Final = ("instance", "address", "user")
_SHOWN: Final = 40
_LEFT: Final = HoldDown.label
"""The stage of what is left to its holder all the same, since keepalived hangs."""


class Taker:
    """Brings to the core what an operator wants to have claimed, and answers what comes of it."""

    def __init__(self, core: Core, sequencer: Sequencer) -> None:
        self._core = core
        self._sequencer = sequencer

    def take(self, request: Mapping[str, object], user_id: int) -> dict[str, object]:
        """Have them claimed; raises BadRequest for what is not there.

        `claimed`: what is claimed now, or was being claimed. `here`: what is on this server
        already. `refused`: what is not claimed, and why.
        """
        address, user = request.get("address"), read_user(request)
        if address is not None and not isinstance(address, str):
            raise BadRequest("address is not a text")
        if address == "":  # it would mean all: a script's empty variable must not
            raise BadRequest("the address is empty; without one, all are meant")
        address = address or ""
        roles = self._roles()
        chosen = chosen_roles(roles, request.get("instance"))
        if not any(True for role in chosen for _ in _meant(role, address)):
            known = ", ".join(each.address for role in chosen for each in role.addresses)
            raise BadRequest(f"there is no address {address[:_SHOWN]!r}; there is {known}")
        for role in chosen:
            wanted = Taken(vrrp=role.vrrp, address=address, by=user, user_id=user_id)
            self._sequencer.feed(wanted)
        return self._answer(chosen_roles(self._roles(), request.get("instance")), address)

    def _roles(self) -> tuple[RolePicture, ...]:
        return snapshot_of(self._core, time.monotonic()).roles

    def _answer(self, roles: tuple[RolePicture, ...], address: str) -> dict[str, object]:
        is_paused = snapshot_of(self._core, time.monotonic()).pause is not None
        claimed, here, refused = [], [], []
        for role in roles:
            meant = list(_meant(role, address))
            why = _refusal(role, is_paused=is_paused)
            here += [each.address for each in meant if each.confirmed]
            for each in meant:
                left_why = why or (
                    decision_text(each.decision, each.decision_who) if each.stage == _LEFT else ""
                )
                if left_why and not each.confirmed:
                    refused.append(_refused(role, each, left_why))
                elif not each.confirmed:
                    claimed.append(each.address)
        return {"claimed": claimed, "here": here, "refused": refused}


def _refused(role: RolePicture, address: AddressPicture, why: str) -> dict[str, str]:
    return {"instance": str(role.vrrp), "address": address.address, "why": why}


def _refusal(role: RolePicture, *, is_paused: bool) -> str:
    """Return why nothing is claimed for this instance or group; empty: it is."""
    if role.role != "MASTER":
        return f"keepalived does not say MASTER here, but {role.role}: {role.reason}"
    if not role.role_confirmed:
        return "keepalived is isolated, so that its MASTER does not count"
    return "hakeeper is paused; to end that: hakeeper resume" if is_paused else ""


def _meant(role: RolePicture, address: str) -> Iterator[AddressPicture]:
    return (each for each in role.addresses if not address or address in (each.ref, each.address))

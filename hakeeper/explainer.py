"""Explains what this node would do, for a client of the control socket."""

import time
from collections.abc import Mapping
from typing import Final

from hakeeper.adapters.control_commands import BadRequest
from hakeeper.adapters.control_server import BUSY
from hakeeper.adapters.explanation import SCHEMA, explained
from hakeeper.adapters.instance_request import chosen_roles, names
from hakeeper.adapters.times import instant
from hakeeper.core.core import Core
from hakeeper.diagnosis.rehearsal import rehearse
from hakeeper.diagnosis.snapshot import RolePicture, snapshot_of

EXPLAIN_PARAMETERS: Final = ("instance",)
EVERY_S: Final = 1.0
"""A rehearsal takes the loop some 12 ms, so that nobody may have one after another."""
MOST_ADDRESSES: Final = 16
"""Of all instances that are explained at once."""


class Explainer:
    """Has the core rehearsed, not too often and not with too much."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._next_s = 0.0

    def explain(self, request: Mapping[str, object], user_id: int) -> Mapping[str, object]:
        """Explain one instance or group, or all; raises BadRequest."""
        del user_id
        now, wall_s = time.monotonic(), time.time()
        chosen = _chosen(snapshot_of(self._core, now).roles, request.get("instance"))
        if now < self._next_s:
            return BUSY  # a client asks again by itself
        self._next_s = now + EVERY_S
        most = MOST_ADDRESSES
        instances = []
        for role in chosen:
            try:
                rehearsal = rehearse(self._core, role.vrrp, now, most)
            except Exception as error:  # noqa: BLE001  # a copy's trouble is not the daemon's
                return {"error": f"the rehearsal of {role.vrrp} failed, please report it: {error}"}
            instances.append(explained(role, rehearsal, wall_s))
            most = max(0, most - len(role.addresses))
        return {"schema": SCHEMA, "time": instant(wall_s), "instances": instances}


def _chosen(roles: tuple[RolePicture, ...], wanted: object) -> tuple[RolePicture, ...]:
    """Return those that are meant; not all if those would be too much."""
    many = len(roles) > 1 and sum(len(role.addresses) for role in roles) > MOST_ADDRESSES
    if wanted is None and many:
        raise BadRequest(f"more than {MOST_ADDRESSES} addresses: name one of {names(roles)}")
    return chosen_roles(roles, wanted)

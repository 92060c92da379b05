"""The judgement that ends every scenario: right owners, and no claim by a node not MASTER."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hakeeper.core.model import VrrpId
from hakeeper.sim.lab.witness import Witness

IN_FLIGHT_S = 0.5
"""An assign that was sent in time may arrive this much after its sender's demotion."""
WITNESS_LATE_S = 0.3
"""hakeeper may read its FIFO, and send, before the lab has read the same line."""
DEATH_UNNOTICED_S = 1.5
"""A keepalived that is killed says nothing; hakeeper has a second to notice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignSeen:
    """An assign request as the cloud received it. `sender` is the node whose token it carried."""

    at_s: float
    """Monotonic time."""
    sender: str
    floating_ip_id: int
    target_server_id: int


def wrongful_assigns(
    assigns: Iterable[AssignSeen],
    witness: Witness,
    *,
    claims: Mapping[int, tuple[VrrpId, ...]],
    servers: Mapping[str, int],
) -> list[str]:
    """Name every assign by a node that was not MASTER, or for another server than its own.

    `claims` says by floating IP id whose address it is, `servers` by node which server it is.
    """
    wrongs: list[str] = []
    for one in assigns:
        what = f"{one.at_s:.3f}: {one.sender} assigned floating IP {one.floating_ip_id}"
        if one.target_server_id != servers.get(one.sender):
            wrongs.append(f"{what} to server {one.target_server_id}, which is not its own")
        owners = claims.get(one.floating_ip_id, ())
        master = any(_was_master(witness, one.sender, owner, one.at_s) for owner in owners)
        if not master:
            roles = [
                f"{change.at_s:.3f} {change.vrrp} {change.role.value}"
                for change in witness.changes()
                if change.node == one.sender
            ]
            wrongs.append(f"{what} while not MASTER: {roles}")
    return wrongs


def _was_master(witness: Witness, node: str, vrrp: VrrpId, at_s: float) -> bool:
    for span in witness.master_spans(node, vrrp):
        late_s = DEATH_UNNOTICED_S if span.by_death else IN_FLIGHT_S
        if span.from_s - WITNESS_LATE_S <= at_s <= span.until_s + late_s:
            return True
    return False

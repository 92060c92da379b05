"""The check at the end of every scenario: right holders, and no claim by a node not MASTER."""

import time
from collections.abc import Iterator

from hakeeper.core.model import Role, VrrpId
from hakeeper.demo.cloud import CloudFront, LoggedRequest
from hakeeper.demo.lab.lab import Lab
from hakeeper.demo.lab.node import Node
from hakeeper.demo.lab.waiting import LabError, wait_until
from hakeeper.demo.lab.witness import Witness

IN_FLIGHT_S = 0.5
"""A request that was sent in time may arrive this long after its sender's demotion."""
WITNESS_LATE_S = 0.3
"""hakeeper may read a line, and send, this long before the lab has read the same line."""
DEATH_UNNOTICED_S = 1.5
"""A killed keepalived writes no line, and hakeeper needs up to a second to notice."""
SETTLE_TIMEOUT_S = 15.0
"""How long the holder may differ from the master after things are stable."""
_LOOK_TIMEOUT_S = 15.0
_SHOWN_CHANGES = 6
"""How many of a node's last roles the message about a wrong assign lists."""


def settle(lab: Lab, *, timeout_s: float = SETTLE_TIMEOUT_S, after_seq: int = 0) -> None:
    """Wait until every address is with the one VRRP master and stays there.

    `after_seq`: requests up to that number have been checked before.

    "Stays" means that every running hakeeper has read the cloud once more and nothing has moved,
    since a late write of a former master may undo a first success. Then keepalived itself is asked
    whether the lab's record of roles is right, and all assigns so far are checked. Raises LabError.
    """
    deadline_s = time.monotonic() + timeout_s
    calm = False
    while not calm:
        left_s = max(0.0, deadline_s - time.monotonic())
        wait_until(lambda: not misplaced(lab), timeout_s=left_s, what=lambda: _why(lab, timeout_s))
        _wait_for_another_look(lab, after_seq)
        calm = not misplaced(lab)
    wrongs = [*_misremembered(lab), *wrongful_assigns(lab, after_seq=after_seq)]
    if wrongs:
        raise LabError("; ".join(wrongs))


def _why(lab: Lab, timeout_s: float) -> str:
    return f"the rest of {timeout_s:g} s for all to be settled: " + "; ".join(misplaced(lab))


def misplaced(lab: Lab) -> list[str]:
    """List every address that is not with the one master of its instance or group."""
    cloud = _cloud(lab)
    wrongs: list[str] = []
    for vrrp, floating_ip in lab.claims():
        roles = {node.name: lab.witness.role(node.name, vrrp) for node in lab.nodes}
        masters = [node.server_id for node in lab.nodes if roles[node.name] is Role.MASTER]
        holder = cloud.holder(floating_ip)
        if masters != [holder]:
            shown = ", ".join(f"{name} {role.value}" for name, role in roles.items())
            wrongs.append(f"{floating_ip} of {vrrp} is with {holder}, roles: {shown}")
    return wrongs


def _wait_for_another_look(lab: Lab, after_seq: int) -> None:
    """Wait until each running hakeeper has had one more request answered."""
    cloud = _cloud(lab)
    seen = max((one.seq for one in cloud.requests(after_seq=after_seq)), default=after_seq)
    waiting = {node.name: node for node in lab.nodes if node.hakeeper.running}

    def all_looked() -> bool:
        later = cloud.requests(after_seq=seen)
        looked = {one.client for one in later if one.answered_s is not None}
        return all(name in looked or not node.hakeeper.running for name, node in waiting.items())

    wait_until(all_looked, timeout_s=_LOOK_TIMEOUT_S, what="each hakeeper to look at the cloud")


def _misremembered(lab: Lab) -> Iterator[str]:
    """List every instance whose keepalived reports another role than the lab has recorded."""
    for node in lab.nodes:
        for vrrp, _ in lab.claims():
            recorded = lab.witness.role(node.name, vrrp)
            told = _asked(node, lab.instance_behind(vrrp))
            if (recorded is Role.MASTER) != (told is Role.MASTER):
                yield f"{node.name} {vrrp}: recorded {recorded.value}, keepalived says {told.value}"


def _asked(node: Node, instance: str) -> Role:
    if not node.keepalived.running:
        return Role.UNKNOWN
    return node.keepalived.states().get(instance, Role.UNKNOWN)


def wrongful_assigns(lab: Lab, *, after_seq: int = 0) -> list[str]:
    """List every assign by a node that was not MASTER, or to another server than its own.

    `after_seq`: requests up to that number have been checked before.
    """
    if not _wrongs(lab, after_seq):
        return []
    lab.witness.catch_up()  # the line that allowed it may not have been read yet
    return _wrongs(lab, after_seq)


def _wrongs(lab: Lab, after_seq: int) -> list[str]:
    servers = {node.name: node.server_id for node in lab.nodes}
    claimants = {floating_ip: vrrp for vrrp, floating_ip in lab.claims()}
    wrongs: list[str] = []
    for one in _cloud(lab).requests(after_seq=after_seq):
        if not one.is_assign:
            continue
        what = f"{one.received_s:.3f}: {one.client} assigned floating IP {one.floating_ip}"
        if one.server != servers.get(one.client):
            wrongs.append(f"{what} to server {one.server}, which is not its own")
        vrrp = claimants.get(one.floating_ip or 0)
        if vrrp is None or not was_master(lab.witness, one, vrrp):
            wrongs.append(f"{what} while not MASTER: {_story(lab.witness, one.client)}")
    return wrongs


def was_master(witness: Witness, request: LoggedRequest, vrrp: VrrpId) -> bool:
    """Say whether the sender was MASTER at that time, within the limits of what can be observed."""
    for span in witness.master_spans(request.client, vrrp):
        late_s = DEATH_UNNOTICED_S if span.by_death else IN_FLIGHT_S
        if span.from_s - WITNESS_LATE_S <= request.received_s <= span.until_s + late_s:
            return True
    return False


def _story(witness: Witness, node: str) -> str:
    changes = [change for change in witness.changes() if change.node == node]
    return ", ".join(
        f"{change.at_s:.3f} {change.vrrp} {change.role.value}"
        for change in changes[-_SHOWN_CHANGES:]
    )


def _cloud(lab: Lab) -> CloudFront:
    if lab.cloud is None:
        raise LabError("a lab without a cloud has nothing to judge")
    return lab.cloud

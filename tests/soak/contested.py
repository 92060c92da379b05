"""The one state that may last after healing: contested, and nobody told the MASTER that it is over.

hakeeper leaves a contested address where it is for minutes, and takes it back at once when
keepalived hears the lesser master (MASTER_RX_LOWER_PRI). If the lesser one dies while the two
cannot hear each other, or yields while it is still mute, there is no such word: then the MASTER
waits its time out (docs/dev/design.md, "Split brain"). The soak counts this, and looks closely:
whatever else keeps the address away from the MASTER is a violation.
"""

from hakeeper.core.claim.stages import HoldDown
from hakeeper.core.model import Role
from hakeeper.demo.lab import Lab, LabError, Node
from tests.soak.settings import INSTANCE

_SAME_MOMENT_S = 0.3
"""A word to the better master may come so much before the lesser one's own line."""


def left_contested(lab: Lab) -> bool:
    """Say whether the only MASTER holds down, and has heard nothing since it is the only one."""
    masters = [one for one in lab.nodes if lab.witness.role(one.name, INSTANCE) is Role.MASTER]
    if len(masters) != 1:
        return False
    (master,) = masters
    alone_s = _alone_since(lab, master) - _SAME_MOMENT_S
    heard = any(one.node == master.name and one.at_s >= alone_s for one in lab.witness.heard())
    return not heard and _holds_off(master)


def _alone_since(lab: Lab, master: Node) -> float:
    """When the last other MASTER ended, whether with a line or without."""
    others: set[str] = set()
    alone_s = float("-inf")
    for change in lab.witness.changes():
        if change.node == master.name:
            continue
        if change.role is Role.MASTER:
            others.add(change.node)
        elif change.node in others:
            others.discard(change.node)
            alone_s = change.at_s
    return alone_s


def _holds_off(node: Node) -> bool:
    """Ask hakeeper itself."""
    try:
        roles = node.hakeeper.status()["roles"]
    except (LabError, KeyError):
        return False
    return f"'stage': {HoldDown.label!r}" in str(roles)

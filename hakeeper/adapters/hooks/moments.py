"""From what the core decides to the moments at which a command may be run."""

import time
from typing import TypeAlias

from hakeeper.adapters.hooks.notice import Notice
from hakeeper.adapters.journal.entry import Entry
from hakeeper.adapters.journal.wording import entry_of
from hakeeper.config.hooks import Moment
from hakeeper.core.decisions.base import OfResource, OfVrrp
from hakeeper.core.decisions.claims import (
    ClaimAbandoned,
    ClaimFailed,
    ResourceClaimed,
    ResourceConfirmed,
    ResourceHeldDown,
)
from hakeeper.core.decisions.keepalived import RoleChanged
from hakeeper.core.events import Report
from hakeeper.core.model import Role, VrrpId

_Claim: TypeAlias = tuple[VrrpId, str]


class Moments:
    """Picks the moments out of the core's reports, and remembers which claims have failed."""

    def __init__(self) -> None:
        self._failing: set[_Claim] = set()

    def of(self, report: Report) -> Notice | None:
        """Return what the report means for hooks; None: nothing."""
        decision = report.decision
        moment = self._moment(decision)
        if moment is None or not isinstance(decision, OfVrrp):
            return None
        return _notice(moment, decision.vrrp, entry_of(report))

    def _moment(self, decision: object) -> Moment | None:
        match decision:
            case RoleChanged():
                return self._role_changed(decision)
            case ClaimFailed():
                return self._failed(decision)
            case ResourceClaimed() | ResourceConfirmed() | ClaimAbandoned():
                self._failing.discard(_claim(decision))
                return Moment.CLAIMED if isinstance(decision, ResourceClaimed) else None
            case ResourceHeldDown():
                return Moment.CONTESTED
            case _:
                return None

    def _role_changed(self, decision: RoleChanged) -> Moment | None:
        self._failing = {claim for claim in self._failing if claim[0] != decision.vrrp}
        if decision.after is Role.MASTER:
            return Moment.MASTER
        return Moment.LOST_ROLE if decision.before is Role.MASTER else None

    def _failed(self, decision: ClaimFailed) -> Moment | None:
        """The core reports each error code of a claim; a hook hears of the first alone."""
        claim = _claim(decision)
        if claim in self._failing:
            return None
        self._failing.add(claim)
        return Moment.FAILED


def _claim(decision: OfResource) -> _Claim:
    return decision.vrrp, decision.label


def _notice(moment: Moment, vrrp: VrrpId, entry: Entry) -> Notice:
    def field(name: str) -> str:
        return str(entry.fields.get(name, ""))

    return Notice(
        moment=moment,
        vrrp=vrrp,
        time_s=time.time(),
        message=entry.message,
        reason=field("reason"),
        role=field("role"),
        previous_role=field("previous_role"),
        address=field("address"),
        holder=field("holder"),
    )

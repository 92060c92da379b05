"""A step-down: what an operator asked for, how far it has come, and how one ended."""

import enum
from dataclasses import dataclass, replace

from hakeeper.core.model import VrrpId


class StepDownStage(enum.Enum):
    """How far a step-down has come; the values are what programs read."""

    AWAITING_MASTER = "awaiting_master"
    """This server is MASTER yet: no other node has taken over."""
    AWAITING_CLAIM = "awaiting_claim"
    """Another node is MASTER; not all addresses were read to be with other servers."""
    DOWN = "down"
    """Other servers have all addresses."""
    MASTER_AGAIN = "master_again"
    """It was down, and this server is MASTER again, since no better node is left."""


class StepDownEnd(enum.Enum):
    """Why a step-down is over; the values are what programs read."""

    STEPPED_UP = "stepped_up"
    """An operator ended it."""
    EXPIRED = "expired"
    NOT_TAKEN_OVER = "not_taken_over"
    """No other node became MASTER in time."""
    NOT_CLAIMED = "not_claimed"
    """Another node became MASTER, and not all addresses came to other servers in time."""
    CAME_BACK = "came_back"
    """This server was MASTER again before they did."""

    @property
    def is_failure(self) -> bool:
        """Whether the step-down never came as far as it should."""
        return self not in {StepDownEnd.STEPPED_UP, StepDownEnd.EXPIRED}


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDown:
    """This server is to be MASTER of nothing for a while; times are monotonic seconds.

    `by`: the user's name as the client gave it, which may be empty; `user_id` is the kernel's.
    """

    by: str
    user_id: int
    reason: str
    since_s: float
    until_s: float
    vrrps: tuple[VrrpId, ...] = ()
    """What this server was MASTER of when it began."""
    yielded_s: float | None = None
    """When keepalived had given all of that up."""
    claimed_s: float | None = None
    """When all addresses were known to be with other servers."""
    back_s: float | None = None
    """Since when this server is MASTER again all the same."""

    @property
    def stage(self) -> StepDownStage:
        """How far it has come."""
        if self.yielded_s is None:
            return StepDownStage.AWAITING_MASTER
        if self.claimed_s is None:
            return StepDownStage.AWAITING_CLAIM
        return StepDownStage.DOWN if self.back_s is None else StepDownStage.MASTER_AGAIN

    @property
    def yield_s(self) -> float | None:
        """How many seconds it took until another node was MASTER; None: it is not."""
        return None if self.yielded_s is None else self.yielded_s - self.since_s

    @property
    def claim_s(self) -> float | None:
        """How many seconds after that other servers had all addresses; None: they have not."""
        if self.yielded_s is None or self.claimed_s is None:
            return None
        return self.claimed_s - self.yielded_s

    def prolonged(self, by: "StepDown") -> "StepDown":
        """Return this one with the end, the reason and the operator of another."""
        who = replace(self, by=by.by, user_id=by.user_id, reason=by.reason)
        return replace(who, until_s=by.until_s)


@dataclass(frozen=True, slots=True)
class EndedStepDown:
    """A step-down that is over, and since when (monotonic seconds)."""

    step_down: StepDown
    end: StepDownEnd
    at_s: float


@dataclass(slots=True)
class StepDowns:
    """The step-down of this server, if there is one, and the last that ended in this run."""

    current: StepDown | None = None
    ended: EndedStepDown | None = None

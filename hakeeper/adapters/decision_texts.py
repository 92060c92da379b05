"""What people read of the last decision for a resource."""

from collections.abc import Mapping
from typing import Final

from hakeeper.core.claim import last_decision as core

NOTHING_DECIDED: Final = "nothing decided yet"
TEXTS: Final[Mapping[type[core.LastDecision], str]] = {
    core.WillRead: "{0.cause}: reading the holder",
    core.WillAssign: "{0.cause}: assigning it to this server",
    core.AssignSent: "{0.cause}: assign sent",
    core.ActionRuns: "{0.cause}: accepted, Hetzner's action is running",
    core.WillReadBack: "{0.cause}: assigned; reading the holder back",
    core.OursAlready: "{0.cause}: it is ours already",
    core.Claimed: "{0.cause}: claimed and confirmed",
    core.NotShown: "{0.cause}: the assign succeeded, but {who} has it still; assigning again",
    core.Retrying: "{0.cause}: {0.code}, retrying",
    core.StillHeldDown: "{0.cause}, but contested: {who} keeps it",
    core.TakenAgain: "contested: {who} keeps taking it; next try in {0.wait_s:.0f} s",
    core.LeftWhileHung: "keepalived hangs: {who} keeps it",
    core.LeftWhilePaused: "{0.cause}: due, and hakeeper is paused",
    core.LeftAlone: "leaving it alone: {0.reason}",
    core.NotInProject: "{0.noun} {0.name} is not found",
}


def decision_text(decision: core.LastDecision | None, who: str = "") -> str:
    """Return a decision as one sentence, without a full stop; `who`: the holder that it names."""
    if decision is None:
        return NOTHING_DECIDED
    return TEXTS[type(decision)].format(decision, who=who)

"""How long what is promised may take: for each API, by how slow it is and how it waits for it.

Hetzner Cloud's figures are measured ones. Those of an API that says its own patience follow from
that, from the quota, and from how long a step takes.
"""

from dataclasses import dataclass

from hakeeper.core.apis.budget import Budget
from hakeeper.core.kind import Api
from hakeeper.core.limits.patience import USUAL, WATCH_S
from hakeeper.core.limits.splitbrain import QUICK_LOSS_S
from hakeeper.simulate.faults.kinds import API_FAULTS, Kind
from hakeeper.simulate.project import Nature

REPAIR_S = 15.0
"""One stable MASTER, an API that works: the address is with it after this."""
SETTLED_REPAIR_S = 7.0
"""The same for what is taken away within `SETTLES_S` after its master claimed it."""
SETTLES_S = 15.0
ROUND_S = 5.0
"""While others are refused, a token that was refused too costs its 12 s and a round's wait."""
QUIET_S = 130.0
"""How long nothing may happen in the end."""
SLACK_S = 5.0
SEEN_LATE_S = 5.0
"""What was taken away so long before a node became MASTER may be seen only then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DueTimes:
    """The times for the resources of one API, in seconds."""

    repair_s: float = REPAIR_S
    """From the end of trouble, or a foreign move, to the holder."""
    settled_repair_s: float = SETTLED_REPAIR_S
    """The same for what is taken away within `settles_s` after its master claimed it."""
    settles_s: float = SETTLES_S
    round_s: float = ROUND_S
    """So much longer while others are refused."""
    settled_after_s: float = WATCH_S + 5.0
    """A claim that is begun is over, with the closer reads that follow it, after this."""
    idle_s: float = 0.0
    """Between two readings at rest, if that is not what the configuration says."""
    quiet_s: float = QUIET_S
    """How long nothing may happen in the end."""
    refused_s: float = 0.0
    """After a request that found the quota used up, how long a node may wait."""
    seen_late_s: float = SEEN_LATE_S
    quick_loss_s: float = QUICK_LOSS_S


def due_times(api: Api, nature: Nature) -> DueTimes:
    """Return those of an API that is of this nature."""
    patience = api.patience
    if patience is USUAL:
        return DueTimes()
    # A master reads as often as the quota lets it; what that shows may be a switch's world before.
    idle_s = Budget(api.limit_per_hour).reading_gap_s(1)
    decided_s = patience.lag_s + patience.suspect_s
    paused_s = max(patience.retry.cap_s, patience.slow.cap_s, patience.read_again.cap_s)
    # It may meet the switch of somebody else, which has to end first, and wait before it looks.
    met_s = nature.action_s + patience.read_again.cap_s
    switched_s = nature.action_s + SLACK_S
    return DueTimes(
        repair_s=max(idle_s + decided_s, paused_s) + met_s + switched_s,
        settled_repair_s=patience.watch_interval_s + decided_s + met_s + switched_s,
        settles_s=patience.watch_s - patience.watch_interval_s,
        round_s=patience.slow.cap_s + patience.read_again.cap_s,
        settled_after_s=patience.watch_s + patience.watch_interval_s + switched_s,
        idle_s=idle_s,
        quiet_s=2.0 * idle_s + 10.0,
        refused_s=patience.longest_wait_s + SLACK_S,
        seen_late_s=idle_s,
        quick_loss_s=patience.quick_loss_s,
    )


def tail_s(kind: Kind, api: Api) -> float:
    """Return how long trouble of an API goes on when its cause is over."""
    patience = api.patience
    if patience is USUAL:
        return 0.0
    # What is under way then may never be answered.
    tails_s = dict.fromkeys((*API_FAULTS, Kind.ACTION_ENDLESS), patience.step_timeout_s)
    tails_s[Kind.THROTTLED] = patience.longest_wait_s
    tails_s[Kind.UNAUTHORIZED] = patience.login_wait_s
    # A read may not show it yet, until it is taken for lost.
    tails_s[Kind.LOST_WRITE] = patience.unseen.cap_s
    tails_s[Kind.NO_MAIN_IP] = patience.retry.cap_s
    return tails_s[kind] + SLACK_S if kind in tails_s else 0.0

"""How an API wants to be waited for: pauses before retries, and how slow what it does may be.

The defaults are for an API that answers in milliseconds and finishes its work in seconds, such as
Hetzner Cloud's. One that takes a minute for a move has a value of its own (`kinds/apis.py`).
"""

import enum
from dataclasses import dataclass
from typing import Final

from hakeeper.core.limits.backoff import READ_AGAIN, RETRY, SLOW, THROTTLE, UNSEEN, Backoff
from hakeeper.core.limits.splitbrain import QUICK_LOSS_S

WATCH_S: Final = 20.0
"""After a claim, how long to look closely: two call deadlines of the old master, and its server."""
WATCH_INTERVAL_S: Final = 2.0
"""Between two readings while a claim settles: this catches the old master's late write."""
LAG_S: Final = 3.0
"""So long after an assign is done, a read that names the holder of before may be old."""
LONGEST_WAIT_S: Final = 30.0
"""The longest that a 429 can make us wait, whatever it asks for."""


class Pause(enum.Enum):
    """A pause that grows with the number of tries; the value is what it is called."""

    RETRY = "retry"
    READ_AGAIN = "read_again"
    SLOW = "slow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """The times of one API, in seconds."""

    retry: Backoff = RETRY
    """The call was surely not done."""
    read_again: Backoff = READ_AGAIN
    """Before the read that follows `locked` or an unknown outcome."""
    slow: Backoff = SLOW
    """An operator has to act."""
    throttle: Backoff = THROTTLE
    """All calls wait, and the API did not say how long."""
    unseen: Backoff = UNSEEN
    """How long reads may lag behind a step that succeeded before it is sent again."""
    lag_s: float = LAG_S
    """So long after a step is done, a read that names the holder of before may be old."""
    suspect_s: float = 0.3
    """Between the read that says we lost it and the one that decides: a single read may be old."""
    least_interval_s: float = 0.0
    """No use in reading all holders more often than this, whatever the configuration says."""
    watch_s: float = WATCH_S
    """After a claim, how long to look closely."""
    watch_interval_s: float = WATCH_INTERVAL_S
    """Between two of those readings."""
    role_look_s: float = 4.0
    """When to read the holders after a demotion: by then a new master has claimed."""
    role_looks_s: float = 30.0
    """The least time between two such reads."""
    quick_loss_s: float = QUICK_LOSS_S
    """A loss this soon after our claim is another master, not a hand in the console."""
    alarm_after_s: float = 15.0
    """A claim or a failure of the API that lasts longer than this is worth waking somebody for."""
    longest_wait_s: float = LONGEST_WAIT_S
    """The longest that a throttled call can make us wait, whatever it asks for."""
    login_wait_s: float = 0.0
    """After a refused login nothing at all is asked for so long."""
    step_timeout_s: float = 0.0
    """A mutating request may take so long, if that is more than other calls may."""

    def backoff(self, pause: Pause) -> Backoff:
        """Return the schedule of a pause."""
        schedules = {
            Pause.RETRY: self.retry,
            Pause.READ_AGAIN: self.read_again,
            Pause.SLOW: self.slow,
        }
        return schedules[pause]


USUAL: Final = Patience()
"""That of an API that says nothing else."""

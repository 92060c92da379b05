"""How long to wait before the next try: capped exponential, jittered."""

from dataclasses import dataclass
from random import Random

_MAX_EXPONENT = 30
"""More doublings than any cap needs; keeps attempt 10,000 from overflowing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """A schedule: attempt 0 waits up to `base_s`, each later one `factor` times more.

    No wait is longer than `cap_s`.

    The jitter draws from the upper half (`floor` to 1 of the full delay), so that nodes spread
    out but nobody hammers.
    """

    base_s: float
    cap_s: float
    factor: float = 2.0
    floor: float = 0.5

    def delay_s(self, attempt: int, rng: Random) -> float:
        """Return the seconds to wait after `attempt` earlier failures."""
        full_s = min(self.cap_s, self.base_s * self.factor ** min(attempt, _MAX_EXPONENT))
        return full_s * rng.uniform(self.floor, 1.0)

    def __str__(self) -> str:
        """Return it for the docs."""
        first = f"{self.base_s * self.floor:.2g} to {self.base_s:g} s"
        return first if self.base_s == self.cap_s else f"{first}, growing up to {self.cap_s:g} s"


RETRY = Backoff(base_s=0.25, cap_s=6.0)
"""The call was surely not done: 5xx, refused, not sent."""
READ_AGAIN = Backoff(base_s=0.2, cap_s=5.0)
"""Before the read that follows `locked` or an unknown outcome."""
SLOW = Backoff(base_s=12.0, cap_s=12.0, floor=0.65)
"""An operator has to act (token, id, refused): 7.8 to 12 s, so that his repair is seen soon."""
THROTTLE = Backoff(base_s=1.0, cap_s=8.0, floor=0.75)
"""After a 429 without a time of its own; the bucket refills by about one call a second."""
ACTION_POLL = Backoff(base_s=0.2, cap_s=1.0, factor=1.4, floor=0.9)
"""Between two looks at a running action."""
RELEASE_POLL = Backoff(base_s=0.015, cap_s=0.03, factor=1.03, floor=0.9)
"""The same for the first of two steps: nobody has the resource until the second one."""
SPARING_POLL = Backoff(base_s=0.1, cap_s=0.25, factor=1.2, floor=0.9)
"""The same while half of the budget is spent: a move takes a fifth of the calls."""
UNSEEN = Backoff(base_s=4.0, cap_s=8.0, floor=0.75)
"""How long reads may lag behind an assign that succeeded before it is sent again."""
EAGER = Backoff(base_s=0.1, cap_s=0.1)
"""After a 429 that an assign met and that names no time: the next call that flows in is ours."""
EAGER_FOR_S = 5.0
"""So long after the first 429 assigns are retried soon, if it names no time to wait."""

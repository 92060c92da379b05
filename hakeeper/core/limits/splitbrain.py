"""Bounds a split brain: two masters that keep taking a resource from each other.

They cannot be told apart here, and the API has no compare-and-set. What can be seen is a
loss: since our claim a read showed the resource here, and then two reads another holder. A loss is
quick if it came within a minute of the claim. A claim that was carried out but that no read ever
showed counts as a quick loss as well, if another server had taken the resource before.

After the second quick loss the holder keeps the resource, and we hold down: for half a minute the
first time, twice as long with each further move, and from the fourth on for 10.5 to 15 minutes. As
long as that lasts every loss leads to a hold-down. Half an hour without a move ends it.

These figures limit a permanent split brain of two nodes to 8 moves in its first ten minutes, and to
one in ten minutes after that: two quick rounds cost 4 moves, then each node has two short
hold-downs, and every later one is longer than ten minutes.

Some claims need no hold-down: keepalived calls us the better master (MASTER_RX_LOWER_PRI), nobody
holds the resource, or the holder's server is off. Two nodes may both be called better (both hear a
third one, and not each other), so these free claims are bounded too: five at once, then one in ten
seconds.
"""

from dataclasses import dataclass, field
from random import Random

from hakeeper.core.limits.pace import Pace
from hakeeper.core.model import NEVER

QUICK_LOSS_S = 60.0
"""A loss this soon after our claim is another master, not a hand in the console."""
MEMORY_S = 1800.0
"""How long moves are remembered after the last one; longer than any hold-down."""
LOSSES_TO_HOLD_DOWN = 2
HIDDEN_MOVES = 2
"""Moves that no read showed: the first hold-down is as long as if they had been seen."""
BETTER_MASTER_S = 15.0
"""How long MASTER_RX_LOWER_PRI (we are the better master) allows claims without hold-down."""
FREE_CLAIM_S = 10.0
"""Claims that need no hold-down may go once in this time, and `FREE_CLAIMS` at once after a pause;
not fewer, since a lesser master that comes and goes causes two at each of its edges."""
FREE_CLAIMS = 5

LOST_ONCE_MOVES = 3
"""Claimed, lost, and claimed again."""
LOST_ONCE_S = 300.0
"""How long a single loss is shown in the status: by then the other's first hold-down is over."""
LOST_OFTEN_S = 960.0
"""The same for several: as long as the other node may hold down."""
HEALED_S = 60.0
"""So long after the last MASTER_RX_LOWER_PRI there is no other master any more."""

_FIRST_S = 30.0
_SHORT = 3
"""So many doublings are short of the longest hold-down."""
_LONG_S = 630.0
"""The least of the longest hold-down: more than ten minutes."""
_JITTER = 3 / 7
"""Up to this part is added, never taken away: the bounds above stay, and the most is 15 minutes."""


def hold_down_s(moves: int, rng: Random) -> float:
    """Return how long to leave it with its holder, after `moves` moves since the first time."""
    least_s = _FIRST_S * 2**moves if moves <= _SHORT else _LONG_S
    return least_s * (1.0 + rng.uniform(0.0, _JITTER))


@dataclass(slots=True)
class SplitBrain:
    """The history of one resource since the last MASTER edge."""

    moves: int = 0
    """Holder changes seen (ours and theirs) since the last quiet half hour."""
    first_loss_at_s: float | None = None
    """The first loss since the last quiet half hour."""
    moved_at: float = NEVER
    claimed_at: float | None = None
    """When our claim was last confirmed; None once its loss was counted."""
    losses: int = 0
    """Quick ones since the last quiet half hour."""
    hidden: bool = False
    """Two moves that no read showed (ours and theirs), or a write that was lost; counts once."""
    moves_at_hold_down: int | None = None
    """Of those moves, how many there were at the first hold-down."""
    better_master_at_s: float = NEVER
    free_claims: Pace = field(default_factory=lambda: Pace(every_s=FREE_CLAIM_S, burst=FREE_CLAIMS))
    """Of the claims without hold-down."""
    reported: bool = False
    """Whether the journal has an entry of this split brain."""

    def claimed(self, now: float) -> None:
        """A read says that a request of ours made it ours."""
        self._move(now)
        self.claimed_at = now

    def lost(self, now: float, ours_at_s: float, quick_s: float = QUICK_LOSS_S) -> bool:
        """Another server took it; say whether that makes it contested.

        `ours_at_s`: the last read that said it is ours; it may have been taken right after.
        `quick_s`: a loss this soon after our claim is another master.
        """
        self._move(now)
        self.first_loss_at_s = now if self.first_loss_at_s is None else self.first_loss_at_s
        if self.claimed_at is not None and ours_at_s - self.claimed_at <= quick_s:
            self.losses += 1
        self.claimed_at = None
        return self.losses >= LOSSES_TO_HOLD_DOWN

    def never_seen(self, now: float) -> None:
        """Our claim was carried out, but another server has it: taken at once, or a lost write."""
        self._remember(now)
        if not self.hidden:
            self.hidden = True
            self.losses += self.first_loss_at_s is not None

    def moved_by_others(self, now: float) -> None:
        """It moved while we held down."""
        self._move(now)

    def note_better_master(self, now: float) -> None:
        """Note that keepalived heard a master of lower priority: we are the better one."""
        self.better_master_at_s = now

    def is_better_master(self, now: float) -> bool:
        """Return whether keepalived called us the better master lately."""
        return now - self.better_master_at_s <= BETTER_MASTER_S

    def was_lost_often(self, now: float) -> bool:
        """Say whether others took it lately while we held it, as far as that has not healed.

        Taken once, it may be the late write of an old master, or a hand in the console: that is
        soon forgotten. MASTER_RX_LOWER_PRI after the last move is the other one giving up.
        """
        healed = (
            self.better_master_at_s > self.moved_at and now - self.better_master_at_s > HEALED_S
        )
        lately_s = LOST_OFTEN_S if self.moves > LOST_ONCE_MOVES else LOST_ONCE_S
        return self.moves >= LOST_ONCE_MOVES and now - self.moved_at <= lately_s and not healed

    def free_claim_wait_s(self, now: float) -> float:
        """Take a claim that needs no hold-down; return how long it has to wait."""
        return self.free_claims.take(now)

    @property
    def is_held_down(self) -> bool:
        """Whether this split brain has led to a hold-down."""
        return self.moves_at_hold_down is not None

    def hold_down_s(self, rng: Random) -> float:
        """Return how long to hold down after the move that was just seen."""
        if self.moves_at_hold_down is None:
            self.moves_at_hold_down = self.moves - (HIDDEN_MOVES if self.hidden else 0)
        return hold_down_s(self.moves - self.moves_at_hold_down, rng)

    def is_news(self) -> bool:
        """Say whether this split brain has not been reported yet; note that it is."""
        news, self.reported = not self.reported, True
        return news

    def _move(self, now: float) -> None:
        self._remember(now)
        self.moves += 1

    def _remember(self, now: float) -> None:
        if now - self.moved_at > MEMORY_S:
            self.moves, self.first_loss_at_s, self.reported = 0, None, False
            self.losses, self.hidden, self.moves_at_hold_down = 0, False, None
        self.moved_at = now

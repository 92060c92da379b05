"""Two masters cannot be told apart here, and Hetzner has no compare-and-set: so bound the fight.

A loss: a read said that the address is ours since our claim, and then two said that another server
has it. It is quick when that may have been within a minute of the claim; so is a claim that was
done and that no read ever showed, if another server had taken it before. The second quick loss
makes the address contested: the holder keeps it, and we hold down, half a minute the first time,
and twice as long with every move that is seen since; from the fourth on 10.5 to 15 minutes. While
an address is contested every loss leads to a hold-down. Half an hour without a move ends it all.

The figures keep a permanent split brain of two nodes within 8 moves in its first ten minutes, and
to one move per ten minutes after that: two quick rounds cost 4 moves, then each node has two short
hold-downs, and from then on every one is longer than ten minutes. A node that keepalived calls the
better master (MASTER_RX_LOWER_PRI) does not hold down; each turn of the other one then costs two
moves. Should two of them be called so (both hear a third, and not each other), each may take it
back five times, and then once in ten seconds. The same bounds claims of what nobody holds.
"""

from dataclasses import dataclass, field
from random import Random

from hakeeper.core.pace import Pace

QUICK_LOSS_S = 60.0
"""A loss this soon after our claim is somebody who wants it too, not a hand in the console."""
MEMORY_S = 1800.0
"""How long a fight is remembered after its last move; longer than any hold-down."""
LOSSES_TO_CONTEST = 2
HIDDEN_MOVES = 2
"""The hold-downs of a fight with such moves begin as if they had been seen since the first one."""
PULSE_FRESH_S = 15.0
"""How long MASTER_RX_LOWER_PRI (we are the better master) allows a claim despite hold-down."""
TURN_S = 10.0
"""Claims that need no hold-down (we are the better master, nobody holds it, the holder's server is
off) may go once in this time, and `TURNS` at once if there were none lately; not fewer, since a
lesser master that comes and goes has two at each of its edges."""
TURNS = 5

TAKEN_ONCE_MOVES = 3
"""Claimed, lost, and claimed again."""
TAKEN_ONCE_S = 300.0
"""So long the holder tells of a single loss: the other one's first hold-down is over by then."""
DISPUTE_S = 960.0
"""The same of several: as long as the other one may hold down."""
HEALED_S = 60.0
"""So long after the last pulse there is no other master any more."""

_FIRST_S = 30.0
_SHORT = 3
"""So many doublings are short of the longest hold-down."""
_LONG_S = 630.0
"""The least of the longest hold-down: more than ten minutes."""
_JITTER = 3 / 7
"""Up to this part is added, never taken away: the bounds above stay, and the most is 15 minutes."""


def hold_off_s(moves: int, rng: Random) -> float:
    """Return how long to leave it with its holder, after `moves` moves since the first time."""
    least_s = _FIRST_S * 2**moves if moves <= _SHORT else _LONG_S
    return least_s * (1.0 + rng.uniform(0.0, _JITTER))


@dataclass(slots=True)
class Contest:
    """The history of one address since the last MASTER edge."""

    moves: int = 0
    """Owner changes seen (ours and theirs) since the last time of peace."""
    fought_at: float | None = None
    """The first loss since the last time of peace."""
    moved_at: float = float("-inf")
    claimed_at: float | None = None
    """When our claim was last confirmed; None once its loss was counted."""
    losses: int = 0
    """Quick ones since the last time of peace."""
    hidden: bool = False
    """Two moves no read has shown, ours and theirs, or what we wrote was lost; counts once."""
    held_off_moves: int | None = None
    """Of those moves, how many there were at the first hold-down."""
    pulsed_at: float = float("-inf")
    turns: Pace = field(default_factory=lambda: Pace(every_s=TURN_S, burst=TURNS))
    """Of the claims without hold-down."""
    told: bool = False
    """Whether the journal knows of this fight."""

    def claimed(self, now: float) -> None:
        """A read says that a request of ours made it ours."""
        self._move(now)
        self.claimed_at = now

    def lost(self, now: float, mine_at_s: float) -> bool:
        """Another server took it; say whether that makes it contested.

        `mine_at_s`: the last read that said it is ours; it may have been taken right after.
        """
        self._move(now)
        self.fought_at = now if self.fought_at is None else self.fought_at
        if self.claimed_at is not None and mine_at_s - self.claimed_at <= QUICK_LOSS_S:
            self.losses += 1
        self.claimed_at = None
        return self.losses >= LOSSES_TO_CONTEST

    def never_seen(self, now: float) -> None:
        """A claim of ours was done, but another server has it: taken at once, or never written."""
        self._remember(now)
        if not self.hidden:
            self.hidden = True
            self.losses += self.fought_at is not None

    def moved_by_others(self, now: float) -> None:
        """It moved while we held down."""
        self._move(now)

    def pulse(self, now: float) -> None:
        """Remember that keepalived heard a lower-priority master: we are the better one."""
        self.pulsed_at = now

    def pulsed(self, now: float) -> bool:
        """Say whether such a pulse is fresh."""
        return now - self.pulsed_at <= PULSE_FRESH_S

    def is_disputed(self, now: float) -> bool:
        """Say whether others took it lately while we held it, as far as that has not healed.

        Taken once, it may be the late write of an old master, or a hand in the console: that is
        soon forgotten. A pulse after the last move is the better master hearing the other one give
        up.
        """
        healed = self.pulsed_at > self.moved_at and now - self.pulsed_at > HEALED_S
        lately_s = DISPUTE_S if self.moves > TAKEN_ONCE_MOVES else TAKEN_ONCE_S
        return self.moves >= TAKEN_ONCE_MOVES and now - self.moved_at <= lately_s and not healed

    def turn_s(self, now: float) -> float:
        """Take a claim that needs no hold-down; return how long it has to wait."""
        return self.turns.take(now)

    @property
    def is_held_down(self) -> bool:
        """Whether this fight has led to a hold-down."""
        return self.held_off_moves is not None

    def hold_off_s(self, rng: Random) -> float:
        """Return how long to hold down after the move that was just seen."""
        if self.held_off_moves is None:
            self.held_off_moves = self.moves - (HIDDEN_MOVES if self.hidden else 0)
        return hold_off_s(self.moves - self.held_off_moves, rng)

    def is_news(self) -> bool:
        """Say whether the journal has not been told of this fight; note that it is."""
        news, self.told = not self.told, True
        return news

    def _move(self, now: float) -> None:
        self._remember(now)
        self.moves += 1

    def _remember(self, now: float) -> None:
        if now - self.moved_at > MEMORY_S:
            self.moves, self.fought_at, self.told = 0, None, False
            self.losses, self.hidden, self.held_off_moves = 0, False, None
        self.moved_at = now

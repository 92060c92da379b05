"""Two masters cannot be told apart here, and Hetzner has no compare-and-set: so bound the fight.

A loss is quick when another server takes an address within a minute of our claim. After the
first quick loss an address is disputed for two hours, in which every loss counts. The second one
makes it contested: the holder keeps it, and we hold off, longer with every move that is seen.
Where more than one other server was seen to hold it, the first is enough once the dispute is a
minute old; not before, since that first loss may be the late write of an old master.

The figures keep a permanent split brain of two or three nodes within 6 moves in its first ten
minutes, and of two nodes to one move per ten minutes after that: two quick rounds cost 4 moves,
the first to be driven off has one early turn, and from then on every node waits 11 minutes or
more after the last move that it saw. A node that keepalived calls the better master
(MASTER_RX_LOWER_PRI) does not hold off; each turn of the other one then costs two moves. Should
two of them be called so (both hear a third, and not each other), each may take it back five times,
and then once in ten seconds.
"""

from dataclasses import dataclass
from random import Random

QUICK_LOSS_S = 60.0
"""A loss this soon after our claim is somebody who wants it too, not a hand in the console."""
MEMORY_S = 7200.0
"""How long a dispute is remembered after its last move; longer than any hold-off."""
LOSSES_TO_CONTEST = 2
EARLY_S = 60.0
"""Only who is driven off this soon after a dispute began may take an early turn."""
LATE_MOVES = 5
"""Count at least so many moves after that, and in a crowd, of whose moves nobody sees all."""
PULSE_FRESH_S = 15.0
"""How long MASTER_RX_LOWER_PRI (we are the better master) allows a claim despite hold-off."""
PULSE_TURN_S = 10.0
"""A pulse allows one such claim in this time, and `PULSE_TURNS` at once if there were none lately;
not fewer, since a lesser master that comes and goes has two at each of its edges."""
PULSE_TURNS = 5

TAKEN_ONCE_MOVES = 3
"""Claimed, lost, and claimed again."""
TAKEN_ONCE_S = 300.0
"""So long the holder tells of a single loss: the other one's first hold-off is over by then."""
DISPUTE_S = 2100.0
"""The same of several: as long as the other one may hold off."""
HEALED_S = 60.0
"""So long after the last pulse there is no other master any more."""

_HOLD_OFF_S = ((4, 180.0), (7, 660.0))
"""Up to so many moves seen: so many seconds at least."""
_LONGEST_S = 1320.0
"""The hold-off after still more moves; not longer, since a heal without a word waits it out."""
_JITTER = 0.5
"""Up to this part is added, never taken away: the bound above stays."""


def hold_off_s(moves: int, rng: Random) -> float:
    """Return how long to leave the address with its holder after `moves` moves."""
    least_s = next((s for up_to, s in _HOLD_OFF_S if moves <= up_to), _LONGEST_S)
    return least_s * (1.0 + rng.uniform(0.0, _JITTER))


@dataclass(slots=True)
class Contest:
    """The history of one address since the last MASTER edge."""

    moves: int = 0
    """Owner changes seen (ours and theirs) since the last time of peace."""
    fought_at: float | None = None
    """The first loss since the last time of peace."""
    began_at: float = float("-inf")
    """The first of those moves."""
    moved_at: float = float("-inf")
    claimed_at: float | None = None
    """When our claim was last confirmed or accepted; None once its loss was counted."""
    losses: int = 0
    disputed_until: float = float("-inf")
    pulsed_at: float = float("-inf")
    turn_at: float = float("-inf")
    """When the next claim that a pulse allows would be due, had all of them been evenly spread."""
    others: tuple[int, ...] = ()
    """The other servers that were seen to hold it; two are enough to know of a crowd."""
    told: bool = False
    """Whether the journal knows of this dispute."""

    def held_by(self, server_id: int) -> None:
        """Remember another holder."""
        if server_id not in self.others:
            self.others = (*self.others, server_id)[-2:]

    def claimed(self, now: float) -> None:
        """We made it ours by a request of ours."""
        self._move(now)
        self.claimed_at = now

    def lost(self, now: float) -> bool:
        """Another server took it; say whether that makes it contested."""
        self._move(now)
        self.fought_at = now if self.fought_at is None else self.fought_at
        quick = self.claimed_at is not None and now - self.claimed_at <= QUICK_LOSS_S
        if now > self.disputed_until:
            self.losses = 0
        if quick or now <= self.disputed_until:
            self.losses += 1
            self.disputed_until = now + MEMORY_S
        self.claimed_at = None
        return self.losses >= (1 if self._crowd() and self._late() else LOSSES_TO_CONTEST)

    def moved_by_others(self, now: float) -> None:
        """It moved while we held off."""
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
        """Take a claim that a pulse allows despite hold-off; return how long it has to wait."""
        at = max(self.turn_at, now - (PULSE_TURNS - 1) * PULSE_TURN_S)
        self.turn_at = at + PULSE_TURN_S
        return max(0.0, at - now)

    def hold_off_s(self, rng: Random) -> float:
        """Return how long to hold off after the move that was just seen."""
        least = LATE_MOVES if self._late() or self._crowd() else 0
        return hold_off_s(max(self.moves, least), rng)

    def is_news(self) -> bool:
        """Say whether the journal has not been told of this dispute; note that it is."""
        news, self.told = not self.told, True
        return news

    def _late(self) -> bool:
        return self.moved_at - self.began_at > EARLY_S

    def _crowd(self) -> bool:
        return len(self.others) > 1

    def _move(self, now: float) -> None:
        if now - self.moved_at > MEMORY_S:
            self.moves, self.began_at, self.fought_at = 0, now, None
            self.others, self.told = self.others[-1:], False
        self.moves += 1
        self.moved_at = now

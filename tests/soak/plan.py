"""Everything that a soak does, drawn from its seed before it is done.

The same seed gives the same plan; what real processes make of it is never quite the same. Which
node is meant is therefore planned as a rank: 0 is whoever is MASTER when the round begins.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from tests.soak.kinds import OTHER_KINDS, VRRP_KINDS, Kind
from tests.soak.settings import Profile, SoakSettings

CHAPTER_ROUNDS = 25
"""So many rounds share the kinds of fault that are on."""
_COUNTS = (1, 2, 3)
_COUNT_WEIGHTS = (5, 4, 2)
_AT_MASTER = 0.85
"""How often the first fault of a round hits the MASTER: the others move nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One fault to come; times in seconds from the round's begin."""

    kind: Kind
    rank: int
    """Which node: 0 is the MASTER, the others follow by name."""
    begins_s: float
    lasts_s: float
    chance: float
    """From 0 to 1, for whatever else the fault may choose."""


@dataclass(frozen=True, slots=True)
class RoundPlan:
    """The faults of one round, in the order of their beginnings."""

    number: int
    faults: tuple[Planned, ...]


def plans(settings: SoakSettings) -> Iterator[RoundPlan]:
    """Return the rounds of a soak, without end."""
    rng = Random(settings.seed)
    vrrp: tuple[Kind, ...] = ()
    others: tuple[Kind, ...] = ()
    for number in itertools.count(1):
        if (number - 1) % CHAPTER_ROUNDS == 0:
            vrrp = _some(rng, VRRP_KINDS, at_least=4)
            others = _some(rng, OTHER_KINDS, at_least=0)
        yield RoundPlan(number, _draw(rng, settings, vrrp, others))


def veteran(settings: SoakSettings) -> int:
    """Return the number of the node whose hakeeper lives as long as the soak, to see it grow."""
    return Random(settings.seed).randrange(settings.nodes)


def _some(rng: Random, kinds: tuple[Kind, ...], *, at_least: int) -> tuple[Kind, ...]:
    chosen = frozenset(rng.sample(kinds, rng.randint(at_least, len(kinds))))
    return tuple(kind for kind in kinds if kind in chosen)


def _draw(
    rng: Random, settings: SoakSettings, vrrp: tuple[Kind, ...], others: tuple[Kind, ...]
) -> tuple[Planned, ...]:
    (count,) = rng.choices(_COUNTS, _COUNT_WEIGHTS)
    rank = 0 if rng.random() < _AT_MASTER else rng.randrange(1, settings.nodes)
    faults = [_one(rng, settings.profile, rng.choice(vrrp), rank, 0.0)]
    for _ in range(count - 1):
        kind = rng.choice((*others, *vrrp))
        begins_s = rng.uniform(0.0, settings.profile.spread_s)
        faults.append(_one(rng, settings.profile, kind, rng.randrange(settings.nodes), begins_s))
    return tuple(sorted(faults, key=lambda fault: fault.begins_s))


def _one(rng: Random, profile: Profile, kind: Kind, rank: int, begins_s: float) -> Planned:
    return Planned(
        kind=kind,
        rank=rank,
        begins_s=begins_s,
        lasts_s=rng.uniform(*profile.lasts_s),
        chance=rng.random(),
    )

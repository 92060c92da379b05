"""What came of a simulation, in figures."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from hakeeper.core.kind import Api, Kind
from hakeeper.simulate.budget import Budget
from hakeeper.simulate.measured import Measured, percentile
from hakeeper.simulate.options import Options

MINUTES = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How long something took; 0 where it never happened."""

    times: int
    median: int
    p99: int
    worst: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """What a permanent split brain does to one address."""

    addresses: int
    """How many were looked at."""
    first_worst: int
    """The most moves of one in the first ten minutes."""
    promised_at_first: int | None
    """The bound; None: nothing is promised for clusters so large, or intervals so long."""
    per_hour_mean: float
    per_hour_worst: float
    """After the first ten minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """How long addresses were away, and how often they moved without end."""

    claims_ms: Spread
    repairs_ms: Spread
    contested_s: Spread
    away_ms: Spread
    """Every time that an address was not with its only master, whatever stood in the way."""
    split: Moves | None
    """None: a cluster of one node cannot be split."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """Requests of one sort to one API."""

    api: Api
    sort: str
    """`calls`; where an API counts them apart, `reads` or `switches`."""
    limit_per_hour: int
    per_minute: tuple[int, ...]
    """Of the operator's world, refused ones too."""
    refused: int
    """How many found the quota used up."""
    budget: Budget | None
    """What idle nodes ask for; None: nothing of this sort."""
    idle_measured: int | None
    """Requests in an hour without faults; None: the quota is not enough to be idle in."""

    @property
    def busiest_hour(self) -> int:
        """Return the most requests of sixty minutes on end, or of all if there are fewer."""
        per_minute = self.per_minute
        window = sum(per_minute[:MINUTES])
        most = window
        for index in range(MINUTES, len(per_minute)):
            window += per_minute[index] - per_minute[index - MINUTES]
            most = max(most, window)
        return most

    @property
    def left(self) -> int:
        """Return what the busiest hour left; less than 0: it took more than an hour grants."""
        return self.limit_per_hour - self.busiest_hour


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """All of it."""

    options: Options
    measured: Measured
    whole: Absence
    """Of all addresses."""
    of_kind: Sequence[tuple[Kind, Absence]]
    spending: Sequence[Spending]
    """Those of an API stand together, and what idle nodes ask for is in the first of them."""
    end_checked: bool
    """False: little of a quota was left at the end, and the end state was not checked."""
    violations: tuple[str, ...]


def spread(counts: Counter[int]) -> Spread:
    """Return how these are spread."""
    return Spread(
        times=counts.total(),
        median=percentile(counts, 0.5),
        p99=percentile(counts, 0.99),
        worst=percentile(counts, 1.0),
    )

"""Many worlds, in as many processes as there are cores: their counts, and which may not be zero."""

import os
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context

from hakeeper.kinds import FLOATING_IPS, KINDS
from hakeeper.simulate.faults.kinds import API_FAULTS
from hakeeper.simulate.plan import HOUR_S, Plan, draw
from hakeeper.simulate.twins import ALL, faults_of, moved_in
from hakeeper.simulate.verdicts import Violation
from tests.world.coverage import NOT_MADE, OF_TWO_STEPS, not_moved, not_reported, not_taken
from tests.world.judge import judged
from tests.world.rules import rules_of
from tests.world.tally import Tally

CHUNK = 20
"""How many worlds one task of a process runs."""


@dataclass(slots=True)
class Total:
    """What many worlds came to."""

    tally: Tally = field(default_factory=Tally)
    failed: list[tuple[int, Violation]] = field(default_factory=list)
    digest: int = 0
    """The sum of the worlds' digests: the same for the same seeds, in whatever order they ran."""
    took_s: float = 0.0

    def add(self, other: "Total") -> None:
        """Add another total."""
        self.tally.add(other.tally)
        self.failed.extend(other.failed)
        self.digest = (self.digest + other.digest) % 2**64


def run_seeds(seeds: Sequence[int], hours: float, kind: str = FLOATING_IPS.name) -> Total:
    """Run the worlds of these seeds here, one after the other."""
    return run_plans((draw(seed, hours) for seed in seeds), kind)


def run_plans(plans: Iterable[Plan], kind: str = FLOATING_IPS.name) -> Total:
    """Run these worlds here, with resources of this kind, one after the other."""
    total = Total()
    for plan in plans:
        try:
            outcome = judged(plan, kinds=moved_in(kind))
        except Exception as error:  # noqa: BLE001  # whatever it is, the seed must be told
            text = f"{type(error).__name__}: {error}"
            total.failed.append((plan.seed, Violation("no_exception", 0.0, None, text)))
            continue
        total.tally.add(outcome.tally)
        total.digest += outcome.digest
        total.failed.extend((plan.seed, violation) for violation in outcome.violations[:1])
    return total


def run_many(
    first: int, seeds: Mapping[str, int], hours: float, jobs: int
) -> Generator[tuple[str, Total]]:
    """Run the worlds of so many seeds from the first one on; yield the total so far, often.

    `seeds`: how many worlds of each sort (see `twins.moved_in`). What failed since is of the sort
    that is yielded with the total.
    """
    began = time.monotonic()
    total = Total()
    chunks = [
        (range(at, min(at + CHUNK, first + count)), kind)
        for kind, count in seeds.items()
        for at in range(first, first + count, CHUNK)
    ]
    if jobs <= 1:
        parts: Iterator[Total] = (run_seeds(chunk, hours, kind) for chunk, kind in chunks)
        yield from _summed(parts, chunks, total, began)
        return
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"))
    try:
        ranges, kinds = [chunk for chunk, _ in chunks], [kind for _, kind in chunks]
        parts = pool.map(run_seeds, ranges, [hours] * len(chunks), kinds)
        yield from _summed(parts, chunks, total, began)
    finally:
        pool.shutdown(cancel_futures=True)  # the caller may have had enough


def _summed(
    parts: Iterator[Total], chunks: Sequence[tuple[range, str]], total: Total, began: float
) -> Iterator[tuple[str, Total]]:
    for (_, kind), part in zip(chunks, parts, strict=True):
        total.add(part)
        total.took_s = time.monotonic() - began
        yield kind, total


def never_seen(tally: Tally, sorts: Iterable[str] = (FLOATING_IPS.name,)) -> list[str]:
    """Name what should have happened in so many worlds of these sorts together, and did not."""
    sorts = tuple(sorts)
    faults = dict.fromkeys(fault for sort in sorts for fault in faults_of(moved_in(sort)))
    missing = [f"fault {k.value} was never injected" for k in faults if not tally.injected[k.value]]
    missing += [
        f"fault {kind.value} never struck a call"
        for kind in faults
        if kind in API_FAULTS and not tally.struck[kind.value]
    ]
    rules = dict.fromkeys(rule for sort in sorts for rule in rules_of(moved_in(sort)))
    missing += [f"rule {rule} was never evaluated" for rule in rules if not tally.evaluated[rule]]
    return sorted(missing)


def missing(tally: Tally, sorts: Iterable[str] = (*KINDS, ALL)) -> list[str]:
    """Name all that can happen in worlds and did not: faults, rules, both tables, journal."""
    sorts = tuple(sorts)
    two_steps = any(kind.releases_first for sort in sorts for kind in moved_in(sort))
    exempt = {*NOT_MADE} if two_steps else {*NOT_MADE, *OF_TWO_STEPS}
    return [
        *never_seen(tally, sorts),
        *not_taken(tally.transitions),
        *not_moved(tally.claim_moves, exempt),
        *not_reported(tally.reports),
    ]


def cores() -> int:
    """Return how many processes can run at once here."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1  # PyPy knows no affinity


def hours_of(tally: Tally) -> float:
    """Return the simulated hours."""
    return tally.simulated_s / HOUR_S

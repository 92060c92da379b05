"""Kills the daemon so many times, and prints where, and what came of it: `make kills`."""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from tests.crash.failpoints import BOUNDARIES
from tests.crash.nursery import Nursery
from tests.crash.story import Outcome, Story

KILLS_PER_STORY = 10
ROUNDS = 5
"""How often what was missed is tried again."""


def plan(kills: int, seed: int) -> list[str]:
    """Choose the boundaries: each as often as any other, in a random order."""
    rng = random.Random(seed)  # noqa: S311  # stories, not secrets
    whole = [BOUNDARIES[number % len(BOUNDARIES)] for number in range(kills)]
    rng.shuffle(whole)
    return whole


def play(seed: str, boundaries: Sequence[str], *, sabotage: str, patience_s: float) -> Outcome:
    """Play one story in a folder and with a nursery of its own."""
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        nursery = Nursery()
        try:
            story = Story(
                seed,
                boundaries,
                folder=Path(folder),
                nursery=nursery,
                sabotage=sabotage,
                patience_s=patience_s,
            )
            try:
                return story.run()
            finally:
                story.close()
        finally:
            nursery.close()


def play_until_met(
    seed: str, boundaries: Sequence[str], *, sabotage: str = "", patience_s: float = 30.0
) -> list[Outcome]:
    """Play a story, and again what was missed in it, until every kill has happened."""
    outcomes: list[Outcome] = []
    for turn in range(ROUNDS):
        outcome = play(f"{seed}:{turn}", boundaries, sabotage=sabotage, patience_s=patience_s)
        outcomes.append(outcome)
        boundaries = outcome.missed
        if not boundaries:
            break
    return outcomes


def stories(kills: int, seed: int) -> list[tuple[str, list[str]]]:
    """Cut the kills into stories, each with its seed."""
    wanted = plan(kills, seed)
    return [
        (f"{seed}:{at // KILLS_PER_STORY}", wanted[at : at + KILLS_PER_STORY])
        for at in range(0, len(wanted), KILLS_PER_STORY)
    ]


def play_all(
    kills: int, *, seed: int, jobs: int, sabotage: str, patience_s: float
) -> list[Outcome]:
    """Play all stories, some at a time."""
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        futures = [
            pool.submit(play_until_met, name, wanted, sabotage=sabotage, patience_s=patience_s)
            for name, wanted in stories(kills, seed)
        ]
        return [outcome for future in futures for outcome in future.result()]


def table(outcomes: Sequence[Outcome]) -> str:
    """Return the table: boundary, kills, violations seen after them."""
    kills = Counter(boundary for outcome in outcomes for boundary in outcome.kills)
    violations = Counter(v.after for outcome in outcomes for v in outcome.violations)
    rows = [f"{'boundary':42} {'kills':>6} {'violations':>10}"]
    rows += [
        f"{boundary:42} {kills[boundary]:>6} {violations[boundary]:>10}"
        for boundary in (*BOUNDARIES, *sorted(violations.keys() - set(BOUNDARIES)))
    ]
    rows.append(f"{'all':42} {kills.total():>6} {violations.total():>10}")
    return "\n".join(rows)


def never_met(outcomes: Iterable[Outcome]) -> set[str]:
    """Return the boundaries at which nothing was killed."""
    return set(BOUNDARIES) - {boundary for outcome in outcomes for boundary in outcome.kills}


def _summary(outcomes: Sequence[Outcome], took_s: float) -> str:
    repairs = sorted(repair_s for outcome in outcomes for repair_s in outcome.repair_s)
    middle_s, high_s = repairs[len(repairs) // 2], repairs[len(repairs) * 99 // 100]
    return (
        f"{len(outcomes)} stories, {sum(o.lines for o in outcomes)} lines, "
        f"{sum(o.assigns for o in outcomes)} assigns ({sum(o.in_flight for o in outcomes)} of them "
        f"under way when they were forbidden), {took_s:.0f} s\n"
        f"to the right role and holder: median {middle_s:.2f} s, 99 % {high_s:.2f} s, "
        f"most {repairs[-1]:.2f} s"
    )


def main() -> int:
    """Play, print, and fail if anything was found or a boundary was never met."""
    parser = argparse.ArgumentParser(prog="kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--sabotage", default="")
    parser.add_argument("--patience", type=float, default=30.0, help="seconds")
    args = parser.parse_args()
    begun_s = time.monotonic()
    outcomes = play_all(
        args.kills,
        seed=args.seed,
        jobs=args.jobs,
        sabotage=args.sabotage,
        patience_s=args.patience,
    )
    lines = [table(outcomes), _summary(outcomes, time.monotonic() - begun_s)]
    for outcome in outcomes:
        lines += [
            f"{outcome.seed}: {v.kind} after {v.after}: {v.detail}" for v in outcome.violations
        ]
    missing = never_met(outcomes)
    lines += [f"never met: {boundary}" for boundary in sorted(missing)]
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if missing or any(outcome.violations for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())

"""Run many worlds, or show one.

python -m tests.world --seeds 1000              # must all be clean
python -m tests.world --kind alias_ip           # with alias IPs instead of floating IPs
python -m tests.world --kind all                # with several kinds in one world
python -m tests.world --mix floating_ip=50,alias_ip=30,all=40    # some of each
python -m tests.world --show 4711               # the story of one
python -m tests.world --show 4711 --only 3,17   # with two of its faults
python -m tests.world --shrink 4711             # the fewest faults that break a rule
"""

import argparse
import json
import sys
from contextlib import closing
from pathlib import Path

from hakeeper.kinds import FLOATING_IPS, KINDS
from hakeeper.simulate.plan import Plan, draw
from hakeeper.simulate.twins import ALL, fitted, moved_in
from tests.world.judge import judged
from tests.world.many import (
    Total,
    cores,
    hours_of,
    missing,
    never_seen,
    run_many,
    run_plans,
)
from tests.world.rare import RARE
from tests.world.report import details, summary, times
from tests.world.shrink import shrink

PROGRESS_EVERY_S = 30.0


def main(argv: list[str] | None = None) -> int:
    """Run what was asked for; 1 if a rule was broken or something never happened."""
    wanted = _parser().parse_args(argv)
    if wanted.show is not None or wanted.shrink is not None:
        return _one(wanted)
    return _many(wanted)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.world", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--first", type=int, default=0, help="the first seed (default 0)")
    parser.add_argument("--seeds", type=int, default=100, help="how many seeds (default 100)")
    parser.add_argument(
        "--mix", type=_mix, help="instead: how many of each sort, as floating_ip=500,all=400"
    )
    parser.add_argument("--hours", type=float, default=1.0, help="hours per world, about")
    parser.add_argument(
        "--kind", choices=[*sorted(KINDS), ALL], default=FLOATING_IPS.name, help="what is moved"
    )
    parser.add_argument("--jobs", type=int, default=cores(), help="processes (default: cores)")
    parser.add_argument("--details", action="store_true", help="print every counter")
    parser.add_argument("--json", type=Path, help="write the totals to this file")
    parser.add_argument(
        "--until-hours",
        type=float,
        help="stop after so many simulated hours, and --at-least-faults",
    )
    parser.add_argument("--at-least-hours", type=float, default=0.0, help="fail if it were fewer")
    parser.add_argument("--at-least-faults", type=int, default=0, help="fail if it were fewer")
    parser.add_argument(
        "--complete",
        action="store_true",
        help="run the rare worlds as well, and fail if anything that can happen did not",
    )
    parser.add_argument("--show", type=int, metavar="SEED", help="tell the story of one world")
    parser.add_argument("--shrink", type=int, metavar="SEED", help="make a failing world small")
    parser.add_argument("--only", help="with --show: these faults alone, as 3,17")
    return parser


def _many(wanted: argparse.Namespace) -> int:
    total = _run(wanted)
    _say(summary(total))
    for line in times(total.tally):
        _say(line)
    if wanted.details:
        for line in details(total.tally):
            _say(line)
    if wanted.json is not None:
        wanted.json.write_text(json.dumps(_document(total), indent=1) + "\n")
    lacking = (missing if wanted.complete else never_seen)(total.tally, _sorts(wanted))
    lacking += _too_few(total, wanted)
    for text in lacking:
        _say(f"NOT ENOUGH: {text}")
    return 1 if total.failed or lacking else 0


def _run(wanted: argparse.Namespace) -> Total:
    """Run worlds until there were enough, and tell of the broken rules as they come."""
    total, told_at, told = Total(), 0.0, 0
    many = run_many(wanted.first, _sorts(wanted), wanted.hours, wanted.jobs)
    with closing(many) as totals:
        for kind, total in totals:
            for seed, violation in total.failed[told:]:
                _say(f"FAILED seed {seed}: {violation}")
                _say(
                    "  to repeat it: python -m tests.world"
                    f" --shrink {seed} --hours {wanted.hours:g} --kind {kind}"
                )
            told = len(total.failed)
            if total.took_s - told_at >= PROGRESS_EVERY_S:
                told_at = total.took_s
                _say(f"so far: {summary(total)}")
            enough = wanted.until_hours is not None and hours_of(total.tally) >= wanted.until_hours
            if enough and total.tally.injected.total() >= wanted.at_least_faults:
                break
    if wanted.complete:
        rare = run_plans(RARE)
        for number, violation in rare.failed:
            _say(f"FAILED rare world {number}: {violation}")
        total.add(rare)
    return total


def _sorts(wanted: argparse.Namespace) -> dict[str, int]:
    """Return how many worlds of each sort are wanted."""
    mix: dict[str, int] | None = wanted.mix
    return {wanted.kind: wanted.seeds} if mix is None else mix


def _mix(text: str) -> dict[str, int]:
    pairs = (each.partition("=") for each in text.split(","))
    mix = {sort: int(count) for sort, _, count in pairs}
    if unknown := mix.keys() - {*KINDS, ALL}:
        raise argparse.ArgumentTypeError(f"no such worlds: {', '.join(sorted(unknown))}")
    return mix


def _too_few(total: Total, wanted: argparse.Namespace) -> list[str]:
    short = []
    if hours_of(total.tally) < wanted.at_least_hours:
        short.append(f"fewer than {wanted.at_least_hours:g} simulated hours")
    if total.tally.injected.total() < wanted.at_least_faults:
        short.append(f"fewer than {wanted.at_least_faults} faults")
    return short


def _document(total: Total) -> dict[str, object]:
    tally = total.tally
    return {
        "worlds": tally.worlds,
        "hours": hours_of(tally),
        "took_s": total.took_s,
        "digest": f"{total.digest:016x}",
        "violations": [f"{seed}: {violation}" for seed, violation in total.failed],
        "injected": dict(tally.injected),
        "struck": dict(tally.struck),
        "evaluated": dict(tally.evaluated),
        "reports": dict(tally.reports),
        "claim_moves": {" ".join(move): n for move, n in sorted(tally.claim_moves.items())},
        "events": tally.events,
        "calls": tally.calls,
        "assigns": tally.assigns,
        "moves": tally.moves,
        "runs": tally.runs,
        "claims_ms": {str(k): v for k, v in sorted(tally.claims_ms.items())},
        "repairs_ms": {str(k): v for k, v in sorted(tally.repairs_ms.items())},
        "hold_downs_s": {str(k): v for k, v in sorted(tally.hold_downs_s.items())},
    }


def _one(wanted: argparse.Namespace) -> int:
    kinds = moved_in(wanted.kind)
    seed = wanted.show if wanted.show is not None else wanted.shrink
    plan = fitted(draw(seed, wanted.hours), kinds)
    if wanted.only is not None:
        plan = plan.only({int(serial) for serial in wanted.only.split(",") if serial})
    if wanted.shrink is not None:
        violations = judged(plan, kinds=kinds).violations
        if not violations:
            _say(f"seed {plan.seed} breaks no rule")
            return 0
        plan = shrink(plan, violations[0].rule, kinds)
    outcome = judged(plan, kinds=kinds, story=True)
    _say("\n".join(_heading(plan, wanted.hours, wanted.kind)))
    _say("\n".join(outcome.story))
    for violation in outcome.violations:
        _say(f"VIOLATION {violation}")
    return 1 if outcome.violations else 0


def _heading(plan: Plan, hours: float, kind: str) -> list[str]:
    only = ",".join(str(fault.serial) for fault in plan.faults)
    again = f"--show {plan.seed} --hours {hours:g} --kind {kind} --only {only}"
    return [
        f"world {plan.seed}, {plan.course.value}: {plan.shape}",
        f"again: python -m tests.world {again}",
    ]


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

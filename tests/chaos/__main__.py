"""`make chaos`: rounds for some hours, a line for each that is not right, figures at the end."""

import argparse
import json
import secrets
import statistics
import sys
import time
from pathlib import Path

from tests.chaos.rooms import Room
from tests.chaos.rounds import Chaos, Round, chaos

ROUNDS_OF_A_PAIR = 50
"""Then everything begins anew."""


def main() -> int:
    """Run; the exit code says whether all rounds were right."""
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    who = "who says the roles; real: the keepalived that $PATH leads to"
    parser.add_argument("--keepalived", choices=("script", "real"), default="script", help=who)
    parser.add_argument("--only", type=int, metavar="ROUND", help="make this one round alone")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    if (reason := Room.available()) is not None:
        parser.error(f"no network namespaces here: {reason}")
    again = f"--seed {given.seed} --keepalived {given.keepalived}"
    end_s = time.monotonic() + given.hours * 3600
    done: list[Round] = []
    calls, spent_s = 0, 0.0
    while time.monotonic() < end_s and not (given.only and done):
        with chaos(given.seed, is_real=given.keepalived == "real") as pair:
            began_s = time.monotonic()
            for _ in range(1 if given.only else ROUNDS_OF_A_PAIR):
                one = pair.round(given.only or len(done) + 1)
                done.append(one)
                if one.complaints:
                    sys.stdout.write(told(pair, one, again))
                    sys.stdout.flush()
                if time.monotonic() >= end_s:
                    break
            spent_s += time.monotonic() - began_s
            calls += max(sum(r.node == node.name for r in pair.api.received) for node in pair.nodes)
    sys.stdout.write(f"{again}: {summary(done, calls / spent_s * 3600)}\n")
    if given.json:
        given.json.write_text(json.dumps([one.to_json() for one in done], indent=1) + "\n")
    return 1 if any(one.complaints for one in done) else 0


def told(pair: Chaos, one: Round, again: str) -> str:
    """Return what is wrong with a round, and how to make it again."""
    what = ", ".join((*one.faults, *([f"still {one.lasting}"] if one.lasting else [])))
    lines = [f"round {one.number} (again: {again} --only {one.number}) of {what}:"]
    lines += [f"    {complaint}" for complaint in one.complaints]
    lines += [f"--- {node.name}\n{node.log_tail(12)}" for node in pair.nodes]
    return "\n".join(lines) + "\n"


def summary(done: list[Round], calls_per_hour: float) -> str:
    """Return the figures of a run."""
    wrong = sum(bool(one.complaints) for one in done)
    times_s = sorted(one.right_after_s for one in done if one.right_after_s is not None)
    median_s = statistics.median(times_s) if times_s else float("nan")
    worst_s = times_s[-1] if times_s else float("nan")
    held = sum(one.limit_s > 15 for one in done)
    cured = sum(bool(one.cured) for one in done)
    return (
        f"{len(done)} rounds, {wrong} with complaints; right {median_s:.2f} s after"
        f" healing at the median, {worst_s:.2f} s at worst; a hold-down was allowed in {held},"
        f" and in {cured} keepalived's own D-Bus had died and it was restarted;"
        f" {calls_per_hour:.0f} calls an hour of one node"
    )


if __name__ == "__main__":
    sys.exit(main())

"""`make chaos`: rounds for some hours, a line for each that is not right, figures at the end."""

import argparse
import json
import secrets
import statistics
import sys
import time
from pathlib import Path

from chaos.rounds import Round, chaos


def main() -> int:
    """Run; the exit code says whether all rounds were right."""
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    end_s = time.monotonic() + given.hours * 3600
    done: list[Round] = []
    with chaos(given.seed) as pair:
        began_s = time.monotonic()
        while time.monotonic() < end_s:
            one = pair.round(len(done) + 1)
            done.append(one)
            for complaint in one.complaints:
                sys.stdout.write(f"round {one.number} ({', '.join(one.faults)}): {complaint}\n")
                for node in pair.nodes:
                    sys.stdout.write(f"--- {node.name}\n{node.log_tail(12)}\n")
            sys.stdout.flush()
        hours = (time.monotonic() - began_s) / 3600
        calls = max(sum(r.node == node.name for r in pair.api.received) for node in pair.nodes)
    sys.stdout.write(summary(done, given.seed, calls / hours) + "\n")
    if given.json:
        given.json.write_text(json.dumps([one.to_json() for one in done], indent=1) + "\n")
    return 1 if any(one.complaints for one in done) else 0


def summary(done: list[Round], seed: int, calls_per_hour: float) -> str:
    """Return the figures of a run."""
    wrong = sum(bool(one.complaints) for one in done)
    times_s = sorted(one.right_after_s for one in done if one.right_after_s is not None)
    median_s = statistics.median(times_s) if times_s else float("nan")
    worst_s = times_s[-1] if times_s else float("nan")
    return (
        f"seed {seed}: {len(done)} rounds, {wrong} with complaints; right {median_s:.2f} s after"
        f" healing at the median, {worst_s:.2f} s at worst; {calls_per_hour:.0f} calls an hour"
        " of one node"
    )


if __name__ == "__main__":
    sys.exit(main())

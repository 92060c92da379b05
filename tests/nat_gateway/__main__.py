"""`python -m tests.nat_gateway`: a NAT gateway fails, repeatedly; what does a server behind lose?

Each failover is that of two fresh gateways in network namespaces with real keepalived and the files
of conf/nat-gateway, and a simulated API that answers after 20 ms. Prints a table in markdown. As
root.
"""

import argparse
import statistics
import sys
from collections.abc import Sequence

from tests.nat_gateway.scene import HOW, Scene, fail_over, unavailable
from tests.nat_gateway.traffic import Outage

LATENCY_S = 0.02
ACTIONS_S = (0.0, 1.0, 5.0)
_HEAD = (
    *("the master gateway", "each action takes", "no packet for, median", "worst"),
    *("lost packets, median", "worst", "failovers"),
)
_TOLD = {
    "killed": "its keepalived is killed (-9)",
    "without power": "loses its power",
    "stopped": "`systemctl stop keepalived`",
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.nat_gateway", description=__doc__)
    parser.add_argument("--repeat", type=int, default=5, help="failovers of each kind (5)")
    return parser


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _row(how: str, action_s: float, seen: Sequence[Outage]) -> str:
    outages = [each.outage_s for each in seen]
    lost = [each.lost for each in seen]
    return _line(
        _TOLD[how],
        f"{action_s:g} s",
        f"{statistics.median(outages):.2f} s",
        f"{max(outages):.2f} s",
        f"{statistics.median(lost):g}",
        f"{max(lost)}",
        f"{len(seen)}",
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print a table."""
    given = _parser().parse_args(arguments)
    reason = unavailable()
    if reason is not None:
        sys.stderr.write(f"nothing can be measured here: {reason}\n")
        return 77
    kinds = [(how, action_s) for action_s in ACTIONS_S for how in HOW]
    seen: dict[tuple[str, float], list[Outage]] = {kind: [] for kind in kinds}
    # Kinds take turns, so that a busy minute of the machine hits all of them.
    for _ in range(given.repeat):
        for how, action_s in kinds:
            with Scene(latency_s=LATENCY_S, action_s=action_s) as scene:
                scene.start()
                outage = fail_over(scene, how)
            seen[how, action_s].append(outage)
            sys.stderr.write(f"{how}, {action_s:g} s: {outage}\n")
    lines = [_line(*_HEAD), _line(*("---" for _ in _HEAD))]
    lines += [_row(how, action_s, seen[how, action_s]) for how, action_s in kinds]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

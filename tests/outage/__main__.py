"""`python -m tests.outage`: the master dies, repeatedly; how long does a visitor get no answer?

Each failover is that of two fresh nodes in network namespaces with real keepalived, once with
hakeeper and once with a notify script that calls Debian's `hcloud floating-ip assign`. As root.
"""

import argparse
import itertools
import math
import statistics
import sys
from collections.abc import Sequence

from tests.outage.stage import VRRP, Api, Failover, measure, unavailable

_WAYS = {"hakeeper": False, "script": True}
_LATENCY_S = 0.05
_APIS = {
    "action 0 s": Api(latency_s=_LATENCY_S),
    "action 2 s": Api(latency_s=_LATENCY_S, action_s=2.0),
    "action 0 s, one 503": Api(latency_s=_LATENCY_S, refuses_once=True),
}
HEAD = (
    *("profile", "API", "who assigns", "times", "outage ms, median", "99 %", "worst"),
    *("after MASTER, median", "after MASTER, 99 %", "after MASTER, worst"),
    *("lost requests, median", "lost requests, worst", "noise ms, worst"),
)
"""The table's head. Half of the failovers stay within the median, 99 of a hundred within 99 %."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.outage", description=__doc__)
    parser.add_argument("--repeat", type=int, default=5, help="failovers of each kind (5)")
    parser.add_argument("--profile", choices=sorted(VRRP), action="append", help="default: all")
    parser.add_argument("--api", choices=sorted(_APIS), action="append", help="default: all")
    parser.add_argument("--who", choices=sorted(_WAYS), action="append", help="default: both")
    return parser


def row(*names: str, seen: Sequence[Failover]) -> str:
    """Sum up the failovers of one kind, as a row of the table."""
    lost = [one.lost for one in seen]
    figures = (
        *(f"{len(seen)}", *_spread([one.outage_ms for one in seen])),
        *_spread([one.reaction_ms for one in seen]),
        *(f"{statistics.median(lost):g}", f"{max(lost)}"),
        f"{max(one.jitter_ms for one in seen):.0f}",
    )
    return _line(*names, *figures)


def _spread(values: Sequence[float]) -> tuple[str, str, str]:
    return (
        f"{statistics.median(values):.0f}",
        f"{within(values, 99):.0f}",
        f"{max(values):.0f}",
    )


def within(values: Sequence[float], percent: int) -> float:
    """Tell the smallest of the values that so many of a hundred do not exceed."""
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print a table."""
    given = _parser().parse_args(arguments)
    reason = unavailable()
    if reason is not None:
        sys.stderr.write(f"no outage can be measured here: {reason}\n")
        return 77
    kinds = list(
        itertools.product(given.profile or sorted(VRRP), given.api or _APIS, given.who or _WAYS)
    )
    seen: dict[tuple[str, str, str], list[Failover]] = {kind: [] for kind in kinds}
    # Kinds take turns, so that a busy minute of the machine hits all of them.
    for _ in range(given.repeat):
        for kind in kinds:
            profile, api, way = kind
            failover = measure(profile=profile, by_script=_WAYS[way], api=_APIS[api])
            seen[kind].append(failover)
            sys.stderr.write(f"{', '.join(kind)}: {failover}\n")
    lines = [_line(*HEAD), _line(*("---" for _ in HEAD))]
    lines += [row(*kind, seen=seen[kind]) for kind in kinds]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

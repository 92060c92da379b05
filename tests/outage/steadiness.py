"""`python -m tests.outage.steadiness`: does the standby take over although the master lives?

Two nodes with real keepalived, which is all that decides here. On the private network adverts to
the standby are lost or late, at random; or every processor has more to do than it can. What is
counted: how often the standby became MASTER. As root.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from hakeeper.core.model import Role
from hakeeper.demo.cloud import SimCloud
from hakeeper.demo.lab import Lab, LabSettings, Node, VrrpSettings
from tests.outage.jitter import jitter
from tests.outage.stage import VRRP, unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What is wrong while the master lives."""

    lost: int = 0
    """So many adverts of a hundred do not come to the standby."""
    late_s: float = 0.0
    """Each comes up to so much later than it should."""
    busy: bool = False
    """Whether the processors have more to do than they can."""


TROUBLES = {
    "loss": {f"{lost} % lost": Trouble(lost=lost) for lost in (0, 5, 10, 20, 30)},
    "jitter": {f"up to {ms} ms late": Trouble(late_s=ms / 1000) for ms in (20, 50, 100, 200)},
    "busy": {"processors busy": Trouble(busy=True)},
}
"""By their sort: the columns of a table."""


def _fastest(*lines: str) -> VrrpSettings:
    return replace(VRRP["fastest"], more_globals=lines)


PROFILES: dict[str, VrrpSettings] = {name: VRRP[name] for name in ("plain", "fast", "fastest")}
PRIORITIES: dict[str, VrrpSettings] = {
    **PROFILES,
    "fastest without `max_auto_priority`": _fastest(),
    "fastest, `vrrp_priority -20`": _fastest("vrrp_priority -20"),
    "fastest, `vrrp_rt_priority 50`": _fastest("vrrp_rt_priority 50"),
}
"""What keepalived offers against busy processors."""
BUSY = "while :; do :; done"
_PATIENCE_S = 60.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print a table for each sort of trouble."""
    parser = argparse.ArgumentParser(prog="python -m tests.outage.steadiness", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="for each cell (60)")
    parser.add_argument(
        "--trouble", choices=sorted(TROUBLES), action="append", help="sorts of trouble (all)"
    )
    parser.add_argument(
        "--profile", choices=list(PROFILES), action="append", help="of these alone (all)"
    )
    parser.add_argument(
        "--hogs", type=int, default=8, help="busy loops for each processor, where it is busy (8)"
    )
    given = parser.parse_args(arguments)
    reason = unavailable()
    if reason is not None:
        sys.stderr.write(f"nothing can be measured here: {reason}\n")
        return 77
    for sort in given.trouble or TROUBLES:
        columns = TROUBLES[sort]
        head = ["profile", *columns]
        sys.stdout.write(f"\n| {' | '.join(head)} |\n|{'---|' * len(head)}\n")
        for name, vrrp in rows(sort, given.profile).items():
            hogs = given.hogs * (os.cpu_count() or 1)
            cells = [
                str(false_failovers(vrrp, given.seconds, trouble, hogs))
                for trouble in columns.values()
            ]
            sys.stdout.write(f"| {' | '.join([name, *cells])} |\n")
            sys.stdout.flush()
    return 0


def rows(sort: str, profiles: Sequence[str] | None) -> dict[str, VrrpSettings]:
    """Tell which keepalived is put to this sort of trouble, by the name of its row."""
    every = PRIORITIES if sort == "busy" else PROFILES
    return {
        name: vrrp for name, vrrp in every.items()
        if not profiles or name.partition(" ")[0].rstrip(",") in profiles
    }  # fmt: skip


def false_failovers(vrrp: VrrpSettings, seconds: float, trouble: Trouble, hogs: int) -> int:
    """Count how often the standby became MASTER in so many seconds, while the master lived."""
    with SimCloud() as cloud, Lab(LabSettings(vrrp=vrrp), cloud) as lab:
        first, second = lab.nodes
        lab.start_keepalived()
        lab.wait_for_master(first, timeout_s=_PATIENCE_S)
        before = _masters(lab, second)
        with contextlib.ExitStack() as stack:
            if trouble.lost:
                _lose(second, trouble.lost)
            if trouble.late_s:
                stack.enter_context(jitter(first, second, trouble.late_s))
            if trouble.busy:
                stack.enter_context(_busy(hogs))
            time.sleep(seconds)  # what is measured, no wait for anything
        return _masters(lab, second) - before


def _masters(lab: Lab, node: Node) -> int:
    changes = lab.witness.changes()
    return sum(one.node == node.name and one.role is Role.MASTER for one in changes)


def _lose(node: Node, lost: int) -> None:
    rules = f"""
        table inet loss {{
            chain input {{
                type filter hook input priority filter;
                ip protocol vrrp numgen random mod 100 < {lost} drop
            }}
        }}
    """
    node.namespace.run("nft", "-f", "-", given=rules)


@contextlib.contextmanager
def _busy(hogs: int) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        for _ in range(hogs):
            hog = stack.enter_context(subprocess.Popen(["sh", "-c", BUSY]))
            stack.callback(hog.kill)
        yield


if __name__ == "__main__":
    sys.exit(main())

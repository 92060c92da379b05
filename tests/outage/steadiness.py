"""`python -m tests.outage.steadiness`: does the standby take over although the master lives?

Two nodes with real keepalived, which is all that decides here. The private network loses packets,
at random, at the standby's door; or every processor has more to do than it can. What is counted:
how often the standby became MASTER. As root.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from hakeeper.core.model import Role
from hakeeper.demo.cloud import SimCloud
from hakeeper.demo.lab import Lab, LabSettings, Node, VrrpSettings
from tests.outage.stage import VRRP, unavailable

REAL_TIME = ("vrrp_rt_priority 50",)
KINDS: dict[str, VrrpSettings] = {
    "plain": VRRP["plain"],
    "fast": VRRP["fast"],
    "fastest": VRRP["fastest"],
    "fastest, real time": replace(VRRP["fastest"], more_globals=REAL_TIME),
}
LOSSES = (0, 5, 10, 20, 30)
"""Lost packets of a hundred."""
BUSY = "while :; do :; done"
_PATIENCE_S = 60.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(prog="python -m tests.outage.steadiness", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="for each cell (60)")
    parser.add_argument(
        "--hogs", type=int, default=8, help="busy loops for each processor, where it is busy (8)"
    )
    given = parser.parse_args(arguments)
    reason = unavailable()
    if reason is not None:
        sys.stderr.write(f"nothing can be measured here: {reason}\n")
        return 77
    head = ["profile", *(f"{loss} % lost" for loss in LOSSES), "processors busy"]
    sys.stdout.write(f"| {' | '.join(head)} |\n|{'---|' * len(head)}\n")
    for name, vrrp in KINDS.items():
        cells = [str(false_failovers(vrrp, given.seconds, lost=loss)) for loss in LOSSES]
        hogs = given.hogs * (os.cpu_count() or 1)
        cells.append(str(false_failovers(vrrp, given.seconds, hogs=hogs)))
        sys.stdout.write(f"| {' | '.join([name, *cells])} |\n")
        sys.stdout.flush()
    return 0


def false_failovers(vrrp: VrrpSettings, seconds: float, *, lost: int = 0, hogs: int = 0) -> int:
    """Count how often the standby became MASTER in so many seconds, while the master lived."""
    with SimCloud() as cloud, Lab(LabSettings(vrrp=vrrp), cloud) as lab:
        first, second = lab.nodes
        lab.start_keepalived()
        lab.wait_for_master(first, timeout_s=_PATIENCE_S)
        before = _masters(lab, second)
        if lost:
            _lose(second, lost)
        with _busy(hogs):
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

"""The master dies, real keepalived notices, hakeeper claims: how long, and where the time goes.

Both profiles of conf/keepalived at the same time, each with a pair of nodes and a cloud of its own,
in a process of its own; they are idle most of the time. `repeat` is the number of deaths for each.
"""

import argparse
import contextlib
import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from hakeeper.core.model import Role
from hakeeper.demo.lab.reaping import reap
from tests.bench import pair, rig
from tests.bench.packaged import lay_out
from tests.bench.table import markdown, ms, percentile, summary
from tests.support.daemon_node import at_s, fields_of

REPEAT = 100
PROFILES = "fast", "plain"
_CALM_S = 0.3
"""So long no request came, before a death."""
PHASES = {
    "detection": "death → MASTER line (keepalived)",
    "sending": "line → assign sent (hakeeper, by its own word)",
    "arrival": "line → assign received",
    "confirmation": "assign sent → holder confirmed (likewise)",
    "received": "death → assign received",
    "total": "death → `address.claimed` in its log (whole ms)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Failover:
    """One, in milliseconds."""

    detection: float
    sending: float
    arrival: float
    confirmation: float
    received: float
    total: float


def die(cluster: pair.Cluster) -> Failover:
    """Let the first node die, and see what the second does."""
    lab, front = cluster.lab, cluster.front
    second = lab.nodes[1]
    seq = rig.last_seq(front)
    seen = len(second.hakeeper.entries())
    changes = len(lab.witness.changes())
    died_s = _kill(cluster)
    lab.wait_for_master(second, timeout_s=rig.PATIENCE_S)
    claimed = pair.wait_claimed(second, seen)
    confirmed_s = at_s(claimed)
    assign = next(one for one in front.requests(client=second.name, after_seq=seq) if one.is_assign)
    fields = fields_of(claimed)
    sent_ms, confirmed_ms = (float(str(fields[name])) for name in ("sent_ms", "confirmed_ms"))
    read_s = next(
        one.at_s
        for one in lab.witness.changes()[changes:]
        if one.node == second.name and one.role is Role.MASTER
    )
    # hakeeper may have been quicker than the bench to read the same line.
    line_s = min(read_s, assign.received_s - sent_ms / 1000)
    detection, arrival = 1000 * (line_s - died_s), 1000 * (assign.received_s - line_s)
    return Failover(
        detection=detection,
        sending=sent_ms,
        arrival=arrival,
        confirmation=confirmed_ms - sent_ms,
        received=detection + arrival,
        total=1000 * (confirmed_s - died_s),
    )


def _kill(cluster: pair.Cluster) -> float:
    """SIGKILL to all processes of the first node; return the monotonic time right before it."""
    first = cluster.lab.nodes[0]
    child = first.keepalived.child_pid()
    died_s = time.monotonic()
    first.keepalived._started().signal_group(signal.SIGKILL)
    cluster.services[first.name].kill()
    first.keepalived.kill_all()
    if child is not None:
        reap(child)
    first.hakeeper.kill()
    cluster.lab.witness.gone(first.name)
    return died_s


def revive(cluster: pair.Cluster) -> None:
    """Start the first node again, and wait until all is as before."""
    first, second = cluster.lab.nodes
    seen = len(first.hakeeper.entries())
    cluster.services[first.name].start()
    first.keepalived.start()
    cluster.wait_home(seen)
    pair.quiet(cluster, _CALM_S)
    assert cluster.front.holder(cluster.floating_ip) == first.server_id
    assert pair.role_of(second) == "BACKUP"


def run(name: str, repeat: int, launcher: Path) -> list[Failover]:
    """Let the master of a pair die so often."""
    settings = pair.profile(name)
    found = []
    with rig.folder() as place, pair.cluster(place, launcher, settings) as cluster:
        cluster.start()
        for number in range(repeat):
            pair.quiet(cluster, _CALM_S)
            # A death knows nothing of adverts.
            time.sleep(random.uniform(0, settings.advert_int_s))  # noqa: S311
            found.append(die(cluster))
            rig.progress(f"failover {name} {number + 1} of {repeat}: {found[-1]}")
            revive(cluster)
    return found


# --- both at once ---------------------------------------------------------------------------------


@contextlib.contextmanager
def _started(name: str, repeat: int, launcher: Path) -> Iterator["subprocess.Popen[bytes]"]:
    argv = ["-m", "tests.bench.failover", "--profile", name, "--repeat", str(repeat)]
    command = [sys.executable, *argv, "--launcher", str(launcher)]
    with subprocess.Popen(
        ["setpriv", "--pdeathsig", "TERM", "--", *command],
        stdout=subprocess.PIPE,
        env=rig.environment(),
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def measure(repeat: int | None) -> dict[str, Any]:
    """Measure both profiles at the same time."""
    pair.require()
    count = REPEAT if repeat is None else repeat
    figures: dict[str, Any] = {"repeat": count}
    with rig.folder() as place, contextlib.ExitStack() as stack:
        launcher = lay_out(place)
        running = {name: stack.enter_context(_started(name, count, launcher)) for name in PROFILES}
        for name, process in running.items():
            said, _ = process.communicate()
            if process.returncode != 0:
                raise RuntimeError(f"failover, {name}: exit code {process.returncode}")
            figures[name] = json.loads(said)
    return figures


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure one profile, and print its figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.failover", description=__doc__)
    parser.add_argument("--profile", choices=PROFILES, required=True)
    parser.add_argument("--repeat", type=int, required=True)
    parser.add_argument("--launcher", type=Path, required=True)
    given = parser.parse_args(arguments)

    def leave(number: int, frame: FrameType | None) -> NoReturn:
        del frame
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, leave)  # so that what was made is taken away
    found = run(given.profile, given.repeat, given.launcher)
    sys.stdout.write(json.dumps([asdict(one) for one in found]))
    return 0


# --- showing it -----------------------------------------------------------------------------------


def histogram(values: Sequence[float], bars: int = 12, width: int = 40) -> str:
    """Draw how often which milliseconds came, as text; ValueError for no values."""
    least, most = min(values), max(values)
    step = (most - least) / bars or 1.0
    counts = [0] * bars
    for value in values:
        counts[min(bars - 1, int((value - least) / step))] += 1
    highest = max(counts)
    return "".join(
        f"{least + step * number:7.1f} ms  {'█' * round(width * count / highest)} {count}\n"
        for number, count in enumerate(counts)
    )


def tables(figures: dict[str, Any]) -> str:
    """Show the phases of each profile, and the distribution of what counts most."""
    parts = []
    for name in PROFILES:
        found = [Failover(**one) for one in figures[name]]
        rows = []
        for phase, words in PHASES.items():
            values = [float(getattr(one, phase)) for one in found]
            whole = summary(values)
            figures_shown = (
                *(whole["min"], whole["median"], percentile(values, 0.9)),
                *(whole["p99"], whole["max"]),
            )
            rows.append((words, *map(ms, figures_shown)))
        head = (f"{name}, {len(found)} deaths, ms", "min", "median", "p90", "p99", "max")
        picture = histogram([one.received for one in found])
        parts.append(
            f"{markdown(head, rows)}\nDeath → assign received, {name}:\n\n```\n{picture}```\n"
        )
    return "\n".join(parts)


if __name__ == "__main__":
    sys.exit(main())

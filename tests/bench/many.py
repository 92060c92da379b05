"""Many addresses on one instance: how soon are all claimed, and what does it cost in API calls?

The round-trip time is 20 ms, the quota Hetzner's 3600 calls an hour, and each run has a daemon and
a cloud of its own. Counted is from keepalived's line to the last confirmation in the journal.
"""

import collections
import contextlib
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from hakeeper.demo.cloud import LoggedRequest
from hakeeper.demo.lab.daemon import LogEntry, event_of
from hakeeper.demo.lab.waiting import LabTimeoutError
from tests.bench import rig
from tests.bench.table import markdown
from tests.support.daemon_node import at_s

RTT_MS = 20
LIMIT_PER_HOUR = 3600
REPEAT = 3
PATIENCE_S = 120.0
"""What is not confirmed by then is shown as not confirmed."""
_LOCKED = 423
_BAD = ("warning", "error", "critical")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """How many addresses, and how the cloud behaves."""

    addresses: int
    action_s: float
    lock: bool = False
    """Whether an action locks its server too, so that only one can run at a time."""


CASES = (
    *(
        Case(addresses=count, action_s=action_s)
        for count in (1, 10, 100, 500)
        for action_s in (0, 1)
    ),
    Case(addresses=10, action_s=1, lock=True),
    Case(addresses=100, action_s=0.1, lock=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One event that claims all; times in seconds after the line."""

    first_assign_s: float
    last_assign_s: float
    """Of those that were accepted: the arrival at the cloud."""
    confirmed_s: float | None
    """None: not all were, within PATIENCE_S."""
    confirmed: int
    calls: Mapping[str, int]
    """By kind, up to the last confirmation."""
    troubles: Mapping[str, int]
    """Lines of the journal that are warnings or worse, by event."""


def kind_of(request: LoggedRequest) -> str:
    """Say what a request was for."""
    if request.is_assign:
        return "locked assigns" if request.status == _LOCKED else "assigns"
    if "/actions" in request.path:
        return "action reads"
    if request.path.endswith("/floating_ips"):
        return "list reads"
    return "single reads" if request.floating_ip is not None else "others"


def _run(case: Case) -> Run:
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(rig.folder())
        cloud = stack.enter_context(
            rig.cloud(
                place / "cloud",
                action_s=case.action_s,
                lock_servers=case.lock,
                limit_per_hour=LIMIT_PER_HOUR,
            )
        )
        elsewhere = cloud.front.add_server("elsewhere")
        names = [f"ip-{number}" for number in range(case.addresses)]
        for number, name in enumerate(names):
            ip = f"198.18.{number // 250}.{number % 250 + 1}"
            cloud.front.add_floating_ip(name, ip, server=elsewhere)
        relay = stack.enter_context(rig.relay(cloud, RTT_MS))
        standby = stack.enter_context(rig.standby(place, cloud, relay, {"VI_1": names}))
        seq, mark = rig.last_seq(cloud.front), standby.node.mark()
        event_s = standby.notify.role("MASTER")

        def claimed() -> list[LogEntry]:
            entries = standby.node.daemon.entries()[mark:]
            return [one for one in entries if event_of(one) == "address.claimed"]

        with contextlib.suppress(LabTimeoutError):
            rig.until(
                lambda: len(claimed()) >= case.addresses,
                "all to be claimed",
                poll_s=0.05,
                timeout_s=PATIENCE_S,
            )
        entries = standby.node.daemon.entries()[mark:]
        return judge(case, event_s, standby.requests(seq), entries)


def judge(
    case: Case, event_s: float, requests: Iterable[LoggedRequest], entries: Iterable[LogEntry]
) -> Run:
    """Return the figures of a run."""
    seen = list(entries)
    claims_s = [at_s(entry) - event_s for entry in seen if event_of(entry) == "address.claimed"]
    whole = len(claims_s) >= case.addresses
    end_s = event_s + (max(claims_s) if whole else PATIENCE_S)
    counted = [request for request in requests if request.received_s <= end_s]
    arrivals_s = [
        request.received_s - event_s for request in counted if kind_of(request) == "assigns"
    ]
    bad = (event_of(entry) for entry in seen if entry.get("level") in _BAD)
    return Run(
        first_assign_s=min(arrivals_s),
        last_assign_s=max(arrivals_s),
        confirmed_s=max(claims_s) if whole else None,
        confirmed=len(claims_s),
        calls=dict(collections.Counter(map(kind_of, counted))),
        troubles=dict(collections.Counter(bad)),
    )


def measure(repeat: int | None) -> dict[str, Any]:
    """Run all cases in turns; return the figures."""
    runs: dict[Case, list[Run]] = {case: [] for case in CASES}
    for turn in range(repeat or REPEAT):
        for case in CASES:
            run = _run(case)
            runs[case].append(run)
            rig.progress(f"many, {turn + 1}: {case}: {run}")
    return {
        "rtt_ms": RTT_MS,
        "limit_per_hour": LIMIT_PER_HOUR,
        "cases": [{**asdict(case), "runs": [asdict(run) for run in runs[case]]} for case in CASES],
    }


HEAD = (
    *("addresses", "action s", "server-wide lock", "first assign s", "last assign s"),
    *("all confirmed s", "calls per address", "calls of the slowest run", "warnings and errors"),
)


def tables(measured: Mapping[str, Any]) -> str:
    """Return the table, and how many runs are behind a row."""
    runs = min(len(case["runs"]) for case in measured["cases"])
    table = markdown(HEAD, (_row(case, case["runs"]) for case in measured["cases"]))
    return f"{table}\nMedians of {runs} run{'' if runs == 1 else 's'} of each kind.\n"


def _row(case: Mapping[str, Any], runs: Sequence[Mapping[str, Any]]) -> list[str]:
    whole = [run["confirmed_s"] for run in runs if run["confirmed_s"] is not None]
    some = min(run["confirmed"] for run in runs)
    confirmed = (
        f"{statistics.median(whole):.2f}" if len(whole) == len(runs) else f"{some} confirmed"
    )
    slowest = max(runs, key=lambda run: float(run["confirmed_s"] or PATIENCE_S))
    troubles = sum((collections.Counter(run["troubles"]) for run in runs), collections.Counter())
    per_address = [sum(run["calls"].values()) / case["addresses"] for run in runs]
    return [
        str(case["addresses"]),
        f"{case['action_s']:g}",
        "yes" if case["lock"] else "no",
        f"{statistics.median(run['first_assign_s'] for run in runs):.3f}",
        f"{statistics.median(run['last_assign_s'] for run in runs):.3f}",
        confirmed,
        f"{statistics.median(per_address):.2f}",
        ", ".join(f"{kind} {count}" for kind, count in sorted(slowest["calls"].items())),
        ", ".join(f"{event} {count}" for event, count in sorted(troubles.items())) or "none",
    ]

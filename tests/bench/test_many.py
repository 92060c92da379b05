import dataclasses
import datetime as dt
import time

import pytest

from tests.bench.many import PATIENCE_S, Case, judge, kind_of, tables
from tests.bench.test_claim import request


def entry(event: str, at_s: float, level: str = "notice") -> dict[str, object]:
    """A log entry at a time on the monotonic clock."""
    when = dt.datetime.fromtimestamp(at_s - time.monotonic() + time.time(), dt.UTC)
    return {"event": event, "level": level, "time": when.isoformat()}


NOW = time.monotonic()
ASSIGNS = [
    dataclasses.replace(
        request(n, "POST", f"/floating_ips/{n}/actions/assign", NOW + n), status=201
    )
    for n in (1, 2)
]
LOCKED = dataclasses.replace(ASSIGNS[1], status=423, received_s=NOW + 1.5)
LIST = request(4, "GET", "/floating_ips", NOW + 3)
LATER = request(5, "GET", "/floating_ips", NOW + 9)


def test_calls_are_counted_by_kind_up_to_the_last_confirmation() -> None:
    entries = [
        entry("claim.failed", NOW + 1.6, "warning"),
        entry("address.claimed", NOW + 3.5),
        entry("address.claimed", NOW + 4),
    ]
    run = judge(Case(addresses=2, action_s=0), NOW, [*ASSIGNS, LOCKED, LIST, LATER], entries)
    assert {"assigns": 2, "locked assigns": 1, "list reads": 1} == run.calls
    assert {"claim.failed": 1} == run.troubles
    assert (1, 2) == (round(run.first_assign_s), round(run.last_assign_s))
    assert run.confirmed_s == pytest.approx(4, abs=0.01)


def test_what_is_never_confirmed_is_shown_as_that() -> None:
    case = Case(addresses=2, action_s=0, lock=True)
    run = judge(case, NOW, [*ASSIGNS, LATER], [entry("address.claimed", NOW + 3)])
    assert run.confirmed_s is None
    assert 3 == sum(run.calls.values())
    cases = [{**dataclasses.asdict(case), "runs": [dataclasses.asdict(run)]}]
    assert "| 1 confirmed |" in tables({"cases": cases})
    assert PATIENCE_S > 9


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("POST", "/floating_ips/1/actions/assign", "assigns"),
        ("GET", "/actions", "action reads"),
        ("GET", "/floating_ips", "list reads"),
        ("GET", "/floating_ips/1", "single reads"),
        ("GET", "/servers/1", "others"),
    ],
)
def test_every_request_has_a_kind(method: str, path: str, kind: str) -> None:
    assert kind == kind_of(request(1, method, path, 0.0))

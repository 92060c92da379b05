"""What the daemon counts."""

from typing import Any

import pytest

from hakeeper.adapters.counts import CLAIM_BOUNDS_S, RESULTS, Counts
from hakeeper.core.calls import (
    ActionsRead,
    CallResult,
    FailureKind,
    MutationAccepted,
    ReadActions,
    Request,
)
from hakeeper.core.decisions.claims import (
    ClaimAbandoned,
    ClaimFailed,
    Phases,
    ResourceClaimed,
    ResourceConfirmed,
    ResourceDrifted,
    ResourceHeldDown,
)
from hakeeper.core.decisions.decision import Decision
from hakeeper.core.decisions.keepalived import FifoOpened
from hakeeper.core.events import Report, StartCall
from hakeeper.core.model import VrrpId, VrrpKind
from hakeeper.core.observation import Nobody, Other
from tests.core.driver import instance
from tests.core.faults import failure
from tests.support.resources import CLOUD, LIST, assign

VI = instance("VI_1")


def claimed(took_s: float, label: str = "web") -> ResourceClaimed:
    return ResourceClaimed(VI, label, "a line", 0, Phases(line_s=7.0, confirmed_s=7.0 + took_s))


def claims_of(counts: Counts) -> dict[str, Any]:
    [claims] = counts.document()["claims"]
    return dict(claims)


@pytest.mark.parametrize(
    ("decision", "name"),
    [
        (claimed(0.1), "claimed"),
        (ResourceConfirmed(VI, "web", "a line"), "already_here"),
        (ClaimAbandoned(VI, "web", "demoted"), "abandoned"),
        (ClaimFailed(VI, "web", CLOUD, failure(FailureKind.LOCKED)), "failures"),
        (ResourceDrifted(VI, "web", Nobody(), ""), "drifts"),
        (ResourceHeldDown(VI, "web", Other(2), "web-b", 30.0), "hold_downs"),
    ],
)
def test_what_is_decided_of_an_address_is_counted_with_what_was_held_back(
    decision: Decision, name: str
) -> None:
    counts = Counts()
    counts.performed((Report(decision), Report(decision, held_back=4)))
    assert 6 == claims_of(counts)[name]


def test_each_instance_has_its_own() -> None:
    counts = Counts()
    other = ResourceConfirmed(VrrpId(VrrpKind.GROUP, "VG_1"), "db", "a line")
    counts.performed((Report(claimed(0.1)), Report(other), Report(FifoOpened("listening"))))
    found = [(one["kind"], one["name"]) for one in counts.document()["claims"]]
    assert [("INSTANCE", "VI_1"), ("GROUP", "VG_1")] == found


@pytest.mark.parametrize(
    ("took_s", "bucket"),
    [
        (0.0, 0),
        (0.04, 0),
        (0.06, 1),
        (299.0, len(CLAIM_BOUNDS_S) - 1),
        (301.0, len(CLAIM_BOUNDS_S)),
    ],
)
def test_a_claim_is_in_one_bucket(took_s: float, bucket: int) -> None:
    counts = Counts()
    counts.performed((Report(claimed(took_s)),))
    duration = claims_of(counts)["duration"]
    assert 1 == sum(duration["buckets"]) == duration["buckets"][bucket]
    assert took_s == pytest.approx(duration["sum_s"])


def ended(counts: Counts, call_id: int, outcome: Any) -> None:  # noqa: ANN401  # an answer or a failure
    counts.answered(CallResult(call_id=call_id, outcome=outcome, sent_at_s=1.0, finished_at_s=2.0))


def test_calls_are_counted_by_api_sort_and_result() -> None:
    counts = Counts()
    requests: tuple[Request, ...] = (LIST, assign(1, 1), assign(2, 1), ReadActions(CLOUD, (7,)))
    counts.performed(tuple(StartCall(each, one, 5.0) for each, one in enumerate(requests)))
    ended(counts, 0, failure(FailureKind.OUTCOME_UNKNOWN))
    ended(counts, 1, MutationAccepted(None))
    ended(counts, 2, MutationAccepted(None))
    ended(counts, 3, ActionsRead(()))
    found = {
        (one["api"], one["call"], one["result"]): one["count"] for one in counts.document()["calls"]
    }
    assert found == {
        (CLOUD, "read", "outcome_unknown"): 1,
        (CLOUD, "step", "ok"): 2,
        (CLOUD, "read", "ok"): 1,
    }
    assert {result for _, _, result in found} < set(RESULTS)


def test_a_call_is_forgotten_once_it_has_ended() -> None:
    counts = Counts()
    for call_id in range(100):
        counts.performed((StartCall(call_id, LIST, 5.0),))
        ended(counts, call_id, failure(FailureKind.TRANSIENT))
        ended(counts, call_id, failure(FailureKind.TRANSIENT))
    assert {} == counts._under_way
    assert 100 == counts.document()["calls"][0]["count"]


def test_reloads_are_counted_by_their_end() -> None:
    counts = Counts()
    for refused in (True, False, True):
        counts.reloaded(refused=refused)
    assert {"accepted": 1, "refused": 2} == counts.document()["reloads"]

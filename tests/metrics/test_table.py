"""The metrics as dashboards and alerts rely on them."""

import subprocess

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from hakeeper.adapters.counts import CLAIM_BOUNDS_S, Counts
from hakeeper.adapters.cures import TROUBLES
from hakeeper.core.events import Report
from hakeeper.core.model import Role
from hakeeper.metrics.exposition import exposition
from hakeeper.metrics.metric import Answer
from hakeeper.metrics.table import METRICS
from tests.adapters.test_counts import claimed
from tests.metrics.answers import answer

PINNED = """\
gauge hakeeper_build_info version
gauge hakeeper_start_time_seconds
gauge hakeeper_health health
gauge hakeeper_problems code health
gauge hakeeper_paused
gauge hakeeper_pause_end_time_seconds
gauge hakeeper_keepalived_up
gauge hakeeper_fifo_open
counter hakeeper_fifo_lines_total result
counter hakeeper_fifo_overflows_total
gauge hakeeper_vrrp_role vrrp vrrp_kind role
gauge hakeeper_vrrp_master_confirmed vrrp vrrp_kind
counter hakeeper_vrrp_role_changes_total vrrp vrrp_kind
gauge hakeeper_address_holder vrrp vrrp_kind address address_kind holder
gauge hakeeper_address_confirmed vrrp vrrp_kind address address_kind
gauge hakeeper_address_read_time_seconds vrrp vrrp_kind address address_kind
counter hakeeper_claims_total vrrp vrrp_kind outcome
histogram hakeeper_claim_duration_seconds vrrp vrrp_kind
counter hakeeper_claim_failures_total vrrp vrrp_kind
counter hakeeper_drifts_total vrrp vrrp_kind
counter hakeeper_hold_downs_total vrrp vrrp_kind
gauge hakeeper_api_up api
counter hakeeper_api_calls_total api call result
gauge hakeeper_api_answer_time_seconds api
gauge hakeeper_api_quota_limit api
gauge hakeeper_api_quota_remaining api
counter hakeeper_reloads_total result
counter hakeeper_journal_entries_dropped_total
"""
"""They are added to, and never changed: docs/metrics.md promises it."""
BOUNDS_PINNED = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
"""Other buckets would make the histograms of two versions incomparable."""


def samples(given: Answer | None) -> list[Sample]:
    text = exposition(given).decode()
    return [each for family in text_string_to_metric_families(text) for each in family.samples]


def values(given: Answer, name: str) -> dict[tuple[str, ...], float]:
    """The samples of a metric, by their labels in the order of the table; `le` is the last."""
    [labels] = [one.labels for one in METRICS if one.name == name.removesuffix("_bucket")]
    return {
        tuple(one.labels[each] for each in (*labels, "le") if each in one.labels): one.value
        for one in samples(given)
        if one.name == name
    }


def test_names_types_and_labels_are_those_that_were_promised() -> None:
    rows = (" ".join((one.type.value, one.name, *one.labels)) for one in METRICS)
    assert PINNED.splitlines() == [*rows]
    assert BOUNDS_PINNED == CLAIM_BOUNDS_S


def test_each_metric_is_exposed_with_its_type_its_help_and_its_labels() -> None:
    families = {
        one.name: one for one in text_string_to_metric_families(exposition(answer()).decode())
    }
    assert {"hakeeper_up", *(one.name.removesuffix("_total") for one in METRICS)} == {*families}
    for metric in METRICS:
        family = families[metric.name.removesuffix("_total")]
        assert (metric.type.value, metric.help) == (family.type, family.documentation)
        assert family.samples
        for sample in family.samples:
            assert {*metric.labels} == sample.labels.keys() - {"le"}, sample


def test_promtool_finds_no_fault_with_them() -> None:
    counts = Counts()
    counts.performed((Report(claimed(0.2)),))
    for given in (answer(counts), None):
        done = subprocess.run(
            ["promtool", "check", "metrics"],
            input=exposition(given),
            capture_output=True,
            check=False,
        )
        assert (0, b"", b"") == (done.returncode, done.stdout, done.stderr)


def test_no_label_is_one_that_prometheus_gives_itself() -> None:
    assert not {"instance", "job"} & {label for one in METRICS for label in one.labels}


def test_every_trouble_has_its_samples_and_the_present_ones_count() -> None:
    given = answer()
    found = values(given, "hakeeper_problems")
    silent = {"hakeeper.gone", "hakeeper.silent", "hakeeper.unreachable", "hakeeper.busy"}
    assert {code for code, _ in found} == TROUBLES.keys() - silent
    present = [(one["code"], one["health"]) for one in given["status"]["problems"]]
    assert present
    assert {labels for labels, value in found.items() if value} == {*present}


def test_every_role_has_its_sample_and_one_is_true() -> None:
    found = values(answer(), "hakeeper_vrrp_role")
    assert {role for *_, role in found} == {role.value for role in Role}
    assert [role for (*_, role), value in found.items() if value] == ["MASTER"]


def test_where_an_address_is_counts_only_while_that_is_current() -> None:
    given = answer()
    [address] = given["status"]["roles"][0]["addresses"]
    for holder, current, word in (
        ("us", True, "here"),
        ("102", True, "elsewhere"),
        ("nobody", True, "nowhere"),
        ("unknown", True, "unknown"),
        ("us", False, "unknown"),
    ):
        address |= {"holder": holder, "holder_current": current}
        found = values(given, "hakeeper_address_holder")
        assert [true for (*_, true), value in found.items() if value] == [word]
        assert len(found) == 4


def test_an_address_keeps_its_name_when_it_is_found_and_a_chosen_one_has_its_own() -> None:
    given = answer()
    [address] = given["status"]["roles"][0]["addresses"]
    address |= {"ref": "web", "address": "web = 203.0.113.10", "chosen": False}
    [(*_, name, kind)] = values(given, "hakeeper_address_confirmed")
    assert ("web", "floating_ip") == (name, kind)
    address |= {"ref": "role=web", "address": "203.0.113.10", "chosen": True}
    [(*_, name, kind)] = values(given, "hakeeper_address_confirmed")
    assert ("203.0.113.10", "floating_ip") == (name, kind)


def test_what_the_api_has_not_said_is_zero() -> None:
    given = answer()
    for api in given["status"]["apis"]:
        api |= {"quota_limit_per_hour": None, "quota_left": None, "answered_at": None}
    for name in ("quota_limit", "quota_remaining", "answer_time_seconds"):
        assert [0.0] == [*values(given, f"hakeeper_api_{name}").values()]


def test_buckets_hold_all_that_took_less() -> None:
    counts = Counts()
    counts.performed(tuple(Report(claimed(took_s)) for took_s in (0.02, 0.2, 0.2, 400.0)))
    found = values(answer(counts), "hakeeper_claim_duration_seconds_bucket")
    bounds = ("0.05", "0.1", "0.25", "300.0", "+Inf")
    assert [1.0, 1.0, 3.0, 3.0, 4.0] == [found["VI_1", "instance", each] for each in bounds]


def test_an_answer_of_another_version_without_some_counts_is_good() -> None:
    given = answer()
    del given["counts"]["fifo"]["rejected"]
    found = values(given, "hakeeper_fifo_lines_total")
    assert {("accepted",): 0.0, ("rejected",): 0.0} == found

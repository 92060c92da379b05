"""Every metric: names, types and labels are stable. They are added, never changed.

What is configured has its samples from the start, at zero: a counter that appears with its first
event hides that event from `rate` and `increase`. No label is called `instance` or `job`:
Prometheus gives those two to whatever it scrapes.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final, TypeAlias

from hakeeper.adapters.counts import (
    CALLS,
    CLAIM_BOUNDS_S,
    DRIFTS,
    FAILURES,
    HOLD_DOWNS,
    LINES,
    OUTCOMES,
    RELOADS,
    RESULTS,
)
from hakeeper.adapters.cures import TROUBLES
from hakeeper.core.model import FifoState, Role
from hakeeper.diagnosis.problems import Health
from hakeeper.diagnosis.snapshot import API_OK
from hakeeper.metrics.metric import Answer, Labels, Metric, Sample, Type, metric

UP: Final = "hakeeper_up"
UP_HELP: Final = "1 if the daemon answered; 0: it did not, and every other metric is absent"

Found: TypeAlias = Iterator[Sample]
Document: TypeAlias = Mapping[str, Any]

_VRRP: Final = ("vrrp", "vrrp_kind")
_ADDRESS: Final = (*_VRRP, "address", "address_kind")
_HERE, _ELSEWHERE, _NOWHERE, _UNKNOWN = "here", "elsewhere", "nowhere", "unknown"
_HOLDERS: Final = {"us": _HERE, "nobody": _NOWHERE, "unknown": _UNKNOWN}
"""By the words of the status; anything else is the id of another server."""
_ASKERS_OWN: Final = {"hakeeper.gone", "hakeeper.silent", "hakeeper.unreachable", "hakeeper.busy"}
"""Codes of `hakeeper status` alone: a daemon that answers has neither."""

gauge = partial(metric, Type.GAUGE)
counter = partial(metric, Type.COUNTER)
histogram = partial(metric, Type.HISTOGRAM)

# --- the daemon -------------------------------------------------------------------------------


@gauge("hakeeper_build_info", "version")
def build(answer: Answer) -> Found:
    """Always 1; the version of the running daemon."""
    yield Sample((answer["status"]["version"],), 1.0)


@gauge("hakeeper_start_time_seconds")
def started(answer: Answer) -> Found:
    """When the daemon started, in seconds since 1970."""
    yield Sample((), _time_s(answer["status"]["started"]))


@gauge("hakeeper_health", "health")
def health(answer: Answer) -> Found:
    """1 for the verdict of `hakeeper status` (ok, degraded, broken), 0 for the others."""
    return _one_of((one.name.lower() for one in Health), answer["status"]["health"])


@gauge("hakeeper_problems", "code", "health")
def problems(answer: Answer) -> Found:
    """Problems that `hakeeper status` lists now, by code and by how bad they are."""
    found = [(one["code"], one["health"]) for one in answer["status"]["problems"]]
    for code in sorted(TROUBLES.keys() - _ASKERS_OWN | {code for code, _ in found}):
        for bad in (Health.DEGRADED, Health.BROKEN):
            labels = code, bad.name.lower()
            yield Sample(labels, found.count(labels))


@gauge("hakeeper_paused")
def paused(answer: Answer) -> Found:
    """1 while `hakeeper pause` is in force."""
    yield Sample((), float(answer["status"]["pause"] is not None))


@gauge("hakeeper_pause_end_time_seconds")
def pause_end(answer: Answer) -> Found:
    """When the pause ends, in seconds since 1970; 0 without one."""
    pause = answer["status"]["pause"]
    yield Sample((), _time_s(None if pause is None else pause["until"]))


@counter("hakeeper_reloads_total", "result")
def reloads(answer: Answer) -> Found:
    """Reloads of the configuration: accepted or refused."""
    return _counted(answer["counts"]["reloads"], RELOADS)


@counter("hakeeper_journal_entries_dropped_total")
def journal_dropped(answer: Answer) -> Found:
    """Journal entries that could not be written in time."""
    yield Sample((), answer["counts"]["journal_dropped"])


# --- keepalived -------------------------------------------------------------------------------


@gauge("hakeeper_keepalived_up")
def keepalived_up(answer: Answer) -> Found:
    """1 if a keepalived process is seen."""
    yield Sample((), float(answer["status"]["keepalived_pid"] is not None))


@gauge("hakeeper_fifo_open")
def fifo_open(answer: Answer) -> Found:
    """1 if hakeeper reads the notify FIFO."""
    yield Sample((), float(answer["status"]["fifo"] == FifoState.OPEN.value))


@counter("hakeeper_fifo_lines_total", "result")
def fifo_lines(answer: Answer) -> Found:
    """Lines read from the notify FIFO: accepted, or rejected as not understood."""
    return _counted(answer["counts"]["fifo"], LINES)


@counter("hakeeper_fifo_overflows_total")
def fifo_overflows(answer: Answer) -> Found:
    """How often the FIFO was found full, so that lines were lost."""
    yield Sample((), answer["counts"]["fifo"]["overflows"])


@gauge("hakeeper_vrrp_role", *_VRRP, "role")
def roles(answer: Answer) -> Found:
    """1 for the role that keepalived last said of the instance or group, 0 for the others."""
    for labels, role in _roles(answer):
        yield from _one_of((one.value for one in Role), role["role"], labels)


@gauge("hakeeper_vrrp_master_confirmed", *_VRRP)
def master_confirmed(answer: Answer) -> Found:
    """1 if the role is MASTER and counts: keepalived is not isolated."""
    return (Sample(labels, float(role["role_confirmed"])) for labels, role in _roles(answer))


@counter("hakeeper_vrrp_role_changes_total", *_VRRP)
def role_changes(answer: Answer) -> Found:
    """Changes of the role, and how often a master became isolated."""
    return (Sample(labels, role["generation"]) for labels, role in _roles(answer))


# --- addresses and claims ---------------------------------------------------------------------


@gauge("hakeeper_address_holder", *_ADDRESS, "holder")
def holders(answer: Answer) -> Found:
    """1 for where the address is: here, elsewhere, nowhere; or unknown, without a current reading.

    0 for the others.
    """
    for labels, address in _addresses(answer):
        seen = _HOLDERS.get(address["holder"], _ELSEWHERE)
        true = seen if address["holder_current"] else _UNKNOWN
        yield from _one_of((_HERE, _ELSEWHERE, _NOWHERE, _UNKNOWN), true, labels)


@gauge("hakeeper_address_confirmed", *_ADDRESS)
def confirmed(answer: Answer) -> Found:
    """1 if this server is MASTER, and a reading since it became so shows the address here."""
    return (Sample(labels, float(one["confirmed"])) for labels, one in _addresses(answer))


@gauge("hakeeper_address_read_time_seconds", *_ADDRESS)
def read_times(answer: Answer) -> Found:
    """When the holder of the address was last read, in seconds since 1970; 0: never."""
    return (Sample(labels, _time_s(one["holder_read_at"])) for labels, one in _addresses(answer))


@counter("hakeeper_claims_total", *_VRRP, "outcome")
def claims(answer: Answer) -> Found:
    """Claims that ended.

    claimed: moved here; already_here: nothing had to be moved; abandoned: MASTER ended first.
    """
    for labels, counts in _claims(answer):
        yield from _counted(counts, OUTCOMES, labels)


@histogram("hakeeper_claim_duration_seconds", *_VRRP)
def claim_durations(answer: Answer) -> Found:
    """How long claims took that moved an address.

    From the cause, such as keepalived's line, to the reading that shows the address here.
    """
    none = {"buckets": [0] * (len(CLAIM_BOUNDS_S) + 1), "sum_s": 0.0}
    for labels, counts in _claims(answer):
        duration = counts.get("duration", none)
        yield Sample(labels, duration["sum_s"], tuple(duration["buckets"]))


@counter("hakeeper_claim_failures_total", *_VRRP)
def claim_failures(answer: Answer) -> Found:
    """Failed requests of claims, each error code once a claim; claims go on after them."""
    return (Sample(labels, counts.get(FAILURES, 0)) for labels, counts in _claims(answer))


@counter("hakeeper_drifts_total", *_VRRP)
def drifts(answer: Answer) -> Found:
    """How often an address was taken from this server while it was MASTER."""
    return (Sample(labels, counts.get(DRIFTS, 0)) for labels, counts in _claims(answer))


@counter("hakeeper_hold_downs_total", *_VRRP)
def hold_downs(answer: Answer) -> Found:
    """How often an address was left to another server that kept taking it."""
    return (Sample(labels, counts.get(HOLD_DOWNS, 0)) for labels, counts in _claims(answer))


# --- APIs -------------------------------------------------------------------------------------


@gauge("hakeeper_api_up", "api")
def api_up(answer: Answer) -> Found:
    """1 if the last answer of the API was usable; 0 while it fails, or was not asked yet."""
    return (Sample(labels, float(api["state"] == API_OK)) for labels, api in _apis(answer))


@counter("hakeeper_api_calls_total", "api", "call", "result")
def api_calls(answer: Answer) -> Found:
    """Calls of the API that ended: reads, and steps, which move an address.

    A list of several pages is one call. A cancelled call was never sent.
    """
    ended = answer["counts"]["calls"]
    found = {(one["api"], one["call"], one["result"]): one["count"] for one in ended}
    for (api,), _ in _apis(answer):
        for call in CALLS:
            for result in RESULTS:
                labels = api, call, result
                yield Sample(labels, found.get(labels, 0))


@gauge("hakeeper_api_answer_time_seconds", "api")
def answer_times(answer: Answer) -> Found:
    """When the last usable answer of the API came, in seconds since 1970; 0: never."""
    return (Sample(labels, _time_s(api["answered_at"])) for labels, api in _apis(answer))


@gauge("hakeeper_api_quota_limit", "api")
def quota_limits(answer: Answer) -> Found:
    """Calls an hour that the API grants the project; 0 if it has not said."""
    return (Sample(labels, api["quota_limit_per_hour"] or 0) for labels, api in _apis(answer))


@gauge("hakeeper_api_quota_remaining", "api")
def quota_left(answer: Answer) -> Found:
    """Calls that are left of it; 0 as well if the API has not said."""
    return (Sample(labels, api["quota_left"] or 0) for labels, api in _apis(answer))


METRICS: Final[tuple[Metric, ...]] = (
    build,
    started,
    health,
    problems,
    paused,
    pause_end,
    keepalived_up,
    fifo_open,
    fifo_lines,
    fifo_overflows,
    roles,
    master_confirmed,
    role_changes,
    holders,
    confirmed,
    read_times,
    claims,
    claim_durations,
    claim_failures,
    drifts,
    hold_downs,
    api_up,
    api_calls,
    answer_times,
    quota_limits,
    quota_left,
    reloads,
    journal_dropped,
)


def as_markdown() -> str:
    """Return the table for docs/metrics.md."""
    lines = ["| metric | type | labels | meaning |", "|---|---|---|---|"]
    lines.append(f"| `{UP}` | gauge | | {UP_HELP} |")
    for one in METRICS:
        labels = " ".join(f"`{label}`" for label in one.labels)
        lines.append(f"| `{one.name}` | {one.type.value} | {labels} | {one.help} |")
    return "\n".join(lines) + "\n"


# --- what they are made of --------------------------------------------------------------------


def _roles(answer: Answer) -> Iterator[tuple[Labels, Document]]:
    for role in answer["status"]["roles"]:
        yield (role["name"], role["kind"].lower()), role


def _addresses(answer: Answer) -> Iterator[tuple[Labels, Document]]:
    """Return them as configured, so that they keep their names; a selector chooses several."""
    for labels, role in _roles(answer):
        for one in role["addresses"]:
            name = one["address"] if one["chosen"] else one["ref"]
            yield (*labels, name, one["resource_kind"]), one


def _claims(answer: Answer) -> Iterator[tuple[Labels, Document]]:
    found = {(one["name"], one["kind"]): one for one in answer["counts"]["claims"]}
    for labels, role in _roles(answer):
        yield labels, found.get((role["name"], role["kind"]), {})


def _apis(answer: Answer) -> Iterator[tuple[tuple[str], Document]]:
    for api in answer["status"]["apis"]:
        yield (api["name"],), api


def _one_of(words: Iterable[str], true: str, labels: Labels = ()) -> Found:
    """Return a sample for each word: 1 for the one that is true, 0 for the others."""
    return (Sample((*labels, word), float(word == true)) for word in words)


def _counted(counts: Document, words: Iterable[str], labels: Labels = ()) -> Found:
    return (Sample((*labels, word), counts.get(word, 0)) for word in words)


def _time_s(instant: str | None) -> float:
    """Return a time of the status in seconds since 1970; 0 for never."""
    return 0.0 if instant is None else datetime.fromisoformat(instant).timestamp()

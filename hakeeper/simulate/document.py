"""The answer as JSON."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict

from hakeeper.kinds.apis import CLOUD
from hakeeper.simulate.answer import Absence, Answer, Spending
from hakeeper.simulate.options import ASSIGN_S, LATENCY_S, Options


def document(answer: Answer, config: str | None) -> dict[str, object]:
    """Return what `--json` prints: the same for the same options."""
    options, measured = answer.options, answer.measured
    injected = dict(sorted(measured.injected.items()))
    return {
        "config": config,
        "fleet": _fleet(options),
        "assumed": {
            "latency_s": LATENCY_S,
            "assign_s": ASSIGN_S,
            "apis": {
                name: {"latency_s": nature.latency_s, "step_s": nature.action_s}
                for name, nature in options.natures().items()
            },
        },
        "hours": options.hours,
        "seed": options.seed,
        "faults": {
            "wanted": options.faults.text,
            "injected": injected,
        },
        **_absence(answer.whole),
        "kinds": {
            kind.name: {
                "addresses": options.clusters * options.resources_each(kind),
                **_absence(absence),
            }
            for kind, absence in answer.of_kind
        },
        "moves": measured.moves,
        "calls": dict(_spending(answer.spending[0])),
        "apis": [
            {"api": each.api.name, "requests": each.sort} | dict(_spending(each))
            for each in answer.spending
        ],
        "end_checked": answer.end_checked,
        "violations": list(answer.violations),
    }


def _fleet(options: Options) -> Mapping[str, object]:
    return {
        "nodes": options.nodes,
        "clusters": options.clusters,
        "names": [
            {
                "addresses": part.addresses,
                "kinds": {kind: part.kinds.count(kind) for kind in dict.fromkeys(part.kinds)},
                "group": part.group,
                "guarded": part.guarded,
            }
            for part in options.parts
        ],
        "addresses": options.clusters * sum(part.addresses for part in options.parts),
        "simulated_as_floating_ips": {},  # none is any more; scripts may ask
        "interval_s": options.interval_s,
        "standby_interval_s": options.standby_interval_s,
        "timeout_s": options.timeouts_s[CLOUD.name],
        "timeouts_s": {api.name: options.timeouts_s[api.name] for api in options.apis},
        "dbus": options.dbus,
    }


def _absence(absence: Absence) -> Mapping[str, object]:
    return {
        "failovers_ms": asdict(absence.claims_ms),
        "repairs_ms": asdict(absence.repairs_ms),
        "contested_s": asdict(absence.contested_s),
        "away_ms": asdict(absence.away_ms),
        "split_brain": None if absence.split is None else asdict(absence.split),
    }


def _spending(spending: Spending) -> Iterator[tuple[str, object]]:
    counted, limit = spending.budget, spending.limit_per_hour
    yield "quota_per_hour", limit
    if counted is not None:
        yield "fits", counted.fits
        yield "idle_per_hour", round(counted.per_hour, 3)
        yield "idle_measured", spending.idle_measured
        yield "idle_left", round(limit - counted.per_hour, 3)
    yield "busiest_hour", spending.busiest_hour
    yield "busiest_left", spending.left
    yield "refused", spending.refused
    if counted is not None:
        yield "arithmetic", counted.arithmetic
        yield "fits_up_to_nodes", counted.fits_up_to_nodes
        yield "advice", counted.advice
        yield "interval_s", round(counted.interval_s, 3)
        yield "standby_interval_s", round(counted.standby_interval_s, 3)
    yield "per_minute", list(spending.per_minute)

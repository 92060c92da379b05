"""The answer in words and figures, and as JSON."""

from collections.abc import Iterator
from dataclasses import asdict

from hakeeper.kinds import KINDS
from hakeeper.simulate.budget import arithmetic
from hakeeper.simulate.options import ASSIGN_S, LATENCY_S, QUOTA_PER_HOUR, Options
from hakeeper.simulate.picture import calls_over_time, histogram, legend
from hakeeper.simulate.simulation import Answer, Spread


def document(answer: Answer, config: str | None) -> dict[str, object]:
    """Return what `--json` prints: the same for the same options."""
    options, counted, measured = answer.options, answer.budget, answer.measured
    injected = dict(sorted(measured.injected.items()))
    return {
        "config": config,
        "fleet": {
            "nodes": options.nodes,
            "clusters": options.clusters,
            "names": [
                {"addresses": part.addresses, "group": part.group, "guarded": part.guarded}
                for part in options.parts
            ],
            "addresses": options.clusters * sum(part.addresses for part in options.parts),
            "simulated_as_floating_ips": dict(sorted(options.stand_ins.items())),
            "interval_s": options.interval_s,
            "standby_interval_s": options.standby_interval_s,
            "timeout_s": options.timeout_s,
            "dbus": options.dbus,
        },
        "assumed": {"latency_s": LATENCY_S, "assign_s": ASSIGN_S},
        "hours": options.hours,
        "seed": options.seed,
        "faults": {
            "wanted": options.faults.text,
            "injected": injected,
        },
        "failovers_ms": asdict(answer.claims_ms),
        "repairs_ms": asdict(answer.repairs_ms),
        "contested_s": asdict(answer.contested_s),
        "away_ms": asdict(answer.away_ms),
        "moves": measured.moves,
        "split_brain": None if answer.split is None else asdict(answer.split),
        "calls": {
            "quota_per_hour": QUOTA_PER_HOUR,
            "fits": counted.fits,
            "idle_per_hour": round(counted.per_hour, 3),
            "idle_measured": answer.idle_measured,
            "idle_left": round(QUOTA_PER_HOUR - counted.per_hour, 3),
            "busiest_hour": answer.busiest_hour,
            "busiest_left": QUOTA_PER_HOUR - answer.busiest_hour,
            "refused": answer.refused,
            "arithmetic": arithmetic(options, counted),
            "fits_up_to_nodes": counted.fits_up_to_nodes,
            "advice": counted.advice,
            "per_minute": list(answer.per_minute),
        },
        "end_checked": answer.end_checked,
        "violations": list(answer.violations),
    }


def lines(answer: Answer, config: str | None, width: int) -> Iterator[str]:
    """Yield the report for people, the pictures at most `width` wide."""
    yield from _scene(answer.options, config)
    yield ""
    yield from _table(answer)
    yield ""
    yield from _calls(answer)
    yield ""
    yield "API calls per hour"
    yield from calls_over_time(answer.per_minute, QUOTA_PER_HOUR, width)
    if answer.claims_ms.times or answer.repairs_ms.times:
        yield ""
        yield "how long it took"
        yield from histogram(answer.measured.claims_ms, answer.measured.repairs_ms, width)
        yield from legend()
    yield ""
    yield from _verdict(answer)


def _scene(options: Options, config: str | None) -> Iterator[str]:
    source = "an example, since no configuration is here" if config is None else config
    each = sum(part.addresses for part in options.parts)
    groups = sum(part.group for part in options.parts)
    guarded = sum(part.guarded for part in options.parts)
    yield f"configuration  {source}"
    yield (
        f"each cluster   {_count(options.nodes_each, 'node')},"
        f" {_count(len(options.parts) - groups, 'instance')}, {_count(groups, 'group')},"
        f" {_count(each, 'floating IP')}; vrrp_address: {guarded} of {len(options.parts)};"
        f" D-Bus: {'yes' if options.dbus else 'no'}"
    )
    yield from _stand_ins(options)
    yield (
        f"reading        every {options.interval_s:g} s on a master,"
        f" {options.standby_interval_s:g} s on a standby; timeout {options.timeout_s:g} s"
    )
    yield (
        f"the project    {_count(options.clusters, 'cluster')}, {_count(options.nodes, 'node')},"
        f" {_count(options.clusters * each, 'floating IP')}"
    )
    yield (
        f"simulated      {options.hours:g} h, faults: {options.faults.text}, seed {options.seed}"
    )
    yield (
        f"assumed        an API call takes {LATENCY_S:g} s, an assign {ASSIGN_S:g} s more"
        " (Hetzner publishes neither)"
    )


def _stand_ins(options: Options) -> Iterator[str]:
    """Say what is not simulated as what it is."""
    counts = options.stand_ins
    if counts:
        which = " and ".join(_count(number, KINDS[kind].noun) for kind, number in counts.items())
        one = sum(counts.values()) == 1
        yield (
            f"BUT            {which} of each cluster"
            f" {'is' if one else 'are'} simulated as {'a floating IP' if one else 'floating IPs'}:"
        )
        yield "               in real life, times, calls and quotas are other ones"


def _table(answer: Answer) -> Iterator[str]:
    yield f"{'':<34}{'times':>8}{'median':>10}{'p99':>10}{'worst':>10}"
    yield _row("failover: MASTER line to holder", answer.claims_ms, 1000.0)
    yield _row("foreign move, or after trouble", answer.repairs_ms, 1000.0)
    yield _row("contested, left with its holder", answer.contested_s, 1.0)
    yield _row("away from the only master, in all", answer.away_ms, 1000.0)
    yield (
        f"faults {answer.measured.injected.total():,}; moves {answer.measured.moves:,};"
        f" assigns {answer.measured.assigns:,}"
    )
    split = answer.split
    if split is not None:
        bound = (
            "no bound" if split.promised_at_first is None else f"bound: {split.promised_at_first}"
        )
        yield (
            f"permanent split brain, {_count(split.addresses, 'floating IP')}: at most"
            f" {split.first_worst} moves in the first ten minutes ({bound}),"
        )
        yield (f"  then {split.per_hour_mean:.1f} an hour each, {split.per_hour_worst:.1f} at most")


def _row(name: str, spread: Spread, per_s: float) -> str:
    if not spread.times:
        return f"{name:<34}{0:>8}{'-':>10}{'-':>10}{'-':>10}"
    figures = "".join(
        f"{_seconds(value / per_s):>10}" for value in (spread.median, spread.p99, spread.worst)
    )
    return f"{name:<34}{spread.times:>8,}{figures}"


def _seconds(value: float) -> str:
    return f"{value:.3f} s" if value < 100.0 else f"{value:.0f} s"  # noqa: PLR2004


def _calls(answer: Answer) -> Iterator[str]:
    counted, options = answer.budget, answer.options
    yield f"API calls per hour of the project, of {QUOTA_PER_HOUR:,}:"
    measured = "" if answer.idle_measured is None else f"; measured {answer.idle_measured:,}"
    left = "" if not counted.fits else f"; leaves {QUOTA_PER_HOUR - counted.per_hour:,.0f}"
    terms = arithmetic(options, counted)
    yield f"  idle      {counted.per_hour:>10,.0f}  ({terms}{measured}{left})"
    busiest = "busiest" if options.hours >= 1.0 else "all"
    yield f"  {busiest:<10}{answer.busiest_hour:>10,}  {_left(answer.busiest_hour)}"
    if not counted.fits:
        yield (
            f"THE QUOTA IS NOT ENOUGH: idle reading alone asks for {counted.per_hour:,.0f} calls an"
            f" hour, Hetzner grants {QUOTA_PER_HOUR:,};"
        )
        yield f"  {counted.advice}. As it is, a master reads no more often than a standby when"
        yield f"  a tenth is left, and {answer.refused:,} calls were refused (429)."
    yield _fleets(answer)


def _left(calls: int) -> str:
    left = QUOTA_PER_HOUR - calls
    return f"(leaves {left:,})" if left >= 0 else f"({-left:,} more than an hour grants)"


def _fleets(answer: Answer) -> str:
    options, most = answer.options, answer.budget.fits_up_to_nodes
    kind = f"clusters of {options.nodes_each}"
    if not most:
        return f"  not even one of these {kind} fits into a project"
    return f"  {kind} like these fit up to {most:,} nodes in a project"


def _verdict(answer: Answer) -> Iterator[str]:
    evaluated = answer.measured.evaluated.total()
    if not answer.violations:
        yield f"no rule was broken ({evaluated:,} checks)"
        if not answer.end_checked:
            yield "BUT LITTLE OF THE QUOTA WAS LEFT at the end, so the end state was not checked"
        return
    yield f"BROKEN RULES: {len(answer.violations)}; this is a bug in hakeeper, please report it"
    for violation in answer.violations:
        yield f"  {violation}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"

"""The answer in words and figures."""

import textwrap
from collections.abc import Iterable, Iterator
from typing import Final

from hakeeper.core.kind import Kind
from hakeeper.kinds import ALIAS_IPS, FLOATING_IPS
from hakeeper.kinds.apis import CLOUD, ROBOT
from hakeeper.simulate.answer import Absence, Answer, Spending, Spread
from hakeeper.simulate.budget import Budget, shared_by
from hakeeper.simulate.options import Options
from hakeeper.simulate.picture import calls_over_time, histogram, legend

_INDENT: Final = 15
"""Where the texts of the scene begin."""


def lines(answer: Answer, config: str | None, width: int) -> Iterator[str]:
    """Yield the report for people, lines and pictures at most `width` wide."""
    yield from _fitted(_scene(answer, config), width, _INDENT)
    yield ""
    yield from _fitted(_table(answer), width, 2)
    for spending in answer.spending:
        yield ""
        yield from _fitted(_spent(answer, spending), width, 4)
    for spending in answer.spending:
        yield ""
        yield f"{_title(answer, spending)} per hour"
        yield from calls_over_time(spending.per_minute, spending.limit_per_hour, width)
    if answer.whole.claims_ms.times or answer.whole.repairs_ms.times:
        measured, slow = answer.measured, ROBOT in answer.options.apis
        yield ""
        yield "how long it took"
        yield from histogram(measured.claims_ms, measured.repairs_ms, width, slow=slow)
        yield from legend()
    yield ""
    yield from _verdict(answer)


def _fitted(texts: Iterable[str], width: int, indent: int) -> Iterator[str]:
    """Break what is too long, and go on below, indented."""
    for text in texts:
        yield from textwrap.wrap(
            text, width, subsequent_indent=" " * indent, break_long_words=False
        ) or [text]


def _scene(answer: Answer, config: str | None) -> Iterator[str]:
    options = answer.options
    source = "an example, since no configuration is here" if config is None else config
    groups = sum(part.group for part in options.parts)
    guarded = sum(part.guarded for part in options.parts)
    yield f"configuration  {source}"
    yield (
        f"each cluster   {_count(options.nodes_each, 'node')},"
        f" {_count(len(options.parts) - groups, 'instance')}, {_count(groups, 'group')},"
        f" {_resources(options, 1)}; vrrp_address: {guarded} of {len(options.parts)};"
        f" D-Bus: {'yes' if options.dbus else 'no'}"
    )
    budgets = [each.budget for each in answer.spending if each.budget is not None]
    yield from _under("reading", (_reading(options, each) for each in budgets))
    yield (
        f"the project    {_count(options.clusters, 'cluster')}, {_count(options.nodes, 'node')},"
        f" {_resources(options, options.clusters)}"
    )
    yield (
        f"simulated      {options.hours:g} h, faults: {options.faults.text}, seed {options.seed}"
    )
    yield from _under("assumed", _assumed(options))


def _under(title: str, texts: Iterator[str]) -> Iterator[str]:
    """Yield these below each other, the first one with a title."""
    for text in texts:
        yield f"{title:<{_INDENT}}{text}"
        title = ""


def _resources(options: Options, clusters: int) -> str:
    return ", ".join(
        _count(clusters * options.resources_each(kind), kind.noun) for kind in options.kinds
    )


def _reading(options: Options, counted: Budget) -> str:
    """Say how often an API is read."""
    of = "" if options.apis == (CLOUD,) else f"{counted.api.title}: "
    return (
        f"{of}every {counted.interval_s:g} s on a master,"
        f" {counted.standby_interval_s:g} s on a standby;"
        f" timeout {options.timeouts_s[counted.api.name]:g} s"
    )


def _assumed(options: Options) -> Iterator[str]:
    """Say what is taken for granted of the APIs."""
    for name, nature in options.natures().items():
        latency = f"{nature.latency_s:g} s"
        if name == ROBOT.name:
            switch = f"a switch {nature.action_s:g} s (Hetzner says 40 to 60 s)"
            yield f"a call to Robot takes {latency}, {switch}"
            continue
        alone = options.kinds == (FLOATING_IPS,)
        step = "an assign" if alone else "an action"
        yield (
            f"an API call takes {latency}, {step} {nature.action_s:g} s more"
            " (Hetzner publishes neither)"
        )
    if ALIAS_IPS in options.kinds:
        yield "an alias IP takes two actions; all are in one network"


def _table(answer: Answer) -> Iterator[str]:
    yield f"{'':<34}{'times':>8}{'median':>10}{'p99':>10}{'worst':>10}"
    for kind, absence in answer.of_kind:
        if len(answer.of_kind) > 1:
            yield f"{kind.noun}s"
        yield _row("failover: MASTER line to holder", absence.claims_ms, 1000.0)
        yield _row("foreign move, or after trouble", absence.repairs_ms, 1000.0)
        yield _row("contested, left with its holder", absence.contested_s, 1.0)
        yield _row("away from the only master, in all", absence.away_ms, 1000.0)
    steps = "assigns" if answer.options.kinds == (FLOATING_IPS,) else "requests for them"
    yield (
        f"faults {answer.measured.injected.total():,}; moves {answer.measured.moves:,};"
        f" {steps} {answer.measured.assigns:,}"
    )
    for kind, absence in answer.of_kind:
        yield from _split(kind, absence)


def _split(kind: Kind, absence: Absence) -> Iterator[str]:
    split = absence.split
    if split is None:
        return
    bound = "no bound" if split.promised_at_first is None else f"bound: {split.promised_at_first}"
    yield (
        f"permanent split brain, {_count(split.addresses, kind.noun)}: at most"
        f" {split.first_worst} moves in the first ten minutes ({bound}),"
        f" then {split.per_hour_mean:.1f} an hour each, {split.per_hour_worst:.1f} at most"
    )


def _row(name: str, spread: Spread, per_s: float) -> str:
    if not spread.times:
        return f"{name:<34}{0:>8}{'-':>10}{'-':>10}{'-':>10}"
    figures = "".join(
        f"{_seconds(value / per_s):>10}" for value in (spread.median, spread.p99, spread.worst)
    )
    return f"{name:<34}{spread.times:>8,}{figures}"


def _seconds(value: float) -> str:
    return f"{value:.3f} s" if value < 100.0 else f"{value:.0f} s"  # noqa: PLR2004


def _title(answer: Answer, spending: Spending) -> str:
    """Return what the requests are called: those of the Cloud, if it is alone, simply calls."""
    if answer.options.apis == (CLOUD,):
        return "API calls"
    return f"{spending.api.title}: {spending.sort}"


def _spent(answer: Answer, spending: Spending) -> Iterator[str]:
    counted, options, limit = spending.budget, answer.options, spending.limit_per_hour
    shared = shared_by(spending.api)
    yield f"{_title(answer, spending)} per hour of the {shared}, of {limit:,}:"
    if counted is not None:
        idle = spending.idle_measured
        measured = "" if idle is None else f"; measured {idle:,}"
        left = "" if not counted.fits else f"; leaves {limit - counted.per_hour:,.0f}"
        terms = counted.arithmetic
        yield f"  idle      {counted.per_hour:>10,.0f}  ({terms}{measured}{left})"
    busiest = "busiest" if options.hours >= 1.0 else "all"
    yield f"  {busiest:<10}{spending.busiest_hour:>10,}  {_left(spending.left)}"
    if counted is None:
        if spending.refused:
            yield f"  {spending.refused:,} of all were refused, since too many came before them"
        return
    if not counted.fits:
        yield from _too_many(spending, counted)
    yield _fleets(options, counted)


def _left(left: int) -> str:
    return f"(leaves {left:,})" if left >= 0 else f"({-left:,} more than an hour grants)"


def _too_many(spending: Spending, counted: Budget) -> Iterator[str]:
    tells_quota = spending.api is CLOUD
    yield (
        f"THE QUOTA IS NOT ENOUGH: idle reading alone asks for {counted.per_hour:,.0f}"
        f" {spending.sort} an hour, {'Hetzner' if tells_quota else spending.api.title} grants"
        f" {spending.limit_per_hour:,};"
    )
    if tells_quota:
        yield f"  {counted.advice}. As it is, a master reads no more often than a standby when"
        yield f"  a tenth is left, and {spending.refused:,} calls were refused (429)."
    else:
        yield f"  {counted.advice}. As it is, {spending.refused:,} {spending.sort} were refused."


def _fleets(options: Options, counted: Budget) -> str:
    most, shared = counted.fits_up_to_nodes, shared_by(counted.api)
    kind = f"clusters of {options.nodes_each}"
    within = "into a project" if shared == "project" else f"with one {shared}"
    if not most:
        return f"  not even one of these {kind} fits {within}"
    within = "in a project" if shared == "project" else within
    return f"  {kind} like these fit up to {most:,} nodes {within}"


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

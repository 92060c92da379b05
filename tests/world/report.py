"""What many worlds came to, in words and figures."""

from collections.abc import Iterator

from hakeeper.simulate.measured import percentile
from tests.world.many import Total, hours_of
from tests.world.rules import ALL_RULES
from tests.world.tally import Tally

PERCENTILES = (0.5, 0.9, 0.99, 1.0)


def summary(total: Total) -> str:
    """Return the totals in one line."""
    tally = total.tally
    return (
        f"{tally.worlds} worlds, {hours_of(tally):.1f} simulated hours, "
        f"{tally.injected.total()} faults, {tally.events} events, {tally.calls} calls, "
        f"{tally.assigns} assigns, {tally.moves} moves, {tally.runs} runs of hakeeper: "
        f"{len(total.failed)} violations, digest {total.digest:016x}, {total.took_s:.0f} s"
    )


def times(tally: Tally) -> Iterator[str]:
    """Yield how long the addresses were with the wrong node, though nothing stood in the way."""
    for name, counts, unit in (
        ("MASTER line to holder", tally.claims_ms, "ms"),
        ("end of trouble or foreign move to holder", tally.repairs_ms, "ms"),
        ("contested, waited for a word", tally.hold_downs_s, "s"),
    ):
        values = ", ".join(
            f"{'max' if p == 1.0 else f'p{p * 100:g}'} {percentile(counts, p)}" for p in PERCENTILES
        )
        yield f"{name}: {counts.total()} times; {values} {unit}"


def details(tally: Tally) -> Iterator[str]:
    """Yield every counter."""
    yield "faults injected (calls struck):"
    for kind, count in sorted(tally.injected.items()):
        struck = f" ({tally.struck[kind]})" if tally.struck[kind] else ""
        yield f"  {kind}: {count}{struck}"
    yield "rules evaluated:"
    for rule in ALL_RULES:
        yield f"  {rule}: {tally.evaluated[rule]}"
    yield "moves of claims:"
    for (what, before, after), count in sorted(tally.claim_moves.items()):
        yield f"  {what}: {before} to {after}: {count}"
    yield "reports:"
    for event, count in sorted(tally.reports.items()):
        yield f"  {event}: {count}"

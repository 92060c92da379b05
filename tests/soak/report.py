"""What a soak has found, as text and as JSON."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from tests.soak import figures
from tests.soak.moves import Sort
from tests.soak.run import Soak, Tally
from tests.soak.settings import SoakSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What surrounds the figures."""

    settings: SoakSettings
    began: dt.datetime
    lasted_s: float
    violation: str | None = None


def text(frame: Frame, soak: Soak) -> str:
    """Return the report for people."""
    tally = soak.tally
    contested = soak.audit.events.get("address.held_down", 0)
    lasted = f"{frame.lasted_s / 60:.1f} minutes"
    lines = [
        f"{frame.began:%Y-%m-%d %H:%M} UTC, {lasted}: {frame.settings.command()}",
        f"{tally.rounds} rounds, {sum(tally.injected.values())} faults, {_sorts(tally)}",
        f"{tally.requests} API requests, {tally.assigns} assigns; called contested: {contested}",
        f"rounds after which the MASTER held off, untold that it had won: {_rounds(tally)}",
        f"VIOLATION: {frame.violation}" if frame.violation else "no violation",
        "",
        "faults: " + ", ".join(f"{name} {count}" for name, count in sorted(tally.injected.items())),
        "",
        *_weights(soak),
        _healed(tally),
        figures.shown(tally.moves),
    ]
    return "\n".join(lines)


def _sorts(tally: Tally) -> str:
    words = {
        Sort.FAILOVER: "failovers",
        Sort.RETURN: "returns",
        Sort.SECOND: "second masters",
        Sort.UNPROVOKED: "moves without a fault",
    }
    return ", ".join(
        f"{sum(1 for move in tally.moves if move.sort is sort)} {word}"
        for sort, word in words.items()
    )


def _rounds(tally: Tally) -> str:
    numbers = tally.left_contested
    return f"{len(numbers)} ({', '.join(map(str, numbers))})" if numbers else "none"


def _healed(tally: Tally) -> str:
    found = figures.spread(tally.healed_ms)
    if found is None:
        return "no round was finished"
    return (
        f"from the last healing until holder and MASTER last changed, ms: median "
        f"{found.median_ms:.0f}, p90 {found.p90_ms:.0f}, p99 {found.p99_ms:.0f}, "
        f"max {found.max_ms:.0f}"
    )


def _weights(soak: Soak) -> Iterator[str]:
    for node, processes in soak.tally.vitals.items():
        longest = max(processes.values(), key=len, default=None)
        if longest is None:
            continue  # it did not live to the end of the first round
        first, last = longest[0], longest[-1]
        word = ", never restarted" if node == soak.veteran else ""
        yield (
            f"hakeeper of {node} ({len(processes)} processes{word}); the one that lived longest, "
            f"first and last look, {(last.age_s - first.age_s) / 60:.0f} minutes apart: "
            f"{first.rss_kib} and {last.rss_kib} KiB, {first.fds} and {last.fds} files, "
            f"{first.threads} and {last.threads} threads"
        )


def document(frame: Frame, soak: Soak) -> dict[str, object]:
    """Return the report for programs; times as their names say."""
    tally, settings = soak.tally, frame.settings
    return {
        "command": settings.command(),
        "seed": settings.seed,
        "nodes": settings.nodes,
        "profile": settings.profile.name,
        "began": frame.began.isoformat(timespec="seconds"),
        "duration_s": round(frame.lasted_s, 1),
        "violation": frame.violation,
        "rounds": tally.rounds,
        "moves": {sort.value: sum(1 for move in tally.moves if move.sort is sort) for sort in Sort},
        "faults": dict(sorted(tally.injected.items())),
        "skipped": dict(sorted(soak.injector.skipped.items())),
        "requests": tally.requests,
        "assigns": tally.assigns,
        "left_contested": tally.left_contested,
        "log_entries": dict(sorted(soak.audit.events.items())),
        "healed_ms": _plain(figures.spread(tally.healed_ms)),
        "figures": figures.document(tally.moves),
        "moves_one_by_one": [
            {**asdict(move), "sort": move.sort.value, "at_s": round(move.at_s - soak.began_s, 3)}
            for move in tally.moves
        ],
        "vitals": {
            node: [[asdict(seen[0]), asdict(seen[-1])] for seen in processes.values()]
            for node, processes in tally.vitals.items()
        },
    }


def _plain(found: figures.Spread | None) -> dict[str, object] | None:
    return None if found is None else asdict(found)

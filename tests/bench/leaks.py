"""Does the core grow? Two keepers live through thousands of days in virtual time.

Each day has failovers, minutes in which the API fails in one of many ways, an address moved by a
hand, lost and bad lines, names that nobody configured, a restart of keepalived,
and a reload. Nothing of what they remember may grow with the days.

`repeat` is the number of days. The holders are read once an hour instead of every ten seconds, and
the API fails for minutes instead of hours, or it would take hours: what a day leaves behind comes
from what happens in it, not from how often nothing new is read.
"""

import gc
import random
import sys
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Any

from hakeeper.core.calls import FailureKind, Identify, Mutate, ReadActions, ReadAll
from hakeeper.core.events import LinesRead, SettingsChanged
from hakeeper.core.model import ProcessId
from hakeeper.core.roles.lines import BadLine
from tests.bench.rig import progress
from tests.bench.table import markdown
from tests.core.cloud import Ending
from tests.core.driver import WEB, Node, World, chance, settings
from tests.core.faults import failure
from tests.support.resources import CLOUD

DAYS = 10_000
READING_S = 3600.0
_HOUR_S = 3600.0
_DAY_S = 24 * _HOUR_S
_MAIL = 4712
_HANDS = 50
"""So many servers of others, to which a hand moves the address in turn."""
_CHECKPOINTS = 100, 1000, 10_000
_FAILURES = tuple(kind for kind in FailureKind if kind is not FailureKind.CANCELLED)
_REQUESTS = Identify, ReadAll, Mutate, ReadActions


@dataclass(slots=True)
class Life:
    """Two nodes and their cloud; the bench's own record of them is thrown away every day."""

    seed: int = 1
    world: World = field(default_factory=World)
    rng: random.Random = field(init=False)
    day: int = 0
    failovers: int = 0
    failures: int = 0
    drifts: int = 0
    events: int = 0
    wrong: int = 0
    """Days at whose end an address was not with the master."""

    def __post_init__(self) -> None:
        self.rng = chance(self.seed)
        cloud = self.world.cloud
        cloud.add_ip(WEB, "web", "203.0.113.10/32")
        cloud.add_ip(_MAIL, "mail", "203.0.113.11/32")
        for number in range(_HANDS):
            cloud.add_server(100 + number)
        named = {"VI_1": ("web",), "VI_2": ("mail",)}
        config = replace(settings(named), interval_s=READING_S, standby_interval_s=READING_S)
        for server in (1, 2):
            self.world.add_node(server, config, seed=self.seed + server).start()
        self._give_to(0)

    @property
    def nodes(self) -> list[Node]:
        return self.world.nodes

    def live(self) -> None:
        """Let a day pass."""
        self.day += 1
        begun_s = self.world.now
        first, second = self.nodes
        for hour, happens in self._plan():
            self.world.run_until_s(begun_s + hour * _HOUR_S)
            happens()
        self._heal()
        self._give_to(0)
        self.world.run_until_s(begun_s + _DAY_S)
        self.wrong += any(self.world.cloud.holder(each) != first.server_id for each in (WEB, _MAIL))
        self._forget(first)
        self._forget(second)

    def _plan(self) -> Iterator[tuple[float, Any]]:
        """What happens, and in which hour of the day."""
        yield 1 + self.rng.random(), lambda: self._fail_over(1)
        yield 3 + self.rng.random(), self._drift
        yield 5, self._break_api
        yield 5.01, lambda: self._fail_over(0)
        yield 5.02, self._heal
        yield 9, self._break_api
        yield 9.01, self._drift
        yield 9.03, self._heal
        yield 12, self._odd_lines
        yield 14, self._new_keepalived
        yield 16, self._reload
        yield 18, lambda: self._fail_over(1)
        yield 18 + self.rng.random() / 60, lambda: self._fail_over(0)

    def _give_to(self, number: int) -> None:
        for index, node in enumerate(self.nodes):
            state = "MASTER" if index == number else "BACKUP"
            node.lines(("VI_1", state), ("VI_2", state))

    def _fail_over(self, number: int) -> None:
        self.failovers += 1
        self._give_to(number)

    def _break_api(self) -> None:
        self.failures += 1
        kind = self.rng.choice(_FAILURES)
        unknown = kind is FailureKind.OUTCOME_UNKNOWN
        self.world.cloud.fail(
            failure(kind, f"{kind.name.lower()}_{self.day % 7}"),
            *self.rng.sample(_REQUESTS, self.rng.randrange(1, len(_REQUESTS) + 1)),
            after_s=self.rng.choice((0.0, 1.0, 9.0)),
            commits=unknown and self.rng.random() < 0.5,
        )
        self.world.cloud.ending = self.rng.choice(list(Ending))

    def _heal(self) -> None:
        self.world.cloud.heal()
        self.world.cloud.ending = Ending.SUCCESS
        self.world.cloud.forget()

    def _drift(self) -> None:
        self.drifts += 1
        self.world.cloud.move(WEB, 100 + self.day % _HANDS)

    def _odd_lines(self) -> None:
        for node in self.nodes:
            node.line(f"somebody {self.day}", "MASTER")
            node.line("VI_1", "MASTER_RX_LOWER_PRI" if node.role() == "MASTER" else "BACKUP")
            node.feed(LinesRead((), tuple(BadLine(f"day {self.day}", "x") for _ in range(3))))
            node.lose_lines()
        self._give_to(self.day % 2)

    def _new_keepalived(self) -> None:
        for node in self.nodes:
            node.gone()
            node.seen(ProcessId(1000 + self.day, 5000 + self.day, "boot"))
        self._give_to(0)

    def _reload(self) -> None:
        for node in self.nodes:
            without = replace(node.config, resources=dict(list(node.config.resources.items())[:1]))
            node.feed(SettingsChanged(without))
            node.feed(SettingsChanged(node.config, (CLOUD,) if self.day % 2 == 0 else ()))
        self._give_to(0)

    def _forget(self, node: Node) -> None:
        """Throw away what the driver, not the core, has written down of the day."""
        self.events += len(node.calls)
        node.calls = node.open_calls()
        node.reported.clear()
        node.queries.clear()
        self.world.cloud.moves.clear()


# --- what is counted ------------------------------------------------------------------------------


@dataclass(slots=True)
class Held:
    """What hangs on an object of ours."""

    entries: Counter[str] = field(default_factory=Counter)
    """How much is in each container, by the way to it. All parts of a container share one way, so
    the figures of `calls[].attempts` are added up."""
    size_bytes: int = 0


def held(root: object) -> Held:
    """Walk through everything that hangs on `root`, as far as our own objects lead."""
    found = Held()
    seen: set[int] = set()
    waiting: deque[tuple[str, object]] = deque([("", root)])
    while waiting:
        way, each = waiting.popleft()
        if id(each) in seen or isinstance(each, (Enum, type)):
            continue
        seen.add(id(each))
        found.size_bytes += sys.getsizeof(each)
        if isinstance(each, Mapping):
            found.entries[way] += len(each)
            waiting.extend((f"{way}[]", part) for pair in each.items() for part in pair)
        elif isinstance(each, (list, tuple, set, frozenset, deque)):
            found.entries[way] += len(each)
            waiting.extend((f"{way}[]", part) for part in each)
        elif type(each).__module__.startswith(("hakeeper.", "core.", "bench.")):
            waiting.extend((f"{way}.{name}", value) for name, value in _attributes(each))
    return found


def _attributes(each: object) -> Iterator[tuple[str, object]]:
    names = {name for base in type(each).__mro__ for name in getattr(base, "__slots__", ())}
    names |= set(getattr(each, "__dict__", ()))
    for name in sorted(names):
        if hasattr(each, name):
            yield name.lstrip("_"), getattr(each, name)


def _resident_kib() -> int:
    text = Path("/proc/self/status").read_text()
    return int(next(line for line in text.splitlines() if line.startswith("VmRSS")).split()[1])


def look(life: Life) -> dict[str, Any]:
    """Return what the keepers hold now."""
    gc.collect()
    entries: Counter[str] = Counter()
    size_bytes = 0
    for node in life.nodes:
        found = held(node.core)
        entries.update(found.entries)
        size_bytes += found.size_bytes
    return {
        "day": life.day,
        "entries": dict(entries),
        "keepers_kib": round(size_bytes / 1024, 1),
        "blocks": sys.getallocatedblocks(),
        "resident_mib": round(_resident_kib() / 1024, 1),
    }


def grown(early: dict[str, Any], late: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """Return the containers that held more at the later look, with both figures."""
    before, after = early["entries"], late["entries"]
    return {
        way: (before.get(way, 0), count)
        for way, count in after.items()
        if count > before.get(way, 0)
    }


def measure(repeat: int | None) -> dict[str, Any]:
    """Live through the days; look at 100, 1,000, 10,000 and the last."""
    days = DAYS if repeat is None else repeat
    checkpoints = sorted({*(day for day in _CHECKPOINTS if day < days), days})
    life = Life()
    looks = []
    for checkpoint in checkpoints:
        while life.day < checkpoint:
            life.live()
            if life.day % 500 == 0:
                progress(f"leaks: day {life.day} of {days}")
        looks.append(look(life))
    return {
        "looks": looks,
        "grown": grown(looks[0], looks[-1]),
        "failovers": life.failovers,
        "api_failures": life.failures,
        "drifts": life.drifts,
        "calls": life.events,
        "days_ended_wrong": life.wrong,
    }


def tables(figures: dict[str, Any]) -> str:
    """Show what was held at each look, and what grew."""
    rows = [
        (
            f"{one['day']:,}",
            sum(one["entries"].values()),
            f"{one['keepers_kib']:.1f}",
            f"{one['blocks']:,}",
            f"{one['resident_mib']:.1f}",
        )
        for one in figures["looks"]
    ]
    head = (
        *("day", "entries in all containers of both keepers", "both keepers, KiB"),
        *("blocks that Python has allocated", "process, MiB"),
    )
    grew = sorted(figures["grown"].items())
    more = [f"- `{way}`: {before} → {after}" for way, (before, after) in grew]
    reported = (
        f"{figures['failovers']:,} failovers, {figures['api_failures']:,} failures of the API, "
        f"{figures['drifts']:,} moves by hand, {figures['calls']:,} API calls; days at whose end "
        f"an address was not with the master: {figures['days_ended_wrong']}."
    )
    between = f"day {figures['looks'][0]['day']:,} and day {figures['looks'][-1]['day']:,}"
    growth = (
        f"Containers that hold more at the second of {between}:"
        if more
        else f"No container holds more at the second of {between}."
    )
    return "\n".join([markdown(head, rows), reported, growth, *more]) + "\n"

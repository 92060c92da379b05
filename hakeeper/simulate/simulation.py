"""Runs the worlds that answer an operator's question: an idle one, his own, and split ones."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from hakeeper.cloud_register import Move
from hakeeper.core.fifo_lines import LineState
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.budget import Budget, budget
from hakeeper.simulate.clouds import Clouds
from hakeeper.simulate.layout import Layout
from hakeeper.simulate.measured import Measured, percentile
from hakeeper.simulate.node import Node
from hakeeper.simulate.observer import Observer
from hakeeper.simulate.options import Faults, Options
from hakeeper.simulate.paths import Paths
from hakeeper.simulate.plan import HOUR_S
from hakeeper.simulate.split import MOVES_AT_FIRST, TEN_MINUTES_S
from hakeeper.simulate.world import START_S, World

SPLITS = 5
"""Split brains that are looked at beside the operator's own world."""
SPLIT_HOURS = 2.5
SETTLED_S = 900.0
"""After this an undisturbed fleet does nothing but read."""
MINUTES = 60
PROGRESS_EVERY_S = 5.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How long something took; 0 where it never happened."""

    times: int
    median: int
    p99: int
    worst: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """What a permanent split brain does to one address."""

    addresses: int
    """How many were looked at."""
    first_worst: int
    """The most moves of one in the first ten minutes."""
    promised_at_first: int | None
    """The bound; None: nothing is promised for clusters so large, or intervals so long."""
    per_hour_mean: float
    per_hour_worst: float
    """After the first ten minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of it."""

    options: Options
    budget: Budget
    measured: Measured
    per_minute: tuple[int, ...]
    """API requests of the project in each minute of the operator's world, refused ones too."""
    busiest_hour: int
    refused: int
    """Requests that found the quota used up."""
    idle_measured: int | None
    """Requests in an hour without faults; None: the quota is not enough to be idle in."""
    claims_ms: Spread
    repairs_ms: Spread
    contested_s: Spread
    away_ms: Spread
    """Every time that an address was not with its only master, whatever stood in the way."""
    split: Moves | None
    """None: a cluster of one node cannot be split."""
    end_checked: bool
    """False: little of the quota was left at the end, and the end state was not checked."""
    violations: tuple[str, ...]


class Absences(Observer):
    """How long addresses are away from their only masters, whatever stands in the way."""

    def __init__(self, layout: Layout, agenda: Agenda, clouds: Clouds, paths: Paths) -> None:
        """Begin before anybody is master."""
        self._layout = layout
        self._agenda = agenda
        self._clouds = clouds
        self._paths = paths
        self._since: dict[int, float] = {}
        self._over_ms: Counter[int] = Counter()

    def line_written(self, node: Node, name: str, state: LineState, *, kept: bool) -> None:
        """Look at the instance's addresses: who is master may be another one now."""
        del node, state, kept
        for floating_ip in self._layout.addresses[name]:
            self._look(floating_ip)

    def moved(self, move: Move) -> None:
        """Look at the address."""
        self._look(move.number)

    def _look(self, floating_ip: int) -> None:
        """Note since when it is not with its only master, and until when."""
        masters = self._paths.masters(self._layout.name_of[floating_ip])
        if len(masters) == 1 and self._clouds.holder(floating_ip) != masters[0].server_id:
            self._since.setdefault(floating_ip, self._agenda.now)
            return
        since_s = self._since.pop(floating_ip, None)
        if since_s is not None and len(masters) == 1:
            self._over_ms[self._ms(since_s)] += 1

    def _ms(self, since_s: float) -> int:
        return round((self._agenda.now - since_s) * 1000.0)

    def away_ms(self) -> Counter[int]:
        """Return how long addresses were away; those that still are count until now."""
        return self._over_ms + Counter(map(self._ms, self._since.values()))


class FleetWorld(World):
    """An operator's world. Where the quota is used up its end state is not checked."""

    def __init__(self, options: Options, *, judged: bool) -> None:
        """Build it."""
        super().__init__(options.plan(), go_on=True)
        self.judged = judged
        self.absences = Absences(self.layout, self.agenda, self.clouds, self.paths)
        self.observers.add(self.absences)

    def _heal(self) -> None:
        self.judged = self.judged and not self.clouds.scarce()
        if self.judged:
            super()._heal()

    def per_minute(self) -> tuple[int, ...]:
        """Return the requests of each whole minute; the time before the first one is left out."""
        first, last = int(START_S // 60.0) + 1, int(self.agenda.now // 60.0)
        return tuple(self.project.spent[minute] for minute in range(first, last))

    def report_to(self, say: Say) -> None:
        """Let there be a word now and then."""
        told_at, end_s = time.monotonic(), START_S + self.plan.chaos_s

        def look() -> None:
            nonlocal told_at
            if time.monotonic() - told_at >= PROGRESS_EVERY_S:
                told_at = time.monotonic()
                share = self.agenda.elapsed_s / self.plan.chaos_s
                say(f"{share:4.0%} of {self.plan.chaos_s / HOUR_S:g} simulated hours")
            if self.agenda.now + 10.0 < end_s:
                self.agenda.after(10.0, look)

        look()


def simulate(options: Options, say: Say) -> Answer:
    """Run it all. `say` hears of the progress of long runs."""
    counted = budget(options)
    judged = counted.fits
    idle = idle_per_hour(options) if judged else None
    world = FleetWorld(options, judged=judged)
    world.report_to(say)
    violations = [f"seed {options.seed}: {each}" for each in world.run()]
    splits = [world] if options.faults.split else []
    for split_options in _split_options(options):
        split = FleetWorld(split_options, judged=True)
        violations += [f"split {split_options.seed}: {each}" for each in split.run()]
        splits.append(split)
    per_minute = world.per_minute()
    measured = world.measured
    return Answer(
        options=options,
        budget=counted,
        measured=measured,
        per_minute=per_minute,
        busiest_hour=_busiest(per_minute),
        refused=world.project.refused,
        idle_measured=idle,
        claims_ms=_spread(measured.claims_ms),
        repairs_ms=_spread(measured.repairs_ms),
        contested_s=_spread(measured.hold_downs_s),
        away_ms=_spread(world.absences.away_ms()),
        split=_moves(splits, options) if splits else None,
        end_checked=world.judged,
        violations=tuple(violations),
    )


def progress(text: str) -> None:
    """Tell how far it is, where nobody reads results."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def idle_per_hour(options: Options) -> int:
    """Count the requests of an hour in which nothing happens."""
    quiet_s = SETTLED_S + 2.0 * options.standby_interval_s
    hours = (quiet_s + HOUR_S + 120.0) / HOUR_S
    world = FleetWorld(replace(options, hours=hours, faults=Faults("none")), judged=False)
    world.run()
    first = int((START_S + quiet_s) // 60.0)
    return sum(world.project.spent[minute] for minute in range(first, first + MINUTES))


def _split_options(options: Options) -> list[Options]:
    """Return some clusters of the same kind, each alone in a project and split for ever."""
    if options.faults.split or options.nodes_each == 1:
        return []
    alone = replace(options, nodes=options.nodes_each, clusters=1, hours=SPLIT_HOURS,
                    faults=Faults("split", split=True))  # fmt: skip
    return [replace(alone, seed=options.seed * SPLITS + number) for number in range(SPLITS)]


def _moves(worlds: Sequence[FleetWorld], options: Options) -> Moves:
    promised = options.nodes_each <= 3  # noqa: PLR2004
    first: list[int] = []
    rates: list[float] = []
    for world in worlds:
        began_s = world.split.began_at
        later_s = 0.0 if began_s is None else world.agenda.now - began_s - TEN_MINUTES_S
        for at_s in world.split.at_s.values():
            early = sum(each <= TEN_MINUTES_S for each in at_s)
            first.append(early)
            rates.append((len(at_s) - early) * HOUR_S / later_s if later_s > 0.0 else 0.0)
    return Moves(
        addresses=len(first),
        first_worst=max(first),
        promised_at_first=MOVES_AT_FIRST[options.nodes_each] if promised else None,
        per_hour_mean=sum(rates) / len(rates),
        per_hour_worst=max(rates),
    )


def _busiest(per_minute: Sequence[int]) -> int:
    """Return the most requests of sixty minutes on end, or of all if there are fewer."""
    window = sum(per_minute[:MINUTES])
    most = window
    for index in range(MINUTES, len(per_minute)):
        window += per_minute[index] - per_minute[index - MINUTES]
        most = max(most, window)
    return most


def _spread(counts: Counter[int]) -> Spread:
    return Spread(
        times=counts.total(),
        median=percentile(counts, 0.5),
        p99=percentile(counts, 0.99),
        worst=percentile(counts, 1.0),
    )

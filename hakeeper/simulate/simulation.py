"""Runs the worlds that answer an operator's question: an idle one, his own, and split ones."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from hakeeper.cloud_register import Move
from hakeeper.core.kind import Kind
from hakeeper.core.roles.lines import LineState
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.answer import MINUTES, Absence, Answer, Moves, Spending, spread
from hakeeper.simulate.budget import Budget, budget
from hakeeper.simulate.clouds import Clouds
from hakeeper.simulate.layout import Layout
from hakeeper.simulate.measured import Times
from hakeeper.simulate.node import Node
from hakeeper.simulate.observer import Observer
from hakeeper.simulate.options import Faults, Options
from hakeeper.simulate.paths import Paths
from hakeeper.simulate.plan import HOUR_S
from hakeeper.simulate.split import TEN_MINUTES_S, promised_at_first
from hakeeper.simulate.world import START_S, World

SPLITS = 5
"""Split brains that are looked at beside the operator's own world."""
SPLIT_HOURS = 2.5
SETTLED_S = 900.0
"""After this an undisturbed fleet does nothing but read."""
PROGRESS_EVERY_S = 5.0

Say = Callable[[str], None]


class Absences(Observer):
    """How long addresses are away from their only masters, whatever stands in the way."""

    def __init__(self, layout: Layout, agenda: Agenda, clouds: Clouds, paths: Paths) -> None:
        """Begin before anybody is master."""
        self._layout = layout
        self._agenda = agenda
        self._clouds = clouds
        self._paths = paths
        self._since: dict[int, float] = {}
        self._over_ms: dict[str, Counter[int]] = {}
        """By the kind."""

    def line_written(self, node: Node, name: str, state: LineState, *, kept: bool) -> None:
        """Look at the instance's addresses: who is master may be another one now."""
        del node, state, kept
        for number in self._layout.addresses[name]:
            self._look(number)

    def moved(self, move: Move) -> None:
        """Look at the address."""
        self._look(move.number)

    def _look(self, number: int) -> None:
        """Note since when it is not with its only master, and until when."""
        masters = self._paths.masters(self._layout.name_of[number])
        if len(masters) == 1 and self._clouds.holder(number) != masters[0].server_id:
            self._since.setdefault(number, self._agenda.now)
            return
        since_s = self._since.pop(number, None)
        if since_s is not None and len(masters) == 1:
            self._note(self._over_ms, number, since_s)

    def _note(self, times_ms: dict[str, Counter[int]], number: int, since_s: float) -> None:
        kind = self._layout.kind_of[number]
        took_ms = round((self._agenda.now - since_s) * 1000.0)
        times_ms.setdefault(kind, Counter())[took_ms] += 1

    def away_ms(self) -> dict[str, Counter[int]]:
        """Return how long those of each kind were away; those that still are count until now."""
        times_ms = {kind: Counter(over_ms) for kind, over_ms in self._over_ms.items()}
        for number, since_s in self._since.items():
            self._note(times_ms, number, since_s)
        return times_ms


class FleetWorld(World):
    """An operator's world. Where the quota is used up its end state is not checked."""

    def __init__(self, options: Options, *, judged: bool) -> None:
        """Build it."""
        super().__init__(options.plan(), kinds=options.kinds, go_on=True)
        self.judged = judged
        self.absences = Absences(self.layout, self.agenda, self.clouds, self.paths)
        self.observers.add(self.absences)

    def _heal(self) -> None:
        self.judged = self.judged and not self.clouds.scarce()
        if self.judged:
            super()._heal()

    def _end_split(self) -> None:
        # Two nodes share a quota that no answer tells of, and more than two can use it up.
        projects = self.clouds.projects.values()
        self.judged = not any(each.refused and not each.nature.tells_quota for each in projects)
        if self.judged:
            super()._end_split()

    def per_minute(self, spent: Counter[int]) -> tuple[int, ...]:
        """Return what was spent in each whole minute; the time before the first is left out."""
        first, last = int(START_S // 60.0) + 1, int(self.agenda.now // 60.0)
        return tuple(spent[minute] for minute in range(first, last))

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
    budgets = [budget(options, api) for api in options.apis]
    judged = all(each.fits for each in budgets)
    idle = idle_per_hour(options) if judged else {}
    world = FleetWorld(options, judged=judged)
    world.report_to(say)
    violations = [f"seed {options.seed}: {each}" for each in world.run()]
    splits = [world] if options.faults.split else []
    for split_options in _split_options(options):
        split = FleetWorld(split_options, judged=True)
        violations += [f"split {split_options.seed}: {each}" for each in split.run()]
        splits.append(split)
    return Answer(
        options=options,
        measured=world.measured,
        whole=_absence(world, options.kinds, splits),
        of_kind=[(kind, _absence(world, [kind], splits)) for kind in options.kinds],
        spending=[each for of in budgets for each in _spending(world, of, idle.get(of.api.name))],
        end_checked=world.judged,
        violations=tuple(violations),
    )


def progress(text: str) -> None:
    """Tell how far it is, where nobody reads results."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def idle_per_hour(options: Options) -> dict[str, int]:
    """Count the requests to each API, by its name, of an hour in which nothing happens."""
    quiet_s = SETTLED_S + 2.0 * options.standby_interval_s
    hours = (quiet_s + HOUR_S + 120.0) / HOUR_S
    world = FleetWorld(replace(options, hours=hours, faults=Faults("none")), judged=False)
    world.run()
    first = int((START_S + quiet_s) // 60.0)
    return {
        name: sum(project.spent[minute] for minute in range(first, first + MINUTES))
        for name, project in world.clouds.projects.items()
    }


def _spending(world: FleetWorld, counted: Budget, idle: int | None) -> Iterator[Spending]:
    """Yield what was asked of an API; its switches apart, where it counts them apart."""
    api = counted.api
    project = world.clouds.projects[api.name]
    apart = api.steps_per_hour is not None
    switches, others, refused = Counter[int](), Counter[int](), 0
    if apart:  # and of so few that those of others would hide ours
        switches, refused = project.spent_on_steps, project.refused_steps
        others = project.spent_by_others
    yield Spending(
        api=api,
        sort="reads" if apart else "calls",
        limit_per_hour=api.limit_per_hour,
        per_minute=world.per_minute(project.spent - switches - others),
        refused=project.refused - refused,
        budget=counted,
        idle_measured=idle,
    )
    if api.steps_per_hour is not None:
        yield Spending(
            api=api,
            sort="switches",
            limit_per_hour=api.steps_per_hour,
            per_minute=world.per_minute(switches),
            refused=refused,
            budget=None,
            idle_measured=None,
        )


def _split_options(options: Options) -> list[Options]:
    """Return some clusters of the same kind, each alone in a project and split for ever."""
    if options.faults.split or options.nodes_each == 1:
        return []
    alone = replace(options, nodes=options.nodes_each, clusters=1, hours=SPLIT_HOURS,
                    faults=Faults("split", split=True))  # fmt: skip
    return [replace(alone, seed=options.seed * SPLITS + number) for number in range(SPLITS)]


def _absence(world: FleetWorld, kinds: Sequence[Kind], splits: Sequence[FleetWorld]) -> Absence:
    """Put together how long the addresses of these kinds were away."""
    times, away_ms, all_away_ms = Times(), Counter[int](), world.absences.away_ms()
    for kind in kinds:
        times.add(world.measured.of_kind.get(kind.name, Times()))
        away_ms.update(all_away_ms.get(kind.name, {}))
    return Absence(
        claims_ms=spread(times.claims_ms),
        repairs_ms=spread(times.repairs_ms),
        contested_s=spread(times.hold_downs_s),
        away_ms=spread(away_ms),
        split=_moves(splits, kinds) if splits else None,
    )


def _moves(worlds: Sequence[FleetWorld], kinds: Sequence[Kind]) -> Moves:
    names, nodes = {kind.name for kind in kinds}, worlds[0].layout.shape.nodes
    promised = [promised_at_first(kind, nodes) for kind in kinds]
    bounds = [each for each in promised if each is not None]
    first: list[int] = []
    rates: list[float] = []
    for world in worlds:
        began_s = world.split.began_at
        later_s = 0.0 if began_s is None else world.agenda.now - began_s - TEN_MINUTES_S
        moves = world.split.at_s.items()
        for at_s in (at_s for number, at_s in moves if world.layout.kind_of[number] in names):
            early = sum(each <= TEN_MINUTES_S for each in at_s)
            first.append(early)
            rates.append((len(at_s) - early) * HOUR_S / later_s if later_s > 0.0 else 0.0)
    return Moves(
        addresses=len(first),
        first_worst=max(first),
        promised_at_first=max(bounds, default=None),
        per_hour_mean=sum(rates) / len(rates),
        per_hour_worst=max(rates),
    )

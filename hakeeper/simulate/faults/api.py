"""Faults of the API: those that strike calls, and a cloud that is in a bad way."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.alias_cloud import AliasCloud
from hakeeper.simulate.clouds import Clouds
from hakeeper.simulate.faults.action import Lasts, Table, Undo, nothing
from hakeeper.simulate.faults.call import CallFault
from hakeeper.simulate.faults.cloud import CloudFaults
from hakeeper.simulate.faults.kinds import API_FAULTS, Fault, Kind
from hakeeper.simulate.layout import Layout
from hakeeper.simulate.node import Node
from hakeeper.simulate.observer import Observer
from hakeeper.simulate.project import Project

ONE_SHOT = frozenset({Kind.HALF_OPEN, Kind.LATE_LANDING, Kind.DUPLICATED})
"""Kinds that strike a few calls and are over."""
SPENDING_S = 2.0
"""How often other tools empty the quota."""


@dataclass(frozen=True, slots=True)
class ApiFaults:
    """What each kind does to the calls or to the cloud."""

    seed: int
    layout: Layout
    agenda: Agenda
    clouds: Clouds
    observers: Observer
    lasts: Lasts

    def table(self) -> Table:
        """Return what to do for each kind."""
        return {
            **dict.fromkeys(API_FAULTS, self._strike_calls),
            Kind.QUOTA_EATEN: self._eat_quota,
            Kind.ACTION_ERROR: self._action_error,
            Kind.ACTION_SLOW: self._action_slow,
            Kind.ACTION_ENDLESS: self._action_endless,
            Kind.STALE_READ: self._stale,
            Kind.GONE: self._gone,
            Kind.OTHER_ACTOR: self._other_actor,
            Kind.PAGE_SLIP: self._slip,
            Kind.LOST_WRITE: self._lose_writes,
            Kind.SOME_LOCKED: self._lock_some,
            Kind.SPENDERS: self._spend,
        }

    def _struck(self, fault: Fault) -> Project:
        """Return the API that a fault strikes."""
        projects = self.clouds.projects
        return projects.get(fault.api) or next(iter(projects.values()))

    def _strike_calls(self, fault: Fault, node: Node) -> Undo:
        del node
        rng = Random(f"{self.seed}-fault-{fault.serial}")
        call_fault = CallFault(fault.kind, fault.node, fault.value, rng)
        if fault.kind in ONE_SHOT:
            call_fault.times = 1.0 + int(fault.value * 3)
        elif fault.kind is not Kind.OUTAGE and fault.value < 0.5:  # noqa: PLR2004
            call_fault.share = 0.5
        faults = self._struck(fault).faults.calls
        faults.append(call_fault)
        return lambda: faults.remove(call_fault)

    def _eat_quota(self, fault: Fault, node: Node) -> Undo:
        del node
        self._struck(fault).eat(0.9 + 0.1 * fault.value)
        return nothing

    def _spend(self, fault: Fault, node: Node) -> Undo:
        """Other tools of the project take all that flows into the quota, and what is left of it."""
        project = self._struck(fault)

        def turn() -> None:
            if self.lasts(fault):
                project.eat(1.0)
                self.agenda.after(SPENDING_S, turn)

        self.agenda.after(0.0, turn)
        return self._eat_quota(fault, node)

    def _lock_some(self, fault: Fault, node: Node) -> Undo:
        """Refuse the assigns of up to a third of the addresses, one at least."""
        del node
        numbers = [*self._lockable()]
        if not numbers:
            return nothing
        locked = frozenset(numbers[: 1 + int(fault.value * len(numbers) / 3)])
        lists = [project.faults.locked for project in self.clouds.projects.values()]
        for each in lists:
            each.append(locked)

        def undo() -> None:
            for each in lists:
                each.remove(locked)

        return undo

    def _action_error(self, fault: Fault, node: Node) -> Undo:
        del node
        faults = self._struck(fault).faults
        faults.action_errors += 1

        def undo() -> None:
            faults.action_errors -= 1

        return undo

    def _lose_writes(self, fault: Fault, node: Node) -> Undo:
        """Assigns are accepted, their actions succeed, and no holder changes."""
        del node
        faults = self._struck(fault).faults
        faults.lost_writes += 1

        def undo() -> None:
            faults.lost_writes -= 1

        return undo

    def _action_slow(self, fault: Fault, node: Node) -> Undo:
        del node
        faults, takes_s = self._struck(fault).faults, 1.0 + 60.0 * fault.value**3
        faults.action_s.append(takes_s)

        def fade() -> None:
            faults.late_actions -= 1
            self.observers.conditions_changed()

        def undo() -> None:
            faults.action_s.remove(takes_s)
            faults.late_actions += 1
            self.agenda.after(takes_s, fade)

        return undo

    def _action_endless(self, fault: Fault, node: Node) -> Undo:
        del node
        project = self._struck(fault)
        project.faults.endless_actions += 1

        def undo() -> None:
            project.faults.endless_actions -= 1
            project.end_endless()

        return undo

    def _stale(self, fault: Fault, node: Node) -> Undo:
        del node
        faults, stale_s = self._struck(fault).faults, 30.0 * fault.value**2
        faults.stale_s.append(stale_s)

        def undo() -> None:
            faults.stale_s.remove(stale_s)
            faults.stale_at = self.agenda.now

        return undo

    def _gone(self, fault: Fault, node: Node) -> Undo:
        del node
        number = self._some_address(fault)
        faults = self._faults_of(number)
        faults.gone.append(number)
        return lambda: faults.gone.remove(number)

    def _slip(self, fault: Fault, node: Node) -> Undo:
        del node
        number = self._some_address(fault)
        faults = self._faults_of(number)
        faults.slipped.append(number)
        return lambda: faults.slipped.remove(number)

    def _other_actor(self, fault: Fault, node: Node) -> Undo:
        del node
        holders = [None, *self.clouds.servers]
        holder = holders[fault.serial % len(holders)]
        self.clouds.seize(self._some_address(fault), holder)
        return nothing

    def _lockable(self) -> Iterator[int]:
        """Yield the resources that can be locked by themselves: others share a list."""
        return (n for n in self.layout.numbers if not isinstance(self.clouds.of(n), AliasCloud))

    def _faults_of(self, number: int) -> CloudFaults:
        return self.clouds.of(number).faults

    def _some_address(self, fault: Fault) -> int:
        return fault.one_of(self.layout.numbers)

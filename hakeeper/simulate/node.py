"""One machine: a keepalived, a hakeeper (the shipped loop and core), a disk and a clock."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import assert_never

from hakeeper.core.calls import CallResult, Failure, Identified
from hakeeper.core.events import (
    CancelCall,
    Effect,
    Event,
    QueryRoles,
    ReloadToken,
    Report,
    RolesQueried,
    SaveFailed,
    SavePause,
    SaveState,
    SetStepDown,
    SettingsChanged,
    StartCall,
)
from hakeeper.core.model import SavedState, Settings
from hakeeper.sequencer import Sequencer, Source
from hakeeper.simulate.addresses import WorldAddresses
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.bus import Bus
from hakeeper.simulate.calls import Caller, CallStep
from hakeeper.simulate.clouds import Clouds
from hakeeper.simulate.disk import Disk
from hakeeper.simulate.keepalived import Keepalived, WorldKeepalived
from hakeeper.simulate.observed_core import Crash, ObservedCore
from hakeeper.simulate.observer import Observer
from hakeeper.simulate.pauses import Pauses
from hakeeper.simulate.pipe import Obstacle, Pipe, Place, WorldFifo
from hakeeper.simulate.step_downs import StepDowns
from hakeeper.simulate.turns import Turns
from hakeeper.simulate.vrrp import Vrrp

RESTART_S = (0.1, 1.5)
"""systemd starts a dead hakeeper again after this."""


@dataclass(slots=True)
class Run:
    """One life of the hakeeper process."""

    core: ObservedCore
    sequencer: Sequencer
    fifo: WorldFifo
    port: WorldKeepalived
    caller: Caller
    began_at: float
    inbox: list[CallResult | RolesQueried | SaveFailed] = field(default_factory=list)
    ready: set[Source] = field(default_factory=set)


class Node:
    """The machine with number `index`; its server has the id `index + 1`."""

    def __init__(  # noqa: PLR0913  # all but three by keyword
        self,
        index: int,
        settings: Settings,
        vrrp: Mapping[str, Vrrp],
        *,
        seed: int,
        same_chance: bool,
        agenda: Agenda,
        clouds: Clouds,
        observers: Observer,
    ) -> None:
        """Make it switched on, with nothing running.

        `vrrp`: the instances of its cluster. With `same_chance`, hakeeper draws the same random
        numbers on all nodes.
        """
        self.vrrp = vrrp
        self.index = index
        self.server_id = index + 1
        self.settings = self.whole_settings = settings
        self.place = Place()
        self.keepalived = Keepalived(self, seed, agenda, observers)
        self.run: Run | None = None
        self.runs = 0
        self.disk = Disk()
        self.hung = 0
        self.last_hang_s = (float("-inf"), float("-inf"))
        """When hakeeper last stood still: from, until."""
        self.power = True
        self.unplugged = 0
        """How many faults took its private address away."""
        self.jumped_at = float("-inf")
        """When the clock last jumped."""
        self.ahead_s = 0.0
        """Its monotonic clock minus the world's."""
        self.crash_in: int | None = None
        """kill -9 after so many more boundaries."""
        self.at_assign_step: dict[CallStep, Callable[[], None]] = {}
        """What happens at a step of the next assign."""
        self.bus_gone = 0
        """How many faults took D-Bus away."""
        self.wrong_identities: list[Identified | Failure] = []
        """What it is told, wrongly, when it asks which server it is."""
        self.down_until = 0.0
        self._chance = f"{seed}-{0 if same_chance else index}"
        self._agenda = agenda
        self._clouds = clouds
        self._observers = observers
        self._rng = Random(f"{seed}-node-{index}")
        self._bus = Bus(self, self._rng, agenda)
        self.pauses = Pauses(self, agenda, observers)
        self.step_downs = StepDowns(self, agenda, observers)
        self._asked: list[Event] = []
        """What was asked of hakeeper that it has not taken in yet."""
        self.turns = Turns(self, self._rng, agenda, observers)

    @property
    def core(self) -> ObservedCore:
        """The core of the run that there is."""
        assert self.run is not None  # noqa: S101  # for mypy: only a run tells of its core
        return self.run.core

    # --- keepalived ----------------------------------------------------------------------------

    @property
    def can_learn_roles(self) -> bool:
        """Whether hakeeper can learn roles over D-Bus, as long as nothing stands still."""
        return self.settings.can_query and not self.keepalived.forgets

    def silent_s(self) -> float:
        """Return how long hakeeper could see that keepalived hangs, if it could ask."""
        run = self.run
        asks = self.settings.can_query and not self.bus_gone
        if run is None or self.hung or not (self.keepalived.hangs and asks):
            return 0.0
        since_s = max(self.keepalived.silent_from_s, run.began_at, self.last_hang_s[1])
        return self._agenda.now - since_s

    def drop_if_unheld(self, pipe: Pipe | None) -> None:
        """What is in a pipe is lost when nobody holds it any more."""
        held = pipe is not None and self.run is not None and self.run.fifo.holds(pipe)
        if pipe is not None and not held and self.keepalived.writes_to is not pipe:
            if pipe.data:
                self.lose_lines()
            pipe.data.clear()

    # --- the life of hakeeper --------------------------------------------------------------------

    def clock(self) -> float:
        """Return this machine's monotonic time."""
        return self._agenda.now + self.ahead_s

    def start(self) -> None:
        """Start the hakeeper process."""
        if self.run is not None or not self.power:
            return
        self.runs += 1
        self.crash_in = None
        fifo, port = WorldFifo(self.place), WorldKeepalived(self.keepalived)
        inbox: list[CallResult | RolesQueried | SaveFailed] = []
        run_number = self.runs

        def deliver(result: CallResult | RolesQueried) -> None:
            if self.runs == run_number and self.run is not None:
                inbox.append(result)
                self.turns.wake(Source.ANSWERS)

        caller = Caller(self, deliver, self._agenda, self._clouds, self._observers)
        chance = Random(f"{self._chance}-{self.runs}")
        core = ObservedCore(self, self._observers, self._clouds.kinds, chance)
        sequencer = Sequencer(
            core,
            fifo,
            port,
            clock=self.clock,
            perform=self._perform,
            sources_changed=lambda: None,
            addresses=WorldAddresses(self),
        )
        self.run = Run(core, sequencer, fifo, port, caller, self._agenda.now, inbox)
        self._observers.started(self)
        kept = self.pauses.kept(), self.step_downs.kept()
        self.turns.guarded(sequencer.begin, self.disk.saved, *kept)

    def kill(self) -> None:
        """Let the process die at once; systemd starts it again later."""
        if self.run is None:
            return
        self._observers.ended(self)
        self.run.caller.close()
        pipe = self.place.at_path
        left = [each for each in self.run.fifo.unread() if each is not pipe]
        self.run = None
        self.turns.forget()
        self.drop_if_unheld(pipe if isinstance(pipe, Pipe) else None)
        if left or self.keepalived.writes_to not in (None, pipe):
            self.lose_lines()  # what is there nobody can find again
        delay_s = self._rng.uniform(*RESTART_S)
        self._agenda.at(max(self.down_until, self._agenda.now + delay_s), self.start)

    def boundary(self) -> None:
        """One of the places at which a planned crash strikes."""
        if self.crash_in is not None:
            self.crash_in -= 1
            if self.crash_in < 0:
                self.crash_in = None
                raise Crash

    def put_at_path(self, what: Pipe | Obstacle) -> None:
        """Put something else at the FIFO's path; who did not open that one loses what waits.

        Who starts later knows of an obstacle, and not of another FIFO.
        """
        before, run = self.place.at_path, self.run
        self.place.at_path = what
        if not isinstance(before, Pipe):
            return
        lost = isinstance(what, Pipe) if run is None else not run.fifo.holds(before)
        if before.data and lost:
            self.lose_lines()

    def lose_lines(self) -> None:
        """Lines are lost of which hakeeper cannot know: it may believe what is not so."""
        for name in self.vrrp:
            self._observers.lines_lost(self, name)

    def cut_power(self) -> None:
        """Switch the machine off: everything but the disk is gone."""
        self.power = False
        self.keepalived.lose_power()
        self.kill()
        self.place.at_path = Pipe()
        self.step_downs.boot()

    # --- standing still ----------------------------------------------------------------------

    def hang(self) -> None:
        """Stand still until `thaw`, which must be called as often."""
        if not self.hung:
            self.last_hang_s = (self._agenda.now, float("inf"))
        self.hung += 1
        self._observers.paused(self)

    def thaw(self) -> None:
        """Go on after a hang, unless something else holds it."""
        self.hung -= 1
        if self.hung:
            return
        self.last_hang_s = (self.last_hang_s[0], self._agenda.now)
        self._observers.paused(self)
        self.turns.turn(self.runs)
        self._take_asked()
        run = self.run
        if run is not None:
            run.caller.thaw()

    # --- effects ------------------------------------------------------------------------------

    def _perform(self, effects: tuple[Effect, ...]) -> None:
        run = self.run
        assert run is not None  # noqa: S101  # for mypy: effects come from a run
        for effect in effects:
            self.boundary()
            match effect:
                case StartCall():
                    run.caller.start(effect)
                case CancelCall(call_id):
                    run.caller.cancel(call_id)
                case SaveState(state):
                    self._save(run, state)
                case SavePause(pause):
                    self.pauses.save(pause)
                case QueryRoles(query_id):
                    self._bus.query(run, query_id)
                case SetStepDown(step_down):
                    self.step_downs.save(step_down)
                case ReloadToken() | Report():
                    pass
                case _:
                    assert_never(effect)
            self.boundary()

    def _save(self, run: Run, state: SavedState) -> None:
        if not self.disk.save(state, self._agenda.now):
            run.inbox.append(SaveFailed(state))
            self.turns.wake(Source.ANSWERS)

    def answered(self, answer: RolesQueried) -> None:
        """Take an answer of keepalived's for the run that there is."""
        if self.run is not None:
            self.run.inbox.append(answer)
            self.turns.wake(Source.ANSWERS)

    def reload(self, settings: Settings, *, api_changed: bool) -> None:
        """SIGHUP with this configuration."""
        self.settings = settings
        changed = tuple(self._clouds.projects) if api_changed else ()
        self.ask(SettingsChanged(settings, changed))

    def ask(self, event: Event) -> None:
        """Ask hakeeper for something; one that stands still takes it in when it goes on."""
        self._asked.append(event)
        if not self.hung:
            self._take_asked()

    def _take_asked(self) -> None:
        asked, self._asked = self._asked, []
        run = self.run
        for event in asked:
            if run is None or self.run is not run:
                return  # the one before may have been its last
            self.pauses.handed_over(event)
            self.turns.guarded(run.sequencer.feed, event)
            if self.run is run:
                self.pauses.answered(event)

"""One machine: a keepalived, a hakeeper (the shipped loop and core), a disk and a clock."""

from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from random import Random
from typing import TYPE_CHECKING, assert_never

from hakeeper.core.calls import CallResult
from hakeeper.core.events import (
    AddressesSeen,
    CancelCall,
    Effect,
    Event,
    KeepalivedGone,
    KeepalivedSeen,
    QueryRoles,
    ReloadToken,
    Report,
    RolesQueried,
    SaveFailed,
    SaveState,
    SettingsChanged,
    StartCall,
)
from hakeeper.core.keeper import Keeper
from hakeeper.core.lines import LineState
from hakeeper.core.model import (
    IpAddress,
    ProcessId,
    Role,
    SavedState,
    Settings,
    VrrpId,
    VrrpKind,
)
from hakeeper.core.state import InvariantError, State
from hakeeper.loop import LOOK_S, Handler, Loop, Source
from hakeeper.sim.world.calls import Caller
from hakeeper.sim.world.pipe import Obstacle, Pipe, Place, WorldFifo

if TYPE_CHECKING:
    from hakeeper.sim.world.watch import Watch
    from hakeeper.sim.world.world import World

WAKE_S = (0.0002, 0.002)
"""From something being ready to the turn that serves it."""
LATE_ANSWERS = 0.1
"""The part of keepalived's answers that the bus holds back, so that they are old when they come."""
LATEST_ANSWER_S = 3.0
RESTART_S = (0.1, 1.5)
"""systemd starts a dead hakeeper again after this."""


class Crash(Exception):  # noqa: N818  # not an error: a fault that was asked for
    """kill -9, here and now."""


@dataclass(slots=True, eq=False)
class Keepalived:
    """The process on one machine, and the port through which hakeeper sees it."""

    process: ProcessId | None = None
    """The VRRP child that runs now."""
    writes_to: Pipe | None = None
    """The pipe that it opened at its start or last reload; None: its lines are lost."""
    frozen: bool = False


class WorldKeepalived:
    """The port of one run of hakeeper (`hakeeper.loop.Keepalived`)."""

    def __init__(self, keepalived: Keepalived) -> None:
        """Look at this one; nothing is known yet."""
        self._keepalived = keepalived
        self._current: ProcessId | None = None

    @property
    def current(self) -> ProcessId | None:
        """Return the process that was seen last and has not been seen to end."""
        return self._current

    def look(self) -> KeepalivedSeen | KeepalivedGone | None:
        """Notice one change."""
        running = self._keepalived.process
        if self._current is not None and self._current != running:
            self._current = None
            return KeepalivedGone("its process ended")
        if self._current is None and running is not None:
            self._current = running
            return KeepalivedSeen(running)
        return None


class WorldAddresses:
    """The port through which hakeeper sees this machine's private address."""

    def __init__(self, node: "Node") -> None:
        """Look at this machine; nothing was said yet."""
        self._node = node
        self._said: tuple[IpAddress, ...] | None = None

    def look(self) -> AddressesSeen | None:
        """Say whether it is here, if that is news."""
        node = self._node
        if not node.settings.vrrp_addresses:
            return None
        here = () if node.unplugged else (private_address(node.index),)
        if here == self._said:
            return None
        self._said = here
        return AddressesSeen(here)


class WatchedKeeper(Keeper):
    """The shipped keeper; the watch sees what goes in and what comes out."""

    __slots__ = ("_node", "_watch")

    def __init__(self, node: "Node", watch: "Watch", settings: Settings, now: float) -> None:
        """Make the keeper of one run of this node."""
        super().__init__(settings, node.rng_of_run(), now)
        self._node = node
        self._watch = watch

    @property
    def state(self) -> State:
        """Look into it: some rules are about what it believes."""
        return self._state

    @property
    def names_told(self) -> int:
        """How many unknown names it remembers."""
        return len(self._names_told)

    def handle(self, event: Event, now: float) -> tuple[Effect, ...]:
        """Let the keeper handle it, and have it checked."""
        self._node.boundary()
        self._watch.hearing(self._node, event)
        effects = super().handle(event, now)
        self._watch.handled(self._node, event, effects, now)
        self._node.boundary()
        return effects


@dataclass(slots=True)
class Run:
    """One life of the hakeeper process."""

    keeper: WatchedKeeper
    loop: Loop
    fifo: WorldFifo
    port: WorldKeepalived
    caller: Caller
    began_at: float
    inbox: list[CallResult | RolesQueried | SaveFailed] = field(default_factory=list)
    ready: set[Source] = field(default_factory=set)


class Node:
    """The machine with number `index`; its server has the id `index + 1`."""

    def __init__(self, world: "World", index: int, settings: Settings) -> None:
        """Make it switched on, with nothing running."""
        self.world = world
        self.index = index
        self.server_id = index + 1
        self.settings = settings
        self.place = Place()
        self.keepalived = Keepalived()
        self.run: Run | None = None
        self.runs = 0
        self.disk: SavedState | None = None
        self.older_disk: SavedState | None = None
        self.disk_full = 0
        self.save_failed_at = float("-inf")
        self.tampered = False
        """Another hand has changed the state file since it was written."""
        self.hung = 0
        self.power = True
        self.unplugged = 0
        """How many faults took its private address away."""
        self.jumped_at = float("-inf")
        """When the clock last jumped."""
        self.ahead_s = 0.0
        """Its monotonic clock minus the world's."""
        self.crash_in: int | None = None
        """kill -9 after so many more boundaries."""
        self.before_assign: Callable[[], None] | None = None
        """What happens just before the next assign is sent."""
        self.down_until = 0.0
        self.misled = False
        """Lines were lost, stolen or forged: without D-Bus it may rightly be wrong."""
        self._rng = Random(f"{world.plan.seed}-node-{index}")
        self._reloads: list[SettingsChanged] = []
        self._boot = 0
        self._pid = 100
        self._look_is_due = False
        self._turn_at = float("inf")
        self._timer_at = float("inf")

    # --- keepalived ----------------------------------------------------------------------------

    def start_keepalived(self) -> None:
        """Start the process: it opens the FIFO that is there, or makes one."""
        self._pid += 1
        ticks = int(self.world.now * 100)
        self.keepalived.process = ProcessId(self._pid, ticks, f"boot-{self.index}-{self._boot}")
        self.keepalived.frozen = False
        self.open_fifo_for_writing()
        self.look_soon()

    def open_fifo_for_writing(self) -> None:
        """Open what is at the path, as keepalived does at its start and at every reload."""
        if self.place.at_path is Obstacle.MISSING:
            self.place.at_path = Pipe()
            self.look_soon()
        found = self.place.at_path
        old, self.keepalived.writes_to = self.keepalived.writes_to, None
        if isinstance(found, Pipe):
            self.keepalived.writes_to = found
        self._drop_if_lonely(old)

    def end_keepalived(self) -> None:
        """The process is gone; hakeeper's pidfd becomes readable."""
        self.keepalived.process = None
        old, self.keepalived.writes_to = self.keepalived.writes_to, None
        self._drop_if_lonely(old)
        self.wake(Source.KEEPALIVED)

    def write(self, line: bytes) -> bool:
        """Put bytes into the FIFO as keepalived would; False if they are lost."""
        pipe = self.keepalived.writes_to
        if pipe is None:
            return False
        kept = pipe.write(line)
        if self.run is not None and self.run.fifo.holds(pipe):
            self.wake(Source.LINES)
        return kept

    def _drop_if_lonely(self, pipe: Pipe | None) -> None:
        """What is in a pipe is lost when nobody holds it any more."""
        held = pipe is not None and self.run is not None and self.run.fifo.holds(pipe)
        if pipe is not None and not held and self.keepalived.writes_to is not pipe:
            if pipe.data:
                for name in self.world.names_at(self.index):
                    self.world.watch.mislead(self, name)
            pipe.data.clear()

    # --- the life of hakeeper --------------------------------------------------------------------

    def clock(self) -> float:
        """Return this machine's monotonic time."""
        return self.world.agenda.now + self.ahead_s

    def rng_of_run(self) -> Random:
        """Make the chance of one run of hakeeper; in some worlds all nodes have the same."""
        number = 0 if self.world.plan.shape.same_chance else self.index
        return Random(f"{self.world.plan.seed}-{number}-{self.runs}")

    def start(self) -> None:
        """Start the hakeeper process."""
        if self.run is not None or not self.power:
            return
        world = self.world
        self.runs += 1
        self.crash_in = None
        fifo, port = WorldFifo(self.place), WorldKeepalived(self.keepalived)
        inbox: list[CallResult | RolesQueried | SaveFailed] = []
        run_number = self.runs

        def deliver(result: CallResult | RolesQueried) -> None:
            if self.runs == run_number and self.run is not None:
                inbox.append(result)
                self.wake(Source.ANSWERS)

        caller = Caller(self, deliver)
        keeper = WatchedKeeper(self, world.watch, self.settings, self.clock())
        loop = Loop(
            keeper,
            fifo,
            port,
            clock=self.clock,
            perform=self._perform,
            sources_changed=lambda: None,
            addresses=WorldAddresses(self),
        )
        self.run = Run(keeper, loop, fifo, port, caller, world.now, inbox)
        world.watch.began(self)
        self._guarded(loop.begin, self.disk)

    def kill(self) -> None:
        """Let the process die at once; systemd starts it again later."""
        if self.run is None:
            return
        self.world.watch.died(self)
        self.run.caller.close()
        self.run = None
        self._turn_at = self._timer_at = float("inf")
        pipe = self.place.at_path
        self._drop_if_lonely(pipe if isinstance(pipe, Pipe) else None)
        if self.keepalived.writes_to not in (None, pipe):
            for name in self.world.names_at(self.index):
                self.world.watch.mislead(self, name)  # what it writes there nobody can find again
        delay_s = self._rng.uniform(*RESTART_S)
        self.world.agenda.at(max(self.down_until, self.world.now + delay_s), self.start)

    def boundary(self) -> None:
        """One of the places at which a planned crash strikes."""
        if self.crash_in is not None:
            self.crash_in -= 1
            if self.crash_in < 0:
                self.crash_in = None
                raise Crash

    def cut_power(self) -> None:
        """Switch the machine off: everything but the disk is gone."""
        self.power = False
        self.keepalived.process = None
        self.keepalived.writes_to = None
        self.kill()
        self.place.at_path = Pipe()
        self._boot += 1

    # --- waking ------------------------------------------------------------------------------

    def wake(self, source: Source) -> None:
        """Something is ready: let there be a turn in a moment."""
        if self.run is None:
            return
        self.run.ready.add(source)
        if self._turn_at == float("inf"):
            self._turn_at = self.world.now + self._rng.uniform(*WAKE_S)
            self.world.agenda.at(self._turn_at, self._turn, self.runs)

    def look_soon(self) -> None:
        """Something changed that only the look once a second finds."""
        if self.run is not None:
            self.world.agenda.after(self._rng.uniform(0.0, LOOK_S), self._look, self.runs)

    def hang(self) -> None:
        """Stand still until `thaw`, which must be called as often."""
        self.hung += 1
        self.world.watch.stood_still(self)

    def thaw(self) -> None:
        """Go on after a hang, unless something else holds it."""
        self.hung -= 1
        if self.hung:
            return
        self.world.watch.stood_still(self)
        self._turn(self.runs)
        self._take_signals()
        run = self.run
        if run is not None:
            run.caller.thaw()

    def retime(self) -> None:
        """The clock jumped: what was due by it may be due now."""
        if self.run is not None:
            self._timer_at = float("inf")
            self._set_timer(self.run)

    def _look(self, run_number: int) -> None:
        if self.run is None or self.runs != run_number:
            return
        self._look_is_due = True
        self._turn(run_number)

    def _turn(self, run_number: int) -> None:
        run = self.run
        if run is None or self.runs != run_number:
            return
        self._turn_at = float("inf")
        if self.hung:
            return
        ready: list[tuple[Source, Handler]] = []
        if run.ready:
            ready = [(source, self._handler(run, source)) for source in sorted(run.ready)]
            run.ready.clear()
        # Looks that would find nothing are left out: nothing changed, or `look_soon` was called.
        late_s = self.clock() - run.loop.look_at_s
        if self._look_is_due:
            self._look_is_due = False
            run.loop.look_at_s = self.clock()
        elif late_s > 0.0:
            run.loop.look_at_s += LOOK_S * (int(late_s / LOOK_S) + 1)
        self._guarded(run.loop.turn, ready)

    def _handler(self, run: Run, source: Source) -> Handler:
        match source:
            case Source.LINES:
                return run.loop.hear
            case Source.KEEPALIVED:
                return run.loop.look_at_keepalived
            case _:
                return self._take_inbox

    def _take_inbox(self) -> None:
        run = self.run
        if run is not None:
            while run.inbox:
                run.loop.feed(run.inbox.pop(0))

    def _guarded(self, what: Callable[..., None], *args: object) -> None:
        try:
            what(*args)
        except Crash:
            self.kill()
            return
        except InvariantError as error:
            self.world.watch.violated("core_guard", self.index, f"exit code 70: {error}")
            self.kill()
            return
        run = self.run
        if run is None:
            return
        if run.fifo.crowded:
            run.fifo.drop_silent(self.keepalived.writes_to)
        self._set_timer(run)

    def _set_timer(self, run: Run) -> None:
        next_at_s = run.keeper.next_at()
        if next_at_s is None:
            return
        at = next_at_s - self.ahead_s
        if at + self.ahead_s < next_at_s:  # rounding must not wake it a hair too early, for ever
            at += 1e-6
        if at < self._timer_at:
            self._timer_at = at
            self.world.agenda.at(at, self._tick, self.runs, at)

    def _tick(self, run_number: int, at: float) -> None:
        run = self.run
        if run is None or self.runs != run_number or self._timer_at != at:
            return
        self._timer_at = float("inf")
        next_at_s = run.keeper.next_at()
        if next_at_s is None:
            return
        if next_at_s <= self.clock():
            self._turn(run_number)
        else:
            self._set_timer(run)

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
                case QueryRoles(query_id):
                    self._query(run, query_id)
                case ReloadToken() | Report():
                    pass
                case _:
                    assert_never(effect)
            self.boundary()

    def _save(self, run: Run, state: SavedState) -> None:
        if not self.disk_full:
            self.older_disk, self.disk = self.disk, state
            self.tampered = False
            return
        self.save_failed_at = self.world.now
        self.disk = None  # the shipped adapter leaves no old file behind
        run.inbox.append(SaveFailed(state))
        self.wake(Source.ANSWERS)

    def _query(self, run: Run, query_id: int) -> None:
        answer_at = self.world.now + self._rng.uniform(0.001, 0.006)
        self.world.agenda.at(answer_at, self._answer_query, run, query_id)

    def _answer_query(self, run: Run, query_id: int) -> None:
        if self.run is not run:
            return
        roles: dict[str, Role] | None = None
        if self.keepalived.process is not None and not self.keepalived.frozen:
            roles = self.world.roles_at(self.index)
        reason = "" if roles is not None else "no answer"
        late = self._rng.random() < LATE_ANSWERS
        delay_s = self._rng.uniform(0.0, LATEST_ANSWER_S if late else WAKE_S[0])
        answer = RolesQueried(query_id, roles, reason)
        self.world.agenda.after(delay_s, self._hear_answer, run, answer)

    def _hear_answer(self, run: Run, answer: RolesQueried) -> None:
        if self.run is run:
            run.inbox.append(answer)
            self.wake(Source.ANSWERS)

    def reload(self, settings: Settings, *, api_changed: bool) -> None:
        """SIGHUP with this configuration."""
        self.settings = settings
        self._reloads.append(SettingsChanged(settings, api_changed=api_changed))
        if not self.hung:
            self._take_signals()

    def _take_signals(self) -> None:
        reloads, self._reloads = self._reloads, []
        run = self.run
        for event in reloads:
            if run is not None and self.run is run:  # the one before may have been its last
                self._guarded(run.loop.feed, event)


def private_address(index: int) -> IpAddress:
    """Return the address that keepalived on this node speaks from."""
    return IPv4Address(0x0AC80000 + index)


def vrrp_id(name: str, *, group: bool) -> VrrpId:
    """Return the name as the configuration has it."""
    return VrrpId(VrrpKind.GROUP if group else VrrpKind.INSTANCE, name)


def line_bytes(name: str, word: LineState, priority: int, *, group: bool) -> bytes:
    """Return the line that keepalived writes."""
    if group:
        return f'GROUP "{name}" {word.value} 0\n'.encode()
    return f'INSTANCE "{name}" {word.value} {priority}\n'.encode()

"""The daemon: waits, lets the loop feed the core, performs the core's effects.

One thread owns the core. API calls, D-Bus and the journal have threads of their own, which hand
values over through an inbox and never see the core. The loop itself does nothing that can block
for long: the slowest thing in it is writing the small state file, which is not synced to disk.
"""

import contextlib
import gc
import itertools
import os
import selectors
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TypeAlias, assert_never

from hakeeper import __version__
from hakeeper.adapters.control_server import ControlServer
from hakeeper.adapters.fifo import NotifyFifo
from hakeeper.adapters.freshness import FreshnessCheck
from hakeeper.adapters.hetzner import HetznerPool
from hakeeper.adapters.journal.reporter import Reporter
from hakeeper.adapters.keepalived.bus import BusOwner, KeepalivedBus
from hakeeper.adapters.keepalived.liveness import Liveness
from hakeeper.adapters.local_addresses import VrrpAddresses
from hakeeper.adapters.sd_notify import Notifier, watchdog_interval_s
from hakeeper.adapters.signals import Signals
from hakeeper.adapters.statefile import StateFile
from hakeeper.adapters.status import document, instant
from hakeeper.adapters.status_follower import StatusFollower
from hakeeper.adapters.tolerant_selector import TolerantSelector
from hakeeper.config import Config, StateSource
from hakeeper.core.calls import CallResult
from hakeeper.core.core import Core
from hakeeper.core.events import (
    CancelCall,
    Effect,
    Event,
    KeepalivedGone,
    QueryRoles,
    ReloadToken,
    Report,
    RolesQueried,
    SaveFailed,
    SaveState,
    SettingsChanged,
    SettingsRefused,
    StartCall,
)
from hakeeper.core.model import IpAddress, SavedState, Settings
from hakeeper.core.snapshot import Snapshot
from hakeeper.kinds import KINDS
from hakeeper.kinds.apis import CLOUD
from hakeeper.loading import LOAD_ERRORS, Loader, warm_connections
from hakeeper.sequencer import LOOK_S, Handler, Sequencer, Source

Delivery: TypeAlias = CallResult | RolesQueried | BusOwner | SaveFailed | BaseException
CoreMaker: TypeAlias = Callable[[Settings, int, float], Core]
"""Makes the core from its settings, the seed of its chance, and the time (monotonic seconds)."""

EARLY_S = 0.5
"""So much before its time a look around is taken by who is awake for something else: that saves
waking up again for it alone."""
LEAVE_S = 0.005
"""The longest that the loop waits for assigns to be on the wire before it goes on. Over an open
connection one takes about a millisecond."""
FOLLOW_S = 2.0
"""Between two looks whether the status has become another one by the clock alone."""
SEED_BITS = 53
"""As many as every reader of JSON keeps."""


def make_core(settings: Settings, seed: int, now: float) -> Core:
    """Make a core whose story nobody writes down."""
    return Core(settings, KINDS, Random(seed), now)  # noqa: S311  # jitter


class Inbox:
    """What other threads hand to the loop; the descriptor becomes readable with the first."""

    def __init__(self) -> None:
        self._items: deque[Delivery] = deque()
        self.fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def put(self, item: Delivery) -> None:
        """Hand over; from any thread. Bounded by the calls and questions that are under way."""
        self._items.append(item)
        with contextlib.suppress(OSError):  # the loop finds it at its next turn, within a second
            os.eventfd_write(self.fd, 1)

    def __bool__(self) -> bool:
        """Say whether anything waits."""
        return bool(self._items)

    def take(self) -> list[Delivery]:
        """Take all that is there, oldest first."""
        with contextlib.suppress(OSError):  # nothing was written
            os.eventfd_read(self.fd)
        items: list[Delivery] = []
        while self._items:
            items.append(self._items.popleft())
        return items


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """Where the daemon keeps its files."""

    control_socket: Path
    state_file: Path


class Daemon:
    """One run of the daemon, from the first look to SIGTERM."""

    def __init__(  # noqa: PLR0913  # all but two by keyword
        self,
        config: Config,
        loader: Loader,
        *,
        folders: Folders,
        reporter: Reporter,
        notifier: Notifier,
        signals: Signals,
        core: CoreMaker = make_core,
    ) -> None:
        self._config = config
        self._loader = loader
        self._reporter = reporter
        self._notifier = notifier
        self._signals = signals
        self._waiting = TolerantSelector(self._note_unwatched)
        self._watched: dict[Source, tuple[int, ...]] = {}
        self._inbox = Inbox()
        self._state_file = StateFile(folders.state_file)
        self._state_failing = False
        self._fifo = NotifyFifo(str(config.keepalived.fifo))
        self._liveness = Liveness(str(config.keepalived.pid_file))
        self._addresses = VrrpAddresses(_vrrp_addresses(config))
        self._bus = self._make_bus(config)
        self._last_look = FreshnessCheck(self._fifo)
        self._pool = loader.make_pool(config, self._inbox.put, self._last_look.objection)
        self._control = ControlServer(
            str(folders.control_socket), self._answer, self._waiting, self._note_unreachable
        )
        seed = Random().getrandbits(SEED_BITS)  # noqa: S311  # jitter
        self._core = core(config.settings(), seed, time.monotonic())
        self._sequencer = Sequencer(
            self._core,
            self._fifo,
            self._liveness,
            self._addresses,
            clock=time.monotonic,
            perform=self._perform_all,
            sources_changed=self._watch_sources,
        )
        self._follower = StatusFollower(notifier, reporter, time.time)
        self._follow_at_s = 0.0
        self._started_at_s = time.time()
        self._watchdog_s = watchdog_interval_s()
        self._watchdog_at_s = 0.0
        self._stopping = False

    # --- the life of the daemon ----------------------------------------------------------

    def run(self) -> None:
        """Run until a signal says stop.

        Raises InvariantError, whatever is a bug, and OSError for what the system refuses and
        nothing goes on without.
        """
        self._begin()
        try:
            while not self._stopping:
                self._turn()
        finally:
            self._end()

    def _begin(self) -> None:
        """Learn the roles (state file, then the lines that wait), and say that we are ready."""
        self._last_look.turn()
        loaded = self._state_file.load()
        if loaded.problem:
            self._reporter.log("state.failed", loaded.problem, reason="unreadable")
        self._control.look()
        self._register(self._inbox.fd, Source.ANSWERS, self._take_inbox)
        self._register(self._signals.fd, Source.SIGNALS, self._take_signals)
        self._sequencer.begin(loaded.state)
        self._notifier.ready(self._follower.line(self._picture()))
        # Modules and tables stay for ever; a collection that walked over them in the middle of a
        # claim would take longer than the claim.
        gc.freeze()

    def _turn(self) -> None:
        """Wait for the next thing and deal with it."""
        wait_s = max(0.0, self._wake_at_s() - time.monotonic())
        self._waiting.select(wait_s)
        self._last_look.turn()
        # Looked at again, so that all that came before the turn's time is among it: the process may
        # have stood still since it was woken.
        ready = [_ready(data) for data in self._waiting.select(0.0)]
        if self._inbox and not any(source is Source.ANSWERS for source, _ in ready):
            ready.append((Source.ANSWERS, self._take_inbox))
        if not ready and self._sequencer.look_at_s - time.monotonic() <= EARLY_S:
            self._sequencer.look_at_s = 0.0
        self._sequencer.turn(ready)
        now = time.monotonic()
        self._control.look()
        if now >= self._follow_at_s:
            self._follow_at_s = now + FOLLOW_S
            self._follower.follow(self._picture(), now)
        # A turn early, so that nobody has to wake up for it alone.
        if self._watchdog_s is not None and now + LOOK_S >= self._watchdog_at_s:
            self._watchdog_at_s = now + self._watchdog_s
            self._notifier.watchdog()
        self._notifier.look()

    def fail(self, error: BaseException) -> None:
        """Have `run` raise this: a thread has died of it, and its work would stay undone."""
        self._inbox.put(error)

    def _wake_at_s(self) -> float:
        wake_at_s = self._sequencer.wake_at_s()
        return wake_at_s if self._watchdog_s is None else min(wake_at_s, self._watchdog_at_s)

    def _end(self) -> None:
        """Let go of everything; nothing is sent to the cloud."""
        self._notifier.stopping()
        self._pool.close()
        if self._bus is not None:
            self._bus.close()
        self._control.close()
        self._fifo.close()
        self._liveness.close()
        self._waiting.close()  # the inbox stays open: a late thread may still put into it

    # --- effects -------------------------------------------------------------------------

    def _perform_all(self, effects: tuple[Effect, ...]) -> None:
        told = False
        for effect in effects:
            if isinstance(effect, SaveState | Report):  # what takes time comes after the calls
                self._pool.let_leave(LEAVE_S)
            told = self._perform(effect) or told
        self._pool.let_leave(LEAVE_S)
        if told:
            self._follower.show(self._picture())

    def _picture(self) -> Snapshot:
        return self._core.snapshot(time.monotonic())

    def _perform(self, effect: Effect) -> bool:
        """Do what the core wants; say whether it was something to tell people."""
        match effect:
            case StartCall():
                self._pool.start(effect, self._last_look.turned_at_s)
            case CancelCall(call_id):
                self._pool.cancel(call_id)
            case ReloadToken():
                self._pool.reload_token()
            case SaveState(state):
                self._save(state)
            case QueryRoles(query_id):
                self._query(query_id)
            case Report():
                self._reporter.report(effect)
                return True
            case _:
                assert_never(effect)
        return False

    def _save(self, state: SavedState) -> None:
        if self._fifo.is_held_by_another:
            return  # the file is that of the daemon who reads the FIFO
        try:
            self._state_file.save(state)
        except OSError as error:
            if not self._state_failing:
                text = f"cannot write the state file: {error}; a restart will have to ask again"
                self._reporter.log("state.failed", text, reason="unwritable")
            self._state_failing = True
            self._inbox.put(SaveFailed(state))
        else:
            self._state_failing = False

    def _query(self, query_id: int) -> None:
        if self._bus is not None:
            self._bus.query(query_id)

    # --- sources -------------------------------------------------------------------------

    def _take_inbox(self) -> None:
        answers: list[Event] = []
        for item in self._inbox.take():
            if isinstance(item, BusOwner):
                self._sequencer.look()
            elif isinstance(item, BaseException):
                raise item
            elif isinstance(item, RolesQueried) and self._fifo.is_held_by_another:
                pass  # who reads the FIFO acts: if we knew the roles as well, there would be two
            else:
                answers.append(item)
        if answers:
            self._sequencer.feed(*answers)

    def _watch_sources(self) -> None:
        """Wait for the descriptors that the FIFO and keepalived have now."""
        self._watch(Source.LINES, self._fifo.filenos(), self._sequencer.hear)
        self._watch(Source.KEEPALIVED, self._liveness.filenos(), self._sequencer.look_at_keepalived)

    def _watch(self, source: Source, wanted: tuple[int, ...], handler: Handler) -> None:
        """Register an adapter's descriptors anew: a number may stand for another file by now."""
        for fd in self._watched.get(source, ()):
            _forget(self._waiting, fd)
        for fd in wanted:
            self._register(fd, source, handler)
        self._watched[source] = wanted

    def _note_unreachable(self, text: str) -> None:
        self._reporter.log("control.failed", text)

    def _register(self, fd: int, source: Source, handler: Handler) -> None:
        self._waiting.register(fd, selectors.EVENT_READ, (source, handler))

    def _note_unwatched(self, error: OSError) -> None:
        text = f"the system does not tell when something happens ({error}); looking for it instead"
        self._reporter.log("watch.failed", text)

    # --- people ----------------------------------------------------------------------------

    def _answer(self, request: Mapping[str, object], user_id: int) -> dict[str, object]:
        """Answer a request on the control socket."""
        if request.get("command") == "reload":
            if user_id not in (0, os.geteuid()):
                return {"error": "only root may reload"}
            return {"refused": self._reload()}
        if request.get("command") == "status":
            return {
                "version": __version__,
                "started": instant(self._started_at_s),
                "config": str(self._loader.path),
                **document(self._picture(), time.time()),
            }
        return {
            "error": f"unknown command {str(request.get('command'))[:40]!r}; known: status, reload"
        }

    def _take_signals(self) -> None:
        wanted = self._signals.take()
        if wanted.stop:
            self._stopping = True
        elif wanted.reload:
            self._reload()

    def _reload(self) -> list[str]:
        """Take over a changed configuration wholly, or stay with the old one; return why."""
        refused: list[str] = []
        self._notifier.reloading()
        try:
            with self._signals.held():  # for the threads that are started
                config, pool, bus = self._load_again()
        except (*LOAD_ERRORS, OSError) as error:
            refused = [self._loader.redact(line) for line in str(error).splitlines()]
            for line in refused:
                text = f"reload refused, the old configuration stays: {line}"
                self._reporter.log("config.rejected", text)
            self._sequencer.feed(SettingsRefused(next(iter(refused), "no reason given")))
        else:
            self._take_over(config, pool, bus)
        self._notifier.ready(self._follower.line(self._picture()))
        return refused

    def _load_again(self) -> tuple[Config, HetznerPool | None, KeepalivedBus | None]:
        """Load, and make all that may fail: the API adapter if it is another, and the bus."""
        now = self._config
        with contextlib.ExitStack() as undo:
            config = self._loader.load()
            bus = self._bus
            if config.keepalived.state != now.keepalived.state:
                bus = self._make_bus(config)
                if bus is not None:
                    undo.callback(bus.close)
            pool = None
            if config.identity() != now.identity():
                pool = self._loader.make_pool(config, self._inbox.put, self._last_look.objection)
                pool.succeed(self._pool)
            else:
                self._pool.reload()
            undo.pop_all()
        return config, pool, bus

    def _take_over(
        self, config: Config, pool: HetznerPool | None, bus: KeepalivedBus | None
    ) -> None:
        before, self._config = self._config.keepalived, config
        if pool is None:
            self._pool.keep_warm(warm_connections(config))
        else:
            # Closing waits for threads; its last results still come through the inbox.
            threading.Thread(target=self._pool.close, daemon=True).start()
            self._pool = pool
        if config.keepalived.fifo != before.fifo:
            self._fifo.close()
            self._sequencer.fifo = self._fifo = NotifyFifo(str(config.keepalived.fifo))
            self._last_look.lines = self._fifo
        if config.keepalived.pid_file != before.pid_file:
            self._watch_other_keepalived(str(config.keepalived.pid_file))
        if bus is not self._bus and self._bus is not None:
            self._bus.close()
        self._bus = bus
        # What the new settings name is looked for before they hold: it is not missing then.
        self._addresses.want((*self._addresses.wanted, *_vrrp_addresses(config)))
        self._sequencer.look_at_addresses()
        self._sequencer.feed(
            SettingsChanged(config.settings(), (CLOUD.name,) if pool is not None else ())
        )
        self._addresses.want(_vrrp_addresses(config))
        self._sequencer.look()
        self._reporter.log("config.reloaded", "took over the changed configuration")

    def _watch_other_keepalived(self, pid_file: str) -> None:
        was_known = self._liveness.current is not None
        self._liveness.close()
        self._sequencer.keepalived = self._liveness = Liveness(pid_file)
        self._sequencer.look_at_keepalived()
        if was_known and self._liveness.current is None:
            self._sequencer.feed(
                KeepalivedGone(f"the changed pid_file {pid_file} leads to no process")
            )

    def _make_bus(self, config: Config) -> KeepalivedBus | None:
        if config.keepalived.state is StateSource.NONE:
            return None
        return KeepalivedBus(self._inbox.put)


def _ready(data: tuple[Source, Handler] | Handler) -> tuple[Source, Handler]:
    """Return whose turn it is; the control socket registers its handlers itself."""
    return data if isinstance(data, tuple) else (Source.CONTROL, data)


def _vrrp_addresses(config: Config) -> tuple[IpAddress, ...]:
    return tuple(itertools.chain.from_iterable(config.vrrp_addresses.values()))


def _forget(waiting: TolerantSelector, fd: int) -> None:
    with contextlib.suppress(KeyError):  # closed, and its number taken by another file since
        waiting.unregister(fd)

"""The daemon: waits, has the sequencer feed the core, and performs the core's effects.

One thread owns the core. API calls, D-Bus and the journal have threads of their own, which hand
values over through an inbox and never see the core. The loop itself does nothing that can block
for long: the slowest thing in it is writing the small state file, which is not synced to disk.
"""

import gc
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, assert_never

from hakeeper import __version__
from hakeeper.adapters.control_commands import Command, Commands
from hakeeper.adapters.control_server import ControlServer
from hakeeper.adapters.counts import Counts
from hakeeper.adapters.hooks.sender import HookSender
from hakeeper.adapters.inbox import Inbox
from hakeeper.adapters.journal.recent import EVENTS_PARAMETERS
from hakeeper.adapters.journal.reporter import Reporter
from hakeeper.adapters.keepalived.bus import BusOwner
from hakeeper.adapters.pausefile import PauseFile
from hakeeper.adapters.sd_notify import Notifier, Watchdog
from hakeeper.adapters.signals import Signals
from hakeeper.adapters.statefile import StateFile
from hakeeper.adapters.status import document
from hakeeper.adapters.status_follower import StatusFollower
from hakeeper.adapters.step_down_file import StepDownFile
from hakeeper.adapters.timed_request import END_PARAMETERS, TIMED_PARAMETERS
from hakeeper.adapters.times import instant
from hakeeper.configured_adapters import ConfiguredAdapters
from hakeeper.core.calls import CallResult
from hakeeper.core.core import Core
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
    StartCall,
)
from hakeeper.core.model import SavedState
from hakeeper.diagnosis.snapshot import Snapshot, snapshot_of
from hakeeper.explainer import EXPLAIN_PARAMETERS, Explainer
from hakeeper.pauser import Pauser
from hakeeper.reloader import Reloader
from hakeeper.sequencer import LOOK_S, Sequencer, Source
from hakeeper.stepper import Stepper
from hakeeper.taker import TAKE_PARAMETERS, Taker
from hakeeper.waiting import Waiting

EARLY_S: Final = 0.5
"""A turn that finds nothing else to do looks around up to this much before that is due: it saves
waking up again for it alone."""
LEAVE_S: Final = 0.005
"""The longest that the loop waits for assigns to be on the wire before it goes on. Over an open
connection one takes about a millisecond."""
FOLLOW_S: Final = 2.0
"""Between two looks whether the status has become another one by the clock alone."""


class Daemon:
    """One run of the daemon, from the first look to SIGTERM; compose.py makes it."""

    def __init__(  # noqa: PLR0913  # all but two by keyword
        self,
        core: Core,
        adapters: ConfiguredAdapters,
        *,
        config_path: Path,
        inbox: Inbox,
        waiting: Waiting,
        signals: Signals,
        state_file: StateFile,
        pause_file: PauseFile,
        step_down_file: StepDownFile,
        hooks: HookSender,
        reporter: Reporter,
        notifier: Notifier,
        watchdog: Watchdog,
        make_control: Callable[[Commands], ControlServer],
    ) -> None:
        """Take the parts; nothing is read or sent yet."""
        self._core = core
        self._adapters = adapters
        self._inbox = inbox
        self._waiting = waiting
        self._signals = signals
        self._state_file = state_file
        self._pause_file = pause_file
        self._step_down_file = step_down_file
        self._hooks = hooks
        self._reporter = reporter
        self._notifier = notifier
        self._watchdog = watchdog
        self._sequencer = Sequencer(
            core,
            adapters.fifo,
            adapters.keepalived,
            adapters.addresses,
            clock=time.monotonic,
            perform=self._perform_all,
            sources_changed=self._watch_sources,
        )
        self._reloader = Reloader(adapters, self._sequencer, signals, reporter)
        self._explainer = Explainer(core)
        self._taker = Taker(core, self._sequencer)
        self._pauser = Pauser(self._sequencer, pause_file)
        self._stepper = Stepper(self._sequencer, adapters.track_file)
        self._counts = Counts()
        self._control = make_control(Commands(self._commands()))
        self._follower = StatusFollower(notifier, reporter, time.time)
        self._follow_at_s = 0.0
        self._about = {
            "version": __version__,
            "started": instant(time.time()),
            "config": str(config_path),
        }
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
        self._adapters.last_check.turn()
        loaded = self._state_file.load()
        if loaded.problem:
            self._reporter.log("state.failed", loaded.problem, reason="unreadable")
        self._control.look()
        self._waiting.watch(Source.ANSWERS, (self._inbox.fd,), self._take_inbox)
        self._waiting.watch(Source.SIGNALS, (self._signals.fd,), self._take_signals)
        kept = self._pause_file.load(), self._step_down_file.load()
        self._sequencer.begin(loaded.state, *kept)
        self._notifier.ready(self._follower.line(self._picture()))
        # Modules and tables stay for ever; a collection that walked over them in the middle of a
        # claim would take longer than the claim.
        gc.freeze()

    def _turn(self) -> None:
        """Wait for the next thing and deal with it."""
        wake_at_s = min(self._sequencer.wake_at_s(), self._watchdog.due_at_s)
        self._waiting.wait(max(0.0, wake_at_s - time.monotonic()))
        self._adapters.last_check.turn()
        # Looked at only now, so that all that came before the turn's time is among it: the process
        # may have stood still since it was woken.
        ready = self._waiting.ready()
        if self._inbox and not any(source is Source.ANSWERS for source, _ in ready):
            ready.append((Source.ANSWERS, self._take_inbox))
        self._sequencer.turn(ready, EARLY_S)
        now = time.monotonic()
        self._control.look()
        if now >= self._follow_at_s:
            self._follow_at_s = now + FOLLOW_S
            self._follower.follow(self._picture(), now)
            self._step_down_file.look()
        self._watchdog.look(now, early_s=LOOK_S)
        self._notifier.look()

    def fail(self, error: BaseException) -> None:
        """Have `run` raise this: a thread has died of it, and its work would stay undone."""
        self._inbox.put(error)

    def _end(self) -> None:
        """Let go of everything; nothing is sent to the cloud."""
        self._notifier.stopping()
        self._adapters.close()
        self._control.close()
        self._hooks.close()
        self._waiting.close()  # the inbox stays open: a late thread may still put into it

    # --- effects -------------------------------------------------------------------------

    def _perform_all(self, effects: tuple[Effect, ...]) -> None:
        apis = self._adapters.apis
        for effect in effects:
            # What takes time comes after the calls.
            if isinstance(effect, SavePause | SetStepDown | SaveState | Report):
                apis.let_leave(LEAVE_S)
            self._perform(effect)
        apis.let_leave(LEAVE_S)
        self._counts.performed(effects)
        if any(isinstance(effect, Report) for effect in effects):
            self._follower.show(self._picture())

    def _perform(self, effect: Effect) -> None:
        match effect:
            case StartCall():
                self._adapters.apis.start(effect, self._adapters.last_check.turned_at_s)
            case CancelCall(call_id):
                self._adapters.apis.cancel(call_id)
            case ReloadToken(api):
                self._adapters.apis.reload_secret(api)
            case SaveState(state):
                self._save(state)
            case SavePause(pause):
                self._pause_file.save(pause)
            case SetStepDown(step_down):
                self._step_down_file.save(step_down)
            case QueryRoles(query_id):
                self._adapters.query_roles(query_id)
            case Report():
                self._reporter.report(effect)
                self._hooks.tell(effect)
            case _:
                assert_never(effect)

    def _save(self, state: SavedState) -> None:
        if self._adapters.fifo.is_held_by_another:
            return  # the file is that of the daemon who reads the FIFO
        if not self._state_file.try_save(state):
            self._inbox.put(SaveFailed(state))

    # --- sources -------------------------------------------------------------------------

    def _watch_sources(self) -> None:
        """Wait for the descriptors that the FIFO and keepalived have now."""
        fifo, keepalived = self._adapters.fifo, self._adapters.keepalived
        self._waiting.watch(Source.LINES, fifo.filenos(), self._sequencer.hear)
        look = self._sequencer.look_at_keepalived
        self._waiting.watch(Source.KEEPALIVED, keepalived.filenos(), look)

    def _take_inbox(self) -> None:
        answers: list[Event] = []
        for item in self._inbox.take():
            if isinstance(item, BusOwner):
                self._sequencer.look()
            elif isinstance(item, BaseException):
                raise item
            elif isinstance(item, RolesQueried) and self._adapters.fifo.is_held_by_another:
                pass  # who reads the FIFO acts: if we knew the roles as well, there would be two
            else:
                answers.append(item)
        if answers:
            self._sequencer.feed(*answers)
        for answer in answers:
            if isinstance(answer, CallResult):
                self._counts.answered(answer)

    def _take_signals(self) -> None:
        wanted = self._signals.take()
        if wanted.stop:
            self._stopping = True
        elif wanted.reload:
            self._reload()

    # --- what people ask for ---------------------------------------------------------------

    def _commands(self) -> dict[str, Command]:
        return {
            "status": Command(lambda *_: self._status()),
            "explain": Command(self._explainer.explain, takes=EXPLAIN_PARAMETERS),
            "events": Command(self._reporter.recent.answer, takes=EVENTS_PARAMETERS),
            "take": Command(self._taker.take, only_root=True, takes=TAKE_PARAMETERS),
            "counts": Command(lambda *_: self._counted()),
            "reload": Command(lambda *_: {"refused": self._reload()}, only_root=True),
            "pause": Command(self._pause, only_root=True, takes=TIMED_PARAMETERS),
            "resume": Command(self._resume, only_root=True, takes=END_PARAMETERS),
            "step-down": Command(self._step_down, only_root=True, takes=TIMED_PARAMETERS),
            "step-up": Command(self._step_up, only_root=True, takes=END_PARAMETERS),
        }

    def _picture(self) -> Snapshot:
        return snapshot_of(self._core, time.monotonic())

    def _status(self) -> dict[str, object]:
        return {**self._about, **document(self._picture(), time.time())}

    def _counted(self) -> dict[str, object]:
        """Return the counts, and the status of the same moment."""
        fifo = self._adapters.fifo
        return {
            "status": self._status(),
            "counts": {
                **self._counts.document(),
                "fifo": {
                    "accepted": fifo.lines_read,
                    "rejected": fifo.lines_rejected,
                    "overflows": fifo.overflows,
                },
                "journal_dropped": self._reporter.dropped,
            },
        }

    def _pause(self, request: Mapping[str, object], user_id: int) -> dict[str, object]:
        before = self._status()["pause"]
        trouble = self._pauser.pause(request, user_id)
        return {"pause": self._status()["pause"], "replaced": before, "trouble": trouble}

    def _resume(self, request: Mapping[str, object], user_id: int) -> dict[str, object]:
        before = self._status()["pause"]
        return {"ended": before, "trouble": self._pauser.resume(request, user_id)}

    def _step_down(self, request: Mapping[str, object], user_id: int) -> dict[str, object]:
        refusal = self._stepper.step_down(request, user_id)
        return {
            "step_down": self._status()["step_down"],
            "refused": None if refusal is None else refusal.word,
            "why": "" if refusal is None else refusal.text,
            "trouble": self._step_down_file.trouble,
        }

    def _step_up(self, request: Mapping[str, object], user_id: int) -> dict[str, object]:
        before = self._status()["step_down"]
        self._stepper.step_up(request, user_id)
        return {"ended": before, "trouble": self._step_down_file.trouble}

    def _reload(self) -> list[str]:
        """Reload, and tell systemd of its beginning and its end; return why it is refused."""
        self._notifier.reloading()
        refused = self._reloader.reload()
        self._counts.reloaded(refused=bool(refused))
        self._notifier.ready(self._follower.line(self._picture()))
        return refused

"""Boundaries at which a daemon kills itself, and small bugs that can be put into it.

Both are put around the parts of hakeeper from outside, in the daemon's own process and before it
begins; hakeeper knows nothing of them. See `nursery.py` for how such a daemon is started.
"""

import functools
import itertools
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import hakeeper.configured_adapters
from hakeeper.adapters.fifo import NotifyFifo
from hakeeper.adapters.hetzner import transport
from hakeeper.adapters.hetzner.call_guard import CallGuard
from hakeeper.core.calls import AllRead, CallResult, Mutate, OneRead
from hakeeper.core.events import Effect, Event, LinesRead, RolesQueried, StartCall
from hakeeper.core.model import Role
from hakeeper.core.roles.table import EVENT_OF_LINE, TABLE
from hakeeper.daemon import Daemon
from hakeeper.sequencer import Sequencer

EFFECTS = (
    "SaveState",
    "CancelCall",
    "ReloadToken",
    "StartCall",
    "StartCall(Mutate)",
    "QueryRoles",
    "Report",
)
HALF_WRITTEN = "state file: half written"
WRITTEN = "state file: written, not renamed"
RENAMED = "state file: renamed"
PERMITTED = "assign: permitted, no byte sent"
SENT = "assign: last byte sent, no answer read"
ANSWERED = "assign: answered, not handed over"
BOUNDARIES = (
    *(f"{when} {effect}" for effect in EFFECTS for when in ("before", "after")),
    *(f"{when} {step}" for step in ("drain", "feed", "settle") for when in ("before", "after")),
    HALF_WRITTEN,
    WRITTEN,
    RENAMED,
    PERMITTED,
    SENT,
    ANSWERED,
)

Wrapper = Callable[..., Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one life of the daemon is to suffer."""

    trace: str
    """The file that notes go to."""
    boundary: str = ""
    """Where it kills itself; nowhere if empty."""
    visit: int = 1
    """At which visit of the boundary, counted from 1."""
    armed_by: str = ""
    """Visits count from the time on at which this file is there; from the start if empty."""
    sabotage: str = ""
    """The bug that is put in, a key of `sabotage.SABOTAGES`; none if empty."""
    counts_turns: bool = False
    """Whether turns of the loop, and looks around (one a second), are noted."""
    notes_calls: bool = False
    """Whether the places of its calls to the system are noted, and how it ended."""
    refused: str = ""
    """The place whose first call the system refuses; see `refusals.py`."""
    error: int = 0
    """With this error."""
    bus: str = ""
    """The file with keepalived's roles as D-Bus would tell them; no D-Bus if empty."""


class Failpoints:
    """Counts the visits of one boundary, and ends the process at the chosen one."""

    def __init__(self, plan: Plan) -> None:
        self._fd = os.open(plan.trace, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._boundary = plan.boundary
        self._armed_by = plan.armed_by
        self._left = plan.visit
        self._lock = threading.Lock()

    def note(self, word: str, what: str) -> None:
        """Write a note with the time; it outlives a kill."""
        os.write(self._fd, f"{time.monotonic():.6f} {word} {what}\n".encode())

    def reach(self, boundary: str) -> None:
        """Be at a boundary; perhaps it is the last thing that this process does."""
        if boundary != self._boundary or (self._armed_by and not Path(self._armed_by).exists()):
            return
        with self._lock:
            self._left -= 1
            if self._left == 0:
                self.note("killed", boundary)
                os.kill(os.getpid(), signal.SIGKILL)

    def around(self, name: str) -> Callable[[Wrapper], Wrapper]:
        """Make boundaries before and after a method."""

        def wrap(method: Wrapper) -> Wrapper:
            @functools.wraps(method)
            def inner(*args: object, **named: object) -> object:
                self.reach(f"before {name}")
                result = method(*args, **named)
                self.reach(f"after {name}")
                return result

            return inner

        return wrap


def replace(holder: object, name: str, make: Callable[[Wrapper], Wrapper]) -> None:
    """Put a wrapper in the place of an attribute."""
    setattr(holder, name, make(getattr(holder, name)))


def install(plan: Plan) -> Failpoints:
    """Put all boundaries around the daemon's parts."""
    points = Failpoints(plan)
    replace(NotifyFifo, "drain", points.around("drain"))
    replace(NotifyFifo, "settle", points.around("settle"))
    replace(Sequencer, "feed", points.around("feed"))
    replace(Sequencer, "feed", functools.partial(_note_fed, points))
    replace(Daemon, "_perform", functools.partial(_around_effect, points))
    replace(CallGuard, "permit_send", functools.partial(_after_permit, points))
    replace(transport, "read_answer", functools.partial(_around_answer, points))
    replace(os, "fdopen", functools.partial(_in_halves, points))
    replace(Path, "replace", functools.partial(_around_rename, points))
    if plan.counts_turns:
        replace(Daemon, "_turn", functools.partial(_noted, points, "turn"))
        replace(Sequencer, "look", functools.partial(_noted, points, "look"))
    if plan.bus:
        vars(hakeeper.configured_adapters)["KeepalivedBus"] = functools.partial(FileBus, plan.bus)
    return points


def _note_fed(points: Failpoints, feed: Wrapper) -> Wrapper:
    def inner(sequencer: Sequencer, *events: Event) -> None:
        readings = [event.lines for event in events if isinstance(event, LinesRead) and event.lines]
        lines = itertools.chain.from_iterable(readings)
        if any(
            TABLE[EVENT_OF_LINE[line.state]][Role.MASTER].role is not Role.MASTER for line in lines
        ):
            points.note("demoted", "by a line")  # before it acts on that
        feed(sequencer, *events)
        for reading in readings:
            points.note("fed", str(reading[-1].priority))
        ended = [event.outcome for event in events if isinstance(event, CallResult)]
        if any(isinstance(outcome, AllRead | OneRead) for outcome in ended):
            points.note("learned", "holders")

    return inner


def _noted(points: Failpoints, word: str, method: Wrapper) -> Wrapper:
    def inner(self: object) -> None:
        points.note(word, "")
        method(self)

    return inner


def _around_effect(points: Failpoints, perform: Wrapper) -> Wrapper:
    def inner(daemon: Daemon, effect: Effect) -> bool:
        name = type(effect).__name__
        if isinstance(effect, StartCall) and isinstance(effect.request, Mutate):
            name = "StartCall(Mutate)"
        points.reach(f"before {name}")
        told = perform(daemon, effect)
        points.reach(f"after {name}")
        return bool(told)

    return inner


def _after_permit(points: Failpoints, permit: Wrapper) -> Wrapper:
    def inner(guard: CallGuard, method: str) -> None:
        permit(guard, method)
        if guard.changes_something:
            points.note("permit", f"{guard.sent_at_s:.6f}")
            points.reach(PERMITTED)

    return inner


def _around_answer(points: Failpoints, read_answer: Wrapper) -> Wrapper:
    def inner(sock: object, remaining_s: Any) -> object:  # noqa: ANN401  # a guard's method
        is_assign = remaining_s.__self__.changes_something
        if is_assign:
            points.reach(SENT)
        answer = read_answer(sock, remaining_s)
        if is_assign:
            points.reach(ANSWERED)
        return answer

    return inner


def _around_rename(points: Failpoints, rename: Wrapper) -> Wrapper:
    def inner(source: Path, target: Path) -> Path:
        points.reach(WRITTEN)
        renamed: Path = rename(source, target)
        points.reach(RENAMED)
        return renamed

    return inner


class _Halves:
    """A file that is written in two steps."""

    def __init__(self, file: IO[bytes], points: Failpoints) -> None:
        self._file = file
        self._points = points

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._file.close()

    def write(self, data: bytes) -> int:
        self._file.write(data[: len(data) // 2])
        self._file.flush()
        self._points.reach(HALF_WRITTEN)
        self._file.write(data[len(data) // 2 :])
        return len(data)


def _in_halves(points: Failpoints, fdopen: Wrapper) -> Wrapper:
    def inner(fd: int, mode: str = "r", *args: object, **named: object) -> object:
        file = fdopen(fd, mode, *args, **named)
        return _Halves(file, points) if mode == "wb" else file

    return inner


class FileBus:
    """Stands where D-Bus stands: keepalived's answer is what a file says when it is asked."""

    def __init__(self, path: str, deliver: Callable[[RolesQueried], None]) -> None:
        self._path = Path(path)
        self._deliver = deliver

    def query(self, query_id: int) -> None:
        """Answer from another thread, as the real one does."""
        threading.Thread(target=self._answer, args=(query_id,), daemon=True).start()

    def _answer(self, query_id: int) -> None:
        name, role = self._path.read_text().split()
        roles: Mapping[str, Role] = {} if role == "silent" else {name: Role(role)}
        self._deliver(RolesQueried(query_id, roles))

    def close(self) -> None:
        """There is nothing to close."""

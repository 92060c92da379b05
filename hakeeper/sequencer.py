"""The order in which what has happened reaches the core.

The daemon and the simulated nodes run this same code, one over descriptors, the other over virtual
time, so that what the simulation shows of the order holds for the daemon. Its rules:

- Lines come first, then what only a look finds. A demotion that waits, or a keepalived that is
  gone, must not come after an answer that would continue a claim.
- What one look around finds goes to the core as one batch, so that nothing noticed on the way to
  the lines starts a call before the lines are processed.
- The pipe is drained whole before anything in it is acted upon. If another pipe has taken its place
  at the path, that one is drained too: its lines are newer.
- Lines leave the pipe only when what they led to is written down. After a kill in between they are
  found again.
- The last lines of a dying keepalived come before its end.
- Before lines are processed, the process that wrote them is looked for if none is known, and so are
  the VRRP addresses.
"""

import enum
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Protocol, TypeAlias

from hakeeper.core.core import Core
from hakeeper.core.events import (
    Drained,
    Effect,
    Event,
    FifoChanged,
    KeepalivedGone,
    KeepalivedSeen,
    LinesLost,
    LinesRead,
    Started,
    VrrpAddressesSeen,
    WriterSeen,
)
from hakeeper.core.model import Pause, ProcessId, SavedState, StepDown
from hakeeper.core.roles.lines import BadLine, NotifyLine

LOOK_S = 1.0
"""Between two looks at what tells nobody when it changes: the FIFO's path, the pid file."""
WRITER_LOOK_S = 5.0
"""Between two looks whether anybody writes to the FIFO at all."""
DRAINS_PER_EVENT = 16
"""More than a full pipe takes; a writer that never pauses must not starve the rest."""


class Source(enum.IntEnum):
    """Where news comes from, in the order in which a turn serves it."""

    LINES = enum.auto()
    KEEPALIVED = enum.auto()
    LOOK = enum.auto()
    ANSWERS = enum.auto()
    SIGNALS = enum.auto()
    CONTROL = enum.auto()


Handler: TypeAlias = Callable[[], None]


class Fifo(Protocol):
    """The notify FIFO, as the sequencer needs it: see adapters/fifo.py."""

    def look(self) -> FifoChanged | None:
        """Open it, or notice that it was replaced; None if nothing changed."""

    def drain(self) -> Drained:
        """Return what waits; it stays in the pipe until `settle`, as far as that is possible."""

    def settle(self) -> None:
        """Take out of the pipe what `drain` returned: it is acted upon and written down."""

    def has_writer(self) -> bool | None:
        """Say whether another process has it open for writing; None: that cannot be seen."""


class Keepalived(Protocol):
    """keepalived's processes, as the sequencer needs them: see adapters/keepalived."""

    @property
    def current(self) -> ProcessId | None:
        """Return the process that writes the lines, if one is known."""

    def look(self) -> KeepalivedSeen | KeepalivedGone | None:
        """Notice one change; to be asked until there is none."""


class Addresses(Protocol):
    """This machine's VRRP addresses, for the sequencer: see adapters/local_addresses.py."""

    def look(self) -> VrrpAddressesSeen | None:
        """Return which of those that are wanted are here; None if that is no news."""


class NoVrrpAddresses:
    """Looks for none: whether keepalived is isolated is not checked."""

    def look(self) -> VrrpAddressesSeen | None:
        """Have no news."""


class Sequencer:
    """Feeds one core from these sources, and hands its effects over to be performed."""

    def __init__(  # noqa: PLR0913  # the ports, and then by keyword
        self,
        core: Core,
        fifo: Fifo,
        keepalived: Keepalived,
        addresses: Addresses | None = None,
        *,
        clock: Callable[[], float],
        perform: Callable[[tuple[Effect, ...]], None],
        sources_changed: Handler,
    ) -> None:
        """Work by this clock (monotonic seconds); without `addresses` nobody looks for any.

        `sources_changed` is called when there may be other descriptors to wait for.
        """
        self.core = core
        self.fifo = fifo
        self.keepalived = keepalived
        self.addresses: Addresses = addresses or NoVrrpAddresses()
        self._clock = clock
        self._perform = perform
        self._sources_changed = sources_changed
        self.look_at_s = 0.0
        self._writer: bool | None = None
        self._writer_look_at_s = 0.0

    # --- turns -----------------------------------------------------------------------------

    def begin(
        self,
        saved: SavedState | None,
        pause: Pause | None = None,
        step_down: StepDown | None = None,
    ) -> None:
        """Learn the roles: from the last run, and from the lines that wait.

        A `pause` and a `step_down` that the last run was given go on.
        """
        while self.keepalived.look() is not None:
            pass
        current = self.keepalived.current
        started = Started(saved=saved, keepalived=current, pause=pause, step_down=step_down)
        news = (*self._addresses_news(), *self._fifo_news(), *self._lines(live=False))
        self._act_on([started, *news])
        self.look_at_s = self._clock() + LOOK_S

    def turn(self, ready: Iterable[tuple[Source, Handler]], early_s: float = 0.0) -> None:
        """Serve what is ready, look around if it is time, and go on with what is due.

        If nothing is ready, a look that will be due within `early_s` comes now.
        """
        served = [*ready]
        if self._clock() >= self.look_at_s - (0.0 if served else early_s):
            served.append((Source.LOOK, self._look_as_planned))
        if len(served) > 1:
            served.sort(key=lambda each: each[0])
        for _, handler in served:
            handler()
        next_at_s = self.core.next_at()
        if next_at_s is not None and next_at_s <= self._clock():
            self.feed()

    def wake_at_s(self) -> float:
        """Return the time of the next turn if nothing becomes ready before."""
        next_at_s = self.core.next_at()
        return self.look_at_s if next_at_s is None else min(self.look_at_s, next_at_s)

    def feed(self, *events: Event) -> None:
        """Give the core these events as one batch, and have done what it says, in its order."""
        self._perform(self.core.handle(events, self._clock()))

    # --- looks -----------------------------------------------------------------------------

    def hear(self) -> None:
        """Lines have come: find out first who wrote them, if that is not known.

        And whether they are the newest: after a while without a turn another FIFO may lie at the
        path, and what waits in it is newer.
        """
        writer = [] if self.keepalived.current is not None else self._keepalived_news()
        self._act_on([*writer, *self._fifo_news(), *self._lines(live=True)])
        if self._writer is False:  # somebody has it open by now: the next look will see who
            self._writer_look_at_s = 0.0

    def look(self) -> None:
        """Look at the addresses, the FIFO's path and keepalived."""
        found = [*self._addresses_news(), *self._fifo_news()]
        if any(isinstance(event, FifoChanged) for event in found):
            found += self._lines(live=True)
        self._act_on([*found, *self._writer_news(), *self._keepalived_news()])

    def look_at_addresses(self) -> None:
        """Look which VRRP addresses are here."""
        self._act_on(self._addresses_news())

    def look_at_keepalived(self) -> None:
        """Look whether keepalived came or went."""
        self._act_on(self._keepalived_news())

    def _look_as_planned(self) -> None:
        self.look_at_s = self._clock() + LOOK_S
        self.look()

    def _act_on(self, found: list[Event]) -> None:
        """Feed what was found, and take out of the pipe what is acted upon now."""
        if found:
            self.feed(*found)
        self.fifo.settle()
        self._sources_changed()

    # --- what each look finds ----------------------------------------------------------------

    def _addresses_news(self) -> list[Event]:
        change = self.addresses.look()
        return [] if change is None else [change]

    def _fifo_news(self) -> list[Event]:
        """Notice whether the FIFO came, went or was replaced."""
        change = self.fifo.look()
        if change is None:
            return []
        self._writer_look_at_s = 0.0
        return [change]

    def _writer_news(self) -> list[Event]:
        """Notice whether anybody writes to the FIFO; that may close it."""
        if self._clock() < self._writer_look_at_s:
            return []
        self._writer_look_at_s = self._clock() + WRITER_LOOK_S
        writer = self.fifo.has_writer()
        if writer is self._writer:
            return []
        self._writer = writer
        return [WriterSeen(writer)]

    def _keepalived_news(self) -> list[Event]:
        """Notice whether keepalived came or went; its last lines come before its end."""
        found: list[Event] = []
        while (change := self.keepalived.look()) is not None:
            if isinstance(change, KeepalivedGone):
                found += self._lines(live=True)  # or those of another that runs already
                following = self.keepalived.look()
                found.append(replace(change, replaced=isinstance(following, KeepalivedSeen)))
                change = following
            if change is not None:
                found.append(change)
        return found

    def _lines(self, *, live: bool) -> list[Event]:
        """Read all that waits, to be acted upon as a whole."""
        lines: list[NotifyLine] = []
        bad_lines: list[BadLine] = []
        bad_count = 0
        overflow: str | None = None
        for _ in range(DRAINS_PER_EVENT):
            drained = self.fifo.drain()
            if drained.overflow is not None:
                overflow = drained.overflow
                lines.clear()
            lines.extend(drained.lines)
            bad_lines.extend(drained.bad_lines)
            bad_count += drained.bad_count
            if not drained.more:
                break
        found: list[Event] = [] if overflow is None else [LinesLost(overflow)]
        if lines:
            found += self._addresses_news()
        if lines or bad_lines:
            more = bad_count - len(bad_lines)
            found.append(LinesRead(tuple(lines), tuple(bad_lines), more, live=live))
        return found

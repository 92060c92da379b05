"""The order in which what has happened reaches the core.

The daemon and the simulated nodes run this same code, one over descriptors, the other over virtual
time, so that what the simulation shows of the order holds for the daemon. Its rules:

- Lines come first, then what only a look finds. A demotion that waits, or a keepalived that is
  gone, must not come after an answer that would continue a claim.
- The pipe is drained whole before anything in it is acted upon. If another pipe has taken its place
  at the path, that one is drained too: its lines are newer.
- Lines leave the pipe only when what they led to is written down. After a kill in between they are
  found again.
- The last lines of a dying keepalived come before its end.
- Before lines are processed, the process that wrote them is looked for if none is known, and so are
  the VRRP addresses.
- What is noticed on the way to the lines starts no call before the lines are processed.
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
    Tick,
    VrrpAddressesSeen,
    WriterSeen,
)
from hakeeper.core.lines import BadLine, NotifyLine
from hakeeper.core.model import ProcessId, SavedState

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
        self._more = False
        """Whether the core was told that another event follows."""

    def begin(self, saved: SavedState | None) -> None:
        """Learn the roles: from the last run, and from the lines that wait."""
        while self.keepalived.look() is not None:
            pass
        self.feed(Started(saved=saved, keepalived=self.keepalived.current))
        self._notice_addresses()
        self._sources_changed()
        self._look_at_fifo(live=False)
        self._go_on()
        self.look_at_s = self._clock() + LOOK_S

    def turn(self, ready: Iterable[tuple[Source, Handler]]) -> None:
        """Serve what is ready, look around if it is time, and tick if the core wants it."""
        served = [*ready]
        if self._clock() >= self.look_at_s:
            served.append((Source.LOOK, self._look_as_planned))
        if len(served) > 1:
            served.sort(key=lambda each: each[0])
        for _, handler in served:
            handler()
        now = self._clock()
        next_at_s = self.core.next_at()
        if next_at_s is not None and next_at_s <= now:
            self.feed(Tick())

    def wake_at_s(self) -> float:
        """Return the time of the next turn if nothing becomes ready before."""
        next_at_s = self.core.next_at()
        return self.look_at_s if next_at_s is None else min(self.look_at_s, next_at_s)

    def feed(self, event: Event) -> None:
        """Give the core one event and have done what it says, in its order."""
        self._give(event, more=False)

    def _mention(self, event: Event) -> None:
        """Give the core one event that another one follows: it begins nothing before that."""
        self._give(event, more=True)

    def _give(self, event: Event, *, more: bool) -> None:
        self._more = more
        self._perform(self.core.handle(event, self._clock(), more=more))

    def _go_on(self) -> None:
        """Let the core begin what is due, if no event followed what was mentioned."""
        if self._more:
            self.feed(Tick())

    # --- the FIFO and keepalived -----------------------------------------------------------

    def _look_as_planned(self) -> None:
        self.look_at_s = self._clock() + LOOK_S
        self.look()

    def look(self) -> None:
        """Look at the addresses, the FIFO's path and keepalived."""
        self._notice_addresses()
        self._look_at_fifo(live=True)
        self._notice_writer()
        self._notice_keepalived()
        self._go_on()

    def _notice_writer(self) -> None:
        """Notice whether anybody writes to the FIFO; that may close it."""
        if self._clock() < self._writer_look_at_s:
            return
        self._writer_look_at_s = self._clock() + WRITER_LOOK_S
        writer = self.fifo.has_writer()
        if writer is not self._writer:
            self._writer = writer
            self._mention(WriterSeen(writer))

    def _notice_addresses(self) -> None:
        """Notice which VRRP addresses are here."""
        change = self.addresses.look()
        if change is not None:
            self._mention(change)

    def look_at_addresses(self) -> None:
        """Notice which VRRP addresses are here; go on with what is due."""
        self._notice_addresses()
        self._go_on()

    def _look_at_fifo(self, *, live: bool) -> None:
        if self._notice_fifo():
            self._drain(live=live)

    def _notice_fifo(self) -> bool:
        """Notice whether the FIFO came, went or was replaced; return whether it did."""
        change = self.fifo.look()
        if change is None:
            return False
        self._sources_changed()
        self._writer_look_at_s = 0.0
        self._mention(change)
        return True

    def _notice_keepalived(self) -> None:
        """Notice whether keepalived came or went."""
        while (change := self.keepalived.look()) is not None:
            if isinstance(change, KeepalivedGone):
                self._bury(change)
            else:
                self._mention(change)
        self._sources_changed()

    def look_at_keepalived(self) -> None:
        """Notice whether keepalived came or went; go on with what is due."""
        self._notice_keepalived()
        self._go_on()

    def _bury(self, gone: KeepalivedGone) -> None:
        """Process its last lines before its end; they may be those of another that runs already."""
        self._drain(live=True)
        following = self.keepalived.look()
        self.feed(replace(gone, replaced=isinstance(following, KeepalivedSeen)))
        if following is not None:
            self._mention(following)

    def hear(self) -> None:
        """Lines have come: find out first who wrote them, if that is not known.

        And whether they are the newest: after a while without a turn another FIFO may lie at the
        path, and what waits in it is newer.
        """
        if self.keepalived.current is None:
            self._notice_keepalived()
        self._notice_fifo()
        self._drain(live=True)
        self._go_on()

    def _drain(self, *, live: bool) -> None:
        """Read all that waits, and only then act on it."""
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
        if overflow is not None:
            self.feed(LinesLost(overflow))
        if lines:
            self._notice_addresses()
        if lines or bad_lines:
            more = bad_count - len(bad_lines)
            self.feed(LinesRead(tuple(lines), tuple(bad_lines), more, live=live))
        self.fifo.settle()
        self._sources_changed()

"""The notify FIFO in virtual time, by its measured rules, and the port through which it is read.

A pipe holds 64 KiB until its reader enlarges it; when it is full the newest lines are lost and
nobody is told; its content goes when its last holder goes. Bytes are real bytes: the shipped
`LineReader` takes them apart.
"""

import enum
from dataclasses import dataclass, field

from hakeeper.core.events import Drained, FifoChanged
from hakeeper.core.model import FifoState
from hakeeper.core.roles.lines import BadLine, LineReader, NotifyLine

CAPACITY_BYTES = 65_536
ENLARGED_BYTES = 1 << 20
FULL_MARGIN_BYTES = 4096
"""A pipe is full for poll(2) when not even a page is free."""


@dataclass(slots=True, eq=False)
class Pipe:
    """One inode."""

    data: bytearray = field(default_factory=bytearray)
    capacity_bytes: int = CAPACITY_BYTES
    lost: int = 0
    """How many lines did not fit, ever."""

    def write(self, line: bytes) -> bool:
        """Append a line; False if it is lost."""
        if len(self.data) + len(line) > self.capacity_bytes:
            self.lost += 1
            return False
        self.data += line
        return True

    def full(self) -> bool:
        """Say what POLLOUT would say."""
        return self.capacity_bytes - len(self.data) < FULL_MARGIN_BYTES


class Obstacle(enum.Enum):
    """What lies at the FIFO's path instead of a FIFO that may be opened."""

    MISSING = FifoState.MISSING
    FILE = FifoState.NOT_A_FIFO
    DENIED = FifoState.DENIED


@dataclass(slots=True, eq=False)
class Place:
    """The path of the FIFO on one machine."""

    at_path: Pipe | Obstacle = field(default_factory=Pipe)


@dataclass(slots=True, eq=False)
class _Open:
    """A pipe that hakeeper holds open, and the half line read from it."""

    pipe: Pipe
    reader: LineReader = field(default_factory=LineReader)
    was_full: bool = False
    peeked: int = 0


class WorldFifo:
    """The port of one run of hakeeper (`hakeeper.sequencer.Fifo`)."""

    def __init__(self, place: Place) -> None:
        """Look at this path."""
        self._place = place
        self._open: list[_Open] = []
        self._said: FifoState | None = None
        self.overflows = 0

    def holds(self, pipe: Pipe) -> bool:
        """Say whether this pipe is being listened to."""
        return any(each.pipe is pipe for each in self._open)

    def unread(self) -> list[Pipe]:
        """Return the open pipes in which something waits."""
        return [each.pipe for each in self._open if each.pipe.data]

    @property
    def has_replaced_pipes(self) -> bool:
        """Whether replaced pipes are still open."""
        return len(self._open) > 1

    def look(self) -> FifoChanged | None:
        """Open what is at the path if it is another pipe."""
        found = self._place.at_path
        if isinstance(found, Obstacle):
            return self._say(found.value)
        if self._open and self._open[-1].pipe is found:
            return self._say(FifoState.OPEN)
        reopened = bool(self._open)
        self._open.append(_Open(found, was_full=found.full()))
        found.capacity_bytes = ENLARGED_BYTES
        if reopened:
            self._said = FifoState.OPEN
            return FifoChanged(FifoState.OPEN, "the FIFO was replaced: reopened", reopened=True)
        return self._say(FifoState.OPEN)

    def _say(self, state: FifoState) -> FifoChanged | None:
        if state is self._said:
            return None
        self._said = state
        return FifoChanged(state, f"the FIFO is {state.value}")

    def drain(self) -> Drained:
        """Return what waits, oldest pipe first; it stays until `settle`."""
        lines: list[NotifyLine] = []
        bad_lines: list[BadLine] = []
        overflow = None
        for each in self._open:
            waiting = bytes(each.pipe.data[each.peeked :])
            each.peeked += len(waiting)
            if each.was_full or each.pipe.full():
                each.was_full = False
                each.reader.reset()
                lines.clear()
                self.overflows += 1
                overflow = "the pipe was full"
                continue
            for line in each.reader.feed(waiting):
                if isinstance(line, NotifyLine):
                    lines.append(line)
                elif isinstance(line, BadLine):
                    bad_lines.append(line)
        return Drained(tuple(lines), tuple(bad_lines), len(bad_lines), overflow)

    def has_writer(self) -> bool | None:
        """Not modelled: who writes is what the faults are about."""
        return None

    def settle(self) -> None:
        """Take out what was peeked at; let go of replaced pipes that are empty."""
        for each in self._open:
            del each.pipe.data[: each.peeked]
            each.peeked = 0

    def drop_silent(self, written: Pipe | None) -> None:
        """Close the replaced pipes that keepalived does not hold (their end of file)."""
        self._open = [
            each
            for each in self._open
            if each is self._open[-1] or each.pipe is written or each.pipe.data
        ]

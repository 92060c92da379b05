"""keepalived on one machine: its process, what it writes, and how hakeeper sees it."""

from random import Random
from typing import TYPE_CHECKING

from hakeeper.core.events import KeepalivedGone, KeepalivedSeen
from hakeeper.core.model import ProcessId, VrrpId, VrrpKind
from hakeeper.core.roles.lines import LineState
from hakeeper.sequencer import Source
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.observer import Observer
from hakeeper.simulate.pipe import Obstacle, Pipe

if TYPE_CHECKING:
    from hakeeper.simulate.node import Node


FIRST_PID = 101
"""Of the first keepalived on a machine."""
FORGETS = 0.2
"""The part of the later ones whose D-Bus service forgets their instances."""
STATE_LINES = frozenset({LineState.MASTER, LineState.BACKUP, LineState.FAULT, LineState.STOP})
"""Groups speak of these, and not of priorities and adverts."""


class Keepalived:
    """The process on one machine: what operators and faults do to it, and what it writes."""

    def __init__(self, node: "Node", seed: int, agenda: Agenda, observers: Observer) -> None:
        """Begin switched off; `observers` hear of its lines, and of those that are lost."""
        self.process: ProcessId | None = None
        """The VRRP child that runs now."""
        self.writes_to: Pipe | None = None
        """The pipe that it opened at its start or last reload; None: its lines are lost."""
        self.frozen = False
        self.silent_from_s = float("-inf")
        """When it was frozen; or, if that is later, when bytes last came by its FIFO all the
        same."""
        self.forgets = False
        """Its D-Bus service names no instance as long as it lives (2.2.7 and 2.3.3, started while
        an older one still leaves the bus)."""
        self._node = node
        self._seed = seed
        self._agenda = agenda
        self._observers = observers
        self._boot = 0
        self._pid = FIRST_PID - 1

    @property
    def hangs(self) -> bool:
        """Whether it is there, and does nothing."""
        return self.process is not None and self.frozen

    # --- its process ---------------------------------------------------------------------------

    def start(self) -> None:
        """Start it, if it is off and the machine is on; it opens the FIFO that is there."""
        node = self._node
        if self.process is not None or not node.power:
            return
        self._pid += 1
        ticks = int(self._agenda.now * 100)
        self.process = ProcessId(self._pid, ticks, f"boot-{node.index}-{self._boot}")
        self.frozen = False
        again = Random(f"{self._seed}-bus-{node.index}-{self._pid}").random() < FORGETS
        self.forgets = again and self._pid > FIRST_PID
        self._open_fifo()
        node.turns.look_soon()
        for vrrp in node.vrrp.values():
            vrrp.start(node.index)

    def stop(self) -> None:
        """Stop it in order; its STOP lines come before its end."""
        if self.process is None:
            return
        if self.frozen:
            self.kill()
            return
        for vrrp in self._node.vrrp.values():
            vrrp.stop(self._node.index)
        self._end()

    def kill(self) -> None:
        """Let its process die without a line."""
        for name, vrrp in self._node.vrrp.items():
            if self._node.hung:  # its words wait in the pipe, and nobody was there to see it end
                self._observers.lines_lost(self._node, name)
            vrrp.kill(self._node.index)
        self._end()
        self._observers.conditions_changed()

    def lose_power(self) -> None:
        """Let it vanish with its machine."""
        for vrrp in self._node.vrrp.values():
            vrrp.kill(self._node.index)
        self.process = self.writes_to = None
        self._boot += 1

    def freeze(self, *, frozen: bool) -> None:
        """Stop its process where it stands, or let it go on."""
        self.frozen = frozen
        self.silent_from_s = self._agenda.now
        for vrrp in self._node.vrrp.values():
            vrrp.freeze(self._node.index, frozen=frozen)
        self._observers.paused(self._node)

    def check(self, change: int) -> None:
        """Let one more (or less) thing make its track script fail."""
        for vrrp in self._node.vrrp.values():
            vrrp.check(self._node.index, change)

    def reload(self) -> None:
        """SIGHUP: the FIFO is opened again; who is not MASTER says so, if so configured."""
        if self.process is None or self.frozen:
            return
        self._open_fifo()
        for vrrp in self._node.vrrp.values():
            vrrp.repeat(self._node.index)

    def reopen(self) -> None:
        """A FIFO is there again, and keepalived was told to open it."""
        self._node.turns.look_soon()
        self.reload()

    def _end(self) -> None:
        """The process is gone; hakeeper's pidfd becomes readable."""
        self.process = None
        old, self.writes_to = self.writes_to, None
        self._node.drop_if_unheld(old)
        self._node.turns.wake(Source.KEEPALIVED)

    # --- its FIFO ------------------------------------------------------------------------------

    def _open_fifo(self) -> None:
        """Open what is at the path, or make a FIFO where nothing is."""
        place = self._node.place
        if place.at_path is Obstacle.MISSING:
            place.at_path = Pipe()
            self._node.turns.look_soon()
        old, self.writes_to = self.writes_to, None
        if isinstance(place.at_path, Pipe):
            self.writes_to = place.at_path
        self._node.drop_if_unheld(old)

    def write(self, line: bytes) -> bool:
        """Put bytes into the FIFO; False if they are lost."""
        pipe = self.writes_to
        if pipe is None:
            return False
        kept = pipe.write(line)
        self.silent_from_s = self._agenda.now
        run = self._node.run
        if run is not None and run.fifo.holds(pipe):
            self._node.turns.wake(Source.LINES)
        return kept

    def say(self, vrrp: VrrpId, word: LineState, priority: int) -> None:
        """Write a line of an instance, or of its group."""
        said = vrrp.kind is VrrpKind.INSTANCE or word in STATE_LINES
        kept = self.write(line_bytes(vrrp, word, priority)) if said else True
        self._observers.line_written(self._node, vrrp.name, word, kept=kept)


class WorldKeepalived:
    """The port of one run of hakeeper (`hakeeper.sequencer.Keepalived`)."""

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


def vrrp_id(name: str, *, group: bool) -> VrrpId:
    """Return the name as the configuration has it."""
    return VrrpId(VrrpKind.GROUP if group else VrrpKind.INSTANCE, name)


def line_bytes(vrrp: VrrpId, word: LineState, priority: int) -> bytes:
    """Return the line that keepalived writes."""
    if vrrp.kind is VrrpKind.GROUP:
        return f'GROUP "{vrrp.name}" {word.value} 0\n'.encode()
    return f'INSTANCE "{vrrp.name}" {word.value} {priority}\n'.encode()

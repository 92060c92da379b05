"""keepalived on one machine: its process, what it writes, and how hakeeper sees it."""

from dataclasses import dataclass

from hakeeper.core.events import KeepalivedGone, KeepalivedSeen
from hakeeper.core.fifo_lines import LineState
from hakeeper.core.model import ProcessId, VrrpId, VrrpKind
from hakeeper.simulate.pipe import Pipe


@dataclass(slots=True, eq=False)
class Keepalived:
    """The process on one machine, and the port through which hakeeper sees it."""

    process: ProcessId | None = None
    """The VRRP child that runs now."""
    writes_to: Pipe | None = None
    """The pipe that it opened at its start or last reload; None: its lines are lost."""
    frozen: bool = False
    silent_from_s: float = float("-inf")
    """When it was frozen; or, if that is later, when bytes last came by its FIFO all the same."""
    forgets: bool = False
    """Its D-Bus service names no instance as long as it lives (2.2.7 and 2.3.3, started while an
    older one still leaves the bus)."""

    @property
    def hangs(self) -> bool:
        """Whether it is there, and does nothing."""
        return self.process is not None and self.frozen


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


STATE_LINES = frozenset({LineState.MASTER, LineState.BACKUP, LineState.FAULT, LineState.STOP})
"""Groups speak of these, and not of priorities and adverts."""


def line_bytes(vrrp: VrrpId, word: LineState, priority: int) -> bytes:
    """Return the line that keepalived writes."""
    if vrrp.kind is VrrpKind.GROUP:
        return f'GROUP "{vrrp.name}" {word.value} 0\n'.encode()
    return f'INSTANCE "{vrrp.name}" {word.value} {priority}\n'.encode()

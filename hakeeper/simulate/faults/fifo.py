"""Faults of the notify FIFO: what lies at its path, what is in it, and who reads it."""

from dataclasses import dataclass
from random import Random

from hakeeper.core.roles.lines import LineState
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.faults.action import Action, Table, Undo, nothing
from hakeeper.simulate.faults.kinds import Fault, Kind
from hakeeper.simulate.keepalived import line_bytes
from hakeeper.simulate.node import Node
from hakeeper.simulate.observer import Observer
from hakeeper.simulate.pipe import Obstacle, Pipe
from hakeeper.simulate.vrrp import Vrrp, VrrpState

STORM_LINES = 10_000


@dataclass(frozen=True, slots=True)
class FifoFaults:
    """What each kind does to the FIFO of a node; some of it while hakeeper hangs or VRRP flaps."""

    seed: int
    agenda: Agenda
    observers: Observer
    hang: Action
    flap: Action

    def table(self) -> Table:
        """Return what to do for each kind."""
        return {
            Kind.GARBAGE: self._garbage,
            Kind.HALF_LINE: self._half_line,
            Kind.LONG_LINE: self._long_line,
            Kind.OVERFLOW: self._overflow,
            Kind.BACKLOG: self._backlog,
            Kind.FIFO_REPLACED: self._replace,
            Kind.NOT_A_FIFO: lambda f, n: self._obstruct(f, n, Obstacle.FILE),
            Kind.FIFO_MISSING: lambda f, n: self._obstruct(f, n, Obstacle.MISSING),
            Kind.FIFO_DENIED: lambda f, n: self._obstruct(f, n, Obstacle.DENIED),
            Kind.STOLEN_LINES: self._steal,
            Kind.UNKNOWN_NAMES: self._unknown_names,
            Kind.REPEATED_LINES: self._repeat_lines,
            Kind.STRAY_LINES: self._stray,
            Kind.LINE_STORM: self._storm,
        }

    def _garbage(self, fault: Fault, node: Node) -> Undo:
        rng = Random(f"{self.seed}-fault-{fault.serial}")
        count = 1 + int(fault.value * 200)
        node.keepalived.write(bytes(rng.randrange(256) for _ in range(count)) + b"\n")
        return nothing

    def _half_line(self, fault: Fault, node: Node) -> Undo:
        """A line that is cut for ever; keepalived writes whole lines, so it is another's."""
        line = line_bytes(_first(node).id, LineState.MASTER, 100)
        cut = 1 + int(fault.value * (line.rindex(b" ") - 1))
        node.keepalived.write(line[:cut] + b"\n")
        return nothing

    def _long_line(self, fault: Fault, node: Node) -> Undo:
        node.keepalived.write(b"x" * (4097 + int(fault.value * 20_000)) + b"\n")
        return nothing

    def _overflow(self, fault: Fault, node: Node) -> Undo:
        """Let hakeeper hang, and fill the pipe; keepalived's own lines are lost."""
        undo = self.hang(fault, node)
        pipe = node.keepalived.writes_to
        if pipe is not None:
            room_bytes = pipe.capacity_bytes - len(pipe.data)
            pipe.data += b"#\n" * (room_bytes // 2)
            node.keepalived.write(b"#\n")
        return undo

    def _backlog(self, fault: Fault, node: Node) -> Undo:
        """Keep hakeeper down while keepalived goes up and down."""
        node.down_until = self.agenda.now + fault.lasts_s
        node.kill()
        return self.flap(fault, node)

    def _replace(self, fault: Fault, node: Node) -> Undo:
        """Another FIFO lies at the path; keepalived writes there after its next reload only."""
        node.put_at_path(Pipe())
        node.turns.look_soon()
        if fault.value < 0.7:  # noqa: PLR2004
            self.agenda.after(0.02, node.keepalived.reload)
        return nothing

    def _obstruct(self, fault: Fault, node: Node, obstacle: Obstacle) -> Undo:
        before = node.place.at_path
        node.put_at_path(obstacle)
        node.turns.look_soon()
        if fault.value < 0.3:  # noqa: PLR2004
            node.keepalived.reload()

        def undo() -> None:
            if node.place.at_path is obstacle:
                back = isinstance(before, Pipe) and obstacle is Obstacle.DENIED
                node.place.at_path = before if back else Pipe()
                if isinstance(before, Pipe) and before.data and not back and node.run is None:
                    node.lose_lines()
                node.keepalived.reopen()

        return undo

    def _steal(self, fault: Fault, node: Node) -> Undo:
        """Another reader takes what waits: of a flap that happens in this moment."""
        del fault
        node.lose_lines()
        pipe = node.keepalived.writes_to
        node.keepalived.check(1)
        if pipe is not None:
            pipe.data.clear()
        node.keepalived.check(-1)
        return nothing

    def _unknown_names(self, fault: Fault, node: Node) -> Undo:
        for number in range(1 + int(fault.value * 80)):
            node.keepalived.write(f'INSTANCE "VI X{fault.serial}-{number}" MASTER 100\n'.encode())
        return nothing

    def _repeat_lines(self, fault: Fault, node: Node) -> Undo:
        """The state that keepalived is in, said again and again; MASTER never is, but may."""
        for vrrp in node.vrrp.values():
            state = vrrp.routers[node.index].state
            if state is not VrrpState.OFF:
                line = line_bytes(vrrp.id, LineState(state.name), 100)
                node.keepalived.write(line * (1 + int(fault.value * 5)))
        return nothing

    def _stray(self, fault: Fault, node: Node) -> Undo:
        """Somebody writes what is not true: a word, or up to three."""
        vrrp_id = _first(node).id
        words = list(LineState)
        first, more = int(fault.value * len(words)), fault.serial // 3
        chosen = (first, more % len(words), more // len(words) % len(words))
        for number in chosen[: 1 + fault.serial % 3]:
            if node.keepalived.write(line_bytes(vrrp_id, words[number], 100)):
                self.observers.lines_lost(node, vrrp_id.name)
        return nothing

    def _storm(self, fault: Fault, node: Node) -> Undo:
        """Up to ten thousand lines at once; the last of them are the truth."""
        for vrrp in node.vrrp.values():
            state = vrrp.routers[node.index].state
            if state is VrrpState.OFF or node.keepalived.writes_to is None:
                continue
            lines = line_bytes(vrrp.id, LineState.BACKUP, 100)
            lines += line_bytes(vrrp.id, LineState.MASTER, 100)
            lines *= int(STORM_LINES * max(0.01, fault.value**4) / 2)
            lines += line_bytes(vrrp.id, LineState(state.name), 100)
            node.keepalived.write(lines)
        return nothing


def _first(node: Node) -> Vrrp:
    """Return the first of its instances."""
    return next(iter(node.vrrp.values()))

"""Who is exempt from a rule, for now: faults under way, lines that were lost."""

from collections import Counter
from collections.abc import Iterator
from math import inf

from hakeeper.core.kind import Kind as OfResources
from hakeeper.core.roles.lines import LineState
from hakeeper.kinds import KINDS, alias_ip
from hakeeper.kinds.apis import ROBOT
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.faults.kinds import OF_NETWORKS, OF_ONE, OF_ROBOT, Fault, Kind
from hakeeper.simulate.keepalived import STATE_LINES
from hakeeper.simulate.layout import Layout
from hakeeper.simulate.node import Node
from hakeeper.simulate.observer import Observer

QUERY_S = 14.0
"""With D-Bus, a wrong role lasts no longer than this."""


class Exemptions(Observer):
    """The exemptions of everybody in one world."""

    def __init__(self, layout: Layout, agenda: Agenda) -> None:
        """Begin with nobody exempt."""
        self._layout = layout
        self._agenda = agenda
        self._troubles: Counter[tuple[str, int | None]] = Counter()
        """What is wrong with what (see `_concerned`), at which node (None: anywhere)."""
        self._of_names: Counter[str] = Counter()
        self._misled_until: dict[tuple[int, str], float] = {}
        self._query_s = QUERY_S + layout.slower_s()

    # --- faults under way --------------------------------------------------------------------

    def impaired(self, fault: Fault, change: int) -> None:
        """Something is wrong (or no longer) with a node, or with everybody."""
        concerned = self._concerned(fault)
        if fault.node is None:
            self._troubles[concerned, None] += change
        elif fault.kind is Kind.FLAP_ONE:
            name = fault.one_of(self._layout.names_at(fault.node))
            self._of_names[name] += change
        elif fault.kind in (Kind.SPLIT, Kind.ONE_WAY, Kind.NOBODY):
            for index in self._layout.members(fault.node):
                self._troubles[concerned, index] += change
        else:
            self._troubles[concerned, fault.node] += change

    def _concerned(self, fault: Fault) -> str:
        """Return the kind or the API that alone suffers from a fault; empty: all do."""
        if fault.kind in OF_NETWORKS:
            return alias_ip.NAME
        if fault.kind in OF_ROBOT:
            return ROBOT.name
        if fault.kind in OF_ONE:
            return self._layout.kind_of[fault.one_of(self._layout.numbers)]
        return fault.api

    def in_trouble(self, index: int, name: str, kind: OfResources) -> bool:
        """Say whether a fault is under way that concerns these resources of an instance here."""
        troubles = self._troubles
        wrong = any(troubles[c, i] for c in ("", kind.api.name, kind.name) for i in (None, index))
        return wrong or bool(self._of_names[name])

    def others_in_trouble(self, index: int, kind: OfResources) -> bool:
        """Say whether a fault is under way that concerns other kinds of the same API alone here."""
        return any(KINDS[c].api is kind.api for c in self._others(index, kind) if c in KINDS)

    def apis_in_trouble(self, index: int, kind: OfResources) -> bool:
        """Say whether a fault is under way that concerns another API alone here."""
        return any(self._others(index, kind))

    def _others(self, index: int, kind: OfResources) -> Iterator[str]:
        """Yield the other kinds and APIs that a fault concerns here."""
        own, here = ("", kind.api.name, kind.name), (None, index)
        return (c for (c, i), n in self._troubles.items() if n and c not in own and i in here)

    # --- wrong roles ---------------------------------------------------------------------------

    def lines_lost(self, node: Node, name: str) -> None:
        """Lines of this instance are missing or wrong: its role may be as well, for a time."""
        dbus = node.can_learn_roles and not self._layout.part_of[name].group
        answers = dbus and not (node.hung or node.keepalived.frozen or node.bus_gone)
        self._misled_until[node.index, name] = self._agenda.now + self._query_s if answers else inf

    def misled_until(self, index: int, name: str) -> float:
        """Return until when its role may be wrong; -inf if it never was misled."""
        return self._misled_until.get((index, name), -inf)

    def paused(self, node: Node) -> None:
        """Hear that hakeeper or its keepalived stops or goes on: no question was answered since."""
        for name in node.vrrp:
            if self.misled_until(node.index, name) > self._agenda.now:
                self.lines_lost(node, name)

    def line_written(self, node: Node, name: str, state: LineState, *, kept: bool) -> None:
        """Hear that keepalived wrote a line, or could not."""
        if state is LineState.MASTER_RX_LOWER_PRI:
            return
        run = node.run
        pipe = node.keepalived.writes_to
        if pipe is None or (not kept and not pipe.full()):
            self.lines_lost(node, name)
        elif node.place.at_path is not pipe and (run is None or not run.fifo.holds(pipe)):
            self.lines_lost(node, name)  # it writes into a FIFO that has no name any more
        elif kept and run is not None and not run.fifo.holds(pipe):
            # the next look finds the pipe
            self._misled_until[node.index, name] = self._agenda.now + 1.1
        elif kept and state in STATE_LINES:
            self._misled_until.pop((node.index, name), None)

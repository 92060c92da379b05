"""The story of a world, in readable lines: what happens in it, and what hakeeper hears and says."""

from hakeeper.adapters.journal.wording import entry_of
from hakeeper.cloud_register import Move
from hakeeper.core.calls import CallResult, Failure, Mutate
from hakeeper.core.events import KeepalivedGone, LinesLost, Report
from hakeeper.core.roles.lines import LineState
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.cloud import number_of
from hakeeper.simulate.faults.kinds import Fault
from hakeeper.simulate.node import Node
from hakeeper.simulate.observer import Batch, Observer
from hakeeper.simulate.verdicts import Violation


class Narrator(Observer):
    """Keeps the lines, each with its time; to be added before what breaks rules by its news."""

    def __init__(self, agenda: Agenda) -> None:
        """Begin with none; the time is this agenda's."""
        self.story: list[str] = []
        self._agenda = agenda

    def fault_began(self, fault: Fault) -> None:
        where = "" if fault.node is None else f" at node {fault.node + 1}"
        self._tell(f"FAULT {fault.serial}: {fault.kind.value}{where} for {fault.lasts_s:.2f} s")

    def fault_ends(self, fault: Fault) -> None:
        self._tell(f"fault {fault.serial} ends: {fault.kind.value}")

    def healing(self) -> None:
        self._tell("all faults end")

    def keepalived_restarts(self, node: Node) -> None:
        self._tell_of(node.index, "the operator restarts keepalived")

    def started(self, node: Node) -> None:
        self._tell_of(node.index, f"hakeeper starts (run {node.runs})")

    def ended(self, node: Node) -> None:
        self._tell_of(node.index, "hakeeper is gone")

    def line_written(self, node: Node, name: str, state: LineState, *, kept: bool) -> None:
        del kept
        self._tell_of(node.index, f"keepalived: {name} {state.value}")

    def moved(self, move: Move) -> None:
        self._tell(f"cloud: ip-{move.number}: {move.old} -> {move.new} ({move.cause})")

    def assign_sent(self, node: Node, request: Mutate) -> None:
        what = ", ".join(f"ip-{number_of(resource)}" for resource in request.resources)
        self._tell_of(node.index, f"sends {request.step.name} of {what}")

    def handled(self, node: Node, batch: Batch) -> None:
        """Tell what one hakeeper heard and said."""
        for event in batch.events:
            if isinstance(event, CallResult) and isinstance(event.outcome, Failure):
                self._tell_of(node.index, f"call {event.call_id} failed: {event.outcome.code}")
            elif isinstance(event, KeepalivedGone | LinesLost):
                self._tell_of(node.index, f"hakeeper hears: {event}")
        for effect in batch.effects:
            if isinstance(effect, Report):
                entry = entry_of(effect)
                self._tell_of(node.index, f"hakeeper: {entry.event}: {entry.message}")

    def rule_broken(self, violation: Violation) -> None:
        self._tell(f"VIOLATION {violation}")

    def _tell_of(self, index: int, text: str) -> None:
        self._tell(f"node {index + 1}: {text}")

    def _tell(self, text: str) -> None:
        self.story.append(f"{self._agenda.elapsed_s:10.3f}  {text}")

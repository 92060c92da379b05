"""The step-downs of one node: what its operator asks for, and what keepalived's track file says."""

from math import inf
from typing import TYPE_CHECKING

from hakeeper.core.events import StepDownAsked, StepUpAsked
from hakeeper.core.model import StepDown
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.observer import Observer

if TYPE_CHECKING:
    from hakeeper.simulate.node import Node


class StepDowns:
    """The files of a step-down, and keepalived, which follows one of them."""

    def __init__(self, node: "Node", agenda: Agenda, observers: Observer) -> None:
        """Begin with none; `observers` hear of each change."""
        self._node = node
        self._agenda = agenda
        self._observers = observers
        self.kept_now: StepDown | None = None
        """What is in the file, by the machine's own clock."""
        self.is_lowered = False
        """Whether the track file lowers the priority."""
        self.until_s = -inf
        """When the last one that was begun is to be over, by that clock."""

    # --- the operator --------------------------------------------------------------------------

    def begin(self, for_s: float) -> None:
        """Ask for a step-down; without a hakeeper that runs, nothing comes of it."""
        if self._node.run is not None:
            now = self._node.clock()
            asked = StepDown(by="", user_id=0, reason="", since_s=now, until_s=now + for_s)
            self._node.ask(StepDownAsked(asked))

    def end(self) -> None:
        """Ask for its end, again and again until there is none."""
        if not self.is_lowered:
            return
        if self._node.run is not None:
            self._node.ask(StepUpAsked("", 0))
        self._agenda.after(1.0, self.end)

    # --- the files -----------------------------------------------------------------------------

    def save(self, step_down: StepDown | None) -> None:
        """Write both files."""
        self.kept_now = None if self._node.disk.full else step_down
        self._follow(step_down)

    def kept(self) -> StepDown | None:
        """Return what the file has for the run that begins; keepalived follows that."""
        self._follow(self.kept_now)
        return self.kept_now

    def boot(self) -> None:
        """Forget all: the track file is made anew, and the other one is of another boot."""
        self.kept_now = None
        self._follow(None)

    def _follow(self, step_down: StepDown | None) -> None:
        if step_down is not None or self.is_lowered:
            self._observers.step_down_changed(self._node, step_down)
        self.until_s = -inf if step_down is None else step_down.until_s
        lowered = step_down is not None
        if self.is_lowered is lowered:
            return
        self.is_lowered = lowered
        for vrrp in self._node.vrrp.values():
            vrrp.lower(self._node.index, lowered=lowered)
        self._observers.conditions_changed()

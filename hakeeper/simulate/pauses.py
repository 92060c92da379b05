"""The pauses of one node: what its operator asks for, and was promised."""

from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING

from hakeeper.core.events import Event, Paused, Resumed
from hakeeper.core.model import Pause
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.observer import Observer

if TYPE_CHECKING:
    from hakeeper.simulate.node import Node


class Pauses:
    """Knows what was promised without looking into the core: rules are judged by it."""

    def __init__(self, node: "Node", agenda: Agenda, observers: Observer) -> None:
        """Begin with no pause; `observers` hear when one is over."""
        self._node = node
        self._agenda = agenda
        self._observers = observers
        self._until_s = -inf
        """By the machine's own clock."""

    @property
    def is_on(self) -> bool:
        """Whether hakeeper has promised to move nothing now."""
        return self._node.clock() < self._until_s

    # --- the operator --------------------------------------------------------------------------

    def begin(self, for_s: float) -> None:
        """Ask for a pause; without a hakeeper that runs, nothing comes of it."""
        if self._node.run is not None:
            now = self._node.clock()
            pause = Pause(by="", user_id=0, reason="", since_s=now, until_s=now + for_s)
            self._node.ask(Paused(pause))

    def end(self) -> None:
        """Ask for its end, again and again until there is none."""
        if not self.is_on and self._node.disk.pause is None:
            return
        if self._node.run is not None:
            self._node.ask(Resumed("", 0))
        self._agenda.after(1.0, self.end)

    def handed_over(self, event: Event) -> None:
        """Hear that hakeeper takes it in: whoever ends a pause holds it to no promise any more."""
        if isinstance(event, Resumed):
            self._promise(-inf)

    def answered(self, event: Event) -> None:
        """Hear that it was done: from now on a pause is a promise."""
        if isinstance(event, Paused):
            self._promise(event.pause.until_s)

    def look(self) -> None:
        """Look whether its time is over, by the machine's own clock."""
        if self._until_s > -inf and not self.is_on:
            self._promise(-inf)
        elif self.is_on:
            self._agenda.at(self._until_s - self._node.ahead_s, self.look)

    def _promise(self, until_s: float) -> None:
        ended = self._until_s > -inf and until_s == -inf
        self._until_s = until_s
        if ended:
            self._observers.pause_ended(self._node)
        self._observers.conditions_changed()
        self.look()

    # --- the file ------------------------------------------------------------------------------

    def save(self, pause: Pause | None) -> None:
        """Write the pause down in the time of the world, or remove it."""
        if pause is not None:
            ahead_s = self._node.ahead_s
            since_s, until_s = pause.since_s - ahead_s, pause.until_s - ahead_s
            pause = replace(pause, since_s=since_s, until_s=until_s)
        self._node.disk.save_pause(pause)

    def kept(self) -> Pause | None:
        """Return what the file has for the run that begins, which goes on with it."""
        found = self._node.disk.pause
        kept = None if found is None else found.taken_up(self._agenda.now, self._node.clock())
        until_s = -inf if kept is None else kept.until_s
        if until_s != self._until_s:
            self._promise(until_s)
        return kept

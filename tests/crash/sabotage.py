"""Small bugs, to show that the kills would find them."""

import time
from collections.abc import Callable
from random import Random
from typing import Any

from hakeeper.adapters import fifo
from hakeeper.adapters.fifo import NotifyFifo
from hakeeper.adapters.statefile import StateFile
from hakeeper.core import state
from hakeeper.core.claim.happenings import Happening, Seen
from hakeeper.core.claim.resource import Resource
from hakeeper.core.claim.stages import MutateDue, Verify
from hakeeper.core.events import Drained
from hakeeper.core.model import SavedState
from hakeeper.core.observation import Us
from hakeeper.daemon import Daemon
from tests.crash.failpoints import Wrapper, replace

DEAF_S = 0.5


def settle_before_feed() -> None:
    """Take the lines out of the pipe before anybody acted upon them."""

    def make(drain: Wrapper) -> Wrapper:
        def inner(self: NotifyFifo) -> Drained:
            drained: Drained = drain(self)
            self.settle()
            return drained

        return inner

    replace(NotifyFifo, "drain", make)


def no_tee() -> None:
    """Read as where tee(2) is not available."""
    replace(fifo, "open_window", lambda _: lambda: None)


def save_after_settle() -> None:
    """Write the state down when the lines are out of the pipe already."""
    waiting: list[tuple[Daemon, SavedState]] = []

    def make_save(save: Wrapper) -> Wrapper:
        def inner(daemon: Daemon, state: SavedState) -> None:
            waiting.append((daemon, state))

        def flush(_: object) -> None:
            while waiting:
                save(*waiting.pop(0))

        replace(NotifyFifo, "settle", lambda settle: _both(settle, flush))
        return inner

    replace(Daemon, "_save", make_save)


def _both(first: Wrapper, second: Wrapper) -> Wrapper:
    def inner(*args: object) -> None:
        first(*args)
        second(*args)

    return inner


def save_in_place() -> None:
    """Write the state file where it stands, instead of putting a new one in its place."""

    def make(save: Wrapper) -> Wrapper:
        def inner(self: StateFile, state: SavedState) -> None:
            path = self._path
            self._path = _InPlace(path)  # type: ignore[assignment]  # only what `save` asks of it
            try:
                save(self, state)
            finally:
                self._path = path

        return inner

    replace(StateFile, "save", make)


class _InPlace:
    """A path whose neighbour is itself."""

    def __init__(self, path: Any) -> None:  # noqa: ANN401  # a path, or one of these
        self._path = path
        self.name = path.name

    def with_name(self, _: str) -> "_InPlace":
        return self

    def replace(self, _: object) -> None:
        """It is there already."""

    def __fspath__(self) -> str:
        return str(self._path)


def claim_blindly() -> None:
    """Assign an address although a read says that it is ours."""

    def make(take: Wrapper) -> Wrapper:
        def inner(resource: Resource, what: Happening, now: float, rng: Random) -> object:
            stage = resource.stage
            ours = isinstance(what, Seen) and isinstance(what.holder, Us)
            if ours and isinstance(stage, Verify) and not stage.claim.is_sent:
                resource.stage = MutateDue(stage.claim, now)
                return []
            return take(resource, what, now, rng)

        return inner

    replace(state, "take", make)


def hear_late() -> None:
    """Do as if nothing waited in the pipe for a while after the start."""
    begin_s = time.monotonic()

    def make(drain: Wrapper) -> Wrapper:
        def inner(self: NotifyFifo) -> Drained:
            if time.monotonic() < begin_s + DEAF_S:
                return Drained()
            drained: Drained = drain(self)
            return drained

        return inner

    replace(NotifyFifo, "drain", make)


def never_save() -> None:
    """Forget the state file."""
    replace(StateFile, "save", lambda _: lambda *_: None)


SABOTAGES: dict[str, Callable[[], None]] = {
    "settle before feed": settle_before_feed,
    "no tee": no_tee,
    "save after settle": save_after_settle,
    "state file not atomic": save_in_place,
    "never save": never_save,
    "claim blindly": claim_blindly,
    "hear late": hear_late,
}

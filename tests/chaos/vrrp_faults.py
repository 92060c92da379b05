"""What may go wrong with keepalived and between two of them, as a script and for real."""

import signal
import time
from collections.abc import Mapping
from typing import Final

from hakeeper.demo.lab import Cable
from tests.chaos.nodes import Node
from tests.chaos.stage import Fault, Stage
from tests.chaos.voices import Real, Script

# --- by script -----------------------------------------------------------------------------------


def _script(node: Node) -> Script:
    assert isinstance(node.voice, Script)
    return node.voice


def two_masters(stage: Stage) -> None:
    """A split brain: each hears the other no more."""
    for node in stage.nodes:
        node.voice.prefer(better=True)


def keepalived_restarted(stage: Stage) -> None:
    """It makes its FIFO anew, and begins as BACKUP."""
    node = stage.some()
    _script(node).restart()
    stage.other(node).voice.prefer(better=True)


def role_flaps(stage: Stage) -> None:
    node = stage.some()
    for _ in range(stage.rng.randint(5, 30)):
        _script(node).say("MASTER")
        time.sleep(0.05)
        _script(node).say("BACKUP")
        time.sleep(0.05)


SCRIPTED: Final[Mapping[str, Fault]] = {
    fault.__name__: fault for fault in (two_masters, keepalived_restarted, role_flaps)
}

# --- for real ------------------------------------------------------------------------------------


def _some_real(stage: Stage) -> Real | None:
    """Return one that runs, if the one that was chosen does."""
    voice = stage.some().voice
    assert isinstance(voice, Real)
    return voice if voice.is_up else None


def parent_killed(stage: Stage) -> None:
    """Its child leaves in order, some moments later."""
    if voice := _some_real(stage):
        voice.keepalived.kill_parent()


def parent_killed_and_started(stage: Stage) -> None:
    """The new one begins while the child of the old one still dies."""
    if voice := _some_real(stage):
        voice.keepalived.kill_parent()
        voice.keepalived.start()


def child_killed(stage: Stage) -> None:
    if voice := _some_real(stage):
        voice.keepalived.kill_child()


def all_killed(stage: Stage) -> None:
    if voice := _some_real(stage):
        voice.keepalived.kill_all()


def stopped(stage: Stage) -> None:
    if voice := _some_real(stage):
        voice.keepalived.stop()


def stopped_and_started(stage: Stage) -> None:
    if voice := _some_real(stage):
        voice.keepalived.stop()
        voice.keepalived.start()


def keepalived_frozen(stage: Stage) -> None:
    if voice := _some_real(stage):
        voice.freeze()


def keepalived_reloaded(stage: Stage) -> None:
    if voice := _some_real(stage):
        for _ in range(stage.rng.choice((1, 1, 3))):
            voice.keepalived.reload()


def bus_silent(stage: Stage) -> None:
    if voice := _some_real(stage):
        voice.bus.process.signal(signal.SIGSTOP)


def cable_cut(stage: Stage) -> None:
    stage.some().room.set_cable(Cable.CUT)


def cable_deaf(stage: Stage) -> None:
    stage.some().room.set_cable(Cable.ISOLATED)


def cable_mute(stage: Stage) -> None:
    stage.some().room.set_cable(Cable.MUTE)


def link_down(stage: Stage) -> None:
    stage.some().room.link_down()


REAL: Final[Mapping[str, Fault]] = {
    fault.__name__: fault
    for fault in (
        parent_killed, parent_killed_and_started, child_killed, all_killed, stopped,
        stopped_and_started, keepalived_frozen, keepalived_reloaded, bus_silent, cable_cut,
        cable_deaf, cable_mute, link_down,
    )
}  # fmt: skip

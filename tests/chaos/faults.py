"""What may go wrong in a round: one function a fault; `Stage` heals all of it alike."""

import os
import random
import shutil
import signal
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from chaos.api import QUOTA_PER_HOUR, Api
from chaos.nodes import Node

DESCRIPTORS_FEW: Final = 4
DESCRIPTORS_MANY: Final = 1024


class Stage:
    """What faults may touch."""

    def __init__(self, api: Api, nodes: list[Node], rng: random.Random) -> None:
        self.api = api
        self.nodes = nodes
        self.rng = rng
        self.dead: set[str] = set()
        self.frozen: set[str] = set()
        self.is_fought = False
        """Somebody else has taken the address, so that a hold-down may be due."""

    def some(self) -> Node:
        """Return one of the nodes."""
        return self.rng.choice(self.nodes)

    def heal(self) -> None:
        """Make everything well."""
        self.api.heal()
        self.api.refill()
        for node in self.nodes:
            if node.name in self.frozen:
                node.signal(signal.SIGCONT)
            for each in ("run", "state"):
                (node.folder / each).mkdir(exist_ok=True)
            if node.name in self.dead:
                node.start()
            else:
                node.limit_descriptors(DESCRIPTORS_MANY)
        self.frozen.clear()
        self.dead.clear()


Fault: TypeAlias = Callable[[Stage], None]


def unavailable(stage: Stage) -> None:
    stage.api.ills.status = stage.rng.choice((500, 502, 503, 504))


def assign_fails(stage: Stage) -> None:
    stage.api.ills.assign_status = 500


def locked(stage: Stage) -> None:
    stage.api.ills.assign_status, stage.api.ills.assign_code = 423, "locked"


def conflict(stage: Stage) -> None:
    stage.api.ills.assign_status, stage.api.ills.assign_code = 409, "conflict"


def slow(stage: Stage) -> None:
    stage.api.ills.delay_s = stage.rng.uniform(0.2, 3.0)


def hangs(stage: Stage) -> None:
    stage.api.ills.hang = True


def mute(stage: Stage) -> None:
    stage.api.ills.mute = True


def writes_are_lost(stage: Stage) -> None:
    stage.api.ills.lost = True


def reads_lag(stage: Stage) -> None:
    stage.api.ills.lag_s = stage.rng.uniform(0.5, 4.0)


def actions_take_time(stage: Stage) -> None:
    stage.api.ills.action_s = stage.rng.uniform(0.2, 4.0)


def actions_fail(stage: Stage) -> None:
    stage.api.ills.action_fails = True


def away(stage: Stage) -> None:
    stage.api.ills.away = True
    stage.api.drop()


def connections_reset(stage: Stage) -> None:
    stage.api.drop()


def quota_gone(stage: Stage) -> None:
    stage.api.spend(QUOTA_PER_HOUR)


def moved_away(stage: Stage) -> None:
    stage.is_fought = True
    holder = stage.rng.choice([None, *stage.api.servers])
    for number in stage.api.ips:
        stage.api.move(number, holder)


def killed(stage: Stage) -> None:
    node = stage.some()
    if node.name not in stage.dead:
        node.kill()
        stage.dead.add(node.name)
        stage.frozen.discard(node.name)


def restarted(stage: Stage) -> None:
    node = stage.some()
    if node.name not in stage.dead:
        node.kill()
        node.start()
        stage.frozen.discard(node.name)


def frozen(stage: Stage) -> None:
    node = stage.some()
    if node.name not in stage.dead:
        node.signal(signal.SIGSTOP)
        stage.frozen.add(node.name)


def reloaded(stage: Stage) -> None:
    node = stage.some()
    if node.name not in stage.dead:
        node.signal(signal.SIGHUP)


def two_masters(stage: Stage) -> None:
    """A split brain: each hears the other no more."""
    stage.is_fought = True
    for node in stage.nodes:
        if node.role != "MASTER":
            node.say("MASTER")


def keepalived_restarted(stage: Stage) -> None:
    """It makes its FIFO anew, and begins as BACKUP."""
    node = stage.some()
    node.restart_keepalived()
    other = next(each for each in stage.nodes if each is not node)
    if other.role != "MASTER":
        other.say("MASTER")


def descriptors_gone(stage: Stage) -> None:
    node = stage.some()
    if node.name not in stage.dead:
        node.limit_descriptors(DESCRIPTORS_FEW)


def state_folder_gone(stage: Stage) -> None:
    node = stage.some()
    shutil.rmtree(node.folder / "state", ignore_errors=True)


def runtime_folder_gone(stage: Stage) -> None:
    node = stage.some()
    shutil.rmtree(node.folder / "run", ignore_errors=True)


def state_spoiled(stage: Stage) -> None:
    folder = stage.some().folder / "state"
    if folder.is_dir():
        (folder / "state.json").write_bytes(os.urandom(100))


FAULTS: Final[Mapping[str, Fault]] = {
    fault.__name__: fault
    for fault in (
        unavailable, assign_fails, locked, conflict, slow, hangs, mute, writes_are_lost, reads_lag,
        actions_take_time, actions_fail, away, connections_reset, quota_gone, moved_away, killed,
        restarted, frozen, reloaded, two_masters, keepalived_restarted, descriptors_gone,
        state_folder_gone, runtime_folder_gone, state_spoiled,
    )
}  # fmt: skip

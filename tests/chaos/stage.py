"""What faults may touch; it heals all of it alike."""

import random
import signal
from collections.abc import Callable
from typing import Final, TypeAlias

from tests.chaos.api import Api
from tests.chaos.front import Front
from tests.chaos.nodes import Node

DESCRIPTORS_FEW: Final = 4
DESCRIPTORS_MANY: Final = 1024


class Stage:
    """The API, the nodes, and what is wrong with which of them."""

    def __init__(self, front: Front, nodes: list[Node], rng: random.Random) -> None:
        self.front = front
        self.nodes = nodes
        self.rng = rng
        self.dead: set[str] = set()
        self.frozen: set[str] = set()

    @property
    def api(self) -> Api:
        """The API behind the front."""
        return self.front.api

    def some(self) -> Node:
        """Return one of the nodes."""
        return self.rng.choice(self.nodes)

    def other(self, node: Node) -> Node:
        """Return the other one."""
        return next(each for each in self.nodes if each is not node)

    def heal(self, lasting: "Fault | None" = None) -> None:
        """Make everything well but what lasts."""
        self.api.heal()
        self.front.drop()
        self.api.refill()
        for node in self.nodes:
            node.resolver.heal()
            node.room.reach()
            node.voice.heal()
        if lasting is not None:
            lasting(self)
        for node in self.nodes:
            if node.name in self.frozen:
                node.signal(signal.SIGCONT)
            node.make_folders()
            if node.name in self.dead:
                node.start()
            else:
                node.limit_descriptors(DESCRIPTORS_MANY)
        self.frozen.clear()
        self.dead.clear()


Fault: TypeAlias = Callable[[Stage], None]

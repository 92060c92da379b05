"""Rounds of trouble and healing, and the judge of what came of each."""

import contextlib
import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from helpers import eventually

from chaos.api import Api, FloatingIp
from chaos.faults import FAULTS, Stage
from chaos.nodes import Node

RIGHT_WITHIN_S: Final = 15.0
AFTER_A_FIGHT_S: Final = 30.0
GRACE_S: Final = 1.0
"""So long after the line BACKUP an assign may still arrive: the daemon has to get its turn."""
CALLS_PER_ROUND: Final = 120
"""Of one node. A round lasts half a minute at most, and half of the quota is 15 calls in that time;
the rest is for the claims of new masters and for what a new daemon has to learn."""
_STEADY_S: Final = 1.0


@dataclass(frozen=True)
class Round:
    """One round, and what was wrong with it."""

    number: int
    faults: tuple[str, ...]
    master: str
    right_after_s: float | None
    """After the healing; None: it was not right in time."""
    calls: int
    """Of the node that made the most."""
    complaints: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """Return plain values."""
        return asdict(self)


class Chaos:
    """A pair of nodes with a few addresses, and rounds on them."""

    def __init__(self, folder: Path, seed: int, addresses: int = 3) -> None:
        self.rng = random.Random(seed)  # noqa: S311  # faults, no secrets
        self.api = Api()
        for number in range(1, addresses + 1):
            ip = FloatingIp(number, f"ip{number}", f"203.0.113.{number}")
            ip.holders.append((time.monotonic(), None))
            self.api.ips[number] = ip
        self.nodes = [Node(name, 101 + n, folder / name, self.api) for n, name in enumerate("ab")]
        self.stage = Stage(self.api, self.nodes, self.rng)

    def begin(self) -> None:
        """Start everything, and wait for the first claim."""
        for node in self.nodes:
            node.start_keepalived()
            node.start()
        self.make_master(self.nodes[0])
        eventually(lambda: self._is_right(self.nodes[0]), 60.0, "the first claim")

    def close(self) -> None:
        """End everything."""
        for node in self.nodes:
            node.close()
        self.api.close()

    def make_master(self, master: Node) -> None:
        """Let keepalived elect it: the other one hears it first, as with an advert."""
        for node in self.nodes:
            if node is not master and node.role != "BACKUP":
                node.say("BACKUP")
        if master.role != "MASTER":
            master.say("MASTER")

    def _is_right(self, master: Node) -> bool:
        return all(self.api.holder(number) == master.server for number in self.api.ips)

    # --- a round --------------------------------------------------------------------------------

    def round(self, number: int) -> Round:
        """Make trouble for some seconds, heal, and see how long it takes to be right."""
        first = len(self.api.received)
        self.stage.is_fought = False
        chosen = tuple(self.rng.sample(sorted(FAULTS), self.rng.randint(1, 3)))
        for name in chosen:
            FAULTS[name](self.stage)
            self._pass()
            if self.rng.random() < 0.7:  # most rounds see an election
                for _ in range(self.rng.choice((1, 1, 1, 2, 6))):
                    self.make_master(self.rng.choice(self.nodes))
                    time.sleep(self.rng.choice((0.0, 0.01, 0.3)))
            self._pass()
        self.stage.heal()
        master = self.rng.choice(self.nodes)
        self.make_master(master)
        healed_s = time.monotonic()
        limit_s = AFTER_A_FIGHT_S if self.stage.is_fought else RIGHT_WITHIN_S
        right_after_s = self._right_after_s(master, healed_s, limit_s)
        calls = max(
            sum(one.node == node.name for one in self.api.received[first:]) for node in self.nodes
        )
        return Round(
            number,
            chosen,
            master.name,
            right_after_s,
            calls,
            tuple(self.complaints(first, right_after_s, limit_s, calls)),
        )

    def _pass(self) -> None:
        time.sleep(self.rng.uniform(0.0, 2.0))

    def _right_after_s(self, master: Node, healed_s: float, limit_s: float) -> float | None:
        """Wait until it is right and stays so."""
        since_s: float | None = None
        while time.monotonic() < healed_s + limit_s + _STEADY_S:
            now = time.monotonic()
            since_s = (since_s or now) if self._is_right(master) else None
            if since_s is not None and now - since_s >= _STEADY_S:
                return since_s - healed_s
            time.sleep(0.02)
        return None

    def complaints(
        self, first: int, right_after_s: float | None, limit_s: float, calls: int
    ) -> Iterator[str]:
        """Judge what was received since a place in the log, and how the round ended."""
        if right_after_s is None:
            yield f"not right {limit_s:g} s after healing"
        for one in self.api.received[first:]:
            if one.server is None:
                continue
            node = next(each for each in self.nodes if each.name == one.node)
            if one.server != node.server:
                yield f"{node.name} assigned to server {one.server}, which is another one"
            if not node.was_master(one.at_s, GRACE_S):
                late_s = one.at_s - max((span.end_s for span in node.spans), default=0.0)
                yield f"{node.name} assigned {late_s:.2f} s after its time as MASTER"
        if calls > CALLS_PER_ROUND:
            yield f"{calls} calls of one node"
        for node in self.nodes:
            if node.exit_code is not None:
                yield f"the daemon of {node.name} has ended with {node.exit_code}"


@contextlib.contextmanager
def chaos(seed: int) -> Iterator[Chaos]:
    """Make a pair, and clean up after it."""
    with tempfile.TemporaryDirectory(prefix="hakeeper-chaos-") as folder:
        made = Chaos(Path(folder), seed)
        try:
            made.begin()
            yield made
        finally:
            made.close()

"""Rounds of trouble and healing, and the judge of what came of each."""

import contextlib
import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from hakeeper.demo.lab.netns import Namespace
from hakeeper.demo.lab.network import Switch
from hakeeper.demo.lab.reaping import adopting_orphans
from tests.chaos.api import Api, FloatingIp, Received
from tests.chaos.faults import FAULTS, LASTING
from tests.chaos.front import Front
from tests.chaos.nodes import Node
from tests.chaos.rooms import Room
from tests.chaos.stage import Fault, Stage
from tests.chaos.voices import Real, Script, Voice, ask
from tests.chaos.vrrp_faults import REAL, SCRIPTED
from tests.support.waiting import eventually

RIGHT_WITHIN_S: Final = 15.0
FIRST_HOLD_DOWN_S: Final = 43.0
LONGEST_HOLD_DOWN_S: Final = 900.0
"""As docs/dev/design.md has them, under "Split brain"."""
_UNNOTICED: Final = frozenset({"quota_gone", "moved_away"})
_UNNOTICED_S: Final = 60.0
"""Where little of the quota is left, a foreign move may be noticed after a minute only: as
docs/reliability.md has it."""
_FIGHT_MOVES: Final = 3
_DOUBLINGS: Final = 3
CALLS_PER_ROUND: Final = 120
"""Of one node. A round lasts half a minute at most, and half of the quota is 15 calls in that time;
the rest is for the claims of new masters and for what a new daemon has to learn."""
_CALLS_PER_S: Final = 0.5
_ROUND_S: Final = 30.0
CALLS_AT_ONCE: Final = 800
CALLS_PER_HOUR: Final = 1000
"""These of one daemon, whatever fails: as docs/dev/design.md has them, under "API budget"."""
_STEADY_S: Final = 1.0
_STEADY_REAL_S: Final = 3.0
"""Real keepalived may take as long to end an election."""


@dataclass(frozen=True)
class Round:
    """One round, and what was wrong with it."""

    number: int
    faults: tuple[str, ...]
    lasting: str
    """What was wrong still when it was judged."""
    master: str
    right_after_s: float | None
    """After the healing; None: it was not right in time."""
    limit_s: float
    calls: int
    """Of the node that made the most."""
    cured: tuple[str, ...]
    """Whose keepalived had to be restarted, since its own D-Bus had died: see `voices.py`."""
    complaints: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """Return plain values."""
        return asdict(self)


def hold_down_s(moves: int) -> float:
    """Return the longest hold-down that there may be after so many moves since the MASTER edge."""
    if moves < _FIGHT_MOVES:
        return 0.0
    doublings = moves - _FIGHT_MOVES
    return FIRST_HOLD_DOWN_S * 2**doublings if doublings <= _DOUBLINGS else LONGEST_HOLD_DOWN_S


def most_spent(received: list[Received], node: str, started_s: list[float]) -> float:
    """Return how full the bucket of calls has been that leaks as fast as the budget flows in."""
    spent, most, at_s = 0.0, 0.0, 0.0
    starts = iter([*started_s, float("inf")])
    next_s = next(starts)
    for one in received:
        if one.node != node:
            continue
        spent = max(0.0, spent - (one.at_s - at_s) * CALLS_PER_HOUR / 3600) + 1
        if one.at_s >= next_s:  # another daemon
            spent = 1.0
            while one.at_s >= next_s:
                next_s = next(starts)
        at_s, most = one.at_s, max(most, spent)
    return most


class Chaos:
    """A pair of nodes with a few addresses, and rounds on them."""

    def __init__(self, folder: Path, seed: int, *, is_real: bool, addresses: int = 3) -> None:
        self.seed = seed
        self.is_real = is_real
        self.api = Api()
        for number in range(1, addresses + 1):
            ip = FloatingIp(number, f"ip{number}", f"203.0.113.{number}")
            ip.holders.append((time.monotonic(), None))
            self.api.ips[number] = ip
        self.front = Front(self.api, folder)
        self._net = Namespace("switch")
        switch = Switch(self._net)
        self.nodes = [self._node(folder, switch, name, n) for n, name in enumerate("ab")]
        self.stage = Stage(self.front, self.nodes, random.Random(seed))  # noqa: S311  # faults, no secrets
        self.faults: dict[str, Fault] = {**FAULTS, **(REAL if is_real else SCRIPTED)}

    def _node(self, folder: Path, switch: Switch, name: str, number: int) -> Node:
        place = folder / name
        place.mkdir()
        room = Room(name, place, switch)
        voice: Voice = Real(name, number, place, room) if self.is_real else Script(place)
        rng = random.Random(f"{self.seed}/{name}")  # noqa: S311  # likewise
        return Node(name, 101 + number, place, front=self.front, room=room, voice=voice, rng=rng)

    def begin(self) -> None:
        """Start everything, and wait for the first claim."""
        for node in self.nodes:
            node.voice.start()
            node.start()
        self.elect(self.nodes[0])
        eventually(lambda: self._is_right(self.nodes[0]), 60.0, "the first claim")

    def close(self) -> None:
        """End everything."""
        for node in self.nodes:
            node.close()
        self.front.close()
        self._net.close()

    def elect(self, master: Node) -> None:
        """Let keepalived elect it: the other one hears it first, as with an advert."""
        for node in self.nodes:
            if node is not master:
                node.voice.prefer(better=False)
        master.voice.prefer(better=True)

    def _is_right(self, master: Node) -> bool:
        """Say whether it has all; real keepalived may have its reasons to elect the other one."""
        masters = [node for node in self.nodes if node.record.is_master]
        if len(masters) != 1 or (masters != [master] and not self.is_real):
            return False
        return all(self.api.holder(number) == masters[0].server for number in self.api.ips)

    # --- a round --------------------------------------------------------------------------------

    def round(self, number: int) -> Round:
        """Make trouble for some seconds, heal, and see how long it takes to be right."""
        rng = self.stage.rng = random.Random(f"{self.seed}/{number}")  # noqa: S311  # likewise
        began_s = time.monotonic()
        first = len(self.api.received)
        chosen = tuple(rng.sample(sorted(self.faults), rng.randint(1, 3)))
        for name in chosen:
            self.faults[name](self.stage)
            self._pass()
            if rng.random() < 0.7:  # most rounds see an election
                for _ in range(rng.choice((1, 1, 1, 2, 6))):
                    self.elect(rng.choice(self.nodes))
                    time.sleep(rng.choice((0.0, 0.01, 0.3)))
            self._pass()
        lasting = rng.choice(LASTING) if rng.random() < 0.3 else None
        self.stage.heal(lasting)
        master = self._next_master()
        if hold_down_s(self._moves()) > FIRST_HOLD_DOWN_S:  # that would last for minutes
            for node in self.nodes:
                node.voice.renew()
        self.elect(master)
        within_s = RIGHT_WITHIN_S + (_UNNOTICED_S if set(chosen) >= _UNNOTICED else 0.0)
        cured: tuple[str, ...] = ()
        right_after_s, limit_s = self._right_after_s(master, time.monotonic(), within_s)
        if right_after_s is None:
            cured = tuple(node.name for node in self.nodes if node.voice.cure())
        if cured:
            right_after_s, limit_s = self._right_after_s(master, time.monotonic(), within_s)
        made = self.api.received[first:]
        calls = max(sum(one.node == node.name for one in made) for node in self.nodes)
        lasted_s = time.monotonic() - began_s
        return Round(
            number,
            chosen,
            lasting.__name__ if lasting else "",
            master.name,
            right_after_s,
            limit_s,
            calls,
            cured,
            tuple(self.complaints(first, right_after_s, limit_s, calls, lasted_s)),
        )

    def _next_master(self) -> Node:
        """Choose one that has to claim something, mostly."""
        holders = {self.api.holder(number) for number in self.api.ips}
        lacking = [node for node in self.nodes if holders != {node.server}]
        return self.stage.rng.choice(lacking if self.stage.rng.random() < 0.75 else self.nodes)

    def _pass(self) -> None:
        time.sleep(self.stage.rng.uniform(0.0, 2.0))

    def _moves(self) -> int:
        """Count how often an address has moved since there is this master, at most."""
        since_s = max((node.record.last_begin_s() for node in self.nodes if node.record.is_master),
                      default=0.0)  # fmt: skip
        return max(sum(at_s >= since_s for at_s, _ in ip.holders) for ip in self.api.ips.values())

    def _right_after_s(
        self, master: Node, healed_s: float, within_s: float
    ) -> tuple[float | None, float]:
        """Wait until it is right and stays so; return when, and what was allowed."""
        since_s: float | None = None
        limit_s = within_s
        steady_s = _STEADY_REAL_S if self.is_real else _STEADY_S
        while time.monotonic() < healed_s + limit_s + steady_s:
            now = time.monotonic()
            since_s = (since_s or now) if self._is_right(master) else None
            if since_s is not None and now - since_s >= steady_s:
                return since_s - healed_s, limit_s
            limit_s = within_s + hold_down_s(self._moves())
            time.sleep(0.02)
        return None, limit_s

    # --- the judge ------------------------------------------------------------------------------

    def complaints(
        self, first: int, right_after_s: float | None, limit_s: float, calls: int, lasted_s: float
    ) -> Iterator[str]:
        """Judge what was received since a place in the log, and how the round ended."""
        if right_after_s is None:
            shown = [f"{node.name} {node.record.role or 'silent'}" for node in self.nodes]
            shown += [f"{ip.name} at {ip.holder()}" for ip in self.api.ips.values()]
            yield f"not right {limit_s:g} s after healing: {', '.join(shown)}"
        for node in self.nodes:
            if isinstance(node.voice, Real):
                yield from self._misheard(node, node.voice)
        for one in self.api.received[first:]:
            yield from self._judge(one)
        if calls > CALLS_PER_ROUND + _CALLS_PER_S * max(0.0, lasted_s - _ROUND_S):
            yield f"{calls} calls of one node"
        for node in self.nodes:
            most = most_spent(self.api.received, node.name, node.started_s)
            if (over := most - CALLS_AT_ONCE) > 0:
                yield f"the daemon of {node.name} was {over:.0f} calls over its budget"
        for node in self.nodes:
            if node.exit_code is not None:
                yield f"the daemon of {node.name} has ended with {node.exit_code}"

    def _misheard(self, node: Node, voice: Real) -> Iterator[str]:
        voice.witness.catch_up()
        said, heard = ask(voice), node.record.role
        if (said == "MASTER") != (heard == "MASTER"):
            yield f"keepalived of {node.name} says {said}, and the witness has heard {heard}"

    def _judge(self, one: Received) -> Iterator[str]:
        if one.server is None:
            return
        node = next(each for each in self.nodes if each.name == one.node)
        if one.server != node.server:
            yield f"{node.name} assigned to server {one.server}, which is another one"
        if not node.record.allows(one.at_s):
            late_s = one.at_s - node.record.last_end_s()
            yield f"{node.name} assigned {late_s:.2f} s after its time as MASTER"


@contextlib.contextmanager
def chaos(seed: int, *, is_real: bool = False) -> Iterator[Chaos]:
    """Make a pair, and clean up after it."""
    with (
        adopting_orphans(),
        tempfile.TemporaryDirectory(prefix="hakeeper-chaos-", ignore_cleanup_errors=True) as folder,
    ):
        made = Chaos(Path(folder), seed, is_real=is_real)
        try:
            made.begin()
            yield made
        finally:
            made.close()

"""Does the faults of a round at their times, and keeps the list of what was done."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from hakeeper.core.model import Role
from hakeeper.demo.cloud import CloudFront
from hakeeper.demo.lab import Lab, Node
from tests.soak.faults import BEGIN, Target, Undo, named
from tests.soak.kinds import Family, Kind
from tests.soak.moves import Injected
from tests.soak.plan import Planned, RoundPlan
from tests.soak.settings import INSTANCE

_SLICE_S = 0.1
_ENDING = frozenset({Kind.DAEMON_KILL, Kind.DAEMON_TERM})


@dataclass(frozen=True, slots=True)
class _Going:
    """A fault that lasts."""

    injected: Injected
    undo: Undo
    until_s: float


class Injector:
    """Faults on one lab. `veteran` is the node whose hakeeper is never ended."""

    def __init__(
        self, lab: Lab, cloud: CloudFront, *, veteran: str, check: Callable[[], None]
    ) -> None:
        """`check` is called again and again while faults last; it may raise."""
        self._lab = lab
        self._cloud = cloud
        self._veteran = veteran
        self._check = check
        self._going: list[_Going] = []
        self._confs: dict[str, str] = {}
        self.done: list[Injected] = []
        """All faults so far, oldest first."""
        self.skipped: Counter[str] = Counter()
        """How often a planned fault could not be done, by kind."""

    @property
    def down(self) -> frozenset[str]:
        """The nodes whose hakeeper was ended by a fault that still lasts."""
        return frozenset(one.injected.node for one in self._going if one.injected.kind in _ENDING)

    def play(self, plan: RoundPlan) -> None:
        """Do the faults of a round; when this returns, all are healed."""
        began_s = time.monotonic()
        nodes = self._by_rank()
        todo = list(plan.faults)
        while todo or self._going:
            begin_s = began_s + todo[0].begins_s if todo else float("inf")
            first = min(self._going, key=lambda one: one.until_s, default=None)
            end_s = float("inf") if first is None else first.until_s
            self._wait(min(begin_s, end_s))
            if first is None or begin_s <= end_s:
                fault = todo.pop(0)
                self._begin(fault, nodes[fault.rank])
            else:
                self._end(first)

    def _by_rank(self) -> list[Node]:
        """Return the nodes, the MASTER first."""
        role = self._lab.witness.role
        return sorted(self._lab.nodes, key=lambda n: role(n.name, INSTANCE) is not Role.MASTER)

    def _wait(self, until_s: float) -> None:
        """Let time pass until the plan wants the next thing done."""
        while (left_s := until_s - time.monotonic()) > 0:
            self._check()
            time.sleep(min(left_s, _SLICE_S))

    def _begin(self, fault: Planned, node: Node) -> None:
        kind = fault.kind
        if any(
            one.injected.kind.family is kind.family
            and (one.injected.node == node.name or kind.family is Family.HAND)
            for one in self._going
        ):
            self.skipped[kind.value] += 1
            return
        target = Target(
            lab=self._lab,
            cloud=self._cloud,
            node=node,
            veteran=node.name == self._veteran,
            chance=fault.chance,
            confs=self._confs,
        )
        injected = Injected(
            kind=kind, name=named(target, kind), node=node.name, began_s=time.monotonic()
        )
        undo = BEGIN[kind](target)
        if undo is None:
            self.skipped[kind.value] += 1
            return
        self.done.append(injected)
        self._going.append(_Going(injected, undo, injected.began_s + fault.lasts_s))

    def _end(self, going: _Going) -> None:
        going.injected.ended_s = time.monotonic()
        going.undo()
        self._going.remove(going)

"""Verdicts: how often each rule was put to the test, and what broke it.

What an address may suffer is checked here (`Repairs`, `SplitMoves`), all else by tests/world.
"""

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from hakeeper.core.state import InvariantError
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.observer import Observer

if TYPE_CHECKING:
    from hakeeper.simulate.node import Node


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule was broken."""

    rule: str
    at_s: float
    node: int | None
    text: str

    def __str__(self) -> str:
        """Say it in a line."""
        where = "" if self.node is None else f" at node {self.node + 1}"
        return f"{self.rule}{where} after {self.at_s:.3f} s: {self.text}"


class Demand(Protocol):
    """Takes a verdict: a rule, at which node (None: anywhere), and whether it holds.

    `text.format(*about)` says what broke it. It is put into words only then: most rules hold.
    """

    def __call__(
        self,
        rule: str,
        node: int | None,
        holds: bool,  # noqa: FBT001
        text: str,
        *about: object,
    ) -> None:
        """Count it, and note a violation."""


class Verdicts(Observer):
    """The verdicts of one world."""

    def __init__(self, agenda: Agenda, evaluated: Counter[str], observers: Observer) -> None:
        """Begin without any; `evaluated` counts how often each rule was put to the test."""
        self.violations: list[Violation] = []
        self._agenda = agenda
        self._evaluated = evaluated
        self._observers = observers
        self._broken: set[str] = set()

    def demand(self, rule: str, node: int | None, holds: bool, text: str, *about: object) -> None:  # noqa: FBT001
        """Take a verdict (see `Demand`)."""
        self._evaluated[rule] += 1
        if not holds:
            self.violated(rule, node, text.format(*about))

    def invariant_broken(self, node: "Node", error: InvariantError) -> None:
        """Take it for a broken promise."""
        self.violated("core_guard", node.index, f"exit code 70: {error}")

    def violated(self, rule: str, node: int | None, text: str) -> None:
        """Note that a rule was broken; each rule once."""
        if rule in self._broken:
            return
        self._broken.add(rule)
        violation = Violation(rule, self._agenda.elapsed_s, node, text)
        self.violations.append(violation)
        self._observers.rule_broken(violation)

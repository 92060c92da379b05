"""Verdicts: how often each rule was put to the test, and what broke it.

What an address may suffer is checked here, by `Measurements`; all other rules are tests/world's.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from hakeeper.simulate.agenda import Agenda


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


class Verdicts:
    """The verdicts of one world."""

    def __init__(self, agenda: Agenda, rule_broken: Callable[[Violation], None]) -> None:
        """Begin without any; `rule_broken` hears of each violation at its time."""
        self.violations: list[Violation] = []
        self.evaluated: Counter[str] = Counter()
        """How often each rule was put to the test."""
        self._agenda = agenda
        self._rule_broken = rule_broken
        self._broken: set[str] = set()

    def demand(self, rule: str, node: int | None, holds: bool, text: str, *about: object) -> None:  # noqa: FBT001
        """Take a verdict (see `Demand`)."""
        self.evaluated[rule] += 1
        if not holds:
            self.violated(rule, node, text.format(*about))

    def violated(self, rule: str, node: int | None, text: str) -> None:
        """Note that a rule was broken; each rule once."""
        if rule in self._broken:
            return
        self._broken.add(rule)
        violation = Violation(rule, self._agenda.elapsed_s, node, text)
        self.violations.append(violation)
        self._rule_broken(violation)

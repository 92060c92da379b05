"""The rules by name, and the verdicts: how often each was put to the test, and what broke it.

A rule that was never evaluated proves nothing. tests/world plants bugs to show that each can fail.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from hakeeper.sim.world.tally import Tally

if TYPE_CHECKING:
    from hakeeper.sim.world.world import World

RULES = (
    "core_guard",
    "sent_by_master",
    "deaf_claims_nothing",
    "hung_takes_nothing",
    "hung_is_told",
    "own_target",
    "one_at_a_time",
    "no_blind_resend",
    "read_back",
    "two_reads_decide",
    "lost_in_truth",
    "patience",
    "hint_heeded",
    "token_reread",
    "role_survives",
    "role_from_keepalived",
    "last_line_decides",
    "answer_states_role",
    "doubt_is_believed",
    "backlog_claims_nothing",
    "sent_first",
    "written_at_last",
    "heeds_429",
    "future_ticks",
    "spacing",
    "lanes",
    "not_needless",
    "call_budget",
    "hour_budget",
    "bounded_memory",
    "claim_kept",
    "repaired",
    "starves_nobody",
    "hold_off_earned",
    "hold_off_ends",
    "split_bounded",
    "peace",
    "quiet",
    "healthy",
)


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

    def __init__(self, world: "World", tally: Tally) -> None:
        """Begin without any; `tally` counts the rules that were put to the test."""
        self.violations: list[Violation] = []
        self._world = world
        self._evaluated = tally.evaluated
        self._broken: set[str] = set()

    def demand(self, rule: str, node: int | None, holds: bool, text: str, *about: object) -> None:  # noqa: FBT001
        """Take a verdict (see `Demand`)."""
        self._evaluated[rule] += 1
        if not holds:
            self.violated(rule, node, text.format(*about))

    def violated(self, rule: str, node: int | None, text: str) -> None:
        """Note that a rule was broken; each rule once."""
        if rule in self._broken:
            return
        self._broken.add(rule)
        at_s = self._world.now - self._world.agenda_start_s
        self.violations.append(Violation(rule, at_s, node, text))
        self._world.tell(f"VIOLATION {self.violations[-1]}")

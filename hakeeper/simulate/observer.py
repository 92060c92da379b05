"""What happens in a world, told to whoever observes it: the nodes and faults know no other way."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hakeeper.cloud_register import Move
from hakeeper.core.calls import Mutate
from hakeeper.core.claim.happenings import Happening
from hakeeper.core.claim.stages import Stage
from hakeeper.core.decisions.decision import Decision
from hakeeper.core.events import Effect, Event, Report
from hakeeper.core.model import StepDown
from hakeeper.core.observation import Key
from hakeeper.core.roles.lines import LineState
from hakeeper.core.state import InvariantError
from hakeeper.simulate.faults.kinds import Fault, Kind

if TYPE_CHECKING:
    from hakeeper.simulate.node import Node
    from hakeeper.simulate.verdicts import Violation


@dataclass(frozen=True, slots=True)
class ListChange:
    """A server's list of alias IPs in one network is another one now."""

    network: int
    server: Key
    before: tuple[str, ...]
    after: tuple[str, ...]
    request: Mutate | None
    """What did it; None: somebody else than hakeeper."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What the core handled at once, and what came of it."""

    events: tuple[Event, ...]
    effects: tuple[Effect, ...]
    at_s: float
    """By the node's clock."""


class Observer:
    """Hears of everything that happens; a subclass says what it does with which news."""

    # --- faults ------------------------------------------------------------------------------

    def fault_began(self, fault: Fault) -> None:
        """A fault begins."""

    def fault_ends(self, fault: Fault) -> None:
        """A fault that lasted for a while is about to be undone."""

    def split_begins(self) -> None:
        """All links are about to be cut, for ever."""

    def healing(self) -> None:
        """All faults are about to end."""

    def impaired(self, fault: Fault, change: int) -> None:
        """One thing more (or less) is wrong with a node, or with everybody."""

    def call_struck(self, kind: Kind) -> None:
        """A fault of this kind struck a call."""

    def lines_lost(self, node: "Node", name: str) -> None:
        """Lines of this instance are missing or wrong, and hakeeper cannot know that."""

    def pause_ended(self, node: "Node") -> None:
        """The pause that an operator made is over, by hand or by itself."""

    def step_down_changed(self, node: "Node", step_down: StepDown | None) -> None:
        """Hakeeper began a step-down, took it a stage further, or ended it."""

    def paused(self, node: "Node") -> None:
        """Hakeeper, its keepalived or D-Bus stops or goes on: no question was answered since."""

    def keepalived_resumes(self, node: "Node") -> None:
        """A keepalived that was frozen is about to go on."""

    def keepalived_restarts(self, node: "Node") -> None:
        """The operator is about to restart keepalived, since hakeeper cannot know its role."""

    def conditions_changed(self) -> None:
        """Something that kept masters from their addresses may have begun or ended."""

    # --- nodes, lines and the cloud ----------------------------------------------------------

    def started(self, node: "Node") -> None:
        """A run of hakeeper begins."""

    def ended(self, node: "Node") -> None:
        """A run of hakeeper ended."""

    def line_written(self, node: "Node", name: str, state: LineState, *, kept: bool) -> None:
        """Keepalived wrote a line; `kept` is False if the line is lost."""

    def moved(self, move: Move) -> None:
        """The holder of an address changed, in truth."""

    def list_changed(self, change: ListChange) -> None:
        """A list of alias IPs changed, in truth; the moves of ours are told besides."""

    def assign_sent(self, node: "Node", request: Mutate) -> None:
        """The first byte of an assign goes out at this node."""

    # --- hakeeper ----------------------------------------------------------------------------

    def hearing(self, node: "Node") -> None:
        """The core is about to handle a batch of events."""

    def taking_in(self, node: "Node", event: Event) -> None:
        """The core is about to take in one event of the batch."""

    def took_in(self, node: "Node", event: Event, reports: tuple[Report, ...]) -> None:
        """The core took it in, and reports this of it; nothing is begun yet."""

    def decided(self, node: "Node", event: Event | None, decision: Decision) -> None:
        """The core reports this, of an event or (None) of the whole batch.

        What is held back from the journal is told here as well.
        """

    def handled(self, node: "Node", batch: Batch) -> None:
        """The core handled the batch."""

    def claim_moved(self, node: "Node", what: Happening, before: Stage, after: Stage) -> None:
        """Something happened to the claim of an address; the stage may be the same after it."""

    def invariant_broken(self, node: "Node", error: InvariantError) -> None:
        """The core found that it broke an invariant of its own; this run of hakeeper ends."""

    # --- judgement ---------------------------------------------------------------------------

    def rule_broken(self, violation: "Violation") -> None:
        """A rule was broken, for the first time."""

    def split_ends(self) -> None:
        """A split brain without end was watched for long enough."""

    def healed(self) -> None:
        """All faults are over for long enough: every address must be with its one master."""

    def rested(self) -> None:
        """Some minutes have passed since, in which nothing may have happened."""


class Observers(Observer):
    """Several observers; those who do something with a piece of news hear it, in their order."""

    def __init__(self) -> None:
        """Begin with none."""
        self._hearers: dict[str, list[Callable[..., None]]] = {news: [] for news in NEWS}

    def add(self, observer: Observer) -> None:
        """Add one; it hears of what happens from now on."""
        for news, hearers in self._hearers.items():
            if getattr(type(observer), news) is not getattr(Observer, news):
                hearers.append(getattr(observer, news))


def _passed_on(news: str) -> Callable[..., None]:
    def pass_on(self: Observers, *args: object, **kwargs: object) -> None:
        for hear in self._hearers[news]:
            hear(*args, **kwargs)

    return pass_on


NEWS = tuple(name for name in vars(Observer) if not name.startswith("_"))
for _news in NEWS:  # all of them, so that none can be forgotten
    setattr(Observers, _news, _passed_on(_news))

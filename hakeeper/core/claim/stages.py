"""The stages of a claim. Each holds what it needs, and nothing that means something elsewhere."""

from dataclasses import dataclass, field, replace
from typing import ClassVar, TypeAlias

from hakeeper.core.calls import Failure, Step
from hakeeper.core.decisions.claims import Phases
from hakeeper.core.model import NEVER
from hakeeper.core.observation import Key, Other


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What is being claimed, from its cause to its end; the stages hand it on."""

    cause: str
    phases: Phases
    is_edge: bool = False
    """Whether it is that of a new MASTER."""
    attempt: int = 0
    """How many tries came to nothing."""
    rival: Other | None = None
    """In a claim that follows a hold-down: the holder that was given its time."""
    announced: bool = False
    """Whether the journal has its beginning."""
    releases: bool = False
    """Whether it has sent the first of two steps, after which nobody has it."""
    refused_at_s: float = NEVER
    """When it was last refused, or came to nothing."""
    failure: Failure | None = None
    """Why its last try failed."""
    failing_since_s: float = 0.0
    reported: frozenset[str] = field(default_factory=frozenset)
    """The failure codes that are in the journal already."""

    @property
    def is_sent(self) -> bool:
        """Whether a request of this claim went out already."""
        return self.phases.sent_s is not None

    def with_phases(self, phases: Phases) -> "Claim":
        """Return it as far as these phases say."""
        return replace(self, phases=phases)


@dataclass(frozen=True, slots=True)
class Idle:
    """keepalived does not say MASTER, or that does not count: we only look."""

    label: ClassVar[str] = "idle"
    hold_down: "HoldDown | None" = None
    """One that was cut short, and goes on if MASTER counts again in the same term."""


@dataclass(frozen=True, slots=True)
class Verify:
    """The holder must be known, as of `after_s` or later, before anything is sent."""

    label: ClassVar[str] = "reading the holder"
    claim: Claim
    after_s: float
    due_at_s: float


@dataclass(frozen=True, slots=True)
class MutateDue:
    """The request that makes it ours is to be sent, not before `due_at_s`."""

    label: ClassVar[str] = "about to assign"
    claim: Claim
    due_at_s: float


@dataclass(frozen=True, slots=True)
class MutateSent:
    """The request is under way."""

    label: ClassVar[str] = "assign sent"
    claim: Claim
    step: Step


@dataclass(frozen=True, slots=True)
class ActionRunning:
    """It was accepted; the action is running. Look at it at `due_at_s`, give up at `until_s`."""

    label: ClassVar[str] = "action running"
    claim: Claim
    step: Step
    action_id: Key
    until_s: float
    due_at_s: float
    polls: int


@dataclass(frozen=True, slots=True)
class ReadBack:
    """The step is done; a read must show it. Reads may lag until `until_s`."""

    label: ClassVar[str] = "reading the holder"
    claim: Claim
    step: Step
    until_s: float
    after_s: float
    due_at_s: float
    polls: int = 0


@dataclass(frozen=True, slots=True)
class Held:
    """Confirmed ours; it is read at the interval, for ever."""

    label: ClassVar[str] = "held"


@dataclass(frozen=True, slots=True)
class Recheck:
    """It was ours, and something says that it may not be any more: read again.

    `suspect`: a read says so, and this one decides. Else it was a hint from keepalived.
    """

    label: ClassVar[str] = "reading the holder"
    after_s: float
    due_at_s: float
    suspect: bool
    since_s: float = NEVER
    """When that was first said."""


@dataclass(frozen=True, slots=True)
class HoldDown:
    """The holder keeps it until `until_s`. See at `look_at_s` whether its server runs."""

    label: ClassVar[str] = "hold-down"
    until_s: float
    look_at_s: float
    suspect: bool = False


Stage: TypeAlias = (
    Idle | Verify | MutateDue | MutateSent | ActionRunning | ReadBack | Held | Recheck | HoldDown
)
Reading: TypeAlias = Verify | ReadBack | Recheck
"""The stages that wait for a read."""

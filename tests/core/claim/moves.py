"""What can be told of one thing that happens to a claim: the stage before, and all that is after.

The moves are in the files `moves_*.py`; `test_moves.py` makes each of them, and
`test_table.py` holds them against the claim table. All of them happen at `NOW`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from ipaddress import ip_network
from random import Random

from hakeeper.core.apis.states import KindState
from hakeeper.core.calls import FailureKind
from hakeeper.core.claim.happenings import Happening, Seen
from hakeeper.core.claim.last_decision import LastDecision
from hakeeper.core.claim.resource import Resource
from hakeeper.core.claim.stages import (
    ActionRunning,
    Claim,
    Held,
    HoldDown,
    Idle,
    MutateDue,
    MutateSent,
    ReadBack,
    Recheck,
    Stage,
    Verify,
)
from hakeeper.core.claim.table import take
from hakeeper.core.decisions.claims import Phases
from hakeeper.core.decisions.decision import Decision
from hakeeper.core.model import NEVER
from hakeeper.core.observation import Holder, Nobody, Other, Us
from hakeeper.kinds.floating_ip import by_name
from tests.core.driver import instance
from tests.core.faults import failure
from tests.core.odds import MOST
from tests.core.standing import kind_of, standing
from tests.support.made_up_kind import BERTHS
from tests.support.resources import floating_ip, step

NOW = 100.0
VI = instance("VI_1")
WEB = floating_ip(id=4711, name="web", network=ip_network("203.0.113.10/32"), server_id=None)
STEP = step(4711)
KIND = kind_of(standing())
TWO_STEPS = KindState(BERTHS, KIND.api)
OF = (VI, "203.0.113.10")
US, NOBODY, TWO, THREE = Us(), Nobody(), Other(2), Other(3)

CLAIM = Claim(cause="a cause", phases=Phases(line_s=99.0))
SENT = CLAIM.with_phases(Phases(line_s=99.0, sent_s=99.5))
FINISHED = CLAIM.with_phases(Phases(line_s=99.0, sent_s=99.5, accepted_s=99.6, finished_s=99.7))
OLD = Claim(
    cause="an older cause",
    phases=Phases(line_s=90.0, sent_s=91.0),
    attempt=3,
    rival=TWO,
    announced=True,
    refused_at_s=98.0,
    failure=failure(FailureKind.REFUSED),
    failing_since_s=97.0,
    reported=frozenset({"a code"}),
)
"""A claim that has been through much."""
HOLD_DOWN = HoldDown(130.0, look_at_s=120.0)
SUSPECT = replace(HOLD_DOWN, suspect=True)
EVERY_STAGE: tuple[Stage, ...] = (
    Idle(HOLD_DOWN),
    Verify(OLD, 100.0, 105.0),
    MutateDue(OLD, 105.0),
    MutateSent(OLD, STEP),
    ActionRunning(OLD, STEP, 77, until_s=110.0, due_at_s=101.0, polls=2),
    ReadBack(OLD, STEP, until_s=103.0, after_s=100.0, due_at_s=101.0, polls=1),
    Held(),
    Recheck(100.0, 101.0, suspect=True),
    HOLD_DOWN,
)


def claim(cause: str) -> Claim:
    """Make a claim that has just begun."""
    return Claim(cause=cause, phases=Phases(line_s=NOW))


def seen(holder: Holder, *, before: Holder = TWO, asked_at_s: float = NOW) -> Seen:
    return Seen(holder, before, asked_at_s)


def nothing(_: Resource) -> None:
    """Leave it as it is."""


@dataclass(frozen=True)
class Move:
    """One thing that happens in one stage, and all that comes of it."""

    name: str
    stage: Stage
    what: Happening
    to: Stage
    latest: LastDecision | None = None
    """The decision that the status shows."""
    says: Decision | tuple[Decision, ...] = ()
    holder: Holder = TWO
    """As far as it is known; of a read it is the holder that it shows."""
    given: Callable[[Resource], object] = field(default=nothing)
    """Prepares what is remembered of the resource."""
    leaves: Callable[[Resource], object] = field(default=nothing)
    """Does the same to its memory as the move has to do; nothing else may change."""
    rng: Random = MOST

    def __str__(self) -> str:
        """Name it, as pytest shows it."""
        return f"{type(self.what).__name__}-{type(self.stage).__name__}-{self.name}"

    @property
    def said(self) -> tuple[Decision, ...]:
        """What the journal is to hear of."""
        return self.says if isinstance(self.says, tuple) else (self.says,)

    def resource(self) -> Resource:
        """Make the resource before the move."""
        holder = self.what.holder if isinstance(self.what, Seen) else self.holder
        made = Resource(by_name("web"), VI, KIND, WEB, holder=holder, holder_at_s=NOW - 1.0)
        made.stage, made.favoured, made.watch_until_s = self.stage, True, NOW + 10.0
        assert made.label  # from now on it is kept
        self.given(made)
        return made

    def expected(self) -> Resource:
        """Make the resource as it is to be after the move."""
        made = self.resource()
        made.stage = self.to
        self.leaves(made)
        if self.latest is not None:
            made.decide(self.latest, NOW)
        return made

    def made(self) -> tuple[Resource, tuple[Decision, ...]]:
        """Make the move; return the resource after it, and what is said of it."""
        resource = self.resource()
        said = take(resource, self.what, NOW, self.rng)
        return resource, tuple(said)


# --- what moves leave in the memory -------------------------------------------------------------


def confirmed(resource: Resource) -> None:
    """A claim has come to its end: look closely for a while."""
    resource.favoured, resource.watch_until_s = False, NOW + 20.0


def claimed(resource: Resource) -> None:
    """The same, and it was an assign of ours."""
    confirmed(resource)
    resource.split_brain.claimed(NOW)


def dropped(resource: Resource) -> None:
    """Nothing is pursued any more."""
    resource.favoured, resource.watch_until_s = False, NEVER


def held_down(resource: Resource) -> None:
    """A hold-down begins, and is in the journal."""
    resource.watch_until_s = NEVER
    resource.split_brain.hold_down_s(MOST)
    resource.split_brain.is_news()


def lost(resource: Resource) -> None:
    """Another server took it."""
    resource.lost_at_s = NOW
    resource.split_brain.lost(NOW, resource.ours_at_s)


def free_claim(resource: Resource) -> None:
    """One claim without a hold-down is taken."""
    resource.split_brain.free_claim_wait_s(NOW)


def both(*steps: Callable[[Resource], object]) -> Callable[[Resource], object]:
    """Do one after the other."""

    def do(resource: Resource) -> None:
        for each in steps:
            each(resource)

    return do


# --- what is remembered before --------------------------------------------------------------------


def lost_at(at_s: float) -> Callable[[Resource], None]:
    """Two reads had agreed then that it was taken from us."""

    def given(resource: Resource) -> None:
        resource.lost_at_s = at_s

    return given


def moving(resource: Resource) -> None:
    """Let a read have shown that somebody moves it."""
    resource.observation = replace(WEB, moving=True)


def outcome_unknown(resource: Resource) -> None:
    """Nobody knows what became of the last assign."""
    resource.writes.outcome_unknown = True


def in_two_steps(resource: Resource) -> None:
    """Nobody has it for a moment whenever it moves."""
    resource.kind = TWO_STEPS


def five_free_claims(resource: Resource) -> None:
    """So many claims without a hold-down that the next one has to wait for 10 s."""
    for _ in range(5):
        resource.split_brain.free_claim_wait_s(NOW)


def lost_once(resource: Resource) -> None:
    """Claimed and lost, and claimed again 10 s ago: one more quick loss makes it contested."""
    resource.split_brain.claimed(NOW - 30.0)
    resource.split_brain.lost(NOW - 20.0, NOW - 20.0)
    resource.split_brain.claimed(NOW - 10.0)
    resource.ours_at_s = NOW - 5.0


def contested(resource: Resource) -> None:
    """In the first hold-down of a split brain, which is in the journal."""
    lost_once(resource)
    resource.split_brain.lost(NOW - 5.0, NOW - 5.0)
    resource.split_brain.hold_down_s(MOST)
    resource.split_brain.is_news()

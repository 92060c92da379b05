"""One resource: what is known of it, and what is remembered from one claim to the next.

How far our claim to it has come is its `stage`; `claim/table.py` has the table by which it moves.
"""

from dataclasses import dataclass, field, replace

from hakeeper.core.apis.servers import holder_text
from hakeeper.core.apis.states import FRESH_S, KindState
from hakeeper.core.claim.last_decision import LastDecision
from hakeeper.core.claim.stages import Claim, HoldDown, Idle, MutateSent, Recheck, Stage
from hakeeper.core.decisions.decision import Decision
from hakeeper.core.limits.pace import Hints, Pace, Returns
from hakeeper.core.limits.patience import Patience
from hakeeper.core.limits.splitbrain import SplitBrain
from hakeeper.core.model import NEVER, VrrpId
from hakeeper.core.observation import (
    Holder,
    Nobody,
    Observation,
    Other,
    ResourceId,
    ResourceRef,
    Unknown,
    Us,
)

SPACING_S = 1.0
"""The least time between two assigns of one resource: a flapping VRRP must not flood the API."""
PAUSED = "paused"
"""In `Claim.reported`: that a step of the claim is due while hakeeper is paused."""
EDGE_S, EDGES = 600.0, 2
"""A resource is favoured at a MASTER edge once in this time, and so often at once."""


@dataclass(slots=True)
class Writes:
    """Our assigns of one resource, and which reads they make out of date."""

    last_sent_s: float = NEVER
    done_s: float = NEVER
    """When the last one went out or, if that is known, when its action had succeeded."""
    goes_on: bool = False
    """The last one was the first of two steps and is done: the other one follows at once."""
    before_sending: tuple[float, float, bool] = (NEVER, NEVER, False)
    """All three before the one at hand, in case nothing of it was sent."""
    taken_from: tuple[Holder, ...] = ()
    """Who held it before the last one, and before each step; a read that lags names him again."""
    fresh_from_s: float = NEVER
    """Reads begun before this may show the world before the last one."""
    outcome_unknown: bool = False
    """Nobody knows what became of the last one, and no read has said so since."""

    def sending(self, holder: Holder, now: float) -> None:
        """One goes out; `holder` has it so far."""
        self.before_sending = self.last_sent_s, self.done_s, self.goes_on
        self.last_sent_s = self.done_s = self.fresh_from_s = now
        self.taken_from = (*self.taken_from, holder) if self.goes_on else (holder,)
        self.goes_on = False

    def never_sent(self, asked_at_s: float) -> None:
        """Nothing of the one that was asked for then went out: it delays nothing."""
        if self.last_sent_s == asked_at_s:
            self.last_sent_s, self.done_s, self.goes_on = self.before_sending

    def lose_track(self, now: float) -> None:
        """One ended with an unknown outcome: only a read begun from now on tells."""
        self.outcome_unknown = True
        self.fresh_from_s = now


@dataclass(slots=True)
class Resource:
    """One resource that the configuration names, or that a selector chose."""

    ref: ResourceRef
    vrrp: VrrpId
    kind: KindState
    observation: Observation | None = None
    """What the last read showed of it; None while it is not found."""
    chosen_by: ResourceRef | None = None
    """The selector that chose it; None: the configuration names it."""

    holder: Holder = field(default_factory=lambda: Unknown("not read yet"))
    holder_at_s: float | None = None
    """When the read that showed the holder was begun."""
    shown_at_s: float = NEVER
    """When its answer came."""
    holder_since_s: float | None = None
    """When it was first seen to be this one."""
    ours_at_s: float = NEVER
    """When the read was begun that last said it is ours."""

    stage: Stage = field(default_factory=Idle)
    writes: Writes = field(default_factory=Writes)
    split_brain: SplitBrain = field(default_factory=SplitBrain)
    hints: Hints = field(default_factory=Hints)
    returns: Returns = field(default_factory=Returns)
    edges: Pace = field(default_factory=lambda: Pace(every_s=EDGE_S, burst=EDGES))
    """Of the MASTER edges whose claim is favoured."""
    favoured: bool = False
    """The claim at hand is that of a MASTER edge, in a role that has few: see `apis/budget.py`."""
    turn_at_s: float = NEVER
    """When it was last read in its turn: see `due/reads.py`."""
    left_at_s: float = NEVER
    """The last demotion: earlier reads prove nothing, since another node has become MASTER."""
    lost_at_s: float = NEVER
    """When two reads last agreed that it was taken from us."""
    watch_until_s: float = NEVER
    """Until then it is read more often, since it was claimed a moment ago."""

    unresolved_reported: bool = False
    unresolved_why: str = ""
    blocked_reported: bool = False
    reported_id: ResourceId | None = None
    """The id that the journal has for it: found again after a 404, it is no news."""
    decision: LastDecision | None = None
    decided_at_s: float | None = None
    pending: list[Decision] = field(default_factory=list)
    """What the step at hand has to report."""
    _labelled: tuple[ResourceRef | Observation | None, str] = (None, "")
    """What `label` was made of, and the label."""

    @property
    def label(self) -> str:
        """Return the resource for people, or as configured while it is not resolved."""
        meant = self.ref if self.observation is None else self.observation
        if self._labelled[0] is not meant:  # the status asks for hundreds of them
            self._labelled = (meant, str(meant))
        return self._labelled[1]

    @property
    def title(self) -> str:
        """Return how it is configured, with the resource that it stands for."""
        if self.chosen_by is not None:
            return f"{self.label} ({self.chosen_by})"
        ref = str(self.ref)
        is_label = self.label in (ref, self.ref.text)
        return ref if is_label else f"{ref} = {self.label}"

    @property
    def patience(self) -> Patience:
        """Return how its API wants to be waited for."""
        return self.kind.api.patience

    @property
    def claim(self) -> Claim | None:
        """The claim at hand; None while nothing is pursued."""
        return getattr(self.stage, "claim", None)

    @property
    def is_suspect(self) -> bool:
        """Whether a read says that we lost it, and another one is to decide."""
        return isinstance(self.stage, Recheck | HoldDown) and self.stage.suspect

    @property
    def refused_at_s(self) -> float:
        """When the claim at hand was last refused, or came to nothing."""
        return NEVER if self.claim is None else self.claim.refused_at_s

    def name_of(self, holder: Holder) -> str:
        """Return a holder for people."""
        return holder_text(holder, self.kind.api.names)

    def decide(self, decision: LastDecision, now: float) -> None:
        """Keep the last decision for `hakeeper status`."""
        self.decision, self.decided_at_s = decision, now

    def new_term(self) -> None:
        """A new term as MASTER: earlier losses do not count."""
        self.split_brain = SplitBrain()
        self.hints = Hints()

    def hint(self, now: float) -> None:
        """Note that keepalived heard a lesser master: the holder may have changed."""
        self.hints.hint(now)
        self.split_brain.note_better_master(now)

    def edge(self, now: float) -> None:
        """A MASTER edge: favour the claim, unless the role has had many of them lately."""
        self.favoured = self.edges.takes(now)

    def end_claim(self) -> None:
        """The claim at hand has come to its end, or is given up."""
        self.favoured = False
        self.kind.api.budget.turn.end(self)

    def forget_moves(self) -> None:
        """From now on others may move it: that reads lack our last steps does not make them old."""
        if self.observation is not None:
            self.kind.forget(self.observation.id)

    @property
    def is_moving(self) -> bool:
        """Whether a read shows that it is just being moved, by whomever."""
        return self.observation is not None and self.observation.moving

    @property
    def needs_release(self) -> bool:
        """Whether it is taken from another server before we can have it."""
        return self.kind.kind.releases_first and isinstance(self.holder, Other)

    @property
    def is_released(self) -> bool:
        """Whether the first step of a move is done, by whomever: the second one gives it to us."""
        return self.kind.kind.releases_first and isinstance(self.holder, Nobody)

    @property
    def is_half_moved(self) -> bool:
        """Whether a claim of ours took it from its holder, and nobody has it until we take it."""
        return self.is_released and self.claim is not None and self.claim.releases

    def shows(self, lane: str, now: float) -> bool:
        """Say whether what was read is good enough for a step of this lane that is taken now."""
        if self.kind.kind.acts_on_known:
            return True
        asked_at_s = NEVER if self.holder_at_s is None else self.holder_at_s
        # What seems to be answered later has waited here, while this process stood still.
        answered_at_s = min(self.shown_at_s, asked_at_s + self.kind.api.settings.call_timeout_s)
        if now > answered_at_s + FRESH_S:
            return False
        return asked_at_s >= self.kind.changed_at_s.get(lane, NEVER)

    def is_behind(self, lane: str, now: float) -> bool:
        """Say whether what was read lacks our own last step of this lane, and so may be old.

        A step built upon it would undo that one. Later it is believed: somebody else may have.
        """
        last, seen = self.kind.moved.get(lane), self.observation
        if self.kind.kind.acts_on_known or last is None or seen is None:
            return False
        if now >= last.at_s + self.patience.lag_s:
            return False
        return not self.kind.kind.reflects(seen, last.resources, last.step)

    def is_here(self, holder: Holder, asked_at_s: float) -> bool:
        """Say whether a read says that it is ours, and counts though we have sent nothing for it.

        One of before a demotion does not, nor one that may lag behind the reads that saw it lost.
        """
        from_s = max(self.left_at_s, self.lost_at_s + self.patience.lag_s)
        return isinstance(holder, Us) and asked_at_s >= from_s

    def mutate_from_s(self, due_at_s: float) -> float:
        """Return when a step that is due then may be taken, as far as this resource goes."""
        if self.writes.goes_on and self.is_released:
            return due_at_s
        return max(due_at_s, self.writes.last_sent_s + SPACING_S)

    def see(self, holder: Holder, asked_at_s: float, now: float) -> bool:
        """Note the holder as of a read that was begun then; say whether that is of use.

        It is not if a newer one is known, or if it may show the world before our last assign.
        """
        older = self.holder_at_s is not None and asked_at_s < self.holder_at_s
        sending = isinstance(self.stage, MutateSent)
        if older or sending or asked_at_s < self.writes.fresh_from_s:
            return False
        if asked_at_s != self.holder_at_s:  # else it is what was read before, taken in once more
            self.shown_at_s = now
        before, self.holder, self.holder_at_s = self.holder, holder, asked_at_s
        if isinstance(holder, Unknown):
            return False
        if holder != before or self.holder_since_s is None:
            self.holder_since_s = now
        if isinstance(holder, Us):
            self.ours_at_s = asked_at_s
        self.writes.outcome_unknown = False
        return True

    def report_once(self, claim: Claim, code: str, decision: Decision) -> Claim:
        """Report something once in a claim; return the claim that remembers it."""
        if code not in claim.reported:
            self.pending.append(decision)
        return replace(claim, reported=claim.reported | {code})

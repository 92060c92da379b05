"""One floating IP: what is known of it, and how far our claim to it has come.

The methods are the steps of a claim; each returns what is to be reported. They decide
nothing about calls: that is `reconcile.py`, which looks at the stage and the due times.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import assert_never

from hakeeper.core import wording
from hakeeper.core.backoff import ACTION_POLL, READ_AGAIN, RETRY, SLOW, UNSEEN
from hakeeper.core.calls import Failure, FailureKind
from hakeeper.core.claim import (
    ACTION_PATIENCE_S,
    EAGER_FOR_S,
    EDGE_S,
    EDGES,
    HINTS_END_S,
    LAG_S,
    LOOK_S,
    RETRY_SOON_S,
    SPACING_S,
    SUSPECT_S,
    WATCH_S,
    Phases,
    Stage,
)
from hakeeper.core.events import Report
from hakeeper.core.model import (
    Action,
    ActionStatus,
    AddressRef,
    FloatingIp,
    Holder,
    Nobody,
    Other,
    Unknown,
    Us,
    VrrpId,
)
from hakeeper.core.pace import Pace, doubled
from hakeeper.core.servers import SeenServer
from hakeeper.core.splitbrain import SplitBrain


@dataclass(slots=True)
class Address:
    """One floating IP that the configuration names."""

    ref: AddressRef
    vrrp: VrrpId
    floating_ip: FloatingIp | None = None
    holder: Holder = field(default_factory=lambda: Unknown("not read yet"))
    holder_at_s: float | None = None
    """When the read that showed the holder was begun."""
    ours_at_s: float = float("-inf")
    """When the read was begun that last said it is ours."""
    holder_since_s: float | None = None
    """When it was first seen to be this one."""
    servers: Mapping[int, SeenServer] = field(default_factory=dict)
    """The names of other servers, which the state keeps."""
    stage: Stage = Stage.IDLE
    cause: str = ""
    due_at_s: float = 0.0
    read_after_s: float = 0.0
    fresh_from_s: float = float("-inf")
    """Reads begun before this may show the world before our last assign."""
    outcome_unknown: bool = False
    """Nobody knows what became of the last assign, and no read has said so since."""
    suspect: bool = False
    """One read says that we lost it; a second one decides."""
    attempt: int = 0
    polls: int = 0
    action_id: int | None = None
    action_until_s: float = 0.0
    """How long the action may run, or reads may lag behind its success."""
    last_sent_s: float = float("-inf")
    written_at_s: float = float("-inf")
    """When our last assign went out or, if that is known, when its action had succeeded."""
    before_sending: tuple[float, float] = (float("-inf"), float("-inf"))
    """The last two before the assign at hand, in case nothing of it was sent."""
    taken_from: Holder = field(default_factory=lambda: Unknown("no assign was sent yet"))
    """Who held it before our last assign; a read that lags names him once more."""
    start_reported: bool = False
    """Whether the journal has the beginning of this claim."""
    refused_at_s: float = float("-inf")
    """When this claim was last refused, or came to nothing; the first of all if it never was."""
    favoured: bool = False
    """The claim of a new MASTER edge, in a role that has few of them: see `budget.py`."""
    edges: Pace = field(default_factory=lambda: Pace(every_s=EDGE_S, burst=EDGES))
    """Of the edges that are favoured."""
    left_at_s: float = float("-inf")
    """The last demotion: earlier reads prove nothing, since another node has become MASTER."""
    watch_until_s: float = float("-inf")
    rival: Other | None = None
    """During a claim that follows a hold-down: the holder that was given its time."""
    holder_due_at_s: float = 0.0
    """While holding down: when to ask next whether the holder's server runs."""
    hold_down_until_s: float = float("-inf")
    """The end of the hold-down at hand, remembered while keepalived is isolated."""
    hinted_at_s: float = float("-inf")
    looked_at_s: float = float("-inf")
    look_gap_s: float = 0.0
    returns_at_s: float = float("-inf")
    """The last look that a MASTER without a line led to, be it still to come; likewise its gap."""
    return_gap_s: float = 0.0
    phases: Phases | None = None
    split_brain: SplitBrain = field(default_factory=SplitBrain)
    reported: set[str] = field(default_factory=set)
    """Failure codes of this claim that are in the journal already."""
    failure: Failure | None = None
    """Why the last try of this claim failed; None once it is confirmed, or given up."""
    failing_since_s: float = 0.0
    unresolved_reported: bool = False
    unresolved_why: str = ""
    blocked_reported: bool = False
    reported_id: int | None = None
    """The id that the journal has for it: found again after a 404, it is no news."""
    decision: str = "nothing decided yet"
    decided_at_s: float | None = None
    _labelled: tuple[AddressRef | FloatingIp | None, str] = (None, "")
    """What `label` was made of, and the label."""

    @property
    def label(self) -> str:
        """Return the address for people, or as configured while it is not resolved."""
        meant = self.ref if self.floating_ip is None else self.floating_ip
        if self._labelled[0] is not meant:  # the status asks for hundreds of them
            self._labelled = (meant, str(meant))
        return self._labelled[1]

    @property
    def title(self) -> str:
        """Return how it is configured, with the address that it stands for."""
        ref = str(self.ref)
        return self.label if ref == self.label else f"{ref} = {self.label}"

    def _who(self, holder: Holder) -> str:
        return wording.holder_text(holder, self.servers)

    def decide(self, sentence: str, now: float) -> None:
        """Keep the last decision for `hakeeper status`."""
        self.decision, self.decided_at_s = sentence, now

    def new_term(self) -> None:
        """A new term as MASTER: earlier losses do not count."""
        self.split_brain = SplitBrain()
        self.hinted_at_s = float("-inf")
        self.hold_down_until_s = float("-inf")

    def edge(self, now: float) -> None:
        """A MASTER edge: favour the claim, unless the role has had many of them lately."""
        self.favoured = self.edges.takes(now)

    # --- beginning and ending ------------------------------------------------------------

    def begin(self, now: float, cause: str, *, read_first: bool, pause_s: float = 0.0) -> None:
        """Begin a claim: by an assign, at once or after a pause, or by reading the holder first."""
        self.cause = cause
        self.attempt = 0
        self.action_id = None
        self.suspect = False
        self.rival = None
        self.hold_down_until_s = float("-inf")
        self.reported.clear()
        self.failure = None
        self.start_reported = False
        self.refused_at_s = float("-inf")
        self.phases = Phases(line_s=now)
        if read_first or self.outcome_unknown:
            self._read(now, now + pause_s)
            self.decide(f"{cause}: reading the holder", now)
            return
        self._post(now + pause_s)
        self.decide(f"{cause}: assigning it to this server", now)

    def return_pause_s(self, now: float) -> float:
        """Take a look at the holder for a MASTER that no line said; return how long it has to wait.

        A FIFO that overflows without end makes one of every answer of D-Bus.
        """
        if self.returns_at_s > now:
            return self.returns_at_s - now  # that one is still to come
        if now - self.returns_at_s > HINTS_END_S:
            self.return_gap_s = 0.0
        self.returns_at_s = max(now, self.returns_at_s + self.return_gap_s)
        self.return_gap_s = doubled(self.return_gap_s, LOOK_S)
        return self.returns_at_s - now

    def resume(self, now: float, cause: str) -> None:
        """MASTER counts again: go on by reading, and with a hold-down as if nothing had been."""
        if now >= self.hold_down_until_s or not isinstance(self.holder, Other):
            self.begin(now, cause, read_first=True)
            return
        self.stage = Stage.HOLD_DOWN
        self.due_at_s = self.hold_down_until_s
        self.decide(f"{cause}, but contested: {self._who(self.holder)} keeps it", now)

    def stop(self, now: float, reason: str) -> list[Report]:
        """Demoted: nothing of the claim may go on."""
        pursued = self.phases is not None
        self.stage = Stage.IDLE
        self.favoured = False
        self.phases = None
        self.action_id = None
        self.suspect = False
        self.failure = None
        self.watch_until_s = float("-inf")
        self.decide(f"leaving it alone: {reason}", now)
        return [wording.claim_abandoned(self.vrrp, self.label, reason)] if pursued else []

    # --- what is seen --------------------------------------------------------------------

    def observe(self, holder: Holder, asked_at_s: float, now: float, rng: Random) -> list[Report]:
        """Take in the holder as of a read that was begun at `asked_at_s`."""
        stale = asked_at_s < self.fresh_from_s
        older = self.holder_at_s is not None and asked_at_s < self.holder_at_s
        if stale or older or self.stage is Stage.SENT:
            return []
        before, self.holder, self.holder_at_s = self.holder, holder, asked_at_s
        if isinstance(holder, Unknown):
            return []
        if holder != before or self.holder_since_s is None:
            self.holder_since_s = now
        if isinstance(holder, Us):
            self.ours_at_s = asked_at_s
        self.outcome_unknown = False
        match self.stage:
            case Stage.READ if asked_at_s >= self.read_after_s:
                return self._read_done(holder, now, rng)
            case Stage.POST if isinstance(holder, Us):
                return self._confirm(now)
            case Stage.HELD if not isinstance(holder, Us):
                self._suspect(now)
            case Stage.HOLD_DOWN:
                return self._observe_hold_down(before, holder, now, rng)
            case _:
                pass
        return []

    def hinted(self, now: float, cause: str) -> None:
        """Hear a hint from keepalived that the holder may have changed although the role did not.

        A claim under way needs no hint; a hold-down ends, since the hint comes from the better
        master; an address that we hold is read again, but not for every one of many hints.
        """
        if now - self.hinted_at_s > HINTS_END_S:
            self.look_gap_s = 0.0
        self.hinted_at_s = now
        self.split_brain.note_better_master(now)
        if self.stage is Stage.HOLD_DOWN:
            self.begin(now, cause, read_first=False)
        elif self.stage is Stage.HELD and now >= self.looked_at_s + self.look_gap_s:
            self.cause = cause
            self.looked_at_s = now
            self.look_gap_s = doubled(self.look_gap_s, LOOK_S)
            self._read(now, now)

    def _suspect(self, now: float) -> None:
        self.suspect = True
        after_s = now
        if self.holder == self.taken_from:  # it may be the world before our assign, read late
            after_s = max(now, self.written_at_s + LAG_S)
        self._read(after_s, max(after_s, now + SUSPECT_S))

    def _claim(self, now: float) -> Phases:
        """Return the phases of the claim at hand."""
        self.phases = self.phases or Phases(line_s=now)
        return self.phases

    def _read_done(self, holder: Holder, now: float, rng: Random) -> list[Report]:
        if isinstance(holder, Us):
            return self._confirm(now)
        if self.phases is None:
            if self.suspect:
                return self._lost(holder, now, rng)
            self._suspect(now)
            return []
        if self.phases.finished_s is not None:
            return self._unseen(self.phases, now, rng)
        if self.rival is not None and isinstance(holder, Other) and holder != self.rival:
            self.split_brain.moved_by_others(now)
            return self._hold_down(holder, now, rng)
        self._post(now)
        return []

    def _unseen(self, phases: Phases, now: float, rng: Random) -> list[Report]:
        """The assign is done, but no read shows it: it lags, or what was written is lost."""
        if now < self.action_until_s:
            again_s = now + READ_AGAIN.delay_s(self.attempt + self.polls, rng)
            self.polls += 1
            self._read(now, min(again_s, self.action_until_s))
            return []
        phases.finished_s = None
        self.attempt += 1
        self.refused_at_s = now
        if isinstance(self.holder, Other):
            self.split_brain.never_seen(now)
        self._post(now)
        what = f"the assign succeeded, but {self._who(self.holder)} has it still; assigning again"
        self.decide(f"{self.cause}: {what}", now)
        return self._report_once("unseen", wording.claim_unknown(self.vrrp, self.label, what))

    def is_sent(self) -> bool:
        """Say whether an assign of this claim went out already."""
        return self.phases is not None and self.phases.sent_s is not None

    def _confirm(self, now: float) -> list[Report]:
        phases, self.phases = self.phases, None
        self.stage = Stage.HELD
        self.hold_down_until_s = float("-inf")
        self.suspect = False
        attempt, self.attempt = self.attempt, 0
        self.reported.clear()
        self.failure = None
        self.favoured = False
        self.refused_at_s = float("-inf")
        if phases is None:
            return []
        phases.confirmed_s = now
        self.watch_until_s = now + WATCH_S
        if phases.sent_s is None:
            self.decide(f"{self.cause}: it is ours already", now)
            return [wording.address_confirmed(self.vrrp, self.label, self.cause)]
        self.split_brain.claimed(now)
        self.decide(f"{self.cause}: claimed and confirmed", now)
        return [wording.address_claimed(self.vrrp, self.label, self.cause, attempt, phases)]

    def _lost(self, holder: Holder, now: float, rng: Random) -> list[Report]:
        """Two reads agree that it is not ours although we had it."""
        reports = [wording.address_drifted(self.vrrp, self.label, holder, self._who(holder))]
        cause, pause_s = "drift", 0.0
        if isinstance(holder, Other):
            contested = self.split_brain.lost(now, self.ours_at_s)
            if contested and not self.split_brain.is_better_master(now):
                return [*reports, *self._hold_down(holder, now, rng)]
            if contested:
                pause_s = self.split_brain.free_claim_wait_s(now)
        else:
            pause_s = self.split_brain.free_claim_wait_s(now)
        self._begin_free_claim(now, cause, pause_s)
        return reports

    def _begin_free_claim(self, now: float, cause: str, pause_s: float) -> None:
        if pause_s > 0.0:
            cause = f"{cause}, after a pause of {pause_s:.0f} s"
        self.begin(now, cause, read_first=False, pause_s=pause_s)

    def _hold_down(self, holder: Other, now: float, rng: Random) -> list[Report]:
        wait_s = self.split_brain.hold_down_s(rng)
        self.stage = Stage.HOLD_DOWN
        self.phases = None
        self.due_at_s = self.hold_down_until_s = now + wait_s
        self.holder_due_at_s = now
        self.watch_until_s = float("-inf")
        self.decide(
            f"contested: {self._who(holder)} keeps taking it; next try in {wait_s:.0f} s", now
        )
        if not self.split_brain.is_news():
            return []
        return [wording.address_held_down(self.vrrp, self.label, holder, self._who(holder), wait_s)]

    def leave(self, now: float) -> None:
        """Keepalived hangs: the holder keeps it until there is a sign of life."""
        self.stage = Stage.HOLD_DOWN
        self.phases = None
        self.due_at_s = self.hold_down_until_s = self.holder_due_at_s = now
        self.watch_until_s = float("-inf")
        self.decide(f"keepalived hangs: {self._who(self.holder)} keeps it", now)

    def _observe_hold_down(
        self, before: Holder, holder: Holder, now: float, rng: Random
    ) -> list[Report]:
        match holder:
            case Us():
                self.cause = "contested, but it came back"
                self.split_brain.moved_by_others(now)
                self.phases = Phases(line_s=now)
                return self._confirm(now)
            case Nobody():
                free_claim_wait_s = self.split_brain.free_claim_wait_s(now)
                self._begin_free_claim(now, "contested, but nobody holds it", free_claim_wait_s)
                return []
            case Other() if isinstance(before, Other) and before != holder:
                self.split_brain.moved_by_others(now)
                if self.split_brain.is_held_down:
                    return self._hold_down(holder, now, rng)
                self.leave(now)
                return []
            case _:
                return []

    def retry_soon(self, now: float, rng: Random) -> None:
        """The API works again: the pause that was meant for its failure need not be sat out."""
        self.due_at_s = min(self.due_at_s, now + rng.uniform(0.0, RETRY_SOON_S))

    def end_hold_down(self, now: float) -> None:
        """The hold-down is over: claim, unless a read says that yet another server took it."""
        rival = self.holder if isinstance(self.holder, Other) else None
        self.begin(now, "the hold-down is over", read_first=True)
        self.rival = rival

    def holder_seen(self, status: str, now: float) -> None:
        """While holding down: the holder's server does not run."""
        free_claim_wait_s = self.split_brain.free_claim_wait_s(now)
        self._begin_free_claim(
            now, f"contested, but the holder's server is {status}", free_claim_wait_s
        )

    # --- the steps of an assign ----------------------------------------------------------

    def _read(self, after_s: float, due_at_s: float) -> None:
        """Read the holder at that time; what is read for others serves as well, if begun after."""
        self.stage = Stage.READ
        self.due_at_s = due_at_s
        self.read_after_s = after_s

    def _post(self, due_at_s: float) -> None:
        self.stage = Stage.POST
        self.due_at_s = due_at_s

    def assign_from_s(self) -> float:
        """Return when the assign that is due may go out, as far as this address goes."""
        return max(self.due_at_s, self.last_sent_s + SPACING_S)

    def sending(self, now: float) -> list[Report]:
        """The assign goes out."""
        self.stage = Stage.SENT
        self.before_sending = self.last_sent_s, self.written_at_s
        self.last_sent_s = self.written_at_s = now
        self.taken_from = self.holder
        self.fresh_from_s = now
        self.decide(f"{self.cause}: assign sent", now)
        if self.start_reported:
            return []
        self.start_reported = True
        who = self._who(self.holder)
        return [wording.claim_started(self.vrrp, self.label, self.holder, who, self.cause)]

    def never_sent(self, asked_at_s: float) -> None:
        """Nothing of the assign that was asked for then went out: it delays nothing."""
        if self.last_sent_s == asked_at_s:
            self.last_sent_s, self.written_at_s = self.before_sending

    def accepted(
        self, action: Action, sent_s: float | None, now: float, rng: Random
    ) -> list[Report]:
        """201: watch the action, and do not take it for the end."""
        self.note_sent(now if sent_s is None else sent_s, now)
        self._claim(now).accepted_s = now
        self.action_id = action.id
        self.action_until_s = now + ACTION_PATIENCE_S
        self.polls = 0
        return self.action_seen(action, now, rng)

    def action_seen(self, action: Action, now: float, rng: Random) -> list[Report]:
        """Hear the state of our action."""
        match action.status:
            case ActionStatus.SUCCESS:
                self._claim(now).finished_s = self.written_at_s = now
                self.polls = 0
                self.action_until_s = now + UNSEEN.delay_s(self.attempt, rng)
                self._read(now, now)
                self.decide(f"{self.cause}: assigned; reading the holder back", now)
                return []
            case ActionStatus.ERROR:
                text = f"the action failed: {action.error_message}"
                failure = Failure(
                    kind=FailureKind.LOCKED, code=action.error_code or "action_failed", message=text
                )
                reports = self.failed(failure, now, rng)
                if self.attempt > 1:  # surely not done; another one has been read since
                    self._post(self.due_at_s)
                return reports
            case ActionStatus.RUNNING:
                self.stage = Stage.ACT
                self.decide(f"{self.cause}: accepted, Hetzner's action is running", now)
                self.due_at_s = now + ACTION_POLL.delay_s(self.polls, rng)
                self.polls += 1
                return []
            case _:  # pragma: no cover
                assert_never(action.status)

    def action_lost(self, now: float) -> list[Report]:
        """The action runs for too long, or the API no longer knows it: the holder decides."""
        self.action_id = None
        self._read(now, now)
        return self._report_once(
            "action_overdue",
            wording.claim_unknown(
                self.vrrp, self.label, "the action has no end in sight; reading the holder instead"
            ),
        )

    def action_unread(self, now: float, rng: Random) -> None:
        """Looking at the action failed: look again later."""
        self.due_at_s = now + RETRY.delay_s(self.polls, rng)
        self.polls += 1

    def failed(
        self, failure: Failure, now: float, rng: Random, *, reported: bool = True
    ) -> list[Report]:
        """The assign, or its action, failed: each class has its own response.

        Not `reported`: it is expected, and no journal entry is made.
        """
        self.action_id = None
        report = wording.claim_failed(self.vrrp, self.label, failure)
        attempt, self.attempt = self.attempt, self.attempt + 1
        if failure.kind is not FailureKind.CANCELLED and not self._is_eager(failure, now):
            self.refused_at_s = now
        match failure.kind:
            case FailureKind.CANCELLED | FailureKind.THROTTLED:
                self._post(now)  # the hold of the whole API makes it wait
            case FailureKind.TRANSIENT:
                self._post(now + RETRY.delay_s(attempt, rng))
            case FailureKind.OUTCOME_UNKNOWN:
                self.note_unknown_outcome(now)
                self.due_at_s += READ_AGAIN.delay_s(attempt, rng)
            case FailureKind.LOCKED:
                self._read(now, now + READ_AGAIN.delay_s(attempt, rng))
            case FailureKind.NOT_FOUND:
                self.floating_ip = None
                self._read(now, now + SLOW.delay_s(0, rng))
            case FailureKind.AUTH | FailureKind.REFUSED:
                self._post(now + SLOW.delay_s(0, rng))
            case _:  # pragma: no cover
                assert_never(failure.kind)
        if failure.kind is FailureKind.CANCELLED:
            self.decide(f"{self.cause}: assigning it to this server", now)
            return []
        self._note_failure(failure, now)
        self.decide(f"{self.cause}: {failure.code}, retrying", now)
        return self._report_once(failure.code, report) if reported else []

    def _is_eager(self, failure: Failure, now: float) -> bool:
        """Say whether a 429 is so early in the claim that the next try is still the first one."""
        sent_s = self._claim(now).sent_s
        early = sent_s is not None and now - sent_s < EAGER_FOR_S
        return failure.kind is FailureKind.THROTTLED and early

    def _note_failure(self, failure: Failure, now: float) -> None:
        if self.failure is None or self.failure.code != failure.code:
            self.failing_since_s = now
        self.failure = failure

    def note_unknown_outcome(self, now: float) -> None:
        """An assign ended with an unknown outcome, be it one of an older term: read, then go on."""
        self.outcome_unknown = True
        self.fresh_from_s = now
        if self.stage in (Stage.SENT, Stage.POST):
            self._read(now, now)

    def note_sent(self, sent_s: float | None, now: float) -> None:
        """Remember when the first bytes of this claim went out, whatever came of them."""
        phases = self._claim(now)
        phases.sent_s = sent_s if phases.sent_s is None else phases.sent_s

    def _report_once(self, code: str, report: Report) -> list[Report]:
        if code in self.reported:
            return []
        self.reported.add(code)
        return [report]

"""The moves of `claim/step_rules.py`: an assign goes out, and what becomes of it."""

from dataclasses import replace

from hakeeper.core.calls import Failure, FailureKind
from hakeeper.core.claim.happenings import (
    Accepted,
    ApiWorks,
    Failed,
    Halted,
    LostTrack,
    Moving,
    Sending,
)
from hakeeper.core.claim.last_decision import (
    ActionRuns,
    AssignSent,
    LeftWhilePaused,
    Retrying,
    WillAssign,
    WillReadBack,
)
from hakeeper.core.claim.resource import PAUSED, Resource
from hakeeper.core.claim.stages import ActionRunning, Claim, MutateDue, MutateSent, ReadBack, Verify
from hakeeper.core.decisions.claims import ClaimFailed, ClaimStarted, Phases
from hakeeper.core.decisions.operator import ClaimPaused
from hakeeper.core.model import Action, ActionStatus, Pause
from hakeeper.core.observation import Holder
from hakeeper.kinds.apis import CLOUD as CLOUD_API
from tests.core.claim.moves import CLAIM, NOBODY, NOW, OF, SENT, STEP, TWO, Move, in_two_steps
from tests.core.faults import failure
from tests.core.odds import LEAST, MOST

KIND = FailureKind
RUNS = Action(id=77, status=ActionStatus.RUNNING)
SUCCEEDED = Action(id=77, status=ActionStatus.SUCCESS)
BROKE = Action(id=77, status=ActionStatus.ERROR, error_code="ip_gone", error_message="no way")
BROKEN = Failure(kind=KIND.LOCKED, code="ip_gone", message="the action failed: no way")
NAMELESS = replace(BROKEN, code="action_failed")
ACCEPTED = CLAIM.with_phases(Phases(line_s=99.0, sent_s=99.5, accepted_s=NOW))
DONE = ACCEPTED.with_phases(replace(ACCEPTED.phases, finished_s=NOW))
RUNNING = ActionRuns("a cause")
READING = WillReadBack("a cause")


def refused(claim: Claim, why: Failure) -> Claim:
    """Return the claim after one more failure, the first of its code."""
    return replace(
        claim,
        attempt=claim.attempt + 1,
        refused_at_s=NOW,
        failure=why,
        failing_since_s=NOW,
        reported=claim.reported | {why.code},
    )


# --- sending and the answer -----------------------------------------------------------------------


def _goes_out(holder: Holder, name: str) -> Move:
    return Move(
        name,
        MutateDue(CLAIM, NOW),
        Sending(STEP),
        holder=holder,
        to=MutateSent(replace(CLAIM, announced=True), STEP),
        says=ClaimStarted(*OF, holder, name, "a cause"),
        latest=AssignSent("a cause"),
        leaves=lambda a: a.writes.sending(holder, NOW),
    )


def running(claim: Claim, due_at_s: float, polls: int, until_s: float = 110.0) -> ActionRunning:
    return ActionRunning(claim, STEP, 77, until_s, due_at_s, polls)


def done(resource: Resource) -> None:
    resource.writes.done_s = NOW


def _accepted(name: str, stage: Claim, sent_s: float | None, to: Claim) -> Move:
    return Move(
        name,
        MutateSent(stage, STEP),
        Accepted(RUNS, sent_s),
        to=running(to, 100.2, polls=1),
        latest=RUNNING,
    )


PAUSE = Pause(by="ada", user_id=0, reason="a new kernel", since_s=90.0, until_s=200.0)
HALTED = replace(CLAIM, reported=frozenset({PAUSED}))


def _halted(name: str, before: Claim, *says: ClaimPaused) -> Move:
    return Move(
        name,
        MutateDue(before, 99.0),
        Halted(PAUSE),
        to=MutateDue(HALTED, 99.0),
        says=says,
        latest=LeftWhilePaused("a cause"),
    )


NEW = replace(CLAIM, is_edge=True)


def _read(claim: Claim) -> Verify:
    return Verify(claim, NOW, NOW + 0.2)


FIRST, SECOND = MutateSent(SENT, STEP), MutateSent(replace(SENT, attempt=1), STEP)
SENDING = (
    _goes_out(TWO, "server 2"),
    _goes_out(NOBODY, "nobody"),
    Move(
        "again",
        MutateDue(replace(CLAIM, announced=True), NOW),
        Sending(STEP),
        to=MutateSent(replace(CLAIM, announced=True), STEP),
        latest=AssignSent("a cause"),
        leaves=lambda a: a.writes.sending(TWO, NOW),
    ),
    _halted("paused", CLAIM, ClaimPaused(*OF, TWO, "server 2", "a cause", PAUSE)),
    _halted("paused, once more", HALTED),
    _halted("paused, and refused before it", replace(HALTED, refused_at_s=98.0)),
    Move(
        "moving, and about to be sent by a new master",
        MutateDue(NEW, 99.0),
        Moving(),
        to=MutateDue(NEW, 99.0),
    ),
    *(
        Move(f"moving, {name}: it is read first", MutateDue(why, 99.0), Moving(), to=_read(why))
        for name, why in (
            ("and somebody takes it", CLAIM),
            ("a new master's, and paused", replace(NEW, reported=frozenset({PAUSED}))),
            ("a new master's, and sent before", NEW.with_phases(SENT.phases)),
        )
    ),
    _accepted("running", CLAIM, 99.5, ACCEPTED),
    _accepted(
        "running, and sent by now at least",
        CLAIM,
        None,
        ACCEPTED.with_phases(Phases(line_s=99.0, sent_s=NOW, accepted_s=NOW)),
    ),
    _accepted("running, and sent before", SENT, 99.9, ACCEPTED),
    Move(
        "done at once",
        FIRST,
        Accepted(SUCCEEDED, 99.5),
        to=ReadBack(DONE, STEP, 104.0, NOW, NOW),
        latest=READING,
        leaves=done,
    ),
    Move(
        "done when it is answered",
        FIRST,
        Accepted(None, 99.5),
        to=ReadBack(DONE, STEP, 104.0, NOW, NOW),
        latest=READING,
        leaves=done,
    ),
    Move(
        "failed at once",
        FIRST,
        Accepted(BROKE, 99.5),
        to=Verify(refused(ACCEPTED, BROKEN), NOW, 100.2),
        says=ClaimFailed(*OF, CLOUD_API.name, BROKEN),
        latest=Retrying("a cause", "ip_gone"),
    ),
    Move(
        "failed at once, a second time",
        SECOND,
        Accepted(BROKE, 99.5),
        to=MutateDue(refused(replace(ACCEPTED, attempt=1), BROKEN), 100.4),
        says=ClaimFailed(*OF, CLOUD_API.name, BROKEN),
        latest=Retrying("a cause", "ip_gone"),
    ),
)

# --- failures -------------------------------------------------------------------------------------

WAITS_S: dict[FailureKind, tuple[type[Verify | MutateDue], tuple[float, ...]]] = {
    KIND.THROTTLED: (MutateDue, (0.0, 0.0, 0.0)),
    KIND.CANCELLED: (MutateDue, (0.0, 0.0, 0.0)),
    KIND.TRANSIENT: (MutateDue, (0.25, 0.5, 1.0)),
    KIND.OUTCOME_UNKNOWN: (Verify, (0.2, 0.4, 0.8)),
    KIND.LOCKED: (Verify, (0.2, 0.4, 0.8)),
    KIND.ALREADY: (Verify, (0.2, 0.4, 0.8)),
    KIND.NOT_FOUND: (Verify, (12.0, 12.0, 12.0)),
    KIND.AUTH: (MutateDue, (12.0, 12.0, 12.0)),
    KIND.REFUSED: (MutateDue, (12.0, 12.0, 12.0)),
}
"""Of each class the next step, and when it is due after one failure, two and three."""


def _forgets(kind: FailureKind, resource: Resource) -> None:
    """Do to the memory what a failure of this class does."""
    if kind is KIND.OUTCOME_UNKNOWN:
        resource.writes.lose_track(NOW)
    if kind is KIND.NOT_FOUND:
        resource.observation = None


def _failed(kind: FailureKind, attempt: int) -> Move:
    """Let an assign fail that was begun so long ago that a 429 is one like any other."""
    old = CLAIM.with_phases(Phases(line_s=89.0, sent_s=90.0))
    before, why = replace(old, attempt=attempt), failure(kind, "its_code")
    step, waits_s = WAITS_S[kind]
    cancelled = kind is KIND.CANCELLED
    after = replace(before, attempt=attempt + 1) if cancelled else refused(before, why)
    due_at_s = NOW + waits_s[attempt]
    return Move(
        f"{kind.value}, {attempt} before",
        MutateSent(before, STEP),
        Failed(why, sent_s=99.0),
        to=MutateDue(after, due_at_s) if step is MutateDue else Verify(after, NOW, due_at_s),
        says=() if cancelled else ClaimFailed(*OF, CLOUD_API.name, why),
        latest=WillAssign("a cause") if cancelled else Retrying("a cause", "its_code"),
        leaves=lambda resource: _forgets(kind, resource),
    )


def _throttled(sent_s: float, *, eager: bool) -> Move:
    why, before = failure(KIND.THROTTLED, "its_code"), CLAIM.with_phases(Phases(90.0, sent_s))
    after = refused(before, why)
    return Move(
        f"throttled, sent at {sent_s}",
        MutateSent(before, STEP),
        Failed(why, NOW),
        to=MutateDue(replace(after, refused_at_s=before.refused_at_s) if eager else after, NOW),
        says=ClaimFailed(*OF, CLOUD_API.name, why),
        latest=Retrying("a cause", "its_code"),
    )


LIMIT, TIMEOUT = failure(KIND.TRANSIENT, "limit"), failure(KIND.TRANSIENT, "timeout")
LOCKED, THROTTLED = failure(KIND.LOCKED, "locked"), failure(KIND.THROTTLED, "limit")
WITHOUT_ROOM = failure(KIND.REFUSED, "no_room")
ONCE = replace(refused(SENT, LIMIT), refused_at_s=98.0, failing_since_s=98.0)
FAILING = (
    *(_failed(kind, attempt) for kind in KIND for attempt in range(3)),
    _throttled(95.0, eager=False),
    _throttled(95.1, eager=True),
    Move(
        "never sent",
        MutateSent(CLAIM, STEP),
        Failed(LIMIT, None),
        to=MutateDue(refused(CLAIM, LIMIT), 100.25),
        says=ClaimFailed(*OF, CLOUD_API.name, LIMIT),
        latest=Retrying("a cause", "limit"),
    ),
    Move(
        "throttled, and never sent",
        MutateSent(CLAIM, STEP),
        Failed(THROTTLED, None),
        to=MutateDue(refused(CLAIM, THROTTLED), NOW),
        says=ClaimFailed(*OF, CLOUD_API.name, THROTTLED),
        latest=Retrying("a cause", "limit"),
    ),
    Move(
        "an obstacle",
        MutateDue(CLAIM, NOW),
        Failed(WITHOUT_ROOM),
        to=MutateDue(refused(CLAIM, WITHOUT_ROOM), 112.0),
        says=ClaimFailed(*OF, CLOUD_API.name, WITHOUT_ROOM),
        latest=Retrying("a cause", "no_room"),
    ),
    Move(
        "an obstacle for a kind that reads first",
        MutateDue(CLAIM, NOW),
        Failed(WITHOUT_ROOM),
        to=Verify(refused(CLAIM, WITHOUT_ROOM), NOW, 112.0),
        says=ClaimFailed(*OF, CLOUD_API.name, WITHOUT_ROOM),
        latest=Retrying("a cause", "no_room"),
        given=in_two_steps,
    ),
    Move(
        "at the other end of chance",
        FIRST,
        Failed(LIMIT, 99.5),
        to=MutateDue(refused(SENT, LIMIT), 100.125),
        says=ClaimFailed(*OF, CLOUD_API.name, LIMIT),
        latest=Retrying("a cause", "limit"),
        rng=LEAST,
    ),
    Move(
        "the same once more",
        MutateSent(ONCE, STEP),
        Failed(LIMIT, 99.9),
        to=MutateDue(replace(refused(ONCE, LIMIT), failing_since_s=98.0), 100.5),
        latest=Retrying("a cause", "limit"),
    ),
    Move(
        "another way",
        MutateSent(ONCE, STEP),
        Failed(TIMEOUT, 99.9),
        to=MutateDue(refused(ONCE, TIMEOUT), 100.5),
        says=ClaimFailed(*OF, CLOUD_API.name, TIMEOUT),
        latest=Retrying("a cause", "timeout"),
    ),
    Move(
        "of a kind that reads before each step",
        FIRST,
        Failed(LIMIT, 99.5),
        given=in_two_steps,
        to=Verify(refused(SENT, LIMIT), NOW, 100.25),
        says=ClaimFailed(*OF, CLOUD_API.name, LIMIT),
        latest=Retrying("a cause", "limit"),
    ),
    Move(
        "as expected",
        FIRST,
        Failed(LOCKED, 99.5, reported=False),
        to=Verify(replace(refused(SENT, LOCKED), reported=frozenset()), NOW, 100.2),
        latest=Retrying("a cause", "locked"),
    ),
    *(
        Move("an older one", stage, LostTrack(), to=Verify(CLAIM, NOW, NOW))
        for stage in (MutateDue(CLAIM, 105.0), MutateSent(CLAIM, STEP))
    ),
    Move(
        "what was read is old",
        MutateDue(CLAIM, 105.0),
        LostTrack(0.3),
        to=Verify(CLAIM, NOW, NOW + 0.3),
    ),
    *(
        Move(name, MutateDue(CLAIM, due_at_s), ApiWorks(), to=to, rng=rng)
        for name, due_at_s, to, rng in (
            ("at the latest", 200.0, MutateDue(CLAIM, 100.5), MOST),
            ("at once", 200.0, MutateDue(CLAIM, NOW), LEAST),
            ("it was due before", 100.1, MutateDue(CLAIM, 100.1), MOST),
        )
    ),
)

MOVES = (*SENDING, *FAILING)

"""The moves of `mutation_rules.py`: an assign goes out, and what becomes of it."""

from dataclasses import replace

from hakeeper.core.calls import Failure, FailureKind
from hakeeper.core.decisions import ActionOverdue, ClaimFailed, ClaimStarted
from hakeeper.core.happenings import (
    Accepted,
    ActionLost,
    ActionSeen,
    ActionUnread,
    ApiWorks,
    Failed,
    LostTrack,
    NotFound,
    Sending,
)
from hakeeper.core.model import Action, ActionStatus
from hakeeper.core.observation import Holder
from hakeeper.core.resource import Address
from hakeeper.core.stages import (
    ActionRunning,
    Claim,
    MutateDue,
    MutateSent,
    Phases,
    ReadBack,
    Recheck,
    Stage,
    Verify,
)
from tests.core.fakecloud import failure
from tests.core.moves import CLAIM, FINISHED, NOBODY, NOW, OF, SENT, TWO, Move
from tests.core.odds import LEAST, MOST

KIND = FailureKind
RUNS = Action(id=77, status=ActionStatus.RUNNING)
SUCCEEDED = Action(id=77, status=ActionStatus.SUCCESS)
BROKE = Action(id=77, status=ActionStatus.ERROR, error_code="ip_gone", error_message="no way")
BROKEN = Failure(kind=KIND.LOCKED, code="ip_gone", message="the action failed: no way")
NAMELESS = replace(BROKEN, code="action_failed")
ACCEPTED = CLAIM.with_phases(Phases(line_s=99.0, sent_s=99.5, accepted_s=NOW))
RETRYING = "a cause: {}, retrying"
RUNNING = "a cause: accepted, Hetzner's action is running"
READING = "a cause: assigned; reading the holder back"


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
        Sending(),
        holder=holder,
        to=MutateSent(replace(CLAIM, announced=True)),
        says=ClaimStarted(*OF, holder, name, "a cause"),
        sentence="a cause: assign sent",
        leaves=lambda a: a.writes.sending(holder, NOW),
    )


def _running(claim: Claim, due_at_s: float, polls: int, until_s: float = 110.0) -> ActionRunning:
    return ActionRunning(claim, 77, until_s, due_at_s, polls)


def _done(address: Address) -> None:
    address.writes.done_s = NOW


def _accepted(name: str, stage: Claim, sent_s: float | None, to: Claim) -> Move:
    return Move(
        name,
        MutateSent(stage),
        Accepted(RUNS, sent_s),
        to=_running(to, 100.2, polls=1),
        sentence=RUNNING,
    )


FIRST, SECOND = MutateSent(SENT), MutateSent(replace(SENT, attempt=1))
SENDING = (
    _goes_out(TWO, "server 2"),
    _goes_out(NOBODY, "nobody"),
    Move(
        "again",
        MutateDue(replace(CLAIM, announced=True), NOW),
        Sending(),
        to=MutateSent(replace(CLAIM, announced=True)),
        sentence="a cause: assign sent",
        leaves=lambda a: a.writes.sending(TWO, NOW),
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
        to=ReadBack(
            ACCEPTED.with_phases(replace(ACCEPTED.phases, finished_s=NOW)), 104.0, NOW, NOW
        ),
        sentence=READING,
        leaves=_done,
    ),
    Move(
        "failed at once",
        FIRST,
        Accepted(BROKE, 99.5),
        to=Verify(refused(ACCEPTED, BROKEN), NOW, 100.2),
        says=ClaimFailed(*OF, BROKEN),
        sentence=RETRYING.format("ip_gone"),
    ),
    Move(
        "failed at once, a second time",
        SECOND,
        Accepted(BROKE, 99.5),
        to=MutateDue(refused(replace(ACCEPTED, attempt=1), BROKEN), 100.4),
        says=ClaimFailed(*OF, BROKEN),
        sentence=RETRYING.format("ip_gone"),
    ),
)

# --- failures -------------------------------------------------------------------------------------

WAITS_S: dict[FailureKind, tuple[type[Verify | MutateDue], tuple[float, ...]]] = {
    KIND.THROTTLED: (MutateDue, (0.0, 0.0, 0.0)),
    KIND.CANCELLED: (MutateDue, (0.0, 0.0, 0.0)),
    KIND.TRANSIENT: (MutateDue, (0.25, 0.5, 1.0)),
    KIND.OUTCOME_UNKNOWN: (Verify, (0.2, 0.4, 0.8)),
    KIND.LOCKED: (Verify, (0.2, 0.4, 0.8)),
    KIND.NOT_FOUND: (Verify, (12.0, 12.0, 12.0)),
    KIND.AUTH: (MutateDue, (12.0, 12.0, 12.0)),
    KIND.REFUSED: (MutateDue, (12.0, 12.0, 12.0)),
}
"""Of each class the next step, and when it is due after one failure, two and three."""


def _forgets(kind: FailureKind, address: Address) -> None:
    """Do to the memory what a failure of this class does."""
    if kind is KIND.OUTCOME_UNKNOWN:
        address.writes.lose_track(NOW)
    if kind is KIND.NOT_FOUND:
        address.floating_ip = None


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
        MutateSent(before),
        Failed(why, sent_s=99.0),
        to=MutateDue(after, due_at_s) if step is MutateDue else Verify(after, NOW, due_at_s),
        says=() if cancelled else ClaimFailed(*OF, why),
        sentence="a cause: assigning it to this server"
        if cancelled
        else RETRYING.format("its_code"),
        leaves=lambda address: _forgets(kind, address),
    )


def _throttled(sent_s: float, *, eager: bool) -> Move:
    why, before = failure(KIND.THROTTLED, "its_code"), CLAIM.with_phases(Phases(90.0, sent_s))
    after = refused(before, why)
    return Move(
        f"throttled, sent at {sent_s}",
        MutateSent(before),
        Failed(why, NOW),
        to=MutateDue(replace(after, refused_at_s=before.refused_at_s) if eager else after, NOW),
        says=ClaimFailed(*OF, why),
        sentence=RETRYING.format("its_code"),
    )


LIMIT, TIMEOUT = failure(KIND.TRANSIENT, "limit"), failure(KIND.TRANSIENT, "timeout")
LOCKED, THROTTLED = failure(KIND.LOCKED, "locked"), failure(KIND.THROTTLED, "limit")
ONCE = replace(refused(SENT, LIMIT), refused_at_s=98.0, failing_since_s=98.0)
FAILING = (
    *(_failed(kind, attempt) for kind in KIND for attempt in range(3)),
    _throttled(95.0, eager=False),
    _throttled(95.1, eager=True),
    Move(
        "never sent",
        MutateSent(CLAIM),
        Failed(LIMIT, None),
        to=MutateDue(refused(CLAIM, LIMIT), 100.25),
        says=ClaimFailed(*OF, LIMIT),
        sentence=RETRYING.format("limit"),
    ),
    Move(
        "throttled, and never sent",
        MutateSent(CLAIM),
        Failed(THROTTLED, None),
        to=MutateDue(refused(CLAIM, THROTTLED), NOW),
        says=ClaimFailed(*OF, THROTTLED),
        sentence=RETRYING.format("limit"),
    ),
    Move(
        "at the other end of chance",
        FIRST,
        Failed(LIMIT, 99.5),
        to=MutateDue(refused(SENT, LIMIT), 100.125),
        says=ClaimFailed(*OF, LIMIT),
        sentence=RETRYING.format("limit"),
        rng=LEAST,
    ),
    Move(
        "the same once more",
        MutateSent(ONCE),
        Failed(LIMIT, 99.9),
        to=MutateDue(replace(refused(ONCE, LIMIT), failing_since_s=98.0), 100.5),
        sentence=RETRYING.format("limit"),
    ),
    Move(
        "another way",
        MutateSent(ONCE),
        Failed(TIMEOUT, 99.9),
        to=MutateDue(refused(ONCE, TIMEOUT), 100.5),
        says=ClaimFailed(*OF, TIMEOUT),
        sentence=RETRYING.format("timeout"),
    ),
    Move(
        "as expected",
        FIRST,
        Failed(LOCKED, 99.5, reported=False),
        to=Verify(replace(refused(SENT, LOCKED), reported=frozenset()), NOW, 100.2),
        sentence=RETRYING.format("locked"),
    ),
    *(
        Move("an older one", stage, LostTrack(), to=Verify(CLAIM, NOW, NOW))
        for stage in (MutateDue(CLAIM, 105.0), MutateSent(CLAIM))
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

# --- the action, and what is not found ------------------------------------------------------------

ACTING = SENT.with_phases(Phases(line_s=99.0, sent_s=99.5, accepted_s=99.6))
OVERDUE = replace(ACTING, reported=frozenset({"action_overdue"}))
END = 109.6


def _looked_at(what: ActionSeen | ActionUnread, polls: int, wait_s: float) -> Move:
    runs = isinstance(what, ActionSeen)
    return Move(
        f"poll {polls}",
        _running(ACTING, NOW, polls, END),
        what,
        to=_running(ACTING, NOW + wait_s, polls + 1, END),
        sentence=RUNNING if runs else "nothing decided yet",
    )


def _broke(action: Action, why: Failure, attempt: int, to: Stage) -> Move:
    return Move(
        f"{why.code}, {attempt} before",
        _running(replace(ACTING, attempt=attempt), NOW, 3, END),
        ActionSeen(action),
        to=to,
        says=ClaimFailed(*OF, why),
        sentence=RETRYING.format(why.code),
    )


def _later(stage: Stage, to: Stage) -> Move:
    """Nothing is found: an operator has to put it right."""
    sentence = "no floating IP web in this project"
    return Move("later", stage, NotFound(), to=to, sentence=sentence)


ENDING = (
    *(_looked_at(ActionSeen(RUNS), n, wait_s) for n, wait_s in ((0, 0.2), (1, 0.28), (9, 1.0))),
    *(_looked_at(ActionUnread(), n, wait_s) for n, wait_s in ((0, 0.25), (1, 0.5), (2, 1.0))),
    *(
        Move(
            f"done, {attempt} failures before",
            _running(replace(ACTING, attempt=attempt), NOW, 3, END),
            ActionSeen(SUCCEEDED),
            to=ReadBack(
                replace(ACTING, attempt=attempt, phases=replace(ACTING.phases, finished_s=NOW)),
                until_s,
                NOW,
                NOW,
            ),
            sentence=READING,
            leaves=_done,
            rng=rng,
        )
        for attempt, until_s, rng in ((0, 104.0, MOST), (0, 103.0, LEAST), (1, 106.0, LEAST))
    ),
    _broke(BROKE, BROKEN, 0, Verify(refused(ACTING, BROKEN), NOW, 100.2)),
    _broke(
        replace(BROKE, error_code=""), NAMELESS, 0, Verify(refused(ACTING, NAMELESS), NOW, 100.2)
    ),
    _broke(BROKE, BROKEN, 1, MutateDue(refused(replace(ACTING, attempt=1), BROKEN), 100.4)),
    Move(
        "without an end",
        _running(ACTING, NOW, 3, NOW),
        ActionLost(),
        to=Verify(OVERDUE, NOW, NOW),
        says=ActionOverdue(*OF),
    ),
    Move(
        "without an end once more",
        _running(OVERDUE, NOW, 3, NOW),
        ActionLost(),
        to=Verify(OVERDUE, NOW, NOW),
    ),
    _later(Verify(CLAIM, 98.0, 99.0), Verify(CLAIM, 98.0, 112.0)),
    _later(
        ReadBack(FINISHED, 103.0, 98.0, 99.0, polls=1),
        ReadBack(FINISHED, 103.0, 98.0, 112.0, polls=1),
    ),
    _later(Recheck(98.0, 99.0, suspect=True), Recheck(98.0, 112.0, suspect=True)),
)

MOVES = (*SENDING, *FAILING, *ENDING)

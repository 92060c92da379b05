"""The moves of `claim/step_rules.py` while an action runs, and when nothing is found."""

from dataclasses import replace

from hakeeper.core.calls import Failure, Step
from hakeeper.core.claim.happenings import (
    ActionLost,
    ActionSeen,
    ActionUnread,
    Awaited,
    Moving,
    NotFound,
)
from hakeeper.core.claim.last_decision import NotInProject, Retrying
from hakeeper.core.claim.stages import Claim, MutateDue, ReadBack, Recheck, Stage, Verify
from hakeeper.core.decisions.claims import ActionOverdue, ClaimFailed, Phases
from hakeeper.core.model import Action
from hakeeper.kinds.apis import CLOUD as CLOUD_API
from tests.core.claim.moves import CLAIM, FINISHED, NOW, OF, SENT, STEP, Move
from tests.core.claim.moves_sent import (
    BROKE,
    BROKEN,
    NAMELESS,
    READING,
    RUNNING,
    RUNS,
    SUCCEEDED,
    done,
    refused,
    running,
)
from tests.core.odds import LEAST, MOST

ACTING = SENT.with_phases(Phases(line_s=99.0, sent_s=99.5, accepted_s=99.6))
RELEASE = Step("release", None, lane="a lane")
OVERDUE = replace(ACTING, reported=frozenset({"action_overdue"}))
END = 109.6


def _looked_at(what: ActionSeen | ActionUnread, polls: int, wait_s: float) -> Move:
    runs = isinstance(what, ActionSeen)
    return Move(
        f"poll {polls}",
        running(ACTING, NOW, polls, END),
        what,
        to=running(ACTING, NOW + wait_s, polls + 1, END),
        latest=RUNNING if runs else None,
    )


def _released(polls: int, wait_s: float, claim: Claim) -> Move:
    """Look at a release, after which nobody has it: soon, unless one took too long before."""
    stage = replace(running(claim, NOW, polls, END), step=RELEASE)
    return Move(
        f"poll {polls} of a release",
        stage,
        ActionSeen(RUNS),
        to=replace(stage, due_at_s=NOW + wait_s, polls=polls + 1),
        latest=RUNNING,
    )


def _broke(action: Action, why: Failure, attempt: int, to: Stage) -> Move:
    return Move(
        f"{why.code}, {attempt} before",
        running(replace(ACTING, attempt=attempt), NOW, 3, END),
        ActionSeen(action),
        to=to,
        says=ClaimFailed(*OF, CLOUD_API.name, why),
        latest=Retrying("a cause", why.code),
    )


def _later(stage: Stage, to: Stage) -> Move:
    """Nothing is found: an operator has to put it right."""
    latest = NotInProject("floating IP", "web")
    return Move("later", stage, NotFound(), to=to, latest=latest)


def _moving(stage: Verify | ReadBack | Recheck) -> Move:
    """Somebody is moving it: only what is read after that counts."""
    return Move("moving", stage, Moving(), to=replace(stage, after_s=NOW, due_at_s=NOW + 0.2))


MOVES = (
    *(_looked_at(ActionSeen(RUNS), n, wait_s) for n, wait_s in ((0, 0.2), (1, 0.28), (9, 1.0))),
    *(_released(n, wait_s, ACTING) for n, wait_s in ((0, 0.015), (99, 0.03))),
    *(_released(n, wait_s, OVERDUE) for n, wait_s in ((0, 0.2), (9, 1.0))),
    *(
        Move(
            name, running(claim, due_s, polls, END), Awaited(), to=running(claim, to_s, polls, END)
        )
        for name, claim, polls, due_s, to_s in (
            ("soon", ACTING, 0, NOW + 1.0, NOW + 0.015),
            ("after many looks", ACTING, 99, NOW + 1.0, NOW + 0.03),
            ("it is due before", ACTING, 0, NOW + 0.01, NOW + 0.01),
            ("it took too long before", OVERDUE, 0, NOW + 1.0, NOW + 0.2),
        )
    ),
    *(_looked_at(ActionUnread(), n, wait_s) for n, wait_s in ((0, 0.25), (1, 0.5), (2, 1.0))),
    *(
        Move(
            f"done, {attempt} failures before",
            running(replace(ACTING, attempt=attempt), NOW, 3, END),
            ActionSeen(SUCCEEDED),
            to=ReadBack(
                replace(ACTING, attempt=attempt, phases=replace(ACTING.phases, finished_s=NOW)),
                STEP,
                until_s,
                NOW,
                NOW,
            ),
            latest=READING,
            leaves=done,
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
        running(ACTING, NOW, 3, NOW),
        ActionLost(),
        to=Verify(OVERDUE, NOW, NOW),
        says=ActionOverdue(*OF),
    ),
    Move(
        "without an end once more",
        running(OVERDUE, NOW, 3, NOW),
        ActionLost(),
        to=Verify(OVERDUE, NOW, NOW),
    ),
    _later(Verify(CLAIM, 98.0, 99.0), Verify(CLAIM, 98.0, 112.0)),
    _later(
        ReadBack(FINISHED, STEP, 103.0, 98.0, 99.0, polls=1),
        ReadBack(FINISHED, STEP, 103.0, 98.0, 112.0, polls=1),
    ),
    _later(Recheck(98.0, 99.0, suspect=True), Recheck(98.0, 112.0, suspect=True)),
    _moving(Verify(CLAIM, 98.0, 99.0)),
    _moving(ReadBack(ACTING, STEP, 105.0, 98.0, 99.0)),
    _moving(Recheck(98.0, 99.0, suspect=True)),
)

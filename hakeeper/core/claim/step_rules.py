"""The rules of the claim table for the steps of an assign; see `claim/rules.py`."""

from dataclasses import replace
from random import Random
from typing import assert_never

from hakeeper.core.apis.failure_table import RESPONSES, Next
from hakeeper.core.calls import Failure, FailureKind, Step
from hakeeper.core.claim.happenings import (
    Accepted,
    ActionLost,
    ActionSeen,
    ActionUnread,
    ApiWorks,
    Awaited,
    Failed,
    Halted,
    LostTrack,
    Moving,
    NotFound,
    Sending,
)
from hakeeper.core.claim.last_decision import (
    ActionRuns,
    AssignSent,
    LeftWhilePaused,
    NotInProject,
    Retrying,
    WillAssign,
    WillReadBack,
)
from hakeeper.core.claim.resource import PAUSED, Resource
from hakeeper.core.claim.stages import (
    ActionRunning,
    Claim,
    MutateDue,
    MutateSent,
    ReadBack,
    Reading,
    Stage,
    Verify,
)
from hakeeper.core.decisions.claims import ActionOverdue, ClaimFailed, ClaimStarted
from hakeeper.core.decisions.operator import ClaimPaused
from hakeeper.core.limits.backoff import (
    ACTION_POLL,
    EAGER_FOR_S,
    RELEASE_POLL,
    SPARING_POLL,
    Backoff,
)
from hakeeper.core.model import NEVER, ActionStatus
from hakeeper.core.observation import Nobody

ACTION_PATIENCE_S = 10.0
"""How long an action may run before the holder is read in spite of it."""
OVERDUE = "action_overdue"
"""In `Claim.reported`: that an action of the claim took too long. The next one is polled less
often: each poll takes from the quota."""
RETRY_SOON_S = 0.5
"""When the API works again, waiting claims go out within this time, spread over the nodes."""


def send(resource: Resource, stage: MutateDue, what: Sending, now: float, rng: Random) -> Stage:
    """Note what the assign replaces, and report the beginning of the claim."""
    del rng
    claim, holder = stage.claim, resource.holder
    resource.writes.sending(holder, now)
    resource.decide(AssignSent(claim.cause), now)
    if not claim.announced:
        of, who = (resource.vrrp, resource.label), resource.name_of(holder)
        resource.pending.append(ClaimStarted(*of, holder, who, claim.cause))
    releases = claim.releases or what.step.holder is None
    return MutateSent(replace(claim, announced=True, releases=releases), what.step)


def halt(resource: Resource, stage: MutateDue, what: Halted, now: float, rng: Random) -> MutateDue:
    """It waits for the end of the pause; that is reported once.

    The next try is a first one: what refused it before the pause may be long over.
    """
    del rng
    claim, holder = replace(stage.claim, refused_at_s=NEVER), resource.holder
    resource.decide(LeftWhilePaused(claim.cause), now)
    of, who = (resource.vrrp, resource.label), resource.name_of(holder)
    paused = ClaimPaused(*of, holder, who, claim.cause, what.pause)
    return replace(stage, claim=resource.report_once(claim, PAUSED, paused))


def accepted(
    resource: Resource, stage: MutateSent, what: Accepted, now: float, rng: Random
) -> Stage:
    """Watch the action, and do not take the 201 for the end."""
    claim = _sent(stage.claim, now if what.sent_s is None else what.sent_s)
    claim = claim.with_phases(replace(claim.phases, accepted_s=now))
    if what.action is None:
        return _done(resource, claim, stage.step, now, rng)
    until_s = now + ACTION_PATIENCE_S
    running = ActionRunning(claim, stage.step, what.action.id, until_s, due_at_s=now, polls=0)
    return action_seen(resource, running, ActionSeen(what.action), now, rng)


def action_seen(
    resource: Resource, stage: ActionRunning, what: ActionSeen, now: float, rng: Random
) -> Stage:
    """It is done, it failed, or it still runs."""
    claim, action = stage.claim, what.action
    match action.status:
        case ActionStatus.SUCCESS if _is_seen_released(resource, stage.step, what.asked_at_s):
            resource.writes.done_s = now
            return next_step(resource, claim, now)
        case ActionStatus.SUCCESS:
            return _done(resource, claim, stage.step, now, rng)
        case ActionStatus.ERROR:
            failure = Failure(
                kind=FailureKind.LOCKED,
                code=action.error_code or "action_failed",
                message=f"the action failed: {action.error_message}",
            )
            after = failed(resource, MutateSent(claim, stage.step), Failed(failure), now, rng)
            if isinstance(after, Verify) and after.claim.attempt > 1:
                # Surely not done, and another one has been read since.
                return MutateDue(after.claim, after.due_at_s)
            return after
        case ActionStatus.RUNNING:
            resource.decide(ActionRuns(claim.cause), now)
            poll = _poll(resource, claim, now, is_awaited=stage.step.holder is None)
            due_at_s = now + poll.delay_s(stage.polls, rng)
            return replace(stage, due_at_s=due_at_s, polls=stage.polls + 1)
        case _:  # pragma: no cover
            assert_never(action.status)


def awaited(
    resource: Resource, stage: ActionRunning, what: Awaited, now: float, rng: Random
) -> ActionRunning:
    """Look soon, as at the first of two steps."""
    del what
    due_at_s = now + _poll(resource, stage.claim, now, is_awaited=True).delay_s(stage.polls, rng)
    return replace(stage, due_at_s=min(stage.due_at_s, due_at_s))


def _poll(resource: Resource, claim: Claim, now: float, *, is_awaited: bool) -> Backoff:
    """Return how often to look at an action; `is_awaited`: nobody has what waits for its end."""
    if not is_awaited or OVERDUE in claim.reported:
        return ACTION_POLL
    return SPARING_POLL if resource.kind.api.budget.is_half_spent(now) else RELEASE_POLL


def action_unread(
    resource: Resource, stage: ActionRunning, what: ActionUnread, now: float, rng: Random
) -> Stage:
    """Look again later."""
    del what
    due_at_s = now + resource.patience.retry.delay_s(stage.polls, rng)
    return replace(stage, due_at_s=due_at_s, polls=stage.polls + 1)


def action_lost(
    resource: Resource, stage: ActionRunning, what: ActionLost, now: float, rng: Random
) -> Stage:
    """The holder decides."""
    del what, rng
    overdue = ActionOverdue(resource.vrrp, resource.label)
    return Verify(resource.report_once(stage.claim, OVERDUE, overdue), now, now)


def failed(
    resource: Resource, stage: MutateSent | MutateDue, what: Failed, now: float, rng: Random
) -> Stage:
    """Go on by the class of the failure; a step that has an obstacle fails before it is sent."""
    failure, response = what.failure, RESPONSES[what.failure.kind]
    claim = _sent(stage.claim, what.sent_s)
    pause_s = 0.0
    if response.pause is not None:
        pause_s = resource.patience.backoff(response.pause).delay_s(claim.attempt, rng)
    cancelled = failure.kind is FailureKind.CANCELLED
    if not cancelled and not _is_eager(claim, failure, now):
        claim = replace(claim, refused_at_s=now)
    claim = replace(claim, attempt=claim.attempt + 1)
    api = resource.kind.api
    file = api.settings.secret_file
    report = ClaimFailed(resource.vrrp, resource.label, api.name, failure, file)
    match failure.kind:
        case FailureKind.OUTCOME_UNKNOWN:
            resource.writes.lose_track(now)
        case FailureKind.NOT_FOUND:
            resource.observation = None
        case FailureKind.REFUSED:
            resource.kind.whole_from_s = now  # what is in the way, a part may not show
        case _:
            pass
    if cancelled:
        resource.decide(WillAssign(claim.cause), now)
    else:
        claim = _noted(claim, failure, now)
        resource.decide(Retrying(claim.cause, failure.code), now)
        if what.reported:
            claim = resource.report_once(claim, failure.code, report)
    if response.next is Next.READ or not resource.kind.kind.acts_on_known:
        return Verify(claim, now, now + pause_s)
    return MutateDue(claim, now + pause_s)


def read_instead(
    _: Resource, stage: MutateSent | MutateDue, what: LostTrack, now: float, rng: Random
) -> Stage:
    """Read before anything else is sent."""
    del rng
    return Verify(stage.claim, now, now + what.pause_s)


def retry_soon(_: Resource, stage: MutateDue, what: ApiWorks, now: float, rng: Random) -> Stage:
    """Send it soon, unless it is due before."""
    del what
    return replace(stage, due_at_s=min(stage.due_at_s, now + rng.uniform(0.0, RETRY_SOON_S)))


def read_later(
    resource: Resource, stage: Reading, what: NotFound, now: float, rng: Random
) -> Stage:
    """An operator has to put it right; read again later."""
    del what
    resource.decide(NotInProject(resource.kind.kind.noun, str(resource.ref)), now)
    return replace(stage, due_at_s=now + resource.patience.slow.delay_s(0, rng))


def read_when_moved(
    resource: Resource, stage: Reading, what: Moving, now: float, rng: Random
) -> Stage:
    """Read again when the move may be over; only then does a read count."""
    del what
    due_at_s = now + resource.patience.read_again.delay_s(0, rng)
    return replace(stage, after_s=now, due_at_s=due_at_s)


def read_if_put_off(
    resource: Resource, stage: MutateDue, what: Moving, now: float, rng: Random
) -> Stage:
    """It waits for the end of the move, and is read for.

    The first step of a new master does not: what it was going to do is newer than that move.
    """
    claim = stage.claim
    if claim.is_edge and not claim.is_sent and PAUSED not in claim.reported:
        return stage
    return read_when_moved(resource, Verify(stage.claim, now, now), what, now, rng)


def next_step(resource: Resource, claim: Claim, now: float) -> MutateDue:
    """The first of two steps is done: nobody has it, and the second one is due at once."""
    resource.writes.goes_on = True
    resource.decide(WillAssign(claim.cause), now)
    claim = claim.with_phases(replace(claim.phases, finished_s=None))
    return MutateDue(replace(claim, refused_at_s=NEVER), now)


def _is_seen_released(resource: Resource, step: Step, asked_at_s: float | None) -> bool:
    """Say whether a list that was asked for beside the action shows already that nobody has it."""
    if step.holder is not None or asked_at_s is None or resource.holder_at_s is None:
        return False
    return isinstance(resource.holder, Nobody) and resource.holder_at_s >= asked_at_s


def _done(resource: Resource, claim: Claim, step: Step, now: float, rng: Random) -> Stage:
    """A read must show it."""
    resource.writes.done_s = now
    resource.decide(WillReadBack(claim.cause), now)
    until_s = now + resource.patience.unseen.delay_s(claim.attempt, rng)
    claim = claim.with_phases(replace(claim.phases, finished_s=now))
    return ReadBack(claim, step, until_s, after_s=now, due_at_s=now)


def _is_eager(claim: Claim, failure: Failure, now: float) -> bool:
    """Say whether a 429 is so early in the claim that the next try is still the first one."""
    sent_s = claim.phases.sent_s
    early = sent_s is not None and now - sent_s < EAGER_FOR_S
    return failure.kind is FailureKind.THROTTLED and early


def _noted(claim: Claim, failure: Failure, now: float) -> Claim:
    """Remember why the last try failed, and since when it is that."""
    same = claim.failure is not None and claim.failure.code == failure.code
    since_s = claim.failing_since_s if same else now
    return replace(claim, failure=failure, failing_since_s=since_s)


def _sent(claim: Claim, sent_s: float | None) -> Claim:
    """Remember when the first bytes of a claim went out, whatever came of them."""
    if claim.is_sent:
        return claim
    return claim.with_phases(replace(claim.phases, sent_s=sent_s))

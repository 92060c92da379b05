"""The rules of the claim table for what is seen and said; `claim/table.py` has the table.

A rule gets the resource, its stage, what happened, the time and the random source, and returns the
next stage. It starts no call: `due/reconcile.py` does, by the stages and their times.
"""

from dataclasses import replace
from random import Random

from hakeeper.core.claim.happenings import (
    Demoted,
    Hinted,
    HoldDownOver,
    HolderAsked,
    HolderDown,
    Hung,
    Master,
    Returned,
    Seen,
)
from hakeeper.core.claim.last_decision import (
    Claimed,
    LeftAlone,
    LeftWhileHung,
    NotShown,
    OursAlready,
    StillHeldDown,
    TakenAgain,
    WillAssign,
    WillRead,
)
from hakeeper.core.claim.resource import Resource
from hakeeper.core.claim.stages import (
    Claim,
    Held,
    HoldDown,
    Idle,
    MutateDue,
    ReadBack,
    Recheck,
    Stage,
    Verify,
)
from hakeeper.core.claim.step_rules import next_step
from hakeeper.core.decisions.claims import (
    ClaimAbandoned,
    ClaimUnseen,
    Phases,
    ResourceClaimed,
    ResourceConfirmed,
    ResourceDrifted,
    ResourceHeldDown,
)
from hakeeper.core.model import NEVER
from hakeeper.core.observation import Holder, Nobody, Other, Us

BETWEEN_STEPS_S = 5.0
"""Where a move leaves a resource with nobody for a moment: longer than that is no move."""
LOOK_BETWEEN_STEPS_S = 1.0
"""Between two looks whether such a move has ended."""


# --- rules: beginning and ending --------------------------------------------------------------


def begin(resource: Resource, _: Stage, what: Master, now: float, rng: Random) -> Stage:
    """Begin a claim: by an assign, at once or after a pause, or by reading the holder first."""
    del rng
    claim = Claim(cause=what.cause, phases=Phases(line_s=now), is_edge=what.is_edge)
    acts = resource.kind.kind.acts_on_known and not resource.writes.outcome_unknown
    # A move of another's is not cut short: a read tells when it is over.
    waits = resource.is_moving and not what.is_edge
    if what.read_first or waits or not acts:
        resource.decide(WillRead(what.cause), now)
        return Verify(claim, now, now + what.pause_s)
    resource.decide(WillAssign(what.cause), now)
    return MutateDue(claim, now + what.pause_s)


def resume(resource: Resource, stage: Idle, what: Returned, now: float, rng: Random) -> Stage:
    """Go on by reading, and with a hold-down as if nothing had been."""
    hold_down, holder = stage.hold_down, resource.holder
    if hold_down is None or now >= hold_down.until_s or not isinstance(holder, Other):
        return begin(resource, stage, Master(what.cause, read_first=True), now, rng)
    resource.decide(StillHeldDown(what.cause, holder), now)
    return replace(hold_down, suspect=False)


def stop(resource: Resource, stage: Stage, what: Demoted, now: float, rng: Random) -> Stage:
    """Nothing of the claim may go on."""
    del rng
    if resource.claim is not None:
        resource.pending.append(ClaimAbandoned(resource.vrrp, resource.label, what.reason))
    resource.end_claim()
    resource.forget_moves()
    resource.watch_until_s = NEVER
    resource.decide(LeftAlone(what.reason), now)
    match stage:
        case _ if what.new_term:
            return Idle()
        case HoldDown():
            return Idle(stage)
        case Idle():
            return stage
        case _:
            return Idle()


def _confirm(resource: Resource, claim: Claim, now: float) -> Stage:
    """A read says that it is ours: the end of a claim."""
    resource.end_claim()
    resource.watch_until_s = now + resource.patience.watch_s
    of, cause = (resource.vrrp, resource.label), claim.cause
    if not claim.is_sent:
        resource.decide(OursAlready(cause), now)
        resource.pending.append(ResourceConfirmed(*of, cause))
        return Held()
    resource.split_brain.claimed(now)
    resource.decide(Claimed(cause), now)
    phases = replace(claim.phases, confirmed_s=now)
    resource.pending.append(ResourceClaimed(*of, cause, claim.attempt, phases))
    return Held()


# --- rules: what a read shows -----------------------------------------------------------------


def verified(resource: Resource, stage: Verify, what: Seen, now: float, rng: Random) -> Stage:
    """The holder is known: assign, unless it is ours, or others fight over it."""
    if what.asked_at_s < stage.after_s:
        return stage
    claim, holder = stage.claim, what.holder
    if isinstance(holder, Us):
        if claim.is_sent or resource.is_here(holder, what.asked_at_s):
            return _confirm(resource, claim, now)
        return replace(stage, after_s=now, due_at_s=now + resource.patience.suspect_s)
    if claim.rival is not None and isinstance(holder, Other) and holder != claim.rival:
        resource.split_brain.moved_by_others(now)
        return _hold_down(resource, holder, now, rng)
    return MutateDue(_as_seen(claim, holder), now)


def ours_already(resource: Resource, stage: MutateDue, what: Seen, now: float, _: Random) -> Stage:
    """No assign is needed if it is ours; a read from before the claim calls for another one."""
    if not resource.is_here(what.holder, what.asked_at_s):
        return replace(stage, claim=_as_seen(stage.claim, what.holder))
    if what.asked_at_s < stage.claim.phases.line_s:
        return Verify(stage.claim, now, now)
    return _confirm(resource, stage.claim, now)


def _as_seen(claim: Claim, holder: Holder) -> Claim:
    """What another server has is not half moved by us, whatever was sent before."""
    return replace(claim, releases=claim.releases and not isinstance(holder, Other))


def read_back(resource: Resource, stage: ReadBack, what: Seen, now: float, rng: Random) -> Stage:
    """The assign is done; if the read does not show it, it lags, or what was written is lost."""
    if what.asked_at_s < stage.after_s:
        return stage
    claim = stage.claim
    # The first of two steps brings it to nobody: a read that shows it here is an older one.
    lags = stage.step.holder is None and now < stage.until_s
    if isinstance(what.holder, Us) and not lags:
        return _confirm(resource, claim, now)
    if stage.step.holder is None and isinstance(what.holder, Nobody):  # it was the first of two
        return next_step(resource, claim, now)
    if now < stage.until_s:
        again_s = now + resource.patience.read_again.delay_s(claim.attempt + stage.polls, rng)
        due_at_s = min(again_s, stage.until_s)
        return replace(stage, after_s=now, due_at_s=due_at_s, polls=stage.polls + 1)
    if isinstance(what.holder, Other):
        resource.split_brain.never_seen(now)
    who = resource.name_of(what.holder)
    resource.decide(NotShown(claim.cause, what.holder), now)
    claim = claim.with_phases(replace(claim.phases, finished_s=None))
    claim = replace(claim, attempt=claim.attempt + 1, refused_at_s=now)
    unseen = ClaimUnseen(resource.vrrp, resource.label, what.holder, who)
    return MutateDue(resource.report_once(claim, "unseen", unseen), now)


def missed(resource: Resource, _: Held, what: Seen, now: float, rng: Random) -> Stage:
    """A single read says that we lost it: another one decides."""
    del rng
    if isinstance(what.holder, Us):
        return Held()
    after_s = now
    if what.holder in resource.writes.taken_from:  # it may be the world before our assign
        after_s = max(now, resource.writes.done_s + resource.patience.lag_s)
    due_at_s = max(after_s, now + resource.patience.suspect_s)
    return Recheck(after_s, due_at_s, suspect=True, since_s=now)


def rechecked(resource: Resource, stage: Recheck, what: Seen, now: float, rng: Random) -> Stage:
    """It is ours after all, or two reads agree that it is not."""
    if what.asked_at_s < stage.after_s:
        return stage
    if isinstance(what.holder, Us):
        return Held()
    if not stage.suspect:
        return missed(resource, Held(), what, now, rng)
    if _is_between_steps(resource, what.holder, stage.since_s, now):
        due_at_s = min(now + LOOK_BETWEEN_STEPS_S, stage.since_s + BETWEEN_STEPS_S)
        return replace(stage, after_s=now, due_at_s=due_at_s)
    return _lost(resource, what.holder, now, rng)


def _is_between_steps(resource: Resource, holder: Holder, since_s: float, now: float) -> bool:
    """Say whether another node may be in the middle of a move: nobody has it for a moment."""
    releases = resource.kind.kind.releases_first and isinstance(holder, Nobody)
    return releases and now < since_s + BETWEEN_STEPS_S


def _lost(resource: Resource, holder: Holder, now: float, rng: Random) -> Stage:
    resource.lost_at_s = now
    who, split_brain = resource.name_of(holder), resource.split_brain
    resource.pending.append(ResourceDrifted(resource.vrrp, resource.label, holder, who))
    if isinstance(holder, Other):
        contested = split_brain.lost(now, resource.ours_at_s, resource.patience.quick_loss_s)
        if contested and not split_brain.is_better_master(now):
            return replace(_hold_down(resource, holder, now, rng), suspect=True)
        pause_s = split_brain.free_claim_wait_s(now) if contested else 0.0
    else:
        pause_s = split_brain.free_claim_wait_s(now)
    return _claim_free(resource, "drift", pause_s, now, rng)


def _claim_free(resource: Resource, cause: str, pause_s: float, now: float, rng: Random) -> Stage:
    """Claim without a hold-down; these claims are bounded, too."""
    if pause_s > 0.0:
        cause = f"{cause}, after a pause of {pause_s:.0f} s"
    return begin(resource, Idle(), Master(cause, read_first=False, pause_s=pause_s), now, rng)


# --- rules: hold-down ---------------------------------------------------------------------------


def _hold_down(resource: Resource, holder: Other, now: float, rng: Random) -> HoldDown:
    """Another server takes it again and again: leave it there for a while."""
    wait_s = resource.split_brain.hold_down_s(rng)
    who = resource.name_of(holder)
    resource.watch_until_s = NEVER
    resource.decide(TakenAgain(holder, wait_s), now)
    if resource.split_brain.is_news():
        of = (resource.vrrp, resource.label)
        resource.pending.append(ResourceHeldDown(*of, holder, who, wait_s))
    return HoldDown(now + wait_s, look_at_s=now)


def _unless_contested(resource: Resource, cause: str) -> str:
    """Return why a resource is claimed that was left to another server."""
    return f"contested, but {cause}" if resource.split_brain.is_held_down else cause


def leave(resource: Resource, stage: Stage, what: Hung, now: float, rng: Random) -> HoldDown:
    """The holder keeps it while keepalived hangs."""
    del what, rng
    resource.watch_until_s = NEVER
    resource.decide(LeftWhileHung(resource.holder), now)
    return HoldDown(now, look_at_s=now, suspect=isinstance(stage, HoldDown) and stage.suspect)


def seen_meanwhile(
    resource: Resource, stage: HoldDown, what: Seen, now: float, rng: Random
) -> Stage:
    """It came back, nobody has it any more, or yet another server took it."""
    split_brain = resource.split_brain
    since_s = now if resource.holder_since_s is None else resource.holder_since_s
    match what.holder:
        case Us() if resource.is_here(what.holder, what.asked_at_s):
            cause = _unless_contested(resource, "it came back")
            split_brain.moved_by_others(now)
            return _confirm(resource, Claim(cause=cause, phases=Phases(line_s=now)), now)
        case Nobody() if not _is_between_steps(resource, what.holder, since_s, now):
            pause_s = split_brain.free_claim_wait_s(now)
            cause = _unless_contested(resource, "nobody holds it")
            return _claim_free(resource, cause, pause_s, now, rng)
        case Other() as holder if isinstance(what.before, Other) and what.before != holder:
            split_brain.moved_by_others(now)
            if split_brain.is_held_down:
                return replace(_hold_down(resource, holder, now, rng), suspect=stage.suspect)
            return leave(resource, stage, Hung(), now, rng)
        case _:
            return stage


def try_again(
    resource: Resource, _: HoldDown, what: HoldDownOver, now: float, rng: Random
) -> Stage:
    """Claim; what was contested not if a read says that yet another server took it.

    While keepalived hung, others may have had their turns without any claim of ours.
    """
    del what
    contested = resource.split_brain.is_held_down
    cause = "the hold-down is over" if contested else "keepalived answers again"
    stage = begin(resource, Idle(), Master(cause, read_first=True), now, rng)
    if contested and isinstance(stage, Verify) and isinstance(resource.holder, Other):
        return replace(stage, claim=replace(stage.claim, rival=resource.holder))
    return stage


def asked(_: Resource, stage: HoldDown, what: HolderAsked, now: float, rng: Random) -> Stage:
    """Note when to ask next."""
    del now, rng
    return replace(stage, look_at_s=what.again_at_s)


def holder_down(
    resource: Resource, _: HoldDown, what: HolderDown, now: float, rng: Random
) -> Stage:
    """A server that does not run cannot use it: claim."""
    pause_s = resource.split_brain.free_claim_wait_s(now)
    cause = _unless_contested(resource, f"the holder's server is {what.status}")
    return _claim_free(resource, cause, pause_s, now, rng)


def better_master(resource: Resource, _: HoldDown, what: Hinted, now: float, rng: Random) -> Stage:
    """The hint comes from the better master: the hold-down ends."""
    return begin(resource, Idle(), Master(what.cause, read_first=False), now, rng)


def look_again(resource: Resource, stage: Held, what: Hinted, now: float, rng: Random) -> Stage:
    """Read the holder, but not for every one of many hints."""
    del what, rng
    return Recheck(now, now, suspect=False) if resource.hints.looks(now) else stage

"""What `hakeeper status` shows of a step-down; see `snapshot.py`."""

from dataclasses import dataclass

from hakeeper.core.model import EndedStepDown, StepDown


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDownPicture:
    """A step-down: who asked for it, how far it has come, how many seconds are left."""

    by: str
    user_id: int
    reason: str
    stage: str
    """See `StepDownStage`."""
    instances: tuple[str, ...]
    """What this server was MASTER of, as people say it."""
    age_s: float
    left_s: float
    yield_s: float | None
    """How long it took until another node was MASTER."""
    claim_s: float | None
    """How long after that other servers had all addresses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedStepDownPicture:
    """The last step-down of this run that ended."""

    by: str
    user_id: int
    end: str
    """See `StepDownEnd`."""
    is_failure: bool
    lasted_s: float
    ended_s: float
    """How many seconds ago."""
    yield_s: float | None
    claim_s: float | None


def picture_step_down(found: StepDown | None, now: float) -> StepDownPicture | None:
    """Take the picture of the step-down that is in force."""
    if found is None:
        return None
    return StepDownPicture(
        by=found.by,
        user_id=found.user_id,
        reason=found.reason,
        stage=found.stage.value,
        instances=tuple(map(str, found.vrrps)),
        age_s=round(now - found.since_s, 3),
        left_s=round(max(0.0, found.until_s - now), 3),
        yield_s=_rounded(found.yield_s),
        claim_s=_rounded(found.claim_s),
    )


def picture_ended_step_down(found: EndedStepDown | None, now: float) -> EndedStepDownPicture | None:
    """Take the picture of the last one."""
    if found is None:
        return None
    step_down = found.step_down
    return EndedStepDownPicture(
        by=step_down.by,
        user_id=step_down.user_id,
        end=found.end.value,
        is_failure=found.end.is_failure,
        lasted_s=round(found.at_s - step_down.since_s, 3),
        ended_s=round(now - found.at_s, 3),
        yield_s=_rounded(step_down.yield_s),
        claim_s=_rounded(step_down.claim_s),
    )


def _rounded(duration_s: float | None) -> float | None:
    return None if duration_s is None else round(duration_s, 3)

"""What the journal says of a step-down, one function a decision."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from hakeeper.adapters.cures import STEP_UP
from hakeeper.adapters.journal.entry import Entry, Fields
from hakeeper.adapters.paused_by import user
from hakeeper.adapters.step_down_texts import END_TEXTS
from hakeeper.core.decisions import operator as core
from hakeeper.core.model import StepDown


def _begun(made: core.StepDownBegun) -> Entry:
    left_s, names = round(made.left_s), ", ".join(map(str, made.step_down.vrrps))
    still = "still stepped down" if made.kept else "stepping down"
    text = (
        f"{still} for {left_s} s by {_by(made.step_down)}{_why(made.step_down)}. The priority of"
        f" {names} is lowered, so that another node is MASTER. To end it: {STEP_UP}"
    )
    return Entry("step_down.begun", text, _asked(made.step_down, left_s))


def _done(made: core.StepDownDone) -> Entry:
    yield_s = round(made.step_down.yield_s or 0.0, 3)
    claim_s = round(made.step_down.claim_s or 0.0, 3)
    text = (
        f"stepped down in {yield_s + claim_s:.1f} s: another node was MASTER after {yield_s:.1f} s,"
        f" and other servers had all addresses {claim_s:.1f} s later. To come back: {STEP_UP}"
    )
    fields = {"duration_s": round(yield_s + claim_s, 3), "yield_s": yield_s, "claim_s": claim_s}
    return Entry("step_down.done", text, {**_who(made.step_down), **fields})


def _prolonged(made: core.StepDownProlonged) -> Entry:
    left_s = round(made.left_s)
    text = f"stepped down for {left_s} s more by {_by(made.step_down)}{_why(made.step_down)}"
    return Entry("step_down.prolonged", text, _asked(made.step_down, left_s))


def _overtaken(made: core.StepDownOvertaken) -> Entry:
    found = made.step_down
    lasted_s = round((found.back_s or found.since_s) - found.since_s, 1)
    text = (
        f"MASTER again {lasted_s:.0f} s after the step-down: no better node is left, so this server"
        " claims as ever"
    )
    return Entry("step_down.overtaken", text, {**_who(found), "duration_s": lasted_s})


def _stepped_up(made: core.SteppedUp) -> Entry:
    lasted_s = round(made.lasted_s, 1)
    text = (
        f"the step-down was ended by {user(made.by, made.user_id)} after {lasted_s:.0f} s:"
        " keepalived has its own priority again"
    )
    who: Fields = {"user": made.by or str(made.user_id), "user_id": made.user_id}
    return Entry("step_down.ended", text, {**who, "duration_s": lasted_s})


def _expired(made: core.StepDownExpired) -> Entry:
    lasted_s = round(made.step_down.until_s - made.step_down.since_s, 1)
    text = f"the step-down by {_by(made.step_down)} is over: keepalived has its own priority again"
    return Entry("step_down.expired", text, {**_who(made.step_down), "duration_s": lasted_s})


def _failed(made: core.StepDownFailed) -> Entry:
    lasted_s = round(made.lasted_s, 1)
    text = (
        f"the step-down by {_by(made.step_down)} was taken back after {lasted_s:.0f} s:"
        f" {END_TEXTS[made.end.value]}"
    )
    fields = {"reason": made.end.value, "duration_s": lasted_s}
    return Entry("step_down.failed", text, {**_who(made.step_down), **fields})


def _by(step_down: StepDown) -> str:
    return user(step_down.by, step_down.user_id)


def _why(step_down: StepDown) -> str:
    return f": {step_down.reason}" if step_down.reason else ""


def _who(step_down: StepDown) -> Fields:
    return {"user": step_down.by or str(step_down.user_id), "user_id": step_down.user_id}


def _asked(step_down: StepDown, left_s: int) -> Fields:
    fields: Fields = {**_who(step_down), "delay_s": left_s}
    return {**fields, "reason": step_down.reason} if step_down.reason else fields


WORDING: Final[Mapping[type[Any], Callable[[Any], Entry]]] = {
    core.StepDownBegun: _begun,
    core.StepDownDone: _done,
    core.StepDownProlonged: _prolonged,
    core.StepDownOvertaken: _overtaken,
    core.SteppedUp: _stepped_up,
    core.StepDownExpired: _expired,
    core.StepDownFailed: _failed,
}
"""By the kind of decision."""

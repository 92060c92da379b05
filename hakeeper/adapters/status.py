"""The status for users: JSON for `hakeeper status`, one line for systemd's STATUS=.

The core only knows ages. Here they are converted to times of day, so that an outage has a start.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

from hakeeper.adapters.decision_texts import decision_text
from hakeeper.adapters.problem_texts import told
from hakeeper.adapters.times import clock, instant
from hakeeper.core.model import VrrpKind
from hakeeper.diagnosis.problems import Health
from hakeeper.diagnosis.snapshot import (
    ApiPicture,
    PausePicture,
    ProblemPicture,
    RolePicture,
    Snapshot,
)
from hakeeper.diagnosis.step_down_picture import EndedStepDownPicture, StepDownPicture

SCHEMA: Final = 1
"""The version of the JSON; increased when a key is removed or changes its meaning."""


def sentence(what: str, since: str, cause: str) -> str:
    """Return one problem as one sentence; `since` is a time of day, or empty."""
    begun = f" (since {since})" if since else ""
    return f"{what}{begun}: {cause}" if cause else f"{what}{begun}"


def document(picture: Snapshot, now_s: float) -> dict[str, Any]:
    """Return the snapshot as plain values; `now_s` is its time, in seconds since 1970."""
    plain, ended = asdict(picture), picture.last_step_down
    for role, plain_role in zip(picture.roles, plain["roles"], strict=True):
        _complete_role(role, plain_role, now_s)
    return {
        "schema": SCHEMA,
        "time": instant(now_s),
        **plain,
        "health": picture.health.name.lower(),
        "pause": None if picture.pause is None else _timed(picture.pause, now_s),
        "step_down": None if picture.step_down is None else _timed(picture.step_down, now_s),
        "last_step_down": None if ended is None else _ended(ended, now_s),
        "problems": [_problem(problem, now_s) for problem in picture.problems],
        "apis": [
            {
                **plain_api,
                "failing_since": _since(api.failing_s, now_s),
                "answered_at": _since(api.age_s, now_s),
            }
            for api, plain_api in zip(picture.apis, plain["apis"], strict=True)
        ],
        "api_failing_since": _since(picture.api_failing_s, now_s),
        "api_answered_at": _since(picture.api_age_s, now_s),
    }


def _since(age_s: float | None, now_s: float) -> str | None:
    return None if age_s is None else instant(now_s - age_s)


def _timed(picture: PausePicture | StepDownPicture, now_s: float) -> dict[str, Any]:
    since, until = instant(now_s - picture.age_s), instant(now_s + picture.left_s)
    return {**asdict(picture), "since": since, "until": until}


def _ended(picture: EndedStepDownPicture, now_s: float) -> dict[str, Any]:
    return {**asdict(picture), "ended_at": instant(now_s - picture.ended_s)}


def _problem(problem: ProblemPicture, now_s: float) -> dict[str, Any]:
    text = told(problem.trouble)
    return {
        "health": problem.health.name.lower(),
        "code": problem.code,
        "text": _sentence(problem, now_s),
        "what": text.what,
        "cause": text.cause,
        "cure": text.cure,
        "since": _since(problem.age_s, now_s),
        "age_s": problem.age_s,
    }


def _complete_role(role: RolePicture, plain: dict[str, Any], now_s: float) -> None:
    """Add the times to the ages, and say each decision in words."""
    plain["role_since"] = _since(role.role_age_s, now_s)
    for address, plain_address in zip(role.addresses, plain["addresses"], strict=True):
        due_in_s = address.due_in_s
        del plain_address["decision_who"]  # the sentence has it
        plain_address |= {
            "decision": decision_text(address.decision, address.decision_who),
            "holder_read_at": _since(address.holder_age_s, now_s),
            "due_at": None if due_in_s is None else instant(now_s + due_in_s),
        }


def status_line(picture: Snapshot, now_s: float) -> str:
    """Return the line for systemd's STATUS=, problems first."""
    roles = ", ".join(_role_in_brief(role) for role in picture.roles)
    paused = "" if picture.pause is None else _paused_in_brief(picture.pause, now_s)
    down = "" if picture.step_down is None else _down_in_brief(picture.step_down, now_s)
    tail = "; ".join(filter(None, (paused, down, roles, *_apis_in_brief(picture.apis, now_s))))
    if picture.health is Health.OK:
        return f"ok: {tail}"
    return f"{picture.health.name}: {headline(picture.problems, now_s)}; {tail}"


def _paused_in_brief(pause: PausePicture, now_s: float) -> str:
    return f"PAUSED until {clock(now_s + pause.left_s, now_s)}"


def _down_in_brief(step_down: StepDownPicture, now_s: float) -> str:
    return f"STEPPED DOWN until {clock(now_s + step_down.left_s, now_s)}"


def _apis_in_brief(apis: Sequence[ApiPicture], now_s: float) -> Iterator[str]:
    for api in apis:
        name = "API" if len(apis) == 1 else api.title
        since = f" since {clock(now_s - api.failing_s, now_s)}" if api.failing_s is not None else ""
        yield f"{name} {api.state}{since}"


def headline(problems: Iterable[ProblemPicture], now_s: float) -> str:
    """Return the worst problem, which is the first, as one sentence; empty if there is none."""
    worst = next(iter(problems), None)
    return "" if worst is None else _sentence(worst, now_s)


def _sentence(problem: ProblemPicture, now_s: float) -> str:
    since = "" if problem.age_s is None else clock(now_s - problem.age_s, now_s)
    text = told(problem.trouble)
    return sentence(text.what, since, text.cause)


def _role_in_brief(role: RolePicture) -> str:
    name = f"group {role.name}" if role.kind == VrrpKind.GROUP.value else role.name
    count = len(role.addresses)
    if role.role == "MASTER":
        here = sum(address.confirmed for address in role.addresses)
        return f"{name} MASTER, {here}/{count} confirmed here"
    return f"{name} {role.role}"

"""What `hakeeper explain` shows, as JSON with its sentences: what is waited for, what follows."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, assert_never

from hakeeper.adapters.decision_texts import decision_text
from hakeeper.adapters.journal.wording import entry_of
from hakeeper.adapters.journal.wording_resources import READING
from hakeeper.adapters.times import instant
from hakeeper.core.calls import Identify, Mutate, ReadActions, ReadAll, ReadOne, ReadServer, Request
from hakeeper.core.events import Report
from hakeeper.core.kind import HttpRequest
from hakeeper.diagnosis.rehearsal import Asked, Decided, Rehearsal, Step
from hakeeper.diagnosis.snapshot import AddressPicture, RolePicture
from hakeeper.diagnosis.waits import Wait, WaitFor
from hakeeper.kinds import KINDS

SCHEMA: Final = 1
WAIT_TEXTS: Final[Mapping[WaitFor, str]] = {
    WaitFor.ROLE: "keepalived does not say MASTER",
    WaitFor.ISOLATION: "keepalived is isolated, so that its MASTER does not count",
    WaitFor.LOOK: "nothing is to be done; the holder is read again",
    WaitFor.HOLD_DOWN: "contested: another server keeps it for now",
    WaitFor.HUNG: "keepalived hangs: nothing is taken from a server that runs",
    WaitFor.ANSWER: "an answer of the API",
    WaitFor.ACTION: "the end of Hetzner's action",
    WaitFor.SERVER: "the API has not confirmed yet which server this is",
    WaitFor.PAUSE: "hakeeper is paused",
    WaitFor.RETRY: "the pause before the next try",
    WaitFor.ROUNDS: "the pause of all after several rounds that were refused",
    WaitFor.THROTTLE: "the API asked for fewer calls (429)",
    WaitFor.LOGIN: "the API refused the login: a third time would block this server",
    WaitFor.READS: "the pause after reads that failed",
    WaitFor.BUDGET: "this server's part of the API quota is spent, and flows in again",
    WaitFor.TURN: "other requests go first",
}
"""What is waited for, without until when."""
_CALLS: Final[Mapping[type[Request], str]] = {
    Identify: "identify",
    ReadAll: "read_holders",
    ReadOne: "read_holders",
    ReadActions: "read_action",
    ReadServer: "read_server",
}


def explained(role: RolePicture, rehearsal: Rehearsal, now_s: float) -> dict[str, object]:
    """Return one instance or group; `now_s` in seconds since 1970."""
    waits = zip(role.addresses, rehearsal.waits, strict=False)  # a rehearsal may lack some
    return {
        "kind": role.kind,
        "name": role.name,
        "role": role.role,
        "reason": role.reason,
        "role_confirmed": role.role_confirmed,
        "addresses": [_address(address, found, now_s) for address, found in waits],
        "left_out": rehearsal.left_out,
        "as_master": _as_master(rehearsal, now_s),
    }


def _address(address: AddressPicture, waits: Sequence[Wait], now_s: float) -> dict[str, object]:
    return {
        "ref": address.ref,
        "address": address.address,
        "holder": address.holder,
        "holder_label": address.holder_label,
        "holder_current": address.holder_current,
        "confirmed": address.confirmed,
        "stage": address.stage,
        "decision": decision_text(address.decision, address.decision_who),
        "waits": [*_waits(waits, now_s)],
    }


def _waits(waits: Iterable[Wait], now_s: float) -> Iterator[dict[str, object]]:
    for wait in waits:
        in_s = wait.in_s
        yield {
            "code": wait.what.value,
            "text": WAIT_TEXTS[wait.what],
            "in_s": None if in_s is None else round(in_s, 3),
            "until": None if in_s is None else instant(now_s + in_s),
        }


def _as_master(rehearsal: Rehearsal, now_s: float) -> dict[str, object]:
    after_s = now_s + rehearsal.ended_s
    left = zip(rehearsal.unconfirmed, rehearsal.why, strict=True)
    return {
        "steps": [_step(step) for step in rehearsal.steps],
        "ended_after_s": round(rehearsal.ended_s, 3),
        "confirmed": not rehearsal.unconfirmed,
        "failing": [f"{failure.message} ({failure.code})" for failure in rehearsal.failing],
        "unconfirmed": [
            {"address": label, "waits": [*_waits(waits, after_s)]} for label, waits in left
        ],
    }


def _step(step: Step) -> dict[str, Any]:
    match step:
        case Asked(after_s, request, labels):
            return {
                "after_s": round(after_s, 3),
                "call": request.step.name if isinstance(request, Mutate) else _CALLS[type(request)],
                "addresses": labels,
                "text": _call_text(request, labels),
                "http": [_http(each) for each in _requests(request)],
            }
        case Decided(after_s, decision):
            entry = entry_of(Report(decision))
            return {"after_s": round(after_s, 3), "event": entry.event, "text": entry.message}
        case _:  # pragma: no cover
            assert_never(step)


def _call_text(request: Request, labels: Sequence[str]) -> str:
    names = ", ".join(labels)
    if not isinstance(request, Mutate):
        return READING[type(request)]
    if request.step.holder is None:
        return f"{request.step.name} {names}: nobody has it until the next step"
    return f"{request.step.name} {names}: this server has it then"


def _requests(request: Request) -> Iterable[HttpRequest]:
    """Return what goes over the wire, as far as the core knows it already."""
    match request:
        case Mutate(resource, step):
            yield KINDS[resource.kind].request_of(request.resources, step)
        case ReadAll(kind, within):
            yield from KINDS[kind].list_requests(within)
        case ReadOne(resource):
            found = KINDS[resource.kind].read_request(resource)
            yield from () if found is None else (found,)
        case _:
            pass


def _http(request: HttpRequest) -> str:
    body = "" if request.body is None else f" {json.dumps(request.body)}"
    return f"{request.method} {request.path}{body}"

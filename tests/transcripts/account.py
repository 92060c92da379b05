"""What the cores did since the last command, as lines: when, what, and in the journal's words."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby

from hakeeper.adapters.journal.events import EVENTS
from hakeeper.adapters.journal.wording import entry_of
from hakeeper.adapters.status import status_line
from hakeeper.core import calls, events
from hakeeper.core.kind import HttpRequest
from hakeeper.core.model import Action
from hakeeper.core.observation import Key, Observation
from hakeeper.kinds import KINDS
from tests.core.driver import World

MIDNIGHT_S = datetime(2026, 6, 15).astimezone().timestamp()
"""When each story begins: its seconds are those of the clock that the status shows."""
OFTEN = 3
"""A call that comes more often than this, with only calls in between, is told once."""


@dataclass(frozen=True, slots=True)
class Told:
    """One line."""

    at_s: float
    who: str
    what: str
    text: str

    @property
    def is_call(self) -> bool:
        return self.what in ("call", "answer", "failed")


@dataclass(slots=True)
class Account:
    """What was told of a world, and what is new."""

    world: World
    begun_s: float = field(init=False)
    logged: int = 0
    moved: int = field(init=False)
    requests: dict[tuple[str, int], calls.Request] = field(default_factory=dict)
    """By server and call."""
    said: dict[tuple[str, object], str] = field(default_factory=dict)
    """What was told last, by server: its status, its next time, and what answers said of what."""

    def __post_init__(self) -> None:
        self.begun_s = self.world.now
        self.moved = len(self.world.cloud.moves)

    def lines(self, *, brief: bool) -> Iterator[str]:
        """Tell what is new, and then how each core stands; if brief only that."""
        new = sorted((*self._moves(), *self._log()), key=lambda told: told.at_s)
        for told in (*(() if brief else _rarely(new)), *self._standing()):
            who = f"{told.who:7}" if len(self.world.nodes) > 1 else ""
            yield f"  {told.at_s - self.begun_s:9.3f}  {who}{told.what:9}{told.text}"

    def _moves(self) -> Iterator[Told]:
        cloud = self.world.cloud
        for move in cloud.moves[self.moved :]:
            if move.at_s >= self.begun_s:  # else it begins there
                name = cloud.resources[move.resource].name
                yield Told(move.at_s, "cloud", "moved", f"{name} to {_server(move.new)}")
        self.moved = len(cloud.moves)

    def _log(self) -> Iterator[Told]:
        for at_s, node, one in self.world.log[self.logged :]:
            who = _server(node.server_id)
            if told := self._told(who, one):
                yield Told(at_s, who, *told)
        self.logged = len(self.world.log)

    def _standing(self) -> Iterator[Told]:
        now = self.world.now
        for node in self.world.nodes:
            who, next_s = _server(node.server_id), node.core.next_at()
            status = status_line(node.snapshot(), MIDNIGHT_S + now - self.begun_s)
            wakes = "with an answer" if next_s is None else f"at {next_s - self.begun_s:.3f}"
            for what, text in (("status", status), ("wakes", wakes)):
                if node.runs > 1 and self._is_news(who, what, text):
                    yield Told(now, who, what, text)

    def _told(self, who: str, one: events.Event | events.Effect) -> tuple[str, str] | None:
        """Return what this is and its text; None if the command says it already."""
        told: tuple[str, str] | None = None
        match one:
            case events.Started():
                self.said = {key: text for key, text in self.said.items() if key[0] != who}
            case events.Report():
                entry = entry_of(one)
                level = EVENTS[entry.event].level.name.lower()
                told = level, f"{entry.event}: {entry.message}"
            case events.StartCall(call_id, request):
                self.requests[who, call_id] = request
                told = "call", call(request)
            case events.CancelCall(call_id):
                told = "cancel", call(self.requests[who, call_id])
            case calls.CallResult(call_id=call_id, outcome=outcome):
                told = self._ended(who, self.requests[who, call_id], outcome)
            case events.QueryRoles():
                told = "call", "D-Bus: which roles?"
            case events.RolesQueried(roles=roles, reason=reason):
                said = _pairs({name: role.value for name, role in (roles or {}).items()})
                told = "answer", f"D-Bus: {said or reason or 'no instance'}"
            case events.SaveState(saved):
                said = _pairs({str(vrrp): role.value for vrrp, role in saved.roles.items()})
                pid = saved.keepalived.pid if saved.keepalived else None
                told = "save", f"{said}; keepalived={pid} {_pairs(saved.servers)}".rstrip()
            case events.SavePause(pause):
                told = "save", "no pause" if pause is None else f"a pause by {pause.by}"
            case events.SetStepDown(step_down):
                stage = "none" if step_down is None else step_down.stage.value
                told = "save", f"step-down: {stage}"
            case events.ReloadToken(api):
                told = "token", f"of {api}: read again"
        return told

    def _ended(
        self, who: str, request: calls.Request, outcome: calls.Answer | calls.Failure
    ) -> tuple[str, str] | None:
        """Tell a failure, and of an answer what is not what the last one said."""
        if isinstance(outcome, calls.Failure):
            return "failed", f"{call(request)}: {outcome.code}"
        said = [text for about, text in answer(outcome) if self._is_news(who, about, text)]
        return ("answer", "; ".join(said)) if said else None

    def _is_news(self, who: str, about: object, text: str) -> bool:
        before = self.said.get((who, about))
        self.said[who, about] = text
        return before != text


def _rarely(new: Iterable[Told]) -> Iterator[Told]:
    """Tell a call that comes again and again once, with how often and in how long."""
    for _, group in groupby(new, lambda told: told.is_call):
        stretch = list(group)
        last = {(told.who, told.text): told for told in stretch}
        times = Counter((told.who, told.text) for told in stretch)
        for told in stretch:
            key = told.who, told.text
            if not told.is_call or times[key] <= OFTEN:
                yield told
            elif key in last:
                lasted_s = last.pop(key).at_s - told.at_s
                yield replace(told, text=f"{told.text} ({times[key]} times in {lasted_s:.3f} s)")


def call(request: calls.Request) -> str:
    """Return a call as HTTP has it, where it is one request."""
    match request:
        case calls.Identify(api, cached):
            return f"{api}: which server is this?" + (f" It was {cached}." if cached else "")
        case calls.ReadActions(_, ids):
            return f"GET /actions?id={','.join(map(str, ids))}"
        case calls.ReadServer(_, server_id):
            return f"GET /servers/{server_id}"
        case calls.ReadAll(kind, within):
            return ", ".join(map(_http, KINDS[kind].list_requests(within)))
        case calls.ReadOne(resource):
            return _http(KINDS[resource.kind].read_request(resource))
        case calls.Mutate(resource, step) as mutation:
            return _http(KINDS[resource.kind].request_of(mutation.resources, step))


def _http(request: HttpRequest | None) -> str:
    assert request is not None
    body = "" if request.body is None else f" {json.dumps(request.body)}"
    return f"{request.method} {request.path}{body}"


def answer(outcome: calls.Answer) -> list[tuple[object, str]]:
    """Return what an answer says of what."""
    match outcome:
        case calls.Identified(server):
            return [("us", f"this is {server.name}")]
        case calls.AllRead(_, reading):
            return [(seen.id, _holder(seen)) for seen in reading.found]
        case calls.OneRead(seen):
            return [(seen.id, _holder(seen))]
        case calls.MutationAccepted(action):
            return [(object(), "done")] if action is None else [_action(action)]
        case calls.ActionsRead(actions):
            return [_action(action) for action in actions]
        case calls.ServerRead(server):
            return [(server.name, f"{server.name} is {server.status}")]


def _action(action: Action) -> tuple[object, str]:
    return f"action {action.id}", f"action {action.id}: {action.status.value}"


def _holder(seen: Observation) -> str:
    return f"{seen.name} is with {_server(seen.server_id)}"


def _server(server_id: Key | None) -> str:
    if server_id is None:
        return "nobody"
    return f"node{server_id}" if isinstance(server_id, int) else server_id


def _pairs(values: Mapping[str, object]) -> str:
    return " ".join(f"{key}={value}" for key, value in values.items())

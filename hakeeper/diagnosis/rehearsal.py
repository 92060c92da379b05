"""A rehearsal: what the core would do if keepalived said MASTER this second, call by call.

The real core plays it, as a copy, in a time of its own: it gets the line, and each of its calls is
answered by what was last read of the resources, after as long as the API's last answer took. What
was never read is not answered, so that the rehearsal ends there. Nothing of the copy leads back to
the original; no call goes out, and no effect is performed.
"""

import heapq
from collections.abc import Collection, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias, cast

from hakeeper.core.calls import (
    ActionsRead,
    AllRead,
    Answer,
    CallResult,
    Failure,
    Mutate,
    MutationAccepted,
    OneRead,
    ReadActions,
    ReadAll,
    ReadOne,
    Request,
)
from hakeeper.core.claim.resource import Resource
from hakeeper.core.claim.stages import Held, Idle
from hakeeper.core.core import Core
from hakeeper.core.decisions.claims import (
    ClaimFailed,
    ClaimStarted,
    ResourceClaimed,
    ResourceConfirmed,
    ResourceHeldDown,
)
from hakeeper.core.decisions.decision import Decision
from hakeeper.core.decisions.keepalived import RoleChanged, VrrpAddressMissing
from hakeeper.core.decisions.operator import ClaimPaused
from hakeeper.core.events import Effect, Event, LinesRead, Report, StartCall
from hakeeper.core.kind import Kind
from hakeeper.core.model import Action, ActionStatus, VrrpId
from hakeeper.core.observation import Observation, Reading, ResourceId, ResourceRef
from hakeeper.core.operator.pause import is_halted
from hakeeper.core.roles.lines import LineState, NotifyLine
from hakeeper.core.state import State
from hakeeper.diagnosis.waits import Wait, waits_of

MOST_TURNS: Final = 400
"""So often the copy is fed at most."""
HORIZON_S: Final = 1200.0
"""What takes longer is not waited for: longer than any hold-down, and than two of Robot's moves."""
_PRIORITY: Final = 100
"""Any: the core does not look at it."""
_TOLD: Final = (
    RoleChanged,
    VrrpAddressMissing,
    ClaimStarted,
    ClaimPaused,
    ClaimFailed,
    ResourceHeldDown,
    ResourceConfirmed,
    ResourceClaimed,
)
"""What is told of the decisions; the rest is of no claim."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A call goes out, of these resources; empty: it is not about single ones."""

    after_s: float
    request: Request
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decided:
    """The journal would have this."""

    after_s: float
    decision: Decision


Step: TypeAlias = Asked | Decided


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What became of one instance or group; `waits` are those of now, of each resource."""

    vrrp: VrrpId
    waits: tuple[tuple[Wait, ...], ...]
    steps: tuple[Step, ...]
    ended_s: float
    """How long it took."""
    unconfirmed: tuple[str, ...]
    """What would not be confirmed here at the end."""
    why: tuple[tuple[Wait, ...], ...]
    """What each of those would wait for then."""
    left_out: int
    """So many resources are more than a rehearsal has."""
    failing: tuple[Failure, ...] = ()
    """What fails now, of these APIs and of the claims that are under way: none of it is played."""


def rehearse(core: Core, vrrp: VrrpId, now: float, most: int) -> Rehearsal:
    """Return what this node does now and would do as MASTER; the core stays as it is.

    With so many resources at most: each costs a millisecond or two.
    """
    return _Stage(core, vrrp, now, most).played()


def _part(state: State, vrrp: VrrpId, most: int) -> tuple[State, int]:
    """Return a copy with so many resources of this name, and how many are left out.

    What nothing changes is shared: kinds, settings, what was observed. The rest is copied as one,
    so that what was the same thing still is.
    """
    ours = state.resources_of(vrrp)
    chosen = {id(resource): resource for resource in ours[:most]}
    calls = {
        call_id: call
        for call_id, call in state.calls.items()
        if all(id(resource) in chosen for resource in call.resources)
    }
    copied = replace(
        state,
        resources={resource.ref: resource for resource in chosen.values()},
        selections={},
        calls=calls,
        effects=[],
    )
    kinds = state.kinds.values()
    shared: list[object] = [state.settings, state.kinds, *kinds, *(kind.api for kind in kinds)]
    shared += [each for r in chosen.values() for each in (r.ref, r.observation, r.chosen_by)]
    return deepcopy(copied, {id(each): each for each in shared}), len(ours) - len(chosen)


def _failing(resources: Collection[Resource]) -> Iterator[Failure]:
    for resource in resources:
        claim, of_api = resource.claim, resource.kind.api.health.failure
        if claim is not None and claim.failure is not None and not isinstance(resource.stage, Held):
            yield claim.failure
        if of_api is not None:
            yield of_api


class _Remembered:
    """A kind whose lists show what the rehearsal knows: the core keeps no list."""

    def __init__(self, kind: Kind, known: dict[ResourceRef, Observation]) -> None:
        self._kind = kind
        self._known = known

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever a kind has
        return getattr(self._kind, name)

    def find(self, ref: ResourceRef, *_: object) -> Observation | None:
        """Find the one that is meant."""
        return self._known.get(ref)


class _Stage:
    def __init__(self, core: Core, vrrp: VrrpId, now: float, most: int) -> None:
        self._vrrp = vrrp
        self._began_s = self._now = now
        self._state, self._left_out = _part(core.state, vrrp, most)
        self._core = core.with_state(self._state)
        resources = self._state.resources_of(vrrp)
        self._waits = tuple(waits_of(self._state, each, now) for each in resources)
        self._failing = tuple(
            {(each.code, each.message): each for each in _failing(resources)}.values()
        )
        self._known = {r.ref: r.observation for r in resources if r.observation is not None}
        self._labels = {seen.id: seen.label for seen in self._known.values()}
        self._remember()
        self._answers: list[tuple[float, int, float, Answer]] = []
        self._steps: list[Step] = []
        self._actions = 0

    def _remember(self) -> None:
        """Have lists show what is known, whatever they need besides."""
        for kind in self._state.apis.kinds.values():
            kind.kind = cast("Kind", _Remembered(kind.kind, self._known))

    def played(self) -> Rehearsal:
        """Play it to its end."""
        line = NotifyLine(self._vrrp, LineState.MASTER, _PRIORITY)
        for call_id, call in self._state.calls.items():
            self._will_answer(call_id, call.request)
        events: list[Event] = [LinesRead((line,))]
        for _ in range(MOST_TURNS):
            self._take(self._core.handle(events, self._now))
            next_s = self._next_s()
            if self._is_over() or next_s is None or next_s > self._began_s + HORIZON_S:
                break
            self._now = next_s
            events = list(self._due())
        return self._ended()

    def _ended(self) -> Rehearsal:
        state = self._state
        left = [r for r in state.resources_of(self._vrrp) if not isinstance(r.stage, Held)]
        return Rehearsal(
            vrrp=self._vrrp,
            waits=self._waits,
            steps=tuple(self._steps),
            ended_s=self._now - self._began_s,
            unconfirmed=tuple(resource.label for resource in left),
            why=tuple(waits_of(state, resource, self._now) for resource in left),
            left_out=self._left_out,
            failing=self._failing,
        )

    def _is_over(self) -> bool:
        """Say whether nothing more comes, or only the same again."""
        resources = self._state.resources_of(self._vrrp)
        return all(map(self._is_done, resources))

    def _is_done(self, resource: Resource) -> bool:
        if isinstance(resource.stage, Held | Idle) or is_halted(self._state, resource):
            return True
        is_known = resource.observation is not None and resource.kind.api.server is not None
        return not is_known or resource.refused_at_s >= self._began_s

    # --- time and answers ------------------------------------------------------------------

    def _next_s(self) -> float | None:
        times = [at_s for at_s, *_ in self._answers[:1]]
        if (core_s := self._core.next_at()) is not None:
            times.append(core_s)
        return max(self._now, min(times)) if times else None

    def _due(self) -> Iterator[Event]:
        while self._answers and self._answers[0][0] <= self._now:
            at_s, call_id, sent_s, answer = heapq.heappop(self._answers)
            yield CallResult(call_id=call_id, outcome=answer, sent_at_s=sent_s, finished_at_s=at_s)

    def _take(self, effects: Collection[Effect]) -> None:
        """Note why, then what goes out; nothing is written down, and keepalived is not asked."""
        after_s = self._now - self._began_s
        for effect in effects:
            if isinstance(effect, Report) and isinstance(effect.decision, _TOLD):
                self._steps.append(Decided(after_s, effect.decision))
        for effect in effects:
            if isinstance(effect, StartCall):
                self._steps.append(Asked(after_s, effect.request, self._of(effect.request)))
                self._will_answer(effect.call_id, effect.request)

    def _of(self, request: Request) -> tuple[str, ...]:
        ids: tuple[ResourceId, ...] = ()
        if isinstance(request, Mutate):
            ids = request.resources
        elif isinstance(request, ReadOne):
            ids = (request.resource,)
        return tuple(self._labels[each] for each in ids if each in self._labels)

    def _will_answer(self, call_id: int, request: Request) -> None:
        api = self._state.api_of(request)
        answer = self._answer(request)
        if answer is not None:
            at_s = self._now + (api.health.latency_s or 0.0)
            heapq.heappush(self._answers, (at_s, call_id, self._now, answer))

    def _answer(self, request: Request) -> Answer | None:
        """Return what the API would say, by what was last read; None: that is not known."""
        match request:
            case ReadAll(kind, within) if self._state.apis.kinds[kind].is_listed:
                found = tuple(each for each in self._known.values() if each.id.kind == kind)
                return AllRead(kind, Reading(found), within)
            case ReadOne(resource):
                return next((OneRead(s) for s in self._known.values() if s.id == resource), None)
            case Mutate():
                return self._moved(request)
            case ReadActions(_, action_ids):
                done = (Action(id=each, status=ActionStatus.SUCCESS) for each in action_ids)
                return ActionsRead(tuple(done))
            case _:
                return None  # who a server is, no claim waits for

    def _moved(self, request: Mutate) -> Answer:
        """Move what a request moves, as its kind says; the answer comes before or after that."""
        kind = self._state.kinds[request.resource.kind]
        for ref, seen in self._known.items():
            if seen.id.kind == kind.name:
                self._known[ref] = kind.after(seen, request.resources, request.step)
        if not kind.api.has_actions:
            return MutationAccepted(None)
        self._actions += 1
        running = Action(id=f"rehearsed-{self._actions}", status=ActionStatus.RUNNING)
        return MutationAccepted(running)

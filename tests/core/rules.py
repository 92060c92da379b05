"""What no node may ever do, checked after every event of every test that uses the driver."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hakeeper.adapters.journal.wording import entry_of
from hakeeper.core.calls import (
    AllRead,
    CallResult,
    Failure,
    FailureKind,
    Mutate,
    MutationAccepted,
    OneRead,
    Request,
)
from hakeeper.core.core import Core
from hakeeper.core.events import (
    CancelCall,
    Effect,
    QueryRoles,
    ReloadToken,
    Report,
    SavePause,
    SaveState,
    SetStepDown,
    StartCall,
)
from hakeeper.core.kind import api_name_of
from hakeeper.core.observation import Key, Observation, ResourceId
from hakeeper.diagnosis.snapshot import snapshot_of
from hakeeper.kinds import KINDS
from tests.support.journal_entries import check_entry

MAX_PARALLEL = 8
ORDER = (CancelCall, ReloadToken, StartCall, SetStepDown, SavePause, SaveState, QueryRoles, Report)


@dataclass(slots=True)
class Waits:
    """What the 429s of one API ask for."""

    until_s: float = float("-inf")
    """Of all calls but assigns, of which one may see whether it stands."""
    assigns_until_s: float = float("-inf")
    """One that an assign met says so."""


@dataclass(slots=True)
class Rules:
    """The invariants of one run of one node, with a memory of their own."""

    own: Mapping[str, Key]
    """What this server is called, by the names of the APIs."""
    calls: dict[int, tuple[Request, float]] = field(default_factory=dict)
    last_id: int = 0
    outcome_unknown: dict[ResourceId, float] = field(default_factory=dict)
    """Floating IPs whose last assign has an unknown outcome, since when."""
    waits: dict[str, Waits] = field(default_factory=dict)
    """By the names of the APIs."""

    def ended(self, result: CallResult, now: float) -> None:
        """Note the end of a call, before the core hears of it."""
        request, asked_at_s = self.calls.pop(result.call_id)
        outcome = result.outcome
        match request, outcome:
            case Mutate(resource), Failure(kind=FailureKind.OUTCOME_UNKNOWN):
                self.outcome_unknown[resource] = now
            case _, OneRead(seen):
                self._read((seen,), asked_at_s)
            case _, AllRead(_, reading):
                self._read(reading.found, asked_at_s)
            case _:
                pass
        if isinstance(outcome, Failure) and outcome.kind is FailureKind.THROTTLED:
            self._throttled(request, outcome.retry_after_s, now)
        elif isinstance(outcome, MutationAccepted):
            self._waits(request).until_s = float("-inf")

    def _throttled(self, request: Request, retry_after_s: float | None, now: float) -> None:
        waits = self._waits(request)
        wait_s = 0.75 if retry_after_s is None else min(30.0, retry_after_s)
        waits.until_s = max(waits.until_s, now + wait_s)
        if isinstance(request, Mutate):
            wait_s = 0.05 if retry_after_s is None else wait_s
            waits.assigns_until_s = max(waits.assigns_until_s, now + wait_s)

    def _waits(self, request: Request) -> Waits:
        return self.waits.setdefault(api_name_of(request, KINDS), Waits())

    def _read(self, found: tuple[Observation, ...], asked_at_s: float) -> None:
        for seen in found:
            if asked_at_s >= self.outcome_unknown.get(seen.id, float("inf")):
                del self.outcome_unknown[seen.id]

    def check(self, effects: tuple[Effect, ...], core: Core, now: float) -> None:
        """Check what a node wants to do."""
        ranks = [ORDER.index(type(effect)) for effect in effects]
        assert ranks == sorted(ranks), "effects out of order"
        for effect in effects:
            match effect:
                case StartCall():
                    self._started(effect, core, now)
                case CancelCall(call_id):
                    assert call_id in self.calls, "cancels what is not under way"
                case Report():
                    check_entry(entry_of(effect))
                case _:
                    pass
        next_at_s = core.next_at()
        assert next_at_s is None or next_at_s > now, f"asks for a tick in the past at {now}"

    def _started(self, effect: StartCall, core: Core, now: float) -> None:
        assert effect.call_id > self.last_id, "a call id is used twice"
        self.last_id = effect.call_id
        assign = isinstance(effect.request, Mutate)
        waits = self._waits(effect.request)
        until_s = waits.assigns_until_s if assign else waits.until_s
        assert now >= until_s, "a call although a 429 said wait"
        if isinstance(effect.request, Mutate):
            self._assigning(effect.request, core, now)
        self.calls[effect.call_id] = (effect.request, now)

    def _assigning(self, request: Mutate, core: Core, now: float) -> None:
        kind = KINDS[request.resource.kind]
        holders = (
            (None, self.own[kind.api.name]) if kind.releases_first else (self.own[kind.api.name],)
        )
        assert request.step.holder in holders, "an assign to another server"
        assert snapshot_of(core, now).pause is None, "an assign while paused"
        masters = {
            (address.resource_kind, address.resource_id)
            for role in snapshot_of(core, now).roles
            if role.role == "MASTER" and not role.vrrp_missing
            for address in role.addresses
        }
        wanted = (request.resource.kind, request.resource.key)
        assert wanted in masters, "an assign while not MASTER"
        under_way = [r for r, _ in self.calls.values() if isinstance(r, Mutate)]
        same = [r for r in under_way if r.resource == request.resource]
        assert [] == same, "two assigns of one address at a time"
        lanes = [r.step.lane for r in under_way]
        assert request.step.lane not in lanes, "two steps of one lane at a time"
        beside = [r for r in under_way if KINDS[r.resource.kind].api is kind.api]
        max_parallel = 1 if now < self._waits(request).until_s else MAX_PARALLEL
        assert len(beside) < max_parallel, "too many assigns at once"
        assert request.resource not in self.outcome_unknown, "a blind resend"

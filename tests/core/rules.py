"""What no node may ever do, checked after every event of every test that uses the driver."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from hakeeper.adapters.journal.entry import Entry
from hakeeper.adapters.journal.events import EVENTS
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
    SaveState,
    StartCall,
)

MAX_PARALLEL = 8
ORDER = (CancelCall, ReloadToken, StartCall, SaveState, QueryRoles, Report)


@dataclass(slots=True)
class Rules:
    """The invariants of one run of one node, with a memory of their own."""

    server_id: int
    calls: dict[int, tuple[Request, float]] = field(default_factory=dict)
    last_id: int = 0
    outcome_unknown: dict[int, float] = field(default_factory=dict)
    """Floating IPs whose last assign has an unknown outcome, since when."""
    wait_until_s: float = float("-inf")
    """A 429 says so of all calls but assigns, of which one may see whether it stands."""
    assigns_wait_until_s: float = float("-inf")
    """One that an assign met says so."""

    def ended(self, result: CallResult, now: float) -> None:
        """Note the end of a call, before the core hears of it."""
        request, asked_at_s = self.calls.pop(result.call_id)
        outcome = result.outcome
        match request, outcome:
            case Mutate(floating_ip_id), Failure(kind=FailureKind.OUTCOME_UNKNOWN):
                self.outcome_unknown[floating_ip_id] = now
            case _, OneRead(floating_ip):
                self._read((floating_ip.id,), asked_at_s)
            case _, AllRead(floating_ips):
                self._read(tuple(f.id for f in floating_ips), asked_at_s)
            case _:
                pass
        if isinstance(outcome, Failure) and outcome.kind is FailureKind.THROTTLED:
            self._throttled(request, outcome.retry_after_s, now)
        elif isinstance(outcome, MutationAccepted):
            self.wait_until_s = float("-inf")

    def _throttled(self, request: Request, retry_after_s: float | None, now: float) -> None:
        wait_s = 0.75 if retry_after_s is None else min(30.0, retry_after_s)
        self.wait_until_s = max(self.wait_until_s, now + wait_s)
        if isinstance(request, Mutate):
            wait_s = 0.05 if retry_after_s is None else wait_s
            self.assigns_wait_until_s = max(self.assigns_wait_until_s, now + wait_s)

    def _read(self, floating_ip_ids: tuple[int, ...], asked_at_s: float) -> None:
        for floating_ip_id in floating_ip_ids:
            if asked_at_s >= self.outcome_unknown.get(floating_ip_id, float("inf")):
                del self.outcome_unknown[floating_ip_id]

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
        until_s = self.assigns_wait_until_s if assign else self.wait_until_s
        assert now >= until_s, "a call although a 429 said wait"
        if isinstance(effect.request, Mutate):
            self._assigning(effect.request, core, now)
        self.calls[effect.call_id] = (effect.request, now)

    def _assigning(self, request: Mutate, core: Core, now: float) -> None:
        assert request.server_id == self.server_id, "an assign to another server"
        masters = {
            address.floating_ip_id
            for role in core.snapshot(now).roles
            if role.role == "MASTER" and not role.vrrp_missing
            for address in role.addresses
        }
        assert request.floating_ip_id in masters, "an assign while not MASTER"
        under_way = [r.floating_ip_id for r, _ in self.calls.values() if isinstance(r, Mutate)]
        assert request.floating_ip_id not in under_way, "two assigns of one address at a time"
        max_parallel = 1 if now < self.wait_until_s else MAX_PARALLEL
        assert len(under_way) < max_parallel, "too many assigns at once"
        assert request.floating_ip_id not in self.outcome_unknown, "a blind resend"


def check_entry(entry: Entry) -> None:
    """An entry can be carried by the journal and is in its table."""
    assert entry.event in EVENTS, f"{entry.event} is not in EVENTS"
    assert entry.message, f"{entry.event} says nothing"
    assert entry.message == entry.message.strip()
    for name, value in entry.fields.items():
        assert name.isidentifier(), name
        assert name == name.lower(), name
        assert type(value) in (str, int, float), f"{entry.event}: {name} is {type(value)}"
    astray = fields_astray(entry.event, entry.fields)
    assert [] == astray, astray


def fields_astray(event: str, names: Iterable[str]) -> list[str]:
    """Say where an entry's fields differ from what the table of events promises."""
    kind, found = EVENTS[event], set(names)
    lacking = sorted(set(kind.always) - found)
    unknown = sorted(found - {*kind.always, *kind.sometimes})
    return [f"{event} lacks {name}, which it always has" for name in lacking] + [
        f"{event} has the unknown field {name}" for name in unknown
    ]

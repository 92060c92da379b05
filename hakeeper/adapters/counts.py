"""What the daemon has done since it started, in numbers, for `hakeeper metrics`.

Fed by the daemon's loop alone, after the calls have left, so it needs no lock and delays no claim.
Its size depends on the configuration and on nothing that happens.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from hakeeper.core.calls import CallResult, Failure, FailureKind, Mutate
from hakeeper.core.decisions.base import OfResource
from hakeeper.core.decisions.claims import (
    ClaimAbandoned,
    ClaimFailed,
    Phases,
    ResourceClaimed,
    ResourceConfirmed,
    ResourceDrifted,
    ResourceHeldDown,
)
from hakeeper.core.decisions.decision import Decision
from hakeeper.core.events import Effect, Report, StartCall
from hakeeper.core.kind import api_name_of
from hakeeper.core.model import VrrpId
from hakeeper.kinds import KINDS

CLAIM_BOUNDS_S: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
"""The upper bounds of the buckets; from the cause of a claim to the read that confirms it."""

CLAIMED: Final = "claimed"
ALREADY_HERE: Final = "already_here"
ABANDONED: Final = "abandoned"
OUTCOMES: Final = (CLAIMED, ALREADY_HERE, ABANDONED)
"""How a claim ends: moved here, found to be here, or given up as MASTER ended."""
FAILURES: Final = "failures"
DRIFTS: Final = "drifts"
HOLD_DOWNS: Final = "hold_downs"

_EVENTS: Final[dict[type[OfResource], str]] = {
    ResourceClaimed: CLAIMED,
    ResourceConfirmed: ALREADY_HERE,
    ClaimAbandoned: ABANDONED,
    ClaimFailed: FAILURES,
    ResourceDrifted: DRIFTS,
    ResourceHeldDown: HOLD_DOWNS,
}

READ: Final = "read"
STEP: Final = "step"
CALLS: Final = (READ, STEP)
"""A step is a request that moves an address; all others are reads."""
OK: Final = "ok"
RESULTS: Final = (OK, *(kind.name.lower() for kind in FailureKind))
LINES: Final = ("accepted", "rejected")
RELOADS: Final = ("accepted", "refused")


@dataclass(slots=True)
class _Claims:
    """Those of one instance or group."""

    events: Counter[str] = field(default_factory=Counter)
    buckets: list[int] = field(default_factory=lambda: [0] * (len(CLAIM_BOUNDS_S) + 1))
    """The last one has what took longer than the last bound."""
    sum_s: float = 0.0

    def lasted(self, phases: Phases) -> None:
        if phases.confirmed_s is None:
            return
        seconds = phases.confirmed_s - phases.line_s
        self.buckets[bisect_left(CLAIM_BOUNDS_S, seconds)] += 1
        self.sum_s += seconds


class Counts:
    """The counts of one run of the daemon; all begin at zero."""

    def __init__(self) -> None:
        self._claims: dict[VrrpId, _Claims] = {}
        self._under_way: dict[int, tuple[str, str]] = {}
        self._calls: Counter[tuple[str, str, str]] = Counter()
        self._reloads: Counter[str] = Counter()

    def performed(self, effects: Iterable[Effect]) -> None:
        """Count what the core had done; call it before the results of these calls are taken in."""
        for effect in effects:
            match effect:
                case StartCall(call_id, request):
                    call = STEP if isinstance(request, Mutate) else READ
                    self._under_way[call_id] = api_name_of(request, KINDS), call
                case Report(decision, held_back):
                    self._decided(decision, 1 + held_back)

    def _decided(self, decision: Decision, times: int) -> None:
        if not isinstance(decision, OfResource) or type(decision) not in _EVENTS:
            return
        claims = self._claims.setdefault(decision.vrrp, _Claims())
        claims.events[_EVENTS[type(decision)]] += times
        if isinstance(decision, ResourceClaimed):
            claims.lasted(decision.phases)

    def answered(self, result: CallResult) -> None:
        """Count the end of a call."""
        begun = self._under_way.pop(result.call_id, None)
        if begun is None:  # cannot be; and a count is no reason to stop keeping addresses
            return
        api, call = begun
        outcome = result.outcome
        word = outcome.kind.name.lower() if isinstance(outcome, Failure) else OK
        self._calls[api, call, word] += 1

    def reloaded(self, *, refused: bool) -> None:
        """Count a reload."""
        self._reloads[RELOADS[refused]] += 1

    def document(self) -> dict[str, Any]:
        """Return all of it as plain values. What never happened may be missing."""
        return {
            "claims": [
                {
                    "kind": vrrp.kind.value,
                    "name": vrrp.name,
                    **claims.events,
                    "duration": {"buckets": [*claims.buckets], "sum_s": round(claims.sum_s, 6)},
                }
                for vrrp, claims in self._claims.items()
            ],
            "calls": [
                {"api": api, "call": call, "result": result, "count": count}
                for (api, call, result), count in self._calls.items()
            ],
            "reloads": {each: self._reloads[each] for each in RELOADS},
        }

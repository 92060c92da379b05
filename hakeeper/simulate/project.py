"""One API of a world: its servers, its quota, its actions and what is wrong with it.

What each kind of resource that it moves is like, a `WorldCloud` says. Kinds of one API share all of
this; two APIs share nothing, so what is wrong with one is not wrong with the other.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf
from typing import Protocol

from hakeeper.cloud_register import Action, Move, Register
from hakeeper.core.calls import Failure, FailureKind, Quota
from hakeeper.core.model import Server
from hakeeper.core.observation import Key
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.bucket import Bucket
from hakeeper.simulate.faults.cloud import CloudFaults

ZONE = "eu-central"


@dataclass(slots=True, kw_only=True)
class Nature:
    """What this cloud is like in good times."""

    latency_s: float = 0.04
    """From sending to answer, half each way."""
    action_s: float = 0.0
    holder_at_accept: bool = True
    """Whether the holder changes when an assign is accepted, or when its action ends."""
    lock_servers: bool = False
    limit_per_hour: int = 3600
    steps_per_hour: int | None = None
    """How many mutating requests it grants, if it counts them apart."""
    tells_quota: bool = True
    """Whether its answers say what is left of that."""
    actions: bool = True
    """Whether a step is an action, or done when it is answered."""


class _Twin(Protocol):
    """The resources of one kind."""

    def carry_out(self, action: "Accepted", now: float) -> None:
        """Let an action take effect."""


@dataclass(slots=True, kw_only=True)
class Accepted(Action):
    """An accepted step with a resource of the kind that `twin` stands for."""

    twin: _Twin


def failure(kind: FailureKind, code: str, http_status: int | None = None) -> Failure:
    """Make a failure as the adapter would."""
    return Failure(kind=kind, code=code, message=code, http_status=http_status)


class Project:
    """The API; `hearers` are told of each change of a holder."""

    def __init__(self, nature: Nature, agenda: Agenda) -> None:
        """Begin empty, with the whole quota; actions end by this agenda."""
        self.nature = nature
        self.faults = CloudFaults()
        self.servers: dict[Key, Server] = {}
        self.hearers: list[Callable[[Move], None]] = []
        self.register = Register[Accepted](self.servers, self._moved, _carry_out)
        self.spent: Counter[int] = Counter()
        """The requests that reached Hetzner, by the minute, refused ones among them."""
        self.spent_on_steps: Counter[int] = Counter()
        """Those of them that are mutating ones."""
        self.spent_by_others: Counter[int] = Counter()
        """Those of them that other tools made, in a fault."""
        self.scarce_at = -inf
        """When a call last left little of the quota."""
        self.refused = 0
        """How many of them found the quota used up."""
        self.refused_steps = 0
        """Likewise."""
        self.refused_at = -inf
        """When one last did."""
        self._agenda = agenda
        steps = nature.steps_per_hour
        self._bucket = Bucket(nature.limit_per_hour, agenda)
        self._steps = self._bucket if steps is None else Bucket(steps, agenda)

    def _moved(self, move: Move) -> None:
        for hear in self.hearers:
            hear(move)

    # --- servers -----------------------------------------------------------------------------

    def add_server(self, server_id: Key, status: str = "running", zone: str = ZONE) -> None:
        """Add a server, or let another one have its id."""
        self.servers[server_id] = Server(
            id=server_id, name=f"node{server_id}", status=status, zone=zone
        )

    # --- actions -----------------------------------------------------------------------------

    def end_endless(self) -> None:
        """Let the actions that had no end fail now; they no longer lock anything."""
        self.register.fail_endless(self._agenda.now)

    # --- the quota ---------------------------------------------------------------------------

    def take_token(self, count: int = 1, *, step: bool = False) -> bool:
        """Count so many requests; False if the project runs out of them on the way.

        `step`: a mutating one.
        """
        now, bucket = self._agenda.now, self._steps if step else self._bucket
        taken = bucket.take(count)
        minute, requests = int(now // 60.0), min(count, taken + 1)
        self.spent[minute] += requests
        self.spent_on_steps[minute] += requests if step else 0
        if taken < count:
            self.refused += 1
            self.refused_steps += step
            self.refused_at = now
            return False
        if bucket.is_scarce():
            self.scarce_at = now
        return True

    def eat(self, share: float) -> None:
        """Let another tool make a request, and use up this share of what is left."""
        self.take_token()
        self.spent_by_others[int(self._agenda.now // 60.0)] += 1
        for bucket in dict.fromkeys((self._bucket, self._steps)):
            bucket.eat(share)

    def fill(self, tokens: float) -> None:
        """Let so much be left of it."""
        self._bucket.fill(tokens)

    def scarce(self) -> bool:
        """Say whether idle reading may be slower than usual, to spare the quota."""
        return self._bucket.is_scarce() or self._steps.is_scarce()

    def quota(self) -> Quota:
        """Return what the headers would say."""
        return Quota(limit_per_hour=self.nature.limit_per_hour, remaining=int(self._bucket.tokens))

    def throttled(self, *, step: bool = False) -> Failure:
        """Return the refusal of an empty bucket; a 429 names no time to wait."""
        if self.nature.tells_quota:
            return failure(FailureKind.THROTTLED, "rate_limit_exceeded", 429)
        limit = (self._steps if step else self._bucket).limit
        refusal = failure(FailureKind.THROTTLED, "rate_limit_exceeded", 403)
        return replace(refusal, retry_after_s=3600.0 / limit)


def _carry_out(action: Accepted, now: float) -> None:
    action.twin.carry_out(action, now)

"""One API of a world: its servers, its quota, its actions and what is wrong with it.

What each kind of resource that it moves is like, a `WorldCloud` says. Kinds of one API share all of
this; two APIs share nothing, so what is wrong with one is not wrong with the other.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Protocol

from hakeeper.cloud_register import Action, Move, Register
from hakeeper.core.calls import Failure, FailureKind, Quota
from hakeeper.core.model import Server
from hakeeper.core.observation import Key
from hakeeper.simulate.agenda import Agenda
from hakeeper.simulate.faults.cloud import CloudFaults

ZONE = "eu-central"
SCARCE = 0.15
"""The part of the quota under which nodes may read less often: theirs is a tenth, seen late."""


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
        self.scarce_at = -inf
        """When a call last left little of the quota."""
        self.refused = 0
        """How many of them found the quota used up."""
        self._agenda = agenda
        self._tokens = float(nature.limit_per_hour)
        self._tokens_at = agenda.now

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

    def take_token(self, count: int = 1) -> bool:
        """Count so many requests; False if the project runs out of them on the way."""
        now = self._agenda.now
        limit = float(self.nature.limit_per_hour)
        self._tokens = min(limit, self._tokens + (now - self._tokens_at) * limit / 3600.0)
        self._tokens_at = now
        if self._tokens < count:
            self.spent[int(now // 60.0)] += int(self._tokens) + 1
            self.refused += 1
            self._tokens -= int(self._tokens)
            return False
        self.spent[int(now // 60.0)] += count
        self._tokens -= count
        if self._tokens < SCARCE * limit:
            self.scarce_at = now
        return True

    def eat(self, share: float) -> None:
        """Let another tool use up this share of what is left."""
        self._tokens *= 1.0 - share

    def fill(self, tokens: float) -> None:
        """Let so much be left of it."""
        self._tokens, self._tokens_at = tokens, self._agenda.now

    def scarce(self) -> bool:
        """Say whether idle reading may be slower than usual, to spare the quota."""
        now = self._agenda.now
        limit = float(self.nature.limit_per_hour)
        left = self._tokens + (now - self._tokens_at) * limit / 3600.0
        return left < SCARCE * limit

    def quota(self) -> Quota:
        """Return what the headers would say."""
        return Quota(limit_per_hour=self.nature.limit_per_hour, remaining=int(self._tokens))

    def throttled(self) -> Failure:
        """Return the 429 of an empty bucket; it names no time to wait."""
        return failure(FailureKind.THROTTLED, "rate_limit_exceeded", 429)


def _carry_out(action: Accepted, now: float) -> None:
    action.twin.carry_out(action, now)

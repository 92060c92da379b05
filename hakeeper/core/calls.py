"""API calls as values: what the core asks for, and what came of it.

The core never sees a client. It hands out a request with an id, and hears once, before the
deadline, what became of it. Error classes follow Hetzner's documented error codes
(https://docs.hetzner.cloud/#errors).
"""

import enum
from dataclasses import dataclass
from typing import Final, TypeAlias

from hakeeper.core.model import Action, AddressRef, FloatingIp, OddFloatingIp, Server

PAGE_SIZE: Final = 50
"""How many entries Hetzner puts into one page of a list at most."""
ASSIGNED: Final = "floating_ip_assigned"
"""Hetzner's code for an assign that finds the address assigned already: nothing is locked."""
NOT_THIS_MACHINE: Final = "not_this_machine"
"""Our code for a server that exists, and has no address that is on this machine."""
NO_IDENTITY: Final = "no_identity"
"""Our code for a machine that cannot find out which server it is: the API was not even asked."""


def pages_of(count: int) -> int:
    """Return how many pages a list of so many entries has; an empty one has one."""
    return max(1, -(-count // PAGE_SIZE))


@dataclass(frozen=True, slots=True)
class Identify:
    """Find out which server this machine is, and have the API confirm it."""

    cached_server_id: int | None = None


@dataclass(frozen=True, slots=True)
class ListFloatingIps:
    """Read all floating IPs of the project, all pages: names, addresses and holders in one."""


@dataclass(frozen=True, slots=True)
class ReadFloatingIp:
    """Read one floating IP."""

    floating_ip_id: int


@dataclass(frozen=True, slots=True)
class Assign:
    """Make `server_id` (always our own) the holder: the only mutating call there is."""

    floating_ip_id: int
    server_id: int


@dataclass(frozen=True, slots=True)
class ReadActions:
    """Read the state of up to 25 actions in one call."""

    action_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ReadServer:
    """Read one server, to learn whether the holder of a contested address is running."""

    server_id: int


Request: TypeAlias = Identify | ListFloatingIps | ReadFloatingIp | Assign | ReadActions | ReadServer


@dataclass(frozen=True, slots=True)
class Identified:
    """This machine is said to be `server`; `source` tells by whom, for the log."""

    server: Server
    source: str
    is_here: bool = True
    """An address of that server is on this machine; also where the API tells none of any."""


@dataclass(frozen=True, slots=True)
class FloatingIpsListed:
    """Every floating IP of the project."""

    floating_ips: tuple[FloatingIp, ...]
    odd: tuple[OddFloatingIp, ...] = ()
    """Those that cannot be read as far as it may be needed; one may be among both."""

    def why_odd(self, ref: AddressRef) -> str | None:
        """Say why one that the configuration may mean cannot be used; None if there is none."""
        return next((each.why for each in self.odd if each.may_be(ref)), None)


@dataclass(frozen=True, slots=True)
class FloatingIpRead:
    """One floating IP."""

    floating_ip: FloatingIp


@dataclass(frozen=True, slots=True)
class AssignAccepted:
    """201: the action exists. It may still fail, and it is not the end of a claim."""

    action: Action


@dataclass(frozen=True, slots=True)
class ActionsRead:
    """The actions asked for; one that the API no longer knows is missing."""

    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class ServerRead:
    """One server."""

    server: Server


Answer: TypeAlias = (
    Identified | FloatingIpsListed | FloatingIpRead | AssignAccepted | ActionsRead | ServerRead
)


class FailureKind(enum.Enum):
    """Each class has its own response; see `core/reconcile.py`."""

    TRANSIENT = "transient"
    """Surely not done, and worth trying again: 5xx but 504, refused, DNS, TLS, not sent."""
    THROTTLED = "throttled"
    """429: every call waits."""
    LOCKED = "locked"
    """423 locked, 409 conflict, 422 floating_ip_assigned: something else is under way; read."""
    AUTH = "auth"
    """401 and 403 forbidden: the operator has to change the token."""
    NOT_FOUND = "not found"
    """404: the id is not in this token's project (any more)."""
    REFUSED = "refused"
    """Any other 4xx: the request will not get better by repeating it."""
    OUTCOME_UNKNOWN = "outcome unknown"
    """Sent, but no usable answer (timeout, reset, 504, unreadable 2xx): it may have been done."""
    CANCELLED = "cancelled"
    """Cancelled before a byte was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a call brought no answer. `message` is for people and holds no token."""

    kind: FailureKind
    code: str
    """Hetzner's error code, or one of ours such as `connection_refused`, `dns`, `deadline`."""
    message: str
    http_status: int | None = None
    retry_after_s: float | None = None
    """From `Retry-After`; only with THROTTLED."""
    correlation_id: str = ""
    """Hetzner's X-Correlation-Id, which their support asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """The RateLimit headers of the newest answer (token bucket per project)."""

    limit_per_hour: int
    remaining: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResult:
    """The end of one call; exactly one for each call started."""

    call_id: int
    outcome: Answer | Failure
    sent_at_s: float | None
    """Monotonic time at which the request's bytes went to the socket; None if none did."""
    finished_at_s: float
    quota: Quota | None = None

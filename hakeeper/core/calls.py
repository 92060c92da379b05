"""API calls as values: what the core asks for, and what came of it.

The core never sees a client. It hands out a request with an id, and hears once, before the
deadline, what became of it. Which HTTP request a value stands for, its kind knows (`kinds/`).
"""

import enum
from dataclasses import dataclass
from typing import Final, TypeAlias

from hakeeper.core.model import Action, Server
from hakeeper.core.observation import Key, Observation, Reading, ResourceId

NOT_THIS_MACHINE: Final = "not_this_machine"
"""Our code for a server that exists, and has no resource that is on this machine."""
NO_IDENTITY: Final = "no_identity"
"""Our code for a machine that cannot find out which server it is: the API was not even asked."""


@dataclass(frozen=True, slots=True)
class Step:
    """One mutating request that brings a resource closer to us.

    `holder`: who has it when the step is done; None: nobody. It is our own server, or None if a
    kind has to take the resource from its holder first. Two steps of one `lane` never run at once.
    `given`: what the kind read, and builds the request upon. `most`: so many resources for which
    the steps are equal may go with one request. `room`: so many may be on their way to us at once,
    if that is limited: what is taken from its holder must find its place here.
    """

    name: str
    holder: Key | None
    lane: str
    given: tuple[str, ...] = ()
    most: int = 1
    room: int | None = None


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why no request brings a resource closer to us: somebody has to make room for it first.

    `code` and `message` are as those of a `Failure`.
    """

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Identify:
    """Find out which server of this API this machine is, and have the API confirm it."""

    api: str
    cached_server_id: Key | None = None


@dataclass(frozen=True, slots=True)
class ReadAll:
    """Read all resources of this kind, all pages: names, resources and holders in one.

    `within`: only those in these parts of the API, where the kind has such; empty: all.
    """

    kind: str
    within: tuple[Key, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadOne:
    """Read one resource."""

    resource: ResourceId


@dataclass(frozen=True, slots=True)
class Mutate:
    """Take a step with a resource: the only mutating call there is. `also`: others go with it."""

    resource: ResourceId
    step: Step
    also: tuple[ResourceId, ...] = ()

    @property
    def resources(self) -> tuple[ResourceId, ...]:
        """Return all of them."""
        return (self.resource, *self.also)


@dataclass(frozen=True, slots=True)
class ReadActions:
    """Read the state of several actions in one call."""

    api: str
    action_ids: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class ReadServer:
    """Read one server, to learn whether the holder of a resource is running."""

    api: str
    server_id: Key


Request: TypeAlias = Identify | ReadAll | ReadOne | Mutate | ReadActions | ReadServer


@dataclass(frozen=True, slots=True)
class Identified:
    """This machine is said to be `server`; `source` tells by whom, for the log."""

    server: Server
    source: str
    is_here: bool = True
    """A resource of that server is on this machine; also where the API tells none of any."""


@dataclass(frozen=True, slots=True)
class AllRead:
    """Every resource of this kind, or of the parts of it that were asked for.

    `requests`: so many HTTP requests it took.
    """

    kind: str
    reading: Reading
    within: tuple[Key, ...] = ()
    requests: int = 1


@dataclass(frozen=True, slots=True)
class OneRead:
    """One resource."""

    observation: Observation


@dataclass(frozen=True, slots=True)
class MutationAccepted:
    """The action exists. It may still fail, and it is not the end of a claim.

    None: this API answers when the work is done.
    """

    action: Action | None


@dataclass(frozen=True, slots=True)
class ActionsRead:
    """The actions asked for; one that the API no longer knows is missing."""

    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class ServerRead:
    """One server."""

    server: Server


Answer: TypeAlias = Identified | AllRead | OneRead | MutationAccepted | ActionsRead | ServerRead


class FailureKind(enum.Enum):
    """Each class has its own response; see `core/apis/failure_table.py`."""

    TRANSIENT = "transient"
    """Surely not done, and worth trying again: 5xx but 504, refused, DNS, TLS, not sent."""
    THROTTLED = "throttled"
    """429: every call waits."""
    LOCKED = "locked"
    """423 locked, 409 conflict: something else is under way; read."""
    ALREADY = "already assigned"
    """It has the holder that was asked for, or another one: nothing is locked; read."""
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
    """The API's error code, or one of ours such as `connection_refused`, `dns`, `deadline`."""
    message: str
    http_status: int | None = None
    retry_after_s: float | None = None
    """From `Retry-After`; only with THROTTLED."""
    correlation_id: str = ""
    """The API's id of this answer, which its support asks for."""


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

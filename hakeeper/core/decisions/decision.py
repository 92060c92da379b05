"""What the core decides and the journal hears of: one dataclass for each kind of entry.

They say what was decided, in types; the journal has the sentences. Where another server is shown,
its name stands beside its id, as far as it is known at that moment.
"""

from dataclasses import dataclass
from typing import TypeAlias

from hakeeper.core.calls import Failure, Request
from hakeeper.core.decisions.base import OfResource, OfVrrp
from hakeeper.core.decisions.pause import ClaimPaused, PauseBegun, PauseEnded, PauseExpired
from hakeeper.core.decisions.selectors import (
    ResourceChosenTwice,
    ResourceDeselected,
    ResourceSelected,
    SelectorBroad,
    SelectorEmpty,
)
from hakeeper.core.decisions.step_down import StepDownDecision
from hakeeper.core.decisions.take import TakeBegun
from hakeeper.core.model import FifoState, IpAddress, ProcessId, Role, Server
from hakeeper.core.observation import Holder, Observation, Other, ResourceId, ResourceRef
from hakeeper.core.roles.lines import BadLine

# --- the FIFO and its lines ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FifoOpened:
    """The FIFO was opened for the first time."""

    detail: str


@dataclass(frozen=True, slots=True)
class FifoRecovered:
    """The FIFO could not be read, and now it can."""

    detail: str


@dataclass(frozen=True, slots=True)
class FifoReplaced:
    """Another FIFO lies at the path, and was opened."""

    detail: str


@dataclass(frozen=True, slots=True)
class FifoFailed:
    """The FIFO at `path` cannot be read."""

    state: FifoState
    detail: str
    path: str


@dataclass(frozen=True, slots=True)
class FifoOverflowed:
    """Lines were lost, so often since this was last reported."""

    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class LineRejected:
    """A line was ignored."""

    line: BadLine


@dataclass(frozen=True, slots=True)
class LinesRejected:
    """So many more lines were ignored."""

    count: int


# --- keepalived and its roles ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class KeepalivedRuns:
    """A keepalived process was seen."""

    process: ProcessId


@dataclass(frozen=True, slots=True)
class KeepalivedStopped:
    """Keepalived has ended after it had stopped all of its instances."""

    reason: str


@dataclass(frozen=True, slots=True)
class KeepalivedLost:
    """Keepalived has ended without that. `replaced`: another one runs already."""

    reason: str
    replaced: bool


@dataclass(frozen=True, slots=True)
class QueryFailed:
    """Keepalived cannot be asked for its roles."""

    reason: str


@dataclass(frozen=True, slots=True)
class UnknownInstance(OfVrrp):
    """Keepalived speaks of a name that is not configured."""


@dataclass(frozen=True, slots=True)
class RoleUnverified:
    """Lines are believed although the process that writes them is not seen."""


@dataclass(frozen=True, slots=True)
class RoleChanged(OfVrrp):
    """The role moved; where `before` is `after`, through another one."""

    before: Role
    after: Role
    reason: str
    generation: int


@dataclass(frozen=True, slots=True)
class VrrpAddressMissing(OfVrrp):
    """Keepalived is isolated: when that begins, and if it becomes MASTER all the same."""

    missing: tuple[IpAddress, ...]
    role: Role


@dataclass(frozen=True, slots=True)
class VrrpAddressFound(OfVrrp):
    """Nothing is missing any more; MASTER counts again after `wait_s`."""

    found: tuple[IpAddress, ...]
    wait_s: float


# --- claims ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ClaimStarted(OfResource):
    """The first assign of a claim is about to go out."""

    holder: Holder
    holder_name: str
    cause: str


@dataclass(frozen=True, slots=True)
class ClaimAbandoned(OfResource):
    """Demoted, or isolated, in the middle of a claim."""

    reason: str


@dataclass(frozen=True, slots=True)
class ClaimFailed(OfResource):
    """An assign failed; once for each code of a claim."""

    api: str
    failure: Failure


@dataclass(frozen=True, slots=True)
class ClaimUnseen(OfResource):
    """The assign is done, but no read shows it; it is sent again."""

    holder: Holder
    holder_name: str


@dataclass(frozen=True, slots=True)
class ActionOverdue(OfResource):
    """The action does not end; the holder is read instead."""


@dataclass(frozen=True, slots=True)
class ResourceConfirmed(OfResource):
    """Nothing had to be done: a read says that it is ours."""

    cause: str


@dataclass(frozen=True, slots=True)
class Phases:
    """When each phase of a claim was reached, in monotonic seconds."""

    line_s: float
    """When the line (or whatever else began it) was read."""
    sent_s: float | None = None
    accepted_s: float | None = None
    finished_s: float | None = None
    confirmed_s: float | None = None


@dataclass(frozen=True, slots=True)
class ResourceClaimed(OfResource):
    """The action succeeded and the holder was read back as ours, after so many failures."""

    cause: str
    failures: int
    phases: Phases


@dataclass(frozen=True, slots=True)
class ResourceDrifted(OfResource):
    """We are MASTER and had it, and it is somewhere else."""

    holder: Holder
    holder_name: str


@dataclass(frozen=True, slots=True)
class ResourceHeldDown(OfResource):
    """Another server takes it again and again, and keeps it for `wait_s`."""

    holder: Other
    holder_name: str
    wait_s: float


# --- the API and what it shows ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ResourceResolved(OfResource):
    """What is configured was found in the project."""

    ref: ResourceRef
    resource_id: ResourceId


@dataclass(frozen=True, slots=True)
class ResourceRenamed(OfResource):
    """The resource has another name than the configuration says; its id is the same."""

    found: Observation


@dataclass(frozen=True, slots=True)
class ResourceUnresolved(OfResource):
    """What is configured names no resource, or one that another entry names."""

    why: str


@dataclass(frozen=True, slots=True)
class ResourceBlocked(OfResource):
    """Its provider has blocked it."""


@dataclass(frozen=True, slots=True)
class ZoneMismatch(OfResource):
    """It is in another network zone than this server."""

    zone: str
    server_zone: str


@dataclass(frozen=True, slots=True)
class ApiFailed:
    """A read failed; once until an answer comes."""

    api: str
    failure: Failure
    request: Request


@dataclass(frozen=True, slots=True)
class ApiRecovered:
    """The API answers again."""

    api: str
    lasted_s: float


@dataclass(frozen=True, slots=True)
class ServerIdentified:
    """We know which server this is, and from where."""

    api: str
    server: Server
    source: str


@dataclass(frozen=True, slots=True)
class ServerUnidentified:
    """We do not know which server this is, so nothing can be claimed."""

    api: str
    failure: Failure


Decision: TypeAlias = (
    FifoOpened
    | FifoRecovered
    | FifoReplaced
    | FifoFailed
    | FifoOverflowed
    | LineRejected
    | LinesRejected
    | KeepalivedRuns
    | KeepalivedStopped
    | KeepalivedLost
    | QueryFailed
    | UnknownInstance
    | RoleUnverified
    | RoleChanged
    | VrrpAddressMissing
    | VrrpAddressFound
    | ClaimStarted
    | ClaimAbandoned
    | ClaimFailed
    | ClaimUnseen
    | ActionOverdue
    | ResourceConfirmed
    | ResourceClaimed
    | ResourceDrifted
    | ResourceHeldDown
    | ResourceResolved
    | ResourceRenamed
    | ResourceUnresolved
    | ResourceSelected
    | ResourceDeselected
    | ResourceChosenTwice
    | SelectorEmpty
    | SelectorBroad
    | ResourceBlocked
    | ZoneMismatch
    | ApiFailed
    | ApiRecovered
    | ServerIdentified
    | ServerUnidentified
    | PauseBegun
    | PauseEnded
    | PauseExpired
    | ClaimPaused
    | StepDownDecision
    | TakeBegun
)

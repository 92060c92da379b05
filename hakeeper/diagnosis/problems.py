"""What can be wrong: one dataclass for each kind of trouble, with what is to be known of it.

The sentences and cures are in `adapters/problem_texts.py`. `code` is what scripts compare.
"""

import enum
from dataclasses import dataclass
from typing import ClassVar, Final, TypeAlias

from hakeeper.core.apis.failure_table import api_code
from hakeeper.core.calls import Failure
from hakeeper.core.kind import Api
from hakeeper.core.model import FifoState, IpAddress, Role, VrrpId
from hakeeper.diagnosis.operator_problems import OperatorTrouble


class Health(enum.IntEnum):
    """The verdict; the numbers are the exit codes of `hakeeper status`."""

    OK = 0
    DEGRADED = 1
    BROKEN = 2


# --- the API and the configuration ------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ApiFails:
    """No usable answer comes from the API; `endpoint` and `secret_file` as in `ApiSettings`."""

    api: Api
    failure: Failure
    endpoint: str
    secret_file: str = ""

    @property
    def code(self) -> str:
        """What kind of failure it is."""
        return api_code(self.failure, self.api.known_by)


@dataclass(frozen=True, slots=True)
class ReadRefused:
    """The API works, and refuses to let the holders be read."""

    code: ClassVar = "api.refused"
    api: Api
    failure: Failure


@dataclass(frozen=True, slots=True)
class QuotaLow:
    """Few calls are left in this hour."""

    code: ClassVar = "quota.low"
    api: Api
    left: int
    limit_per_hour: int


@dataclass(frozen=True, slots=True)
class ServerUnknown:
    """Which server this is, is not known; without a failure, not yet."""

    code: ClassVar = "server.unidentified"
    api: Api
    failure: Failure | None


@dataclass(frozen=True, slots=True)
class ReloadRefused:
    """The old configuration is in force."""

    code: ClassVar = "config.refused"
    reason: str


# --- keepalived -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FifoClosed:
    """The FIFO at `path` is not open; without a state, it was never tried."""

    state: FifoState | None
    detail: str
    path: str

    @property
    def code(self) -> str:
        """What is wrong with the FIFO."""
        return FIFO_CODES[self.state or FifoState.MISSING]


FIFO_CODES: Final = {
    FifoState.MISSING: "fifo.missing",
    FifoState.NOT_A_FIFO: "fifo.not_a_fifo",
    FifoState.DENIED: "fifo.denied",
    FifoState.BUSY: "fifo.busy",
    FifoState.FAILED: "fifo.failed",
}


@dataclass(frozen=True, slots=True)
class NoWriter:
    """Keepalived runs, but has not opened the FIFO."""

    code: ClassVar = "fifo.no_writer"
    path: str


@dataclass(frozen=True, slots=True)
class KeepalivedUnseen:
    """Lines come from a process that is not seen."""

    code: ClassVar = "keepalived.unseen"


@dataclass(frozen=True, slots=True)
class KeepalivedDown:
    """It was stopped in order."""

    code: ClassVar = "keepalived.stopped"


@dataclass(frozen=True, slots=True)
class KeepalivedEnded:
    """It does not run; how it ended, if it was ever seen."""

    code: ClassVar = "keepalived.gone"
    reason: str


@dataclass(frozen=True, slots=True)
class KeepalivedHangs:
    """It is on D-Bus, and lets questions wait."""

    code: ClassVar = "keepalived.hangs"
    reason: str


@dataclass(frozen=True, slots=True)
class KeepalivedUnasked:
    """It is to be asked over D-Bus, and cannot be."""

    code: ClassVar = "keepalived.unasked"
    reason: str


# --- roles ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RoleDoubtful:
    """Lines may have been lost with a FIFO."""

    code: ClassVar = "role.doubtful"
    vrrp: VrrpId
    role: Role


@dataclass(frozen=True, slots=True)
class RoleUnknown:
    """Keepalived runs, and has not said the role; why it cannot be asked, if so."""

    code: ClassVar = "role.unknown"
    vrrp: VrrpId
    query_failure: str


@dataclass(frozen=True, slots=True)
class RoleUnheard:
    """Keepalived does not have this name. `was_named`: it had it before.

    `is_surely_missing`: it told all its names over D-Bus; else others came, and never this one.
    `others` are those that it has and hakeeper.yaml does not; it may have none.
    """

    code: ClassVar = "role.unheard"
    vrrp: VrrpId
    was_named: bool
    others: tuple[str, ...]
    is_surely_missing: bool = True


@dataclass(frozen=True, slots=True)
class RoleFault:
    """This server cannot become MASTER."""

    code: ClassVar = "role.fault"
    vrrp: VrrpId


@dataclass(frozen=True, slots=True)
class RoleStopped:
    """Keepalived runs, without this instance."""

    code: ClassVar = "role.stopped"
    vrrp: VrrpId


@dataclass(frozen=True, slots=True)
class Isolated:
    """Keepalived cannot hear its peers."""

    code: ClassVar = "vrrp_address.missing"
    vrrp: VrrpId
    missing: tuple[IpAddress, ...]


@dataclass(frozen=True, slots=True)
class IsolationEnds:
    """Nothing is missing any more; a better master is given a moment."""

    code: ClassVar = "vrrp_address.returning"
    vrrp: VrrpId


# --- addresses --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Unresolved:
    """What is configured cannot be found, or cannot be used."""

    code: ClassVar = "address.unresolved"
    vrrp: VrrpId
    noun: str
    ref: str
    why: str


@dataclass(frozen=True, slots=True)
class Blocked:
    """Its provider has blocked it."""

    code: ClassVar = "address.blocked"
    title: str


@dataclass(frozen=True, slots=True)
class HeldDown:
    """Another server takes it back again and again."""

    code: ClassVar = "address.held_down"
    title: str
    holder_name: str


@dataclass(frozen=True, slots=True)
class Disputed:
    """Another server took it while this one was MASTER."""

    code: ClassVar = "address.disputed"
    title: str


@dataclass(frozen=True, slots=True)
class Unauthorized:
    """The token may not assign it."""

    api: Api
    title: str
    failure: Failure
    endpoint: str
    secret_file: str = ""

    @property
    def code(self) -> str:
        """Whether the token may only read."""
        return api_code(self.failure, self.api.known_by)


@dataclass(frozen=True, slots=True)
class Pending:
    """This server is MASTER, and it is not confirmed here yet.

    `failure`: why the last try failed. `server_name`: this server, if that is known. `kind` and
    `part` say what it is, and where it lies, if its kind has such.
    """

    code: ClassVar = "address.pending"
    title: str
    failure: Failure | None
    server_name: str | None
    stage: str
    endpoint: str
    kind: str
    part: str = ""


@dataclass(frozen=True, slots=True)
class LeftHere:
    """It is on this server, which is not MASTER."""

    code: ClassVar = "address.left_here"
    title: str
    role: Role


@dataclass(frozen=True, slots=True)
class Nowhere:
    """It is on no server that runs; `holder_name`: the one that does not run, and its status."""

    code: ClassVar = "address.nowhere"
    title: str
    holder_name: str = ""
    status: str = ""


Trouble: TypeAlias = (
    ApiFails
    | ReadRefused
    | QuotaLow
    | ServerUnknown
    | ReloadRefused
    | FifoClosed
    | NoWriter
    | KeepalivedUnseen
    | KeepalivedDown
    | KeepalivedEnded
    | KeepalivedHangs
    | KeepalivedUnasked
    | RoleDoubtful
    | RoleUnknown
    | RoleUnheard
    | RoleFault
    | RoleStopped
    | Isolated
    | IsolationEnds
    | Unresolved
    | OperatorTrouble
    | Blocked
    | HeldDown
    | Disputed
    | Unauthorized
    | Pending
    | LeftHere
    | Nowhere
)


@dataclass(frozen=True, slots=True)
class Problem:
    """One trouble, how bad it is, and since when (monotonic seconds; None: it has no beginning)."""

    health: Health
    trouble: Trouble
    since_s: float | None = None

    @property
    def code(self) -> str:
        """A key of `adapters.cures.TROUBLES`."""
        return self.trouble.code

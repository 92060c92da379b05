"""The nouns: roles, VRRP names, processes, servers, and what the operator wants.

Nothing here knows a clock: every time stamp is a float of monotonic seconds that the caller gave.
"""

import enum
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from hakeeper.core.observation import IpNetwork, Key, ResourceRef

IpAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

NEVER: Final = float("-inf")
"""The time of what has not happened: before every other."""


class Role(enum.Enum):
    """What keepalived last said of an instance or group."""

    UNKNOWN = "UNKNOWN"
    """No running keepalived has said it."""
    BACKUP = "BACKUP"
    MASTER = "MASTER"
    FAULT = "FAULT"
    STOPPED = "STOPPED"
    """Stopped in order, or removed from keepalived's configuration."""


class VrrpKind(enum.Enum):
    """What a FIFO line is about; the values are the first words of the lines."""

    INSTANCE = "INSTANCE"
    GROUP = "GROUP"


@dataclass(frozen=True, slots=True)
class VrrpId:
    """A `vrrp_instance` or a `vrrp_sync_group`, by its name in keepalived.conf."""

    kind: VrrpKind
    name: str

    def __str__(self) -> str:
        """Return the name as people say it; a group says that it is one."""
        return self.name if self.kind is VrrpKind.INSTANCE else f"group {self.name}"


@dataclass(frozen=True, slots=True)
class ProcessId:
    """One run of a process: the pid alone would be reused.

    `start_ticks` is field 22 of /proc/PID/stat, in clock ticks since boot (proc(5)); None where
    /proc does not show it. `boot_id` is /proc/sys/kernel/random/boot_id.
    """

    pid: int
    start_ticks: int | None
    boot_id: str

    def same_run(self, other: "ProcessId") -> bool:
        """Say whether both are surely the same run; without a start time nothing is sure."""
        return self.start_ticks is not None and self == other


# --- what an API shows beside resources --------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What an API said of a server. `status` is the API's, such as `running` or `off`."""

    id: Key
    name: str
    status: str
    zone: str = ""
    """Which resources it can hold, where that is limited: those of the same zone."""
    # Where it is to be found decides nothing here, so two answers that differ in it are the same.
    own: tuple[IpNetwork, ...] | None = field(default=None, compare=False)
    """Its Primary IPs (IPv6: the network) and private addresses; None where the API does not say.

    What moves is not among them.
    """
    without: tuple[int, ...] = field(default=(), compare=False)
    """The IP versions of which it surely has no Primary IP."""
    also: tuple[Key, ...] = ()
    """What else the API calls it: some name a server by one address of each family."""

    @property
    def keys(self) -> tuple[Key, ...]:
        """Return everything that the API calls it."""
        return (self.id, *self.also)


class ActionStatus(enum.Enum):
    """The state of work that an API does after it has answered."""

    RUNNING = "running"
    SUCCESS = "success"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What an API said of such work; the error fields are filled when `status` is ERROR."""

    id: Key
    status: ActionStatus
    error_code: str = ""
    error_message: str = ""


# --- what the operator wants ----------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings:
    """What the operator says of one API."""

    call_timeout_s: float = 5.0
    """Total time for one call."""
    endpoint: str = ""
    """Where it is, for the cures that are shown; nothing is asked by the core."""
    secret_file: str = ""
    """The file of the token or login that the configuration names, likewise; empty: none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The part of the configuration that the core works from; all times in seconds."""

    resources: Mapping[VrrpId, tuple[ResourceRef, ...]]
    """What goes with which instance or group; a resource stands here once."""
    interval_s: float = 10.0
    """Between two readings of the holders while MASTER of anything."""
    standby_interval_s: float = 60.0
    """Between two readings while MASTER of nothing; keeps the connection warm too."""
    can_query: bool = False
    """Whether there is a way to ask keepalived for its state (D-Bus)."""
    must_query: bool = False
    """Whether it is a trouble when keepalived cannot be asked, though its lines say the roles."""
    apis: Mapping[str, ApiSettings] = field(default_factory=dict)
    """By the names of the APIs; the defaults hold for one that is not here."""
    fifo_path: str = "/run/hakeeper/notify.fifo"
    """Likewise: the FIFO that keepalived has to write to."""
    vrrp_addresses: Mapping[VrrpId, tuple[IpAddress, ...]] = field(default_factory=dict)
    """The private addresses that keepalived uses; a name that is not here is not checked."""


class FifoState(enum.Enum):
    """Whether we are listening."""

    OPEN = "open"
    MISSING = "missing"
    NOT_A_FIFO = "not a FIFO"
    DENIED = "permission denied"
    BUSY = "held by another reader"
    FAILED = "cannot be opened"


@dataclass(frozen=True, slots=True)
class RefusedSettings:
    """A reload that was refused: the old configuration stays, and the next start would fail."""

    reason: str
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """An operator wants nothing moved for a while; both times are monotonic seconds.

    `by`: the user's name as the client gave it, which may be empty; `user_id` is the kernel's.
    """

    by: str
    user_id: int
    reason: str
    since_s: float
    until_s: float

    def taken_up(self, today_s: float, now: float) -> "Pause":
        """Return a pause whose times are those of another clock, which says `today_s`, by ours.

        At most the whole of it is left, even if the other clock was set back.
        """
        left_s = min(self.until_s - today_s, self.until_s - self.since_s)
        since_s = now - max(0.0, today_s - self.since_s)
        return replace(self, since_s=since_s, until_s=now + left_s)


class StepDownStage(enum.Enum):
    """How far a step-down has come; the values are what programs read."""

    AWAITING_MASTER = "awaiting_master"
    """This server is MASTER yet: no other node has taken over."""
    AWAITING_CLAIM = "awaiting_claim"
    """Another node is MASTER; not all addresses were read to be with other servers."""
    DOWN = "down"
    """Other servers have all addresses."""
    MASTER_AGAIN = "master_again"
    """It was down, and this server is MASTER again, since no better node is left."""


class StepDownEnd(enum.Enum):
    """Why a step-down is over; the values are what programs read."""

    STEPPED_UP = "stepped_up"
    """An operator ended it."""
    EXPIRED = "expired"
    NOT_TAKEN_OVER = "not_taken_over"
    """No other node became MASTER in time."""
    NOT_CLAIMED = "not_claimed"
    """Another node became MASTER, and not all addresses came to other servers in time."""
    CAME_BACK = "came_back"
    """This server was MASTER again before they did."""

    @property
    def is_failure(self) -> bool:
        """Whether the step-down never came as far as it should."""
        return self not in {StepDownEnd.STEPPED_UP, StepDownEnd.EXPIRED}


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDown:
    """This server is to be MASTER of nothing for a while; times are monotonic seconds.

    `by`: the user's name as the client gave it, which may be empty; `user_id` is the kernel's.
    """

    by: str
    user_id: int
    reason: str
    since_s: float
    until_s: float
    vrrps: tuple[VrrpId, ...] = ()
    """What this server was MASTER of when it began."""
    yielded_s: float | None = None
    """When keepalived had given all of that up."""
    claimed_s: float | None = None
    """When all addresses were known to be with other servers."""
    back_s: float | None = None
    """Since when this server is MASTER again all the same."""

    @property
    def stage(self) -> StepDownStage:
        """How far it has come."""
        if self.yielded_s is None:
            return StepDownStage.AWAITING_MASTER
        if self.claimed_s is None:
            return StepDownStage.AWAITING_CLAIM
        return StepDownStage.DOWN if self.back_s is None else StepDownStage.MASTER_AGAIN

    @property
    def yield_s(self) -> float | None:
        """How many seconds it took until another node was MASTER; None: it is not."""
        return None if self.yielded_s is None else self.yielded_s - self.since_s

    @property
    def claim_s(self) -> float | None:
        """How many seconds after that other servers had all addresses; None: they have not."""
        if self.yielded_s is None or self.claimed_s is None:
            return None
        return self.claimed_s - self.yielded_s

    def prolonged(self, by: "StepDown") -> "StepDown":
        """Return this one with the end, the reason and the operator of another."""
        who = replace(self, by=by.by, user_id=by.user_id, reason=by.reason)
        return replace(who, until_s=by.until_s)


@dataclass(frozen=True, slots=True)
class EndedStepDown:
    """A step-down that is over, and since when (monotonic seconds)."""

    step_down: StepDown
    end: StepDownEnd
    at_s: float


@dataclass(slots=True)
class StepDowns:
    """The step-down of this server, if there is one, and the last that ended in this run."""

    current: StepDown | None = None
    ended: EndedStepDown | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedState:
    """What survives a restart of hakeeper: roles, and the process that said them."""

    keepalived: ProcessId | None
    roles: Mapping[VrrpId, Role]
    servers: Mapping[str, Key] = field(default_factory=dict)
    """By the names of the APIs: the id that each last confirmed for this machine."""

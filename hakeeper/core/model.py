"""The nouns: roles, VRRP names, floating IPs and who owns them.

Nothing here knows a clock: every time stamp is a float of monotonic seconds that the caller gave.
"""

import enum
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, assert_never

IpNetwork: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
IpAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


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


# --- floating IPs and their holders ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ByName:
    """A floating IP named by its name at Hetzner (unique per project, exact match)."""

    name: str

    def __str__(self) -> str:
        """Return it as the operator wrote it."""
        return self.name


@dataclass(frozen=True, slots=True)
class ById:
    """A floating IP named by its numeric id."""

    id: int

    def __str__(self) -> str:
        """Return it as the operator wrote it."""
        return str(self.id)


@dataclass(frozen=True, slots=True)
class ByNetwork:
    """A floating IP named by its address: IPv4 as a /32, IPv6 as the whole /64 that moves.

    Hetzner hands IPv6 floating IPs out as /64 networks, so any address in it names it.
    """

    network: IpNetwork

    def __str__(self) -> str:
        """Return a lone address without its prefix length."""
        if self.network.prefixlen == self.network.max_prefixlen:
            return str(self.network.network_address)
        return str(self.network)


AddressRef: TypeAlias = ByName | ById | ByNetwork
"""How the configuration names a floating IP."""


@dataclass(frozen=True, slots=True)
class Us:
    """The floating IP is assigned to this server."""


@dataclass(frozen=True, slots=True)
class Other:
    """The floating IP is assigned to another server."""

    server_id: int


@dataclass(frozen=True, slots=True)
class Nobody:
    """The floating IP is assigned to no server."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """We do not know the holder; this is not the same as `not Mine`."""

    reason: str


Holder: TypeAlias = Us | Other | Nobody | Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class FloatingIp:
    """What the API said of a floating IP. `server_id` None: assigned to nobody."""

    id: int
    name: str
    network: IpNetwork
    server_id: int | None
    blocked: bool = False
    network_zone: str = ""

    def __str__(self) -> str:
        """Return the address for people: IPv4 bare, IPv6 as a network."""
        return str(ByNetwork(self.network))


@dataclass(frozen=True, slots=True, kw_only=True)
class OddFloatingIp:
    """A floating IP of which the API did not say what is needed; what cannot be read is None.

    It may be one of ours. If it is not, it is no concern of ours.
    """

    id: int | None
    name: str | None
    network: IpNetwork | None
    why: str

    def may_be(self, ref: AddressRef) -> bool:
        """Say whether the configuration may mean this one."""
        match ref:
            case ById(floating_ip_id):
                return self.id in (None, floating_ip_id)
            case ByName(name):
                return self.name in (None, name)
            case ByNetwork(network):
                return self.network in (None, network)
            case _:  # pragma: no cover
                assert_never(ref)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What the API said of a server. `status` is Hetzner's, such as `running` or `off`."""

    id: int
    name: str
    status: str
    network_zone: str = ""
    # Where it is to be found decides nothing here, so two answers that differ in it are the same.
    own: tuple[IpNetwork, ...] | None = field(default=None, compare=False)
    """Its Primary IPs (IPv6: the network) and private addresses; None where the API does not say.

    Floating and alias IPs are not among them: those move.
    """
    without: tuple[int, ...] = field(default=(), compare=False)
    """The IP versions of which it surely has no Primary IP."""


class ActionStatus(enum.Enum):
    """The state of an asynchronous Hetzner action."""

    RUNNING = "running"
    SUCCESS = "success"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What the API said of an action; the error fields are filled when `status` is ERROR."""

    id: int
    status: ActionStatus
    error_code: str = ""
    error_message: str = ""


# --- what the operator wants ----------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The part of the configuration that the core works from; all times in seconds."""

    addresses: Mapping[VrrpId, tuple[AddressRef, ...]]
    """Which floating IPs go with which instance or group; an address stands here once."""
    interval_s: float = 10.0
    """Between two readings of the holders while MASTER of anything."""
    standby_interval_s: float = 60.0
    """Between two readings while MASTER of nothing; keeps the connection warm too."""
    call_timeout_s: float = 5.0
    """Total time for one API call."""
    can_query: bool = False
    """Whether there is a way to ask keepalived for its state (D-Bus)."""
    must_query: bool = False
    """Whether it is a trouble when keepalived cannot be asked, though its lines say the roles."""
    endpoint: str = "https://api.hetzner.cloud/v1"
    """Where the API is, for the cures that are shown; nothing is asked by the core."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedState:
    """What survives a restart of hakeeper: roles, and the process that said them."""

    keepalived: ProcessId | None
    roles: Mapping[VrrpId, Role]
    server_id: int | None = None
    """The id that the API last confirmed for this machine."""

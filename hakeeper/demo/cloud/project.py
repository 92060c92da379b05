"""The contents of a project: servers, floating IPs, actions."""

import ipaddress
from dataclasses import dataclass, field

from hakeeper import cloud_register


@dataclass(slots=True, kw_only=True)
class Server:
    """A server; `status` is Hetzner's value (`running`, `off`, ...)."""

    id: int
    name: str
    location: str
    created_s: float
    status: str = "running"
    labels: dict[str, str] = field(default_factory=dict)
    ipv4: str | None = None
    """Its Primary IPv4; None: it has none."""
    ipv6: str | None = None
    """Its Primary IPv6, a /64 network; None: it has none."""
    private_ips: tuple[str, ...] = ()
    """Its address in each private network that it is attached to."""


ON_LOOPBACK = ("127.0.0.1",)
"""The private addresses of a server whose daemon runs on this machine without a namespace."""


def default_ipv4(server_id: int) -> str:
    """Return an address of the documentation range for a server id."""
    return str(ipaddress.IPv4Address("198.51.100.0") + server_id % 256)


def default_ipv6(server_id: int) -> str:
    """Return a network of the documentation range for a server id."""
    return f"2001:db8:{server_id % 0xFFFF:x}::/64"


@dataclass(slots=True, kw_only=True)
class FloatingIp:
    """A floating IP; who has it stands in the register."""

    id: int
    name: str
    ip: str
    location: str
    created_s: float
    labels: dict[str, str] = field(default_factory=dict)
    description: str | None = None
    blocked: bool = False

    @property
    def type(self) -> str:
        """Hetzner's name of the address family."""
        return "ipv6" if ":" in self.ip else "ipv4"


@dataclass(slots=True, kw_only=True)
class Action(cloud_register.Action):
    """An accepted command on a floating IP."""

    command: str
    fault: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirk:
    """How a fault changes one accepted request. Times in seconds; None: as the rules say."""

    fault: int | None = None
    action_s: float | None = None
    action_error: tuple[str, str] | None = None
    locks: bool = True
    late_commit_s: float | None = None
    """The holder changes this long after acceptance, whatever the action reports meanwhile."""


NO_QUIRK = Quirk()

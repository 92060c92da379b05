"""The contents of a project: servers, floating IPs, actions."""

import ipaddress
from dataclasses import dataclass, field

from hakeeper.demo.cloud.values import HolderChange


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
    """A floating IP and all its holders; the last entry is the current one."""

    id: int
    name: str
    ip: str
    location: str
    created_s: float
    labels: dict[str, str] = field(default_factory=dict)
    description: str | None = None
    blocked: bool = False
    history: list[HolderChange] = field(default_factory=list)

    @property
    def type(self) -> str:
        """Hetzner's name of the address family."""
        return "ipv6" if ":" in self.ip else "ipv4"

    @property
    def server(self) -> int | None:
        """The current holder."""
        return self.history[-1].new

    def server_at(self, at_s: float) -> int | None:
        """Return the holder at an earlier time; before the creation, the first one."""
        for change in reversed(self.history):
            if change.at_s <= at_s:
                return change.new
        return self.history[0].new


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """An action. It runs until `ends_s` (infinity: for ever), and fails then if it has an error."""

    id: int
    command: str
    floating_ip: int
    server: int | None
    started_s: float
    ends_s: float
    error: tuple[str, str] | None = None
    locks: bool = True
    fault: int | None = None

    def running(self, now: float) -> bool:
        """Say whether it still runs."""
        return now < self.ends_s

    def status(self, now: float) -> str:
        """Return Hetzner's name of its state."""
        if self.running(now):
            return "running"
        return "success" if self.error is None else "error"


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

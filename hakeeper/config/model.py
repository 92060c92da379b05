"""What a valid configuration is, with every default in one place."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hakeeper.core.model import AddressRef, IpAddress, Settings, VrrpId


class StateSource(enum.Enum):
    """How to learn the role when no line has come."""

    AUTO = "auto"
    """Ask over D-Bus where keepalived offers it, and live without where it does not."""
    DBUS = "dbus"
    """Ask over D-Bus, and say so loudly when that fails."""
    NONE = "none"
    """Never ask: only lines and the state file count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepalivedConfig:
    """Where keepalived is heard and found."""

    fifo: Path = Path("/run/hakeeper/notify.fifo")
    """The path on keepalived's `vrrp_notify_fifo` line."""
    state: StateSource = StateSource.AUTO
    pid_file: Path = Path("/run/keepalived.pid")


@dataclass(frozen=True, slots=True, kw_only=True)
class HetznerConfig:
    """How the API is reached. The token itself is never part of the configuration."""

    endpoint: str = "https://api.hetzner.cloud/v1"
    """Without a slash at the end: hcloud would turn it into a double one."""
    token_file: Path | None = None
    ca_file: Path | None = None
    """PEM file of the authorities to trust instead of the system's."""
    timeout_s: float = 5.0
    """Total, per call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A configuration without errors."""

    addresses: Mapping[VrrpId, tuple[AddressRef, ...]]
    """At least one entry, each with at least one floating IP, none listed twice."""
    vrrp_addresses: Mapping[VrrpId, tuple[IpAddress, ...]] = field(default_factory=dict)
    """The private addresses that keepalived speaks from, for the names that give some."""
    server: str | int = "auto"
    """`auto`, or the id (int) or name (str) of this machine's server."""
    keepalived: KeepalivedConfig = field(default_factory=KeepalivedConfig)
    hetzner: HetznerConfig = field(default_factory=HetznerConfig)
    interval_s: float = 10.0
    standby_interval_s: float = 60.0

    def identity(self) -> tuple[object, ...]:
        """Return what decides which API is asked and which server this is."""
        api = self.hetzner
        return api.endpoint, api.token_file, api.ca_file, self.server

    def settings(self) -> Settings:
        """Return the part that the core works from."""
        return Settings(
            addresses=self.addresses,
            vrrp_addresses=self.vrrp_addresses,
            interval_s=self.interval_s,
            standby_interval_s=self.standby_interval_s,
            call_timeout_s=self.hetzner.timeout_s,
            can_query=self.keepalived.state is not StateSource.NONE,
            must_query=self.keepalived.state is StateSource.DBUS,
            endpoint=self.hetzner.endpoint,
            fifo_path=str(self.keepalived.fifo),
        )

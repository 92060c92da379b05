"""Every key of hakeeper.yaml, one row each, and what a configuration without errors is.

The parser, the defaults, `hakeeper check --json`, conf/hakeeper-full.yaml, docs/configuration.md
and hakeeper.yaml(5) come from these rows, in this order: a new key is one row.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import MappingProxyType

from hakeeper.config import table
from hakeeper.config.resources import RESOURCES
from hakeeper.config.table import Names, Row, items, key, names, section, several
from hakeeper.config.values import ENDPOINT, OPTIONAL_PATH, PATH, SERVER, duration, one_of
from hakeeper.config.vrrp_addresses import VRRP_ADDRESSES
from hakeeper.core.model import ApiSettings, IpAddress, Settings, VrrpId, VrrpKind
from hakeeper.core.observation import ResourceRef
from hakeeper.kinds import KINDS
from hakeeper.kinds.apis import CLOUD

_TIMEOUT = duration(1, 60, "below, good calls fail; above, a dead API holds up a claim")
_INTERVAL = duration(1, 3600, "all nodes share Hetzner's 3600 calls per hour")


class StateSource(enum.Enum):
    """How to learn the role when no line has come."""

    AUTO = "auto"
    """Ask over D-Bus where keepalived offers it, and live without where it does not."""
    DBUS = "dbus"
    """Ask over D-Bus, and say so loudly when that fails."""
    NONE = "none"
    """Never ask: only lines and the state file count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceConfig:
    """What goes with one instance or group."""

    resources: Mapping[str, tuple[ResourceRef, ...]] = several(
        [
            Row(
                path=kind.config_key,
                type=RESOURCES[kind.config_key],
                default=(),
                written="",
                example=kind.example,
                help=kind.help,
            )
            for kind in KINDS.values()
        ]
    )
    """What the cloud moves with it, by the key of each kind."""
    vrrp_addresses: tuple[IpAddress, ...] = items(
        "vrrp_address",
        VRRP_ADDRESSES,
        "The private address of this server that keepalived speaks from (`unicast_src_ip`), or a"
        " list of them; another one on each server. Recommended: while it is missing, keepalived"
        " is isolated, so its MASTER is not believed and nothing is claimed. `null`: not checked.",
        written="null",
        example="null",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepalivedConfig:
    """Where keepalived is heard and found."""

    fifo: Path = key(
        "keepalived.fifo",
        PATH,
        Path("/run/hakeeper/notify.fifo"),
        "The path on the `vrrp_notify_fifo` line of keepalived.conf.",
    )
    state: StateSource = key(
        "keepalived.state",
        one_of(StateSource),
        StateSource.AUTO,
        "How to learn the roles when no line has come, as after a restart of hakeeper. `auto`: over"
        " D-Bus, where keepalived has `enable_dbus`. `dbus`: the same, and a failure of it is an"
        " error. `none`: never ask.",
    )
    pid_file: Path = key(
        "keepalived.pid_file",
        PATH,
        Path("/run/keepalived.pid"),
        "The pid file of keepalived, by which its end is noticed.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HetznerConfig:
    """How the API is reached. The token itself is never part of the configuration."""

    endpoint: str = key(
        "hetzner.endpoint",
        ENDPOINT,
        "https://api.hetzner.cloud/v1",  # hcloud would turn a slash at its end into two
        "Where the API is. `http://` is accepted for loopback addresses only: the token is in every"
        " request.",
    )
    token_file: Path | None = key(
        "hetzner.token_file",
        OPTIONAL_PATH,
        None,
        "A file that holds the API token and nothing else, not readable by everybody"
        " (`chmod o-rwx`). `null`: the systemd credential `hcloud-token`, else the environment"
        " variable `$HCLOUD_TOKEN`.",
    )
    ca_file: Path | None = key(
        "hetzner.ca_file",
        OPTIONAL_PATH,
        None,
        "A PEM file of the certificate authorities to trust. `null`: those of the system.",
    )
    timeout_s: float = key(
        "hetzner.timeout",
        _TIMEOUT,
        5.0,
        "How long one call may take, as a whole.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A configuration without errors."""

    instances: Mapping[str, InstanceConfig] = names(
        "instances",
        Names(VrrpKind.INSTANCE, "vrrp_instance", InstanceConfig),
        "What goes with each `vrrp_instance` of keepalived.conf. At least one instance or group is"
        " needed.",
        example="VI_1",
    )
    groups: Mapping[str, InstanceConfig] = names(
        "groups",
        Names(VrrpKind.GROUP, "vrrp_sync_group", InstanceConfig),
        "The same for each `vrrp_sync_group`: for what follows the group as a whole.",
    )
    server: str | int = key(
        "server",
        SERVER,
        "auto",
        "Which server this machine is: its id or name at Hetzner. `auto` finds out by itself, from"
        " a systemd credential, the machine's DMI data or Hetzner's metadata service. Either way,"
        " Hetzner has to know that server, and one of its Primary IPs or private addresses has to"
        " be on this machine.",
    )
    keepalived: KeepalivedConfig = section(KeepalivedConfig)
    hetzner: HetznerConfig = section(HetznerConfig)
    interval_s: float = key(
        "reconcile.interval",
        _INTERVAL,
        10.0,
        "How often a master reads who holds its addresses: how soon it notices that one was moved"
        " away. All nodes and tools of a project share 3600 calls per hour.",
    )
    standby_interval_s: float = key(
        "reconcile.standby_interval",
        _INTERVAL,
        60.0,
        "The same for a standby; not shorter than `reconcile.interval`.",
    )

    @property
    def named(self) -> Mapping[VrrpId, InstanceConfig]:
        """All instances and groups; at least one."""
        both = ((VrrpKind.INSTANCE, self.instances), (VrrpKind.GROUP, self.groups))
        return {VrrpId(kind, name): one for kind, some in both for name, one in some.items()}

    @property
    def resources(self) -> Mapping[VrrpId, tuple[ResourceRef, ...]]:
        """What the cloud moves with each; at least one, none listed twice."""
        named = self.named.items()
        return MappingProxyType(
            {vrrp: tuple(chain.from_iterable(one.resources.values())) for vrrp, one in named}
        )

    @property
    def vrrp_addresses(self) -> Mapping[VrrpId, tuple[IpAddress, ...]]:
        """The addresses that keepalived speaks from, of those that give some."""
        given = {vrrp: one.vrrp_addresses for vrrp, one in self.named.items()}
        return MappingProxyType({vrrp: some for vrrp, some in given.items() if some})

    def identity(self) -> tuple[object, ...]:
        """Return what decides which API is asked and which server this is."""
        api = self.hetzner
        return api.endpoint, api.token_file, api.ca_file, self.server

    def settings(self) -> Settings:
        """Return the part that the core works from."""
        return Settings(
            resources=self.resources,
            vrrp_addresses=self.vrrp_addresses,
            interval_s=self.interval_s,
            standby_interval_s=self.standby_interval_s,
            can_query=self.keepalived.state is not StateSource.NONE,
            must_query=self.keepalived.state is StateSource.DBUS,
            apis={
                CLOUD.name: ApiSettings(
                    call_timeout_s=self.hetzner.timeout_s, endpoint=self.hetzner.endpoint
                )
            },
            fifo_path=str(self.keepalived.fifo),
        )

    def as_json(self) -> dict[str, object]:
        """Return what `hakeeper check --json` shows: each value by the name of its field."""
        listed = [
            {"kind": vrrp.kind.value, "name": vrrp.name} | table.as_json(one)
            for vrrp, one in self.named.items()
        ]
        return {"addresses": listed} | table.as_json(self)

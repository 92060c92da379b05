"""Every key of hakeeper.yaml, as one row of a table, and the valid configuration.

The parser, the defaults, `hakeeper check --json`, conf/hakeeper-full.yaml, docs/configuration.md
and hakeeper.yaml(5) come from these rows, in this order. A new key is one row.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import MappingProxyType

from hakeeper.config import table
from hakeeper.config.hooks import HooksConfig
from hakeeper.config.resources import RESOURCES
from hakeeper.config.robot import AUTO, ROBOT_SERVER, RobotServer
from hakeeper.config.table import Names, Row, items, key, names, section, several
from hakeeper.config.values import OPTIONAL_PATH, PATH, SERVER, duration, endpoint, one_of
from hakeeper.config.vrrp_addresses import VRRP_ADDRESSES
from hakeeper.core.model import ApiSettings, IpAddress, Settings, VrrpId, VrrpKind
from hakeeper.core.observation import ResourceRef
from hakeeper.kinds import KINDS
from hakeeper.kinds.apis import CLOUD, ROBOT

_TIMEOUT = duration(1, 60, "below, good calls fail; above, a dead API holds up a claim")
_ROBOT_TIMEOUT = duration(5, 120, "below, good calls fail; above, a dead API holds up a claim")
_INTERVAL = duration(1, 3600, "all nodes share Hetzner's 3600 calls per hour")


class StateSource(enum.Enum):
    """How to learn the role without a line from the FIFO."""

    AUTO = "auto"
    """Query D-Bus if keepalived offers it, else do without."""
    DBUS = "dbus"
    """Query D-Bus, and report a failure as an error."""
    NONE = "none"
    """Never query: only lines and the state file count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceConfig:
    """The keys of one instance or group."""

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
        "The private address of this server that keepalived sends from (`unicast_src_ip`), or a"
        " list of them; different on each server. Recommended: while it is missing, keepalived is"
        " isolated, so hakeeper ignores its MASTER and claims nothing. `null`: not checked.",
        written="null",
        example="null",
    )
    hooks: HooksConfig = section(HooksConfig)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepalivedConfig:
    """How to reach keepalived."""

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
        "How to learn the roles without a line from the FIFO, for example after a restart of"
        " hakeeper. `auto`: over D-Bus, if keepalived has `enable_dbus`. `dbus`: the same, but a"
        " failure is an error. `none`: never.",
    )
    pid_file: Path = key(
        "keepalived.pid_file",
        PATH,
        Path("/run/keepalived.pid"),
        "The pid file of keepalived, which hakeeper uses to notice keepalived's end.",
    )
    track_file: Path = key(
        "keepalived.track_file",
        PATH,
        Path("/run/hakeeper-step-down"),
        "The path in a `track_file` of keepalived.conf, by which `hakeeper step-down` lowers"
        " keepalived's priority. Without that command it is not needed.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HetznerConfig:
    """How to reach Hetzner Cloud. The token itself is never part of the configuration."""

    endpoint: str = key(
        "hetzner.endpoint",
        endpoint("https://api.hetzner.cloud/v1", "token"),
        "https://api.hetzner.cloud/v1",  # no slash at the end: hcloud would double it
        "The URL of the API. `http://` is accepted for loopback addresses only, since every request"
        " contains the token.",
    )
    token_file: Path | None = key(
        "hetzner.token_file",
        OPTIONAL_PATH,
        None,
        "A file that contains only the API token, and that not every user can read (`chmod"
        " o-rwx`). `null`: the systemd credential `hcloud-token`, else the environment variable"
        " `$HCLOUD_TOKEN`.",
    )
    ca_file: Path | None = key(
        "hetzner.ca_file",
        OPTIONAL_PATH,
        None,
        "A PEM file with the certificate authorities to trust. `null`: those of the system.",
    )
    timeout_s: float = key(
        "hetzner.timeout",
        _TIMEOUT,
        5.0,
        "How long one API call may take in total.",
    )

    @property
    def secret_file(self) -> str:
        """Return the file of the token, if one is named; else nothing."""
        return "" if self.token_file is None else str(self.token_file)


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotConfig:
    """How to reach Robot, which only failover IPs need. The login is never part of the file."""

    endpoint: str = key(
        "robot.endpoint",
        endpoint("https://robot-ws.your-server.de", "password"),
        "https://robot-ws.your-server.de",
        "The URL of Robot's webservice, which moves failover IPs; without `failover_ips` nothing of"
        " this section is used. `http://` is accepted for loopback addresses only.",
    )
    credentials_file: Path | None = key(
        "robot.credentials_file",
        OPTIONAL_PATH,
        None,
        "A file with the login of the webservice, `user:password` in one line, that not every user"
        " can read (`chmod o-rwx`). `null`: the systemd credential `robot-login`, else the"
        " environment variable `$HAKEEPER_ROBOT_LOGIN`.",
    )
    server: RobotServer = key(
        "robot.server",
        ROBOT_SERVER,
        AUTO,
        "The main IPv4 address of this server, or a list of that and its main IPv6 network (a"
        " `/64`): by these Robot knows it. They must be on this machine. `auto`: the addresses that"
        " this machine sends from.",
    )
    ca_file: Path | None = key(
        "robot.ca_file",
        OPTIONAL_PATH,
        None,
        "A PEM file with the certificate authorities to trust. `null`: those of the system.",
    )
    timeout_s: float = key(
        "robot.timeout",
        _ROBOT_TIMEOUT,
        20.0,
        "How long one API call may take in total. A switch, which takes most of a minute, has three"
        " minutes in any case.",
    )

    @property
    def secret_file(self) -> str:
        """Return the file of the login, if one is named; else nothing."""
        return "" if self.credentials_file is None else str(self.credentials_file)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A valid configuration."""

    instances: Mapping[str, InstanceConfig] = names(
        "instances",
        Names(VrrpKind.INSTANCE, "vrrp_instance", InstanceConfig),
        "The settings for each `vrrp_instance` of keepalived.conf. At least one instance or group"
        " is needed.",
        example="VI_1",
    )
    groups: Mapping[str, InstanceConfig] = names(
        "groups",
        Names(VrrpKind.GROUP, "vrrp_sync_group", InstanceConfig),
        "The same for each `vrrp_sync_group`, for addresses that follow the group as a whole.",
    )
    server: str | int = key(
        "server",
        SERVER,
        "auto",
        "The id or name of this server at Hetzner. `auto`: from a systemd credential, the machine's"
        " DMI data or Hetzner's metadata service. In any case the token's project must have that"
        " server, and one of its Primary IPs or private addresses must be on this machine.",
    )
    keepalived: KeepalivedConfig = section(KeepalivedConfig)
    hetzner: HetznerConfig = section(HetznerConfig)
    robot: RobotConfig = section(RobotConfig)
    interval_s: float = key(
        "reconcile.interval",
        _INTERVAL,
        10.0,
        "How often a master reads the holder of its addresses, and so how soon it notices that one"
        " was moved away. All nodes and tools of a project share 3600 API calls per hour.",
    )
    standby_interval_s: float = key(
        "reconcile.standby_interval",
        _INTERVAL,
        60.0,
        "The same for a standby; at least as long as `reconcile.interval`.",
    )

    @property
    def named(self) -> Mapping[VrrpId, InstanceConfig]:
        """All instances and groups; at least one."""
        both = ((VrrpKind.INSTANCE, self.instances), (VrrpKind.GROUP, self.groups))
        return {VrrpId(kind, name): one for kind, some in both for name, one in some.items()}

    @property
    def resources(self) -> Mapping[VrrpId, tuple[ResourceRef, ...]]:
        """The resources of each instance and group; at least one, none appears twice."""
        named = self.named.items()
        return MappingProxyType(
            {vrrp: tuple(chain.from_iterable(one.resources.values())) for vrrp, one in named}
        )

    @property
    def vrrp_addresses(self) -> Mapping[VrrpId, tuple[IpAddress, ...]]:
        """The addresses that keepalived sends from, for instances and groups that set them."""
        given = {vrrp: one.vrrp_addresses for vrrp, one in self.named.items()}
        return MappingProxyType({vrrp: some for vrrp, some in given.items() if some})

    @property
    def hooks(self) -> Mapping[VrrpId, HooksConfig]:
        """The hooks of the instances and groups that have any."""
        return {vrrp: one.hooks for vrrp, one in self.named.items() if one.hooks.commands}

    @property
    def apis(self) -> tuple[str, ...]:
        """Return the APIs that the resources need; at least one."""
        refs = chain.from_iterable(self.resources.values())
        return tuple(dict.fromkeys(KINDS[ref.kind].api.name for ref in refs))

    def refs_of(self, api: str) -> tuple[ResourceRef, ...]:
        """Return the resources that an API moves."""
        refs = chain.from_iterable(self.resources.values())
        return tuple(ref for ref in refs if KINDS[ref.kind].api.name == api)

    def section_of(self, api: str) -> HetznerConfig | RobotConfig:
        """Return the section about an API: how it is reached."""
        return self.robot if api == ROBOT.name else self.hetzner

    def identity(self, api: str) -> tuple[object, ...]:
        """Return the settings that decide how an API is reached and which server this is there."""
        if api == CLOUD.name:
            cloud = self.hetzner
            return cloud.endpoint, cloud.token_file, cloud.ca_file, self.server
        robot = self.robot
        # A failover IP is no server's main address, so `auto` depends on them.
        moved = frozenset(self.refs_of(api)) if robot.server == AUTO else frozenset()
        return robot.endpoint, robot.credentials_file, robot.ca_file, robot.server, moved

    def settings(self) -> Settings:
        """Return the settings for the core."""
        return Settings(
            resources=self.resources,
            vrrp_addresses=self.vrrp_addresses,
            interval_s=self.interval_s,
            standby_interval_s=self.standby_interval_s,
            can_query=self.keepalived.state is not StateSource.NONE,
            must_query=self.keepalived.state is StateSource.DBUS,
            apis={name: self._api_settings(name) for name in self.apis},
            fifo_path=str(self.keepalived.fifo),
        )

    def _api_settings(self, api: str) -> ApiSettings:
        section = self.section_of(api)
        return ApiSettings(
            call_timeout_s=section.timeout_s,
            endpoint=section.endpoint,
            secret_file=section.secret_file,
        )

    def as_json(self) -> dict[str, object]:
        """Return the values for `hakeeper check --json`, by the names of the fields."""
        listed = [
            {"kind": vrrp.kind.value, "name": vrrp.name} | table.as_json(one)
            for vrrp, one in self.named.items()
        ]
        return {"addresses": listed} | table.as_json(self)

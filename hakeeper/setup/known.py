"""What the plan is made from: what the operator wants, what is here, and what Hetzner says."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path
from typing import Final

from hakeeper.config import Config
from hakeeper.core.model import Server
from hakeeper.core.observation import Observation, Reading
from hakeeper.doctor.conf.configuration import Instance, KeepalivedConf, NotifyScript
from hakeeper.setup.errors import SetupError

DROP_IN: Final = Path("/etc/systemd/system/keepalived.service.d/hakeeper-init.conf")
"""Makes keepalived wait for its private address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The files that are set up."""

    config: Path
    """hakeeper.yaml."""
    token: Path
    """The file from which the service reads its token."""
    keepalived_conf: Path
    drop_in: Path = DROP_IN


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the operator wants. None: init chooses."""

    peer: IPv4Address
    """The other server's private address."""
    address: str
    """The floating IP: its name, id or address."""
    instance: str
    router_id: int | None = None
    priority: int | None = None
    interface: str | None = None
    """The private network's."""
    public_interface: str | None = None
    endpoint: str | None = None
    """The URL of the API, where it is not Hetzner's."""
    is_removing_scripts: bool = False
    """Whether notify scripts that call Hetzner's API are taken out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Here:
    """What is so on this machine."""

    places: Places
    conf: KeepalivedConf | None = None
    """None: there is no keepalived.conf, or an empty one."""
    conf_text: str | None = None
    """keepalived.conf as it is; what is not UTF-8 is escaped. None: there is none."""
    drop_in_text: str | None = None
    config: Config | None = None
    """None: there is no hakeeper.yaml."""
    has_token: bool = False
    """Whether the service has its token."""
    primaries: Mapping[str, IPv4Interface]
    """The first IPv4 address of each interface."""
    movers: tuple[NotifyScript, ...] = ()
    """The notify scripts that call Hetzner's API."""
    same_fifos: frozenset[str] = frozenset()
    """Other paths in keepalived.conf that lead to hakeeper's FIFO, such as /var/run for /run."""
    hears_keepalived: bool = False
    """Whether the daemon runs and knows a role of keepalived."""

    def instance(self, name: str) -> Instance | None:
        """Return the instance of keepalived.conf; None: there is no such."""
        return None if self.conf is None else self.conf.instance(name)

    def interface_of(self, address: IPv4Address) -> str | None:
        """Return the interface that has an address as its first one."""
        found = (name for name, each in self.primaries.items() if each.ip == address)
        return next(found, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class There:
    """What Hetzner says."""

    us: Server
    peer: Server
    own_ip: IPv4Address
    """This server's address in the private network of its peer."""
    seen: Observation
    """The floating IP."""
    listed: Reading
    """All floating IPs of the project."""


def fifo_of(config: Config | None) -> str:
    """Return the FIFO that hakeeper reads, or is going to read."""
    return "/run/hakeeper/notify.fifo" if config is None else str(config.keepalived.fifo)


def the_instance(here: Here, name: str | None) -> str:
    """Return the name of the instance to set up; raises SetupError if several could be meant."""
    names = () if here.conf is None else tuple(one.name for one in here.conf.instances)
    if here.conf is None:
        return name or "VI_1"
    listed = ", ".join(names) or "none"
    if name is None and len(names) == 1:
        return names[0]
    if name is None or name not in names:
        raise SetupError(
            f"{here.conf.file} has these instances: {listed}; "
            + ("name one: --instance NAME" if name is None else f"{name} is none of them")
        )
    return name

"""The facts that the checks judge by, as values."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Interface
from pathlib import Path
from typing import Final

from hakeeper.config import Config
from hakeeper.core.choice import Choice
from hakeeper.core.kind import Api, Kind
from hakeeper.core.model import IpAddress, VrrpId, VrrpKind
from hakeeper.core.observation import Observation, Reading, ResourceRef
from hakeeper.doctor.api_facts import ApiFacts
from hakeeper.doctor.conf.configuration import KeepalivedConf
from hakeeper.doctor.finding import Place
from hakeeper.doctor.keepalived_facts import FifoFacts, Held, KeepalivedFacts
from hakeeper.kinds import KINDS
from hakeeper.kinds.apis import ROBOT

_RUNNING: Final = ("master", "backup", "fault")
"""The roles of a running keepalived."""
_FIFO_NOT_CONNECTED: Final = (
    "fifo.missing",
    "fifo.not_a_fifo",
    "fifo.denied",
    "fifo.failed",
    "fifo.busy",
    "fifo.no_writer",
    "keepalived.gone",
    "keepalived.stopped",
)
"""Problems of a daemon that receives no lines from keepalived."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigFacts:
    """hakeeper.yaml, with the places of its entries."""

    config: Config
    file: str
    sections: Mapping[VrrpId, Place] = field(default_factory=dict)
    addresses: Mapping[ResourceRef, Place] = field(default_factory=dict)
    keys: Mapping[str, Place] = field(default_factory=dict)
    """Keys of the top level and one below, such as `keepalived.fifo`."""
    token_source: str = ""
    login_source: str = ""
    choices: tuple[Choice, ...] = ()
    """What the selectors choose, once that was made out; see `choices.py`."""

    def section(self, vrrp: VrrpId) -> Place:
        """Return the place of an instance's or group's name."""
        return self.sections.get(vrrp, Place(self.file))

    def address(self, ref: ResourceRef) -> Place:
        """Return the place of a floating IP, or whatever else is moved."""
        return self.addresses.get(ref, Place(self.file))

    def wanted(self) -> Iterator[tuple[VrrpId, ResourceRef]]:
        """Yield every resource, also what is chosen, with the instance or group that it follows."""
        follow = {choice.ref: choice.follow for choice in self.choices}
        for vrrp, refs in self.config.resources.items():
            for ref in refs:
                if ref.is_selector:
                    yield from ((vrrp, each) for each in follow.get(ref, ()))
                else:
                    yield vrrp, ref

    def selector_of(self, ref: ResourceRef) -> ResourceRef | None:
        """Return the selector that chose a resource; None: it is named."""
        return next((choice.ref for choice in self.choices if ref in choice.follow), None)

    @property
    def noun(self) -> str:
        """What people call what is moved; if there are several kinds, an address."""
        nouns = {KINDS[ref.kind].noun for refs in self.config.resources.values() for ref in refs}
        return nouns.pop() if len(nouns) == 1 else "address"

    def key(self, path: str) -> Place | None:
        """Return the place of a key; None if it is not set."""
        return self.keys.get(path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One directory, file or link on the path to a file."""

    path: str
    kind: int
    """The file type, as stat.S_IFMT returns it."""
    mode: int
    owner: str
    owner_id: int
    group: str = "root"
    group_members: tuple[str, ...] = ()
    """The members of the group; empty if the group may not write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardedFile:
    """A file that only root may change, and the directories above it."""

    name: str
    harm: str
    """What somebody who changes it can do; continues "whoever does …"."""
    components: tuple[Component, ...]
    may_be_ours: bool = False
    """Whether the service's user may write to it, too: it gains nothing by that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineFacts:
    """Addresses, interfaces and users of this machine."""

    here: frozenset[IpAddress] = frozenset()
    """The relevant IPv4 addresses, and all IPv6 addresses, that are on an interface."""
    interfaces: frozenset[str] = frozenset()
    primaries: Mapping[str, IPv4Interface] = field(default_factory=dict)
    """The first IPv4 address of each interface, with its network."""
    user: str = "hakeeper"
    """The user that the service runs as; the current user, unless that is root."""
    user_id: int = -1
    group_ids: frozenset[int] = frozenset()
    known_users: frozenset[str] = frozenset()
    """Those users of the configuration that exist."""
    known_groups: frozenset[str] = frozenset()
    """Those groups of the configuration that exist."""
    is_root: bool = False
    """Whether the check runs as root, and so can see everything."""
    down: frozenset[str] = frozenset()
    """The interfaces that are down or have no link."""
    added_late: frozenset[IpAddress] | None = frozenset()
    """The addresses that were added after the VRRP child started; None: not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonProblem:
    """One problem that the daemon reports."""

    is_broken: bool
    text: str
    code: str = ""
    """Such as `fifo.missing`; "" if it has none."""
    cure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkdLink:
    """An interface that systemd-networkd manages, and the settings from its files."""

    name: str
    network_file: str
    keep: str = ""
    """`KeepConfiguration=` of the files; "" if it is not set."""
    static: frozenset[IpAddress] = frozenset()
    """The addresses in its files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkdFacts:
    """The interfaces that systemd-networkd manages, and its own settings."""

    links: Mapping[str, NetworkdLink] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    """`[Network]` of networkd.conf."""


@dataclass(frozen=True, slots=True)
class ScriptFacts:
    """A notify script: the text that shows a call of Hetzner's API, or why it was not checked."""

    sign: str = ""
    unread: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonFacts:
    """Whether the daemon runs, and what it reports."""

    is_running: bool
    is_busy: bool = False
    """It runs, but too many clients are connected to ask it."""
    is_silent: bool = False
    """It gives no answer; it may run all the same."""
    unreachable_cure: str = ""
    """It runs, but its socket is missing: how that comes back."""
    is_denied: bool = False
    """Whether it runs is not known: this user may not ask it."""
    detail: str = ""
    problems: tuple[DaemonProblem, ...] = ()
    roles: Mapping[VrrpId, str] = field(default_factory=dict)
    """The roles that keepalived reported, in lower case, or `unknown`."""
    follows: Mapping[VrrpId, tuple[str, ...]] | None = None
    """The addresses of the configuration that it has loaded; None: not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All facts."""

    config: ConfigFacts
    api: ApiFacts | None
    """What Hetzner Cloud answered; None: nothing that is configured needs it."""
    keepalived: KeepalivedFacts
    fifo: FifoFacts
    machine: MachineFacts
    daemon: DaemonFacts
    guarded: tuple[GuardedFile, ...] = ()
    fifo_folder: tuple[Component, ...] = ()
    """The directories on the path to the FIFO, the FIFO's own last."""
    networkd: NetworkdFacts = field(default_factory=NetworkdFacts)
    scripts: Mapping[str, ScriptFacts] = field(default_factory=dict)
    """The notify scripts of keepalived.conf, by their command."""
    programs: Mapping[str, tuple[Component, ...]] = field(default_factory=dict)
    """The path components of each `vrrp_script`'s program."""
    robot: ApiFacts | None = None
    """What Robot answered; None: nothing that is configured needs it."""

    def at(self, api: Api) -> ApiFacts | None:
        """Return what an API answered; None: it is not in use."""
        return self.robot if api is ROBOT else self.api

    def reading(self, kind: str) -> Reading | None:
        """Return the resources of a kind that its API listed; None: it did not list them."""
        found = self.at(KINDS[kind].api)
        return None if found is None else found.reading(kind)

    def find(self, ref: ResourceRef) -> Observation | None:
        """Find a resource of the configuration among those that its API listed."""
        found = self.at(self.kind(ref).api)
        return None if found is None else found.find(ref)

    @property
    def conf(self) -> KeepalivedConf | None:
        """keepalived.conf, if it could be read."""
        conf = self.keepalived.conf
        return conf if isinstance(conf, KeepalivedConf) else None

    def kind(self, ref: ResourceRef) -> Kind:
        """Return the kind of what the configuration names."""
        return KINDS[ref.kind]

    @property
    def fifo_path(self) -> Path:
        """The FIFO that hakeeper reads."""
        return self.config.config.keepalived.fifo

    @property
    def is_running(self) -> bool:
        """Whether a keepalived runs that a failover may depend on."""
        seen = self.keepalived
        return (
            seen.pid is not None
            or bool(seen.strays)
            or seen.roles is not None
            or (self.is_heard_but_unseen and not self.machine.is_root)  # root would see it
        )

    @property
    def is_heard_but_unseen(self) -> bool:
        """Whether the daemon receives lines from a keepalived whose process it cannot see."""
        heard = any(one.code == "keepalived.unseen" for one in self.daemon.problems)
        return heard and any(role in _RUNNING for role in self.daemon.roles.values())

    @property
    def is_fifo_connected(self) -> bool | None:
        """Whether hakeeper reads the FIFO that the running keepalived writes to; None: unknown."""
        match self.keepalived.held:
            case Held.OURS:
                return True
            case Held.NONE:
                return False
        if not self.is_running or not self.daemon.is_running:
            return None
        if self.keepalived.reads_replaced_fifo:
            return True
        if self.keepalived.held is Held.ANOTHER:
            return False
        return not any(one.code in _FIFO_NOT_CONNECTED for one in self.daemon.problems)

    @property
    def not_in_force(self) -> str:
        """The file that was checked, if the running keepalived was started with another one."""
        seen = self.keepalived
        return seen.conf.file if seen.in_force not in {"", seen.conf.file} else ""

    @property
    def has_reload_check(self) -> bool:
        """Whether the file makes keepalived refuse what it otherwise only warns about."""
        return self.conf is not None and "reload_check_config" in self.conf.global_keywords

    def is_our_fifo(self, path: str) -> bool:
        """Say whether a path in keepalived.conf leads to the FIFO that hakeeper reads."""
        return path == str(self.fifo_path) or path in self.fifo.same_paths

    def is_in_running_keepalived(self, vrrp: VrrpId) -> bool | None:
        """Say whether the running keepalived has the instance or group; None: unknown."""
        if not self.is_running:
            return None
        roles = self.keepalived.roles
        if roles is not None and vrrp.kind is VrrpKind.INSTANCE:
            return vrrp.name in roles
        return True if self.daemon.roles.get(vrrp, "unknown") != "unknown" else None

    def is_in_conf(self, vrrp: VrrpId) -> bool | None:
        """Say whether keepalived's own parser finds it; None: keepalived could not be asked."""
        reading = self.keepalived.reading
        if reading is None or vrrp not in reading.asked:
            return None
        return vrrp in reading.has or (False if self.reads_as_root else None)

    @property
    def reads_as_root(self) -> bool:
        """Whether keepalived's parser, run by us, can read all that it can read as root."""
        return self.machine.is_root or self.conf is None or not self.conf.unread

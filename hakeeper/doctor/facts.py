"""What was seen, as values: everything that the checks judge by."""

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Interface
from pathlib import Path
from typing import Final, TypeAlias

from hakeeper.config import Config
from hakeeper.core.calls import AllRead, CallResult
from hakeeper.core.model import IpAddress, Role, VrrpId, VrrpKind
from hakeeper.core.observation import Observation, Reading, ResourceRef
from hakeeper.doctor.conf.meaning import KeepalivedConf
from hakeeper.doctor.finding import Place
from hakeeper.kinds import KINDS

Version: TypeAlias = tuple[int, int, int]
_RUNNING: Final = ("master", "backup", "fault")
"""The roles of a keepalived that runs."""
_DEAF: Final = (
    "fifo.missing",
    "fifo.not_a_fifo",
    "fifo.denied",
    "fifo.failed",
    "fifo.busy",
    "fifo.no_writer",
    "keepalived.gone",
    "keepalived.stopped",
)
"""Problems of a daemon to which nobody writes."""
DEFAULT_USER: Final = "keepalived_script"
"""Whom keepalived takes for a FIFO line without a user, if this account exists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigFacts:
    """hakeeper.yaml, and where things stand in it."""

    config: Config
    file: str
    sections: Mapping[VrrpId, Place] = field(default_factory=dict)
    addresses: Mapping[ResourceRef, Place] = field(default_factory=dict)
    keys: Mapping[str, Place] = field(default_factory=dict)
    """Keys of the top level and one below, such as `keepalived.fifo`."""
    token_source: str = ""

    def section(self, vrrp: VrrpId) -> Place:
        """Return the place of an instance's or group's name."""
        return self.sections.get(vrrp, Place(self.file))

    def address(self, ref: ResourceRef) -> Place:
        """Return the place of a floating IP."""
        return self.addresses.get(ref, Place(self.file))

    def wanted(self) -> Iterator[tuple[VrrpId, ResourceRef]]:
        """Return every floating IP, with the name that it follows."""
        for vrrp, refs in self.config.resources.items():
            for ref in refs:
                yield vrrp, ref

    def key(self, path: str) -> Place | None:
        """Return the place of a key; None where it is not given."""
        return self.keys.get(path)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiFacts:
    """How the three questions to the API ended, and what time it is there."""

    identified: CallResult
    listed: CallResult
    may_write: CallResult | None = None
    """The answer to an assign that names no floating IP and no server; None: was not asked."""
    ahead_s: float | None = None
    """How far this machine's clock is ahead of the API's `Date`; None: not known."""

    @property
    def reading(self) -> Reading | None:
        """What the project has; None: the API did not list it."""
        outcome = self.listed.outcome
        return outcome.reading if isinstance(outcome, AllRead) else None

    @property
    def floating_ips(self) -> tuple[Observation, ...] | None:
        """Those of the project; None: the API did not list them."""
        return None if self.reading is None else self.reading.found

    def find(self, ref: ResourceRef) -> Observation | None:
        """Find what the configuration means in what the project has."""
        reading = self.reading
        return None if reading is None else KINDS[ref.kind].find(ref, None, reading)

    def odd(self, ref: ResourceRef) -> str | None:
        """Say why the list shows one that may be meant, and yet cannot be used."""
        reading = self.reading
        return None if reading is None else KINDS[ref.kind].why_unreadable(ref, reading)

    @property
    def results(self) -> tuple[CallResult, ...]:
        """The ends of all calls that were made."""
        each = (self.identified, self.listed, self.may_write)
        return tuple(result for result in each if result is not None)


@dataclass(frozen=True, slots=True)
class ConfUnreadable:
    """keepalived.conf cannot be read, and why."""

    file: str
    reason: str
    is_denied: bool = False


class Held(enum.Enum):
    """Which file keepalived's VRRP child holds open for its lines."""

    OURS = "the one that hakeeper reads"
    ANOTHER = "one that was at hakeeper's path before"
    NONE = "none at hakeeper's path"
    UNKNOWN = "hidden from this user"


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherReader:
    """A process that takes lines out of the FIFO, and is neither hakeeper nor keepalived."""

    pid: int
    command: str
    is_script: bool
    """Whether keepalived itself has started it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigTest:
    """How `keepalived --config-test` ended. A code of 0 is no proof that all is well."""

    code: int = 0
    died_of: str = ""
    """The signal that ended it, if one did."""
    remarks: tuple[str, ...] = ()
    by_root: bool = True
    """keepalived judges scripts otherwise for anybody else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepalivedsReading:
    """What keepalived itself reads in the file, which is not what this check reads."""

    fifo: str | None = None
    """The path of `vrrp_notify_fifo`; None: there is no such line."""
    fifo_place: Place | None = None
    asked: frozenset[VrrpId] = frozenset()
    has: frozenset[VrrpId] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepalivedFacts:
    """keepalived as a program, as a process, and what it makes of its file."""

    conf: KeepalivedConf | ConfUnreadable
    in_force: str = ""
    """The file that the running keepalived was started with; "": that is not known."""
    version: Version | None = None
    """Of the program that is installed; None: there is none to be found."""
    pid: int | None = None
    """By the pid file."""
    strays: tuple[int, ...] = ()
    """Other keepalived processes of this network, which the pid file does not name."""
    child_pid: int | None = None
    """The VRRP child; None: there is none, or it is hidden."""
    held: Held = Held.UNKNOWN
    is_old_heard: bool = False
    """Whether the daemon still reads the replaced FIFO that keepalived holds."""
    other_fifos: tuple[str, ...] = ()
    """What else the VRRP child holds."""
    other_readers: tuple[OtherReader, ...] | None = ()
    """None: could not be looked at."""
    roles: Mapping[str, Role] | None = None
    """What it answers over D-Bus; None: it does not."""
    roles_reason: str = ""
    test: ConfigTest | None = ConfigTest()
    """Of the file; None: it could not be asked, or did not end in time."""
    reading: KeepalivedsReading | None = None
    """None: keepalived could not be asked."""
    config_id: str = ""
    is_config_id_sure: bool = True
    """Whether the command line of keepalived could be seen."""
    has_vrrp: bool = True
    """False: it runs with `--check`, for health checks alone."""
    has_checkers: bool = True
    """False: it runs with `--vrrp`, without them."""
    elsewhere: str = ""
    """The network namespace that it works in, if that is not ours."""
    is_in_force: bool = True
    """Whether the file is the one that keepalived was, or would be, started with."""
    has_ipvs: bool | None = None
    """Whether the kernel has IPVS, or can load it; None: not known."""
    open_file: str = ""
    """What others than root may write of the files, so that root does not have them tested."""
    refusal: str = ""
    """How keepalived ended when it was last started, with files that are the same still."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FifoFacts:
    """What is at the FIFO's path. `kind`: FIFO, or what else there is; "" for nothing."""

    kind: str
    owner: str = ""
    owner_id: int = -1
    group_id: int = -1
    mode: int = 0
    problem: str = ""
    """Why it could not be looked at."""
    same_paths: frozenset[str] = frozenset()
    """Other paths that lead to it, of those in keepalived.conf: /var/run is /run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One folder, file or link on the way to a file."""

    path: str
    kind: int
    """As stat.S_IFMT tells it."""
    mode: int
    owner: str
    owner_id: int
    group: str = "root"
    group_members: tuple[str, ...] = ()
    """Who is in the group; not looked for where the group may not write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardedFile:
    """A file whose writers matter, and the way to it."""

    name: str
    harm: str
    """What somebody can do who may change it."""
    components: tuple[Component, ...]
    may_be_ours: bool = False
    """Whether the service's user may write it, too: it gains nothing that it has not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineFacts:
    """Addresses, interfaces and users of this machine."""

    here: frozenset[IpAddress] = frozenset()
    """Those of the addresses that matter which are on some interface; of IPv6 all."""
    interfaces: frozenset[str] = frozenset()
    primaries: Mapping[str, IPv4Interface] = field(default_factory=dict)
    """The first IPv4 address of each interface, with its network."""
    user: str = "hakeeper"
    """The user that the service runs as: ours, unless we are root."""
    user_id: int = -1
    group_ids: frozenset[int] = frozenset()
    known_users: frozenset[str] = frozenset()
    """Of the users that the configuration names: those that exist."""
    known_groups: frozenset[str] = frozenset()
    """Likewise."""
    is_root: bool = False
    """Whether the check itself runs as root, which sees everything."""
    down: frozenset[str] = frozenset()
    """The interfaces that are down, or without a link."""
    added_late: frozenset[IpAddress] | None = frozenset()
    """The addresses that came after keepalived's VRRP child; None: not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonProblem:
    """One thing that the daemon complains of."""

    is_broken: bool
    text: str
    code: str = ""
    """Such as `fifo.missing`; "" where it has none."""
    cure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkdLink:
    """An interface that systemd-networkd has configured, and by which files."""

    name: str
    network_file: str
    keep: str = ""
    """`KeepConfiguration=`, as the files say; "" where none does."""
    static: frozenset[IpAddress] = frozenset()
    """The addresses that its files give it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkdFacts:
    """systemd-networkd: the interfaces that it manages, and its own settings."""

    links: Mapping[str, NetworkdLink] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    """`[Network]` of networkd.conf."""


@dataclass(frozen=True, slots=True)
class ScriptFacts:
    """A notify script: what shows that it calls Hetzner's API, or why it was not looked at."""

    sign: str = ""
    unread: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonFacts:
    """Whether `hakeeper run` is there, and what it has to say."""

    is_running: bool
    is_busy: bool = False
    """It runs, and too many ask it: what it knows is not known here."""
    detail: str = ""
    problems: tuple[DaemonProblem, ...] = ()
    roles: Mapping[VrrpId, str] = field(default_factory=dict)
    """Those that keepalived told it, in small letters; `unknown` is none."""
    follows: Mapping[VrrpId, tuple[str, ...]] | None = None
    """The addresses of the configuration that it runs with; None: not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything."""

    config: ConfigFacts
    api: ApiFacts
    keepalived: KeepalivedFacts
    fifo: FifoFacts
    machine: MachineFacts
    daemon: DaemonFacts
    guarded: tuple[GuardedFile, ...] = ()
    fifo_folder: tuple[Component, ...] = ()
    """The way to the folder of the FIFO, which stands last."""
    networkd: NetworkdFacts = field(default_factory=NetworkdFacts)
    scripts: Mapping[str, ScriptFacts] = field(default_factory=dict)
    """The notify scripts of keepalived.conf, by their command."""
    programs: Mapping[str, tuple[Component, ...]] = field(default_factory=dict)
    """The way to the program of each `vrrp_script`."""

    @property
    def conf(self) -> KeepalivedConf | None:
        """keepalived.conf, if it could be read."""
        conf = self.keepalived.conf
        return conf if isinstance(conf, KeepalivedConf) else None

    @property
    def fifo_path(self) -> Path:
        """The FIFO that hakeeper reads."""
        return self.config.config.keepalived.fifo

    @property
    def is_running(self) -> bool:
        """Whether there is a keepalived that may be what a failover depends on now."""
        seen = self.keepalived
        return (
            seen.pid is not None
            or bool(seen.strays)
            or seen.roles is not None
            or (self.is_heard and not self.machine.is_root)  # root sees it where it runs
        )

    @property
    def is_heard(self) -> bool:
        """Whether the daemon hears a keepalived that it does not see."""
        heard = any(one.code == "keepalived.unseen" for one in self.daemon.problems)
        return heard and any(role in _RUNNING for role in self.daemon.roles.values())

    @property
    def is_listened_to(self) -> bool | None:
        """Whether hakeeper hears what the running keepalived writes; None: nothing shows it."""
        match self.keepalived.held:
            case Held.OURS:
                return True
            case Held.NONE:
                return False
        if not self.is_running or not self.daemon.is_running:
            return None
        if self.keepalived.is_old_heard:
            return True
        if self.keepalived.held is Held.ANOTHER:
            return False
        return not any(one.code in _DEAF for one in self.daemon.problems)

    @property
    def not_in_force(self) -> str:
        """The file that was looked at, if the running keepalived was started with another one."""
        seen = self.keepalived
        return seen.conf.file if seen.in_force not in {"", seen.conf.file} else ""

    @property
    def has_reload_check(self) -> bool:
        """Whether the file has keepalived refuse what it otherwise only remarks on."""
        return self.conf is not None and "reload_check_config" in self.conf.global_keywords

    def is_our_fifo(self, path: str) -> bool:
        """Say whether a path in keepalived.conf leads to the FIFO that hakeeper reads."""
        return path == str(self.fifo_path) or path in self.fifo.same_paths

    def is_there_now(self, vrrp: VrrpId) -> bool | None:
        """Say whether the running keepalived has it; None: nothing shows it."""
        if not self.is_running:
            return None
        roles = self.keepalived.roles
        if roles is not None and vrrp.kind is VrrpKind.INSTANCE:
            return vrrp.name in roles
        return True if self.daemon.roles.get(vrrp, "unknown") != "unknown" else None

    def is_in_file(self, vrrp: VrrpId) -> bool | None:
        """Say whether keepalived itself finds it in the file; None: it could not be asked."""
        reading = self.keepalived.reading
        if reading is None or vrrp not in reading.asked:
            return None
        return vrrp in reading.has or (False if self.reads_as_root else None)

    @property
    def reads_as_root(self) -> bool:
        """Whether keepalived, when asked, sees what the running one sees: it may be run by us."""
        return self.machine.is_root or self.conf is None or not self.conf.unread

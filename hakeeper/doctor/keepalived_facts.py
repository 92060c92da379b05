"""The facts about keepalived: its file, its program, its processes and its FIFO."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from hakeeper.core.model import Role, VrrpId
from hakeeper.doctor.conf.configuration import KeepalivedConf
from hakeeper.doctor.finding import Place

Version: TypeAlias = tuple[int, int, int]
DEFAULT_USER: Final = "keepalived_script"
"""keepalived's default for a FIFO line without a user, if this account exists."""


@dataclass(frozen=True, slots=True)
class ConfUnreadable:
    """The reason why keepalived.conf cannot be read."""

    file: str
    reason: str
    is_denied: bool = False


class Held(enum.Enum):
    """Which FIFO keepalived's VRRP child has open."""

    OURS = "the one that hakeeper reads"
    ANOTHER = "one that was at hakeeper's path before"
    NONE = "none at hakeeper's path"
    UNKNOWN = "hidden from this user"


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherReader:
    """A process that reads the FIFO and is neither hakeeper nor keepalived."""

    pid: int
    command: str
    is_script: bool
    """Whether keepalived started it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigTest:
    """The result of `keepalived --config-test`. Code 0 does not prove that the file is right."""

    code: int = 0
    died_of: str = ""
    """The name of the signal that killed it, if one did."""
    remarks: tuple[str, ...] = ()
    by_root: bool = True
    """Whether root ran the test; for other users keepalived judges scripts differently."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepalivedsReading:
    """What keepalived's own parser finds in the file, as opposed to this check's parser."""

    fifo: str | None = None
    """The path of `vrrp_notify_fifo`; None: there is no such line."""
    fifo_place: Place | None = None
    asked: frozenset[VrrpId] = frozenset()
    has: frozenset[VrrpId] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepalivedFacts:
    """keepalived's file, program and process."""

    conf: KeepalivedConf | ConfUnreadable
    in_force: str = ""
    """The file that the running keepalived was started with; "": not known."""
    version: Version | None = None
    """The installed program's version; None: not known."""
    without_version: str | None = None
    """What the program says in place of its version, "" for nothing; None: no program found."""
    pid: int | None = None
    """The process that the pid file names."""
    strays: tuple[int, ...] = ()
    """keepalived processes in this network namespace that the pid file does not name."""
    child_pid: int | None = None
    """The VRRP child process; None: there is none, or it is hidden."""
    held: Held = Held.UNKNOWN
    reads_replaced_fifo: bool = False
    """Whether the daemon still reads the replaced FIFO that keepalived has open."""
    other_fifos: tuple[str, ...] = ()
    """Other FIFOs that the VRRP child has open."""
    other_readers: tuple[OtherReader, ...] | None = ()
    """None: not known."""
    roles: Mapping[str, Role] | None = None
    """The roles that it reports over D-Bus; None: no answer."""
    roles_reason: str = ""
    test: ConfigTest | None = ConfigTest()
    """Its test of the file; None: it could not be run, or took too long."""
    reading: KeepalivedsReading | None = None
    """What its own parser finds; None: keepalived could not be asked."""
    config_id: str = ""
    is_config_id_sure: bool = True
    """Whether the config-id is known from keepalived's command line."""
    has_vrrp: bool = True
    """False: it runs with `--check`, for health checks only."""
    has_checkers: bool = True
    """False: it runs with `--vrrp`, without health checks."""
    other_namespace: str = ""
    """The name of its network namespace, if that is not ours."""
    is_in_force: bool = True
    """Whether the file is the one that keepalived was or would be started with."""
    has_ipvs: bool | None = None
    """Whether the kernel has IPVS, or can load it; None: not known."""
    writable_file: str = ""
    """A file that users other than root may write; root then does not run the test on it."""
    last_failure: str = ""
    """How keepalived's last start failed, if its files have not changed since."""
    is_changed: bool = False
    """Whether a file that it was started with has changed since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FifoFacts:
    """The file at the FIFO's path. `kind` is FIFO, or another type of file; "" for none."""

    kind: str
    owner: str = ""
    owner_id: int = -1
    group_id: int = -1
    mode: int = 0
    problem: str = ""
    """Why the path could not be examined."""
    same_paths: frozenset[str] = frozenset()
    """Other paths in keepalived.conf that lead to the same file, such as /var/run for /run."""

"""What the journal hears of keepalived: its FIFO, its processes, its roles."""

from dataclasses import dataclass

from hakeeper.core.decisions.base import OfVrrp
from hakeeper.core.model import FifoState, IpAddress, ProcessId, Role
from hakeeper.core.roles.lines import BadLine


@dataclass(frozen=True, slots=True)
class FifoOpened:
    """The FIFO was opened for the first time."""

    detail: str


@dataclass(frozen=True, slots=True)
class FifoRecovered:
    """The FIFO could not be read, and now it can."""

    detail: str


@dataclass(frozen=True, slots=True)
class FifoReplaced:
    """Another FIFO lies at the path, and was opened."""

    detail: str


@dataclass(frozen=True, slots=True)
class FifoFailed:
    """The FIFO at `path` cannot be read."""

    state: FifoState
    detail: str
    path: str


@dataclass(frozen=True, slots=True)
class FifoOverflowed:
    """Lines were lost, so often since this was last reported."""

    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class LineRejected:
    """A line was ignored."""

    line: BadLine


@dataclass(frozen=True, slots=True)
class LinesRejected:
    """So many more lines were ignored."""

    count: int


@dataclass(frozen=True, slots=True)
class KeepalivedRuns:
    """A keepalived process was seen."""

    process: ProcessId


@dataclass(frozen=True, slots=True)
class KeepalivedStopped:
    """Keepalived has ended after it had stopped all of its instances."""

    reason: str


@dataclass(frozen=True, slots=True)
class KeepalivedLost:
    """Keepalived has ended without that. `replaced`: another one runs already."""

    reason: str
    replaced: bool


@dataclass(frozen=True, slots=True)
class QueryFailed:
    """Keepalived cannot be asked for its roles."""

    reason: str


@dataclass(frozen=True, slots=True)
class UnknownInstance(OfVrrp):
    """Keepalived speaks of a name that is not configured."""


@dataclass(frozen=True, slots=True)
class RoleUnverified:
    """Lines are believed although the process that writes them is not seen."""


@dataclass(frozen=True, slots=True)
class RoleChanged(OfVrrp):
    """The role moved; where `before` is `after`, through another one."""

    before: Role
    after: Role
    reason: str
    generation: int


@dataclass(frozen=True, slots=True)
class VrrpAddressMissing(OfVrrp):
    """Keepalived is isolated: when that begins, and if it becomes MASTER all the same."""

    missing: tuple[IpAddress, ...]
    role: Role


@dataclass(frozen=True, slots=True)
class VrrpAddressFound(OfVrrp):
    """Nothing is missing any more; MASTER counts again after `wait_s`."""

    found: tuple[IpAddress, ...]
    wait_s: float

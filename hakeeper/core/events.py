"""What goes into the core (events) and what comes out of it (effects).

The shell feeds what it found in one look around with `Core.handle(events, now)` and performs the
effects in the order in which they stand.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from hakeeper.core.calls import CallResult, Request
from hakeeper.core.decisions.decision import Decision
from hakeeper.core.model import (
    FifoState,
    IpAddress,
    Pause,
    ProcessId,
    Role,
    SavedState,
    Settings,
    StepDown,
    VrrpId,
)
from hakeeper.core.roles.lines import BadLine, NotifyLine

# --- events ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The first event: what the last run left behind, and whether keepalived runs now.

    `pause` and `step_down`: those that the last run was given. They may be over.
    """

    saved: SavedState | None
    keepalived: ProcessId | None
    pause: Pause | None = None
    step_down: StepDown | None = None


@dataclass(frozen=True, slots=True)
class LinesRead:
    """Everything that waited in the FIFO, drained whole, oldest first.

    `more_bad_lines` counts those that nobody kept. `live` is False for the backlog found when the
    daemon starts.
    """

    lines: tuple[NotifyLine, ...]
    bad_lines: tuple[BadLine, ...] = ()
    more_bad_lines: int = 0
    live: bool = True


@dataclass(frozen=True, slots=True)
class Drained:
    """What was waiting in the FIFO, oldest first; not an event yet: `more` may follow.

    `overflow`: why lines were lost before these; what earlier calls returned is void too.
    `more`: there is more to read now; nothing may be acted upon before `drain` was called again.
    """

    lines: tuple[NotifyLine, ...] = ()
    bad_lines: tuple[BadLine, ...] = ()
    bad_count: int = 0
    overflow: str | None = None
    more: bool = False


@dataclass(frozen=True, slots=True)
class LinesLost:
    """Lines may be missing (a nearly full pipe was thrown away): no role can be trusted."""

    reason: str


@dataclass(frozen=True, slots=True)
class FifoChanged:
    """The FIFO was opened, replaced or lost. `reopened`: another inode took its place."""

    state: FifoState
    detail: str
    reopened: bool = False


@dataclass(frozen=True, slots=True)
class WriterSeen:
    """Whether another process has the FIFO open for writing; sent when that changes.

    `present` None: that cannot be seen here.
    """

    present: bool | None


@dataclass(frozen=True, slots=True)
class RolesQueried:
    """keepalived's own answer, by instance name; None with a reason where it gave none.

    `waits`: keepalived is on the bus, which works, and let the question wait.
    """

    query_id: int
    roles: Mapping[str, Role] | None
    reason: str = ""
    waits: bool = False


@dataclass(frozen=True, slots=True)
class KeepalivedSeen:
    """A keepalived process runs (sent when it appears, not at every look)."""

    process: ProcessId


@dataclass(frozen=True, slots=True)
class KeepalivedGone:
    """The keepalived process that was seen has ended, or lost its VRRP child.

    `replaced`: another one runs already, so the last lines may be its own.
    """

    reason: str
    replaced: bool = False


@dataclass(frozen=True, slots=True)
class VrrpAddressesSeen:
    """Which of the VRRP addresses of the settings this machine has now.

    Sent when that changes, and once at the start. Any other counts as missing, so before
    `SettingsChanged` this is sent for the old and the new settings together.
    """

    here: tuple[IpAddress, ...]


@dataclass(frozen=True, slots=True)
class SaveFailed:
    """This state could not be written down, and what was written before it is gone."""

    state: SavedState


@dataclass(frozen=True, slots=True)
class SettingsChanged:
    """A reload brought other settings. `apis_changed`: their endpoint, token or server differs."""

    settings: Settings
    apis_changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SettingsRefused:
    """A reload was refused; the old settings stay. `reason`: the first thing that is wrong."""

    reason: str


@dataclass(frozen=True, slots=True)
class Paused:
    """An operator pauses hakeeper; this takes the place of a pause that is in force."""

    pause: Pause


@dataclass(frozen=True, slots=True)
class Resumed:
    """An operator ends the pause; see `Pause` for who."""

    by: str
    user_id: int


@dataclass(frozen=True, slots=True)
class StepDownAsked:
    """An operator wants another node to be MASTER, or a step-down that is done to last longer.

    Nothing follows if there is an objection; see `step_down.objection`.
    """

    step_down: StepDown


@dataclass(frozen=True, slots=True)
class StepUpAsked:
    """An operator ends the step-down; see `StepDown` for who."""

    by: str
    user_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """An operator wants addresses claimed now, without waiting; see `Pause` for who.

    `vrrp` None: of all instances and groups. `address`: as it is configured, or as people call it;
    empty: all of them.
    """

    vrrp: VrrpId | None
    address: str
    by: str
    user_id: int

    def means(self, vrrp: VrrpId, *names: str) -> bool:
        """Say whether one that goes by these names is meant."""
        return self.vrrp in (None, vrrp) and (not self.address or self.address in names)


Event: TypeAlias = (
    Started
    | LinesRead
    | LinesLost
    | FifoChanged
    | WriterSeen
    | RolesQueried
    | KeepalivedSeen
    | KeepalivedGone
    | CallResult
    | VrrpAddressesSeen
    | SaveFailed
    | SettingsChanged
    | SettingsRefused
    | Paused
    | Resumed
    | StepDownAsked
    | StepUpAsked
    | Taken
)

# --- effects --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StartCall:
    """Start a call now; a `CallResult` with this id must come back within `timeout_s`."""

    call_id: int
    request: Request
    timeout_s: float
    urgent: bool = False
    """A claim: it goes before reads, on the connection that is warm."""


@dataclass(frozen=True, slots=True)
class CancelCall:
    """Nobody wants this call any more: if no byte of it was sent, none may be."""

    call_id: int


@dataclass(frozen=True, slots=True)
class QueryRoles:
    """Ask keepalived for the state of all instances; answer with `RolesQueried`."""

    query_id: int


@dataclass(frozen=True, slots=True)
class SaveState:
    """Write this down; calls go out before it, lines leave the FIFO after it."""

    state: SavedState


@dataclass(frozen=True, slots=True)
class SavePause:
    """Write this pause down, so that it outlives this run; None: it is over, so remove it."""

    pause: Pause | None


@dataclass(frozen=True, slots=True)
class SetStepDown:
    """Lower the priority of keepalived as long as there is one, and have it outlive this run.

    None: it is over, so keepalived gets its own priority back.
    """

    step_down: StepDown | None


@dataclass(frozen=True, slots=True)
class ReloadToken:
    """This API refused its token: read it again from its source before the next call."""

    api: str


@dataclass(frozen=True, slots=True)
class Report:
    """One entry for the journal, which has the words for it.

    `held_back`: so many of the same kind about the same thing were held back before it.
    """

    decision: Decision
    held_back: int = 0


Effect: TypeAlias = (
    StartCall | CancelCall | QueryRoles | SaveState | SavePause | SetStepDown | ReloadToken | Report
)

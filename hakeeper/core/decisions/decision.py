"""Everything that the core reports: one dataclass for each kind of entry of the journal.

They say what was decided, in types; the journal has the sentences. Where another server is shown,
its name stands beside its id, as far as it is known at that moment.
"""

from typing import TypeAlias

from hakeeper.core.decisions.claims import (
    ActionOverdue,
    ClaimAbandoned,
    ClaimFailed,
    ClaimStarted,
    ClaimUnseen,
    ResourceClaimed,
    ResourceConfirmed,
    ResourceDrifted,
    ResourceHeldDown,
)
from hakeeper.core.decisions.keepalived import (
    FifoFailed,
    FifoOpened,
    FifoOverflowed,
    FifoRecovered,
    FifoReplaced,
    KeepalivedLost,
    KeepalivedRuns,
    KeepalivedStopped,
    LineRejected,
    LinesRejected,
    QueryFailed,
    RoleChanged,
    RoleUnverified,
    UnknownInstance,
    VrrpAddressFound,
    VrrpAddressMissing,
)
from hakeeper.core.decisions.operator import (
    ClaimPaused,
    PauseBegun,
    PauseEnded,
    PauseExpired,
    StepDownBegun,
    StepDownDone,
    StepDownExpired,
    StepDownFailed,
    StepDownOvertaken,
    StepDownProlonged,
    SteppedUp,
    TakeBegun,
)
from hakeeper.core.decisions.resources import (
    ApiFailed,
    ApiRecovered,
    ResourceBlocked,
    ResourceRenamed,
    ResourceResolved,
    ResourceUnresolved,
    ServerIdentified,
    ServerUnidentified,
    ZoneMismatch,
)
from hakeeper.core.decisions.selectors import (
    ResourceChosenTwice,
    ResourceDeselected,
    ResourceSelected,
    SelectorBroad,
    SelectorEmpty,
)

Decision: TypeAlias = (
    FifoOpened
    | FifoRecovered
    | FifoReplaced
    | FifoFailed
    | FifoOverflowed
    | LineRejected
    | LinesRejected
    | KeepalivedRuns
    | KeepalivedStopped
    | KeepalivedLost
    | QueryFailed
    | UnknownInstance
    | RoleUnverified
    | RoleChanged
    | VrrpAddressMissing
    | VrrpAddressFound
    | ClaimStarted
    | ClaimAbandoned
    | ClaimFailed
    | ClaimUnseen
    | ActionOverdue
    | ResourceConfirmed
    | ResourceClaimed
    | ResourceDrifted
    | ResourceHeldDown
    | ResourceResolved
    | ResourceRenamed
    | ResourceUnresolved
    | ResourceSelected
    | ResourceDeselected
    | ResourceChosenTwice
    | SelectorEmpty
    | SelectorBroad
    | ResourceBlocked
    | ZoneMismatch
    | ApiFailed
    | ApiRecovered
    | ServerIdentified
    | ServerUnidentified
    | PauseBegun
    | PauseEnded
    | PauseExpired
    | ClaimPaused
    | StepDownBegun
    | StepDownDone
    | StepDownProlonged
    | StepDownOvertaken
    | SteppedUp
    | StepDownExpired
    | StepDownFailed
    | TakeBegun
)

"""The claim table: (stage, what happened) to the stages that may follow, and the rule for it.

All moves from one stage to another are here; nothing else in hakeeper sets a stage. The table is
complete (the simulated worlds reach every move, and no other), and docs/dev/design.md prints it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Final, TypeAlias, get_args

from hakeeper.core.claim.happenings import (
    Accepted,
    ActionLost,
    ActionSeen,
    ActionUnread,
    ApiWorks,
    Awaited,
    Demoted,
    Failed,
    Halted,
    Happening,
    Hinted,
    HoldDownOver,
    HolderAsked,
    HolderDown,
    Hung,
    LostTrack,
    Master,
    Moving,
    NotFound,
    Returned,
    Seen,
    Sending,
)
from hakeeper.core.claim.resource import Resource
from hakeeper.core.claim.rules import (
    asked,
    begin,
    better_master,
    holder_down,
    leave,
    look_again,
    missed,
    ours_already,
    read_back,
    rechecked,
    resume,
    seen_meanwhile,
    stop,
    try_again,
    verified,
)
from hakeeper.core.claim.stages import (
    ActionRunning,
    Held,
    HoldDown,
    Idle,
    MutateDue,
    MutateSent,
    ReadBack,
    Reading,
    Recheck,
    Stage,
    Verify,
)
from hakeeper.core.claim.step_rules import (
    accepted,
    action_lost,
    action_seen,
    action_unread,
    awaited,
    failed,
    halt,
    read_if_put_off,
    read_instead,
    read_later,
    read_when_moved,
    retry_soon,
    send,
)
from hakeeper.core.decisions.decision import Decision

Rule: TypeAlias = Callable[[Resource, Any, Any, float, Random], Stage]
STAGES: Final[tuple[type[Stage], ...]] = get_args(Stage)
HAPPENINGS: Final[tuple[type[Happening], ...]] = get_args(Happening)


@dataclass(frozen=True, slots=True)
class Cell:
    """The rule of one cell, and the stages that it may lead to, its own among them."""

    rule: Rule
    to: tuple[type[Stage], ...]


def _everywhere(rule: Rule, *to: type[Stage]) -> dict[type[Stage], Cell]:
    return dict.fromkeys(STAGES, Cell(rule, to))


_BEGUN = (Verify, MutateDue)
TABLE: Final[Mapping[type[Happening], Mapping[type[Stage], Cell]]] = {
    Master: _everywhere(begin, *_BEGUN),
    Returned: {Idle: Cell(resume, (Verify, HoldDown))},
    Demoted: _everywhere(stop, Idle),
    Seen: {
        Verify: Cell(verified, (Verify, MutateDue, Held, HoldDown)),
        MutateDue: Cell(ours_already, (MutateDue, Verify, Held)),
        ReadBack: Cell(read_back, (ReadBack, MutateDue, Held)),
        Held: Cell(missed, (Held, Recheck)),
        Recheck: Cell(rechecked, (Recheck, Held, HoldDown, *_BEGUN)),
        HoldDown: Cell(seen_meanwhile, (HoldDown, Held, *_BEGUN)),
    },
    Hinted: {
        Held: Cell(look_again, (Held, Recheck)),
        HoldDown: Cell(better_master, _BEGUN),
    },
    Sending: {MutateDue: Cell(send, (MutateSent,))},
    Accepted: {MutateSent: Cell(accepted, (ActionRunning, ReadBack, *_BEGUN))},
    Failed: dict.fromkeys((MutateSent, MutateDue), Cell(failed, _BEGUN)),
    LostTrack: dict.fromkeys((MutateSent, MutateDue), Cell(read_instead, (Verify,))),
    ActionSeen: {ActionRunning: Cell(action_seen, (ActionRunning, ReadBack, *_BEGUN))},
    ActionUnread: {ActionRunning: Cell(action_unread, (ActionRunning,))},
    Awaited: {ActionRunning: Cell(awaited, (ActionRunning,))},
    ActionLost: {ActionRunning: Cell(action_lost, (Verify,))},
    ApiWorks: {MutateDue: Cell(retry_soon, (MutateDue,))},
    Moving: {
        **{stage: Cell(read_when_moved, (stage,)) for stage in get_args(Reading)},
        MutateDue: Cell(read_if_put_off, (MutateDue, Verify)),
    },
    NotFound: {stage: Cell(read_later, (stage,)) for stage in get_args(Reading)},
    Hung: {MutateDue: Cell(leave, (HoldDown,))},
    Halted: {MutateDue: Cell(halt, (MutateDue,))},
    HoldDownOver: {HoldDown: Cell(try_again, (Verify,))},
    HolderAsked: {HoldDown: Cell(asked, (HoldDown,))},
    HolderDown: {HoldDown: Cell(holder_down, _BEGUN)},
}
"""The whole table. Where a cell is missing, the stage stays what it is."""


def take(resource: Resource, what: Happening, now: float, rng: Random) -> list[Decision]:
    """Move a resource by the table; return what is to be reported of it."""
    stage = resource.stage
    cell = TABLE[type(what)].get(type(stage))
    if cell is not None:
        resource.stage = cell.rule(resource, stage, what, now, rng)
    reports, resource.pending = resource.pending, []
    return reports

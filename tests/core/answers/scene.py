"""The end of one call, and what is reported of it."""

from hakeeper.adapters.journal.entry import Entry
from hakeeper.core.answers.results import take_result
from hakeeper.core.calls import (
    Answer,
    Failure,
    FailureKind,
    Request,
)
from hakeeper.core.state import State
from tests.core.driver import entries
from tests.core.standing import (
    ended,
    reported,
    resource_of,
    under_way,
)
from tests.support.resources import (
    assign,
)

KIND = FailureKind


def answer(
    state: State, request: Request, outcome: Answer | Failure, now: float = 101.0
) -> list[str]:
    """Let a read that was begun at 100 end; return what is told."""
    state.effects = []
    take_result(state, ended(under_way(state, request), outcome), now)
    return reported(state)


def assign_ends(
    state: State, outcome: Answer | Failure, number: int = 1, generation: int = 0
) -> list[str]:
    """Let the assign of an address end, which has been sent."""
    state.effects = []
    call_id = under_way(state, assign(number, 1), 100.0, resource_of(state, number), generation)
    take_result(state, ended(call_id, outcome), 101.0)
    return reported(state)


def entry(state: State, event: str) -> Entry:
    return next(entry for entry in entries(state.effects) if entry.event == event)

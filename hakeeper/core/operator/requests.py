"""What an operator asks of this node by a command."""

from typing import TypeAlias, assert_never

from hakeeper.core.events import Paused, Resumed, StepDownAsked, StepUpAsked, Taken
from hakeeper.core.operator.pause import change_pause
from hakeeper.core.operator.step_down import change_step_down
from hakeeper.core.operator.take import take_now
from hakeeper.core.state import State

OperatorRequest: TypeAlias = Paused | Resumed | StepDownAsked | StepUpAsked | Taken


def carry_out(state: State, request: OperatorRequest, now: float) -> None:
    """Change the state as the operator wants it; what follows, `reconcile` does."""
    match request:
        case Paused() | Resumed():
            change_pause(state, request, now)
        case StepDownAsked() | StepUpAsked():
            change_step_down(state, request, now)
        case Taken():
            take_now(state, request, now)
        case _:  # pragma: no cover
            assert_never(request)

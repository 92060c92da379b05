"""What a client of the control socket says of a step-down, checked: it may be any JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hakeeper.adapters.pause_request import read_duration_s, read_reason, read_user

SHORTEST_S: Final = 60.0
"""Less would be over before another node has surely claimed."""
STEP_DOWN_PARAMETERS: Final = ("for_s", "reason", "user")
STEP_UP_PARAMETERS: Final = ("user",)


@dataclass(frozen=True, slots=True)
class StepDownRequest:
    """A step-down of so many seconds. `user` is what the client calls who asks for it."""

    for_s: float
    reason: str
    user: str


def read_step_down(request: Mapping[str, object]) -> StepDownRequest:
    """Return what is asked for; raises BadRequest."""
    return StepDownRequest(
        for_s=read_duration_s(request.get("for_s"), SHORTEST_S),
        reason=read_reason(request),
        user=read_user(request),
    )

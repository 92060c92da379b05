"""What a client says of a pause, or of what else lasts a while, checked: it may be any JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hakeeper.adapters.control_commands import BadRequest
from hakeeper.printable import printable

SHORTEST_S: Final = 1.0
SHORTEST_STEP_DOWN_S: Final = 60.0
"""Less would be over before another node has surely claimed."""
LONGEST_S: Final = 24 * 3600.0
"""A pause that is forgotten must not outlast the day."""
REASON_LIMIT: Final = 200
USER_LIMIT: Final = 64
"""In characters."""


@dataclass(frozen=True, slots=True)
class TimedRequest:
    """What lasts so many seconds. `user` is what the client calls who asks for it."""

    for_s: float
    reason: str
    user: str


TIMED_PARAMETERS: Final = ("for_s", "reason", "user")
END_PARAMETERS: Final = ("user",)


def read_timed(request: Mapping[str, object], shortest_s: float = SHORTEST_S) -> TimedRequest:
    """Return what is asked for; raises BadRequest."""
    return TimedRequest(
        for_s=_duration_s(request.get("for_s"), shortest_s),
        reason=_text(request, "reason", REASON_LIMIT),
        user=read_user(request),
    )


def read_user(request: Mapping[str, object]) -> str:
    """Return what the client calls its user; raises BadRequest."""
    return _text(request, "user", USER_LIMIT)


def checked_text(value: object, limit: int, what: str) -> str:
    """Return a text that is short enough, and fit for a line of a terminal.

    Raises ValueError or TypeError, whose message begins with `what`.
    """
    if not isinstance(value, str):
        raise TypeError(f"{what} is not a text")
    if len(value) > limit:
        raise ValueError(f"{what} has {len(value)} characters, at most {limit} are possible")
    if printable(value) != value:
        raise ValueError(f"{what} has characters that cannot be printed")
    return value


def _text(request: Mapping[str, object], name: str, limit: int) -> str:
    try:
        return checked_text(request.get(name, ""), limit, name)
    except (ValueError, TypeError) as error:
        raise BadRequest(str(error)) from None


def _duration_s(value: object, shortest_s: float) -> float:
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else 0
    if shortest_s <= number <= LONGEST_S:
        return float(number)
    raise BadRequest(f"for_s is not a number of seconds from {shortest_s:g} to {LONGEST_S:g}")

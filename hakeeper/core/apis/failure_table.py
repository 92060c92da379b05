"""What follows from each class of failure, as a table.

Adapters sort every error code into a class (`FailureKind`); here is all that the core does about a
class. The sentences for people are in the journal's wording.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hakeeper.core.calls import Failure, FailureKind
from hakeeper.core.limits.patience import Pause


class Next(enum.Enum):
    """What a claim does after a mutating request failed."""

    SEND = "send again"
    READ = "read the holder first"


class Scope(enum.Enum):
    """What a failure says something of."""

    API = "the API"
    """Other calls are likely to fail as well."""
    REQUEST = "this request"
    """An answer, though no pleasant one: the API works."""
    RESOURCE = "this resource"
    """It is busy; the API and the request are all right."""
    NOTHING = "nothing"
    """We gave the call up ourselves."""


@dataclass(frozen=True, slots=True)
class Response:
    """What follows from a class of failure."""

    next: Next
    pause: Pause | None
    """Before that; None: at once, or when the API's hold is over."""
    scope: Scope
    needs_operator: bool = False
    """It will not get better by itself."""


READ_ONLY: Final = "token_readonly"
"""The code of a step with a token that may only read."""

RESPONSES: Final[Mapping[FailureKind, Response]] = {
    FailureKind.CANCELLED: Response(Next.SEND, None, Scope.NOTHING),
    FailureKind.THROTTLED: Response(Next.SEND, None, Scope.API),
    FailureKind.TRANSIENT: Response(Next.SEND, Pause.RETRY, Scope.API),
    FailureKind.OUTCOME_UNKNOWN: Response(Next.READ, Pause.READ_AGAIN, Scope.API),
    FailureKind.LOCKED: Response(Next.READ, Pause.READ_AGAIN, Scope.RESOURCE),
    FailureKind.ALREADY: Response(Next.READ, Pause.READ_AGAIN, Scope.RESOURCE),
    FailureKind.NOT_FOUND: Response(Next.READ, Pause.SLOW, Scope.REQUEST, needs_operator=True),
    FailureKind.AUTH: Response(Next.SEND, Pause.SLOW, Scope.API, needs_operator=True),
    FailureKind.REFUSED: Response(Next.SEND, Pause.SLOW, Scope.REQUEST, needs_operator=True),
}
"""The whole table: a new class of failure is a new row."""


def api_code(failure: Failure, known_by: str) -> str:
    """Return the code of the trouble that a call's failure stands for; `known_by`: see `Api`."""
    match failure.kind:
        case FailureKind.AUTH:
            return f"{known_by}.readonly" if failure.code == READ_ONLY else f"{known_by}.rejected"
        case FailureKind.THROTTLED:
            return "api.throttled"
        case FailureKind.NOT_FOUND | FailureKind.REFUSED:
            return "api.refused"
        case _:
            return "api.unresolved" if failure.code == "dns" else "api.unreachable"

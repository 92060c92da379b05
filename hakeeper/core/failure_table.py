"""What follows from each class of failure, as a table.

Adapters sort every error code into a class (`FailureKind`); here is all that the core does about a
class. The sentences for people are in the journal's wording.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hakeeper.core.backoff import READ_AGAIN, RETRY, SLOW, Backoff
from hakeeper.core.calls import Failure, FailureKind


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
    pause: Backoff | None
    """Before that, by the number of tries; None: at once, or when the API's hold is over."""
    scope: Scope
    needs_operator: bool = False
    """It will not get better by itself."""


READ_ONLY: Final = "token_readonly"
"""The code of a step with a token that may only read."""

RESPONSES: Final[Mapping[FailureKind, Response]] = {
    FailureKind.CANCELLED: Response(Next.SEND, None, Scope.NOTHING),
    FailureKind.THROTTLED: Response(Next.SEND, None, Scope.API),
    FailureKind.TRANSIENT: Response(Next.SEND, RETRY, Scope.API),
    FailureKind.OUTCOME_UNKNOWN: Response(Next.READ, READ_AGAIN, Scope.API),
    FailureKind.LOCKED: Response(Next.READ, READ_AGAIN, Scope.RESOURCE),
    FailureKind.ALREADY: Response(Next.READ, READ_AGAIN, Scope.RESOURCE),
    FailureKind.NOT_FOUND: Response(Next.READ, SLOW, Scope.REQUEST, needs_operator=True),
    FailureKind.AUTH: Response(Next.SEND, SLOW, Scope.API, needs_operator=True),
    FailureKind.REFUSED: Response(Next.SEND, SLOW, Scope.REQUEST, needs_operator=True),
}
"""The whole table: a new class of failure is a new row."""


def api_code(failure: Failure) -> str:
    """Return the code of the trouble that a call's failure stands for."""
    match failure.kind:
        case FailureKind.AUTH:
            return "token.readonly" if failure.code == READ_ONLY else "token.rejected"
        case FailureKind.THROTTLED:
            return "api.throttled"
        case FailureKind.NOT_FOUND | FailureKind.REFUSED:
            return "api.refused"
        case _:
            return "api.unresolved" if failure.code == "dns" else "api.unreachable"


def as_markdown() -> str:
    """Return the table for docs/dev/design.md: a row a class."""
    lines = [
        "| class | the claim goes on by | after | it concerns | needs an operator |",
        "|---|---|---|---|---|",
    ]
    for kind, response in RESPONSES.items():
        pause = "at once" if response.pause is None else str(response.pause)
        operator = "yes" if response.needs_operator else ""
        does = response.next.value
        lines.append(f"| {kind.value} | {does} | {pause} | {response.scope.value} | {operator} |")
    return "\n".join(lines) + "\n"

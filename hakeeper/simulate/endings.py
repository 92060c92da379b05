"""How a call ends that brings no answer: nothing was sent, or nobody knows what became of it."""

from dataclasses import replace

from hakeeper.core.calls import Answer, Failure, FailureKind, Mutate, Request
from hakeeper.simulate.project import failure


def transient(code: str) -> Failure:
    """Return the end of a call of which no byte was sent."""
    return failure(FailureKind.TRANSIENT, code)


def lost(request: Request, code: str, http_status: int | None) -> Failure:
    """Nobody knows what became of it; of a read it need not be known."""
    changes_something = isinstance(request, Mutate)
    kind = FailureKind.OUTCOME_UNKNOWN if changes_something else FailureKind.TRANSIENT
    return failure(kind, code, http_status)


def unreadable(request: Request, outcome: Answer | Failure) -> Failure:
    """Spoil the body: of a refusal the status is left, of a success nothing."""
    if not isinstance(outcome, Failure):
        return lost(request, "unreadable_answer", 201 if isinstance(request, Mutate) else 200)
    already = outcome.kind is FailureKind.ALREADY  # only its code tells that from others
    kind = FailureKind.REFUSED if already else outcome.kind
    return replace(outcome, kind=kind, code=f"http_{outcome.http_status}")

"""The end of a call that failed, as a value; and the one door through which texts go out."""

from collections.abc import Callable
from dataclasses import replace

from hakeeper.adapters.hetzner.call_guard import Answered, CallGuard
from hakeeper.adapters.hetzner.errors import (
    ErrorAnswerError,
    LocalFailureError,
    TransportError,
    for_effect,
    kind_of,
    tidy_code,
    tidy_message,
)
from hakeeper.core.calls import ActionsRead, Answer, Failure, FailureKind, MutationAccepted
from hakeeper.core.kind import UnreadableAnswer
from hakeeper.core.model import Action

_FIRST_ERROR_STATUS = 400
_SHAPE_ERRORS = (
    UnreadableAnswer,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What clients and json raise for bodies that are not what the documentation promises."""


def failure_of(error: Exception, guard: CallGuard) -> Failure:
    """Say what an exception means for the call that it ended."""
    status = None if guard.answered is None else guard.answered.status
    match error:
        case TransportError(code=code):
            failure = Failure(kind=guard.lost_kind(), code=code, message=str(error))
        case LocalFailureError(kind=kind, code=code):
            failure = Failure(kind=kind, code=code, message=str(error), http_status=status)
        case _ if status is not None and status >= _FIRST_ERROR_STATUS:
            failure = _refusal(error, status, guard)
        case UnreadableAnswer():
            failure = _unreadable(str(error), status, guard)
        case ErrorAnswerError():  # with a 2xx
            failure = _unreadable("it is no JSON", status, guard)
        case _ if status is not None and isinstance(error, _SHAPE_ERRORS):
            failure = _unreadable(type(error).__name__, status, guard)
        case _:
            failure = Failure(
                kind=guard.lost_kind(),
                code="internal_error",
                message=f"{type(error).__name__}: {error}",
                http_status=status,
            )
    return failure


def _refusal(error: Exception, status: int, guard: CallGuard) -> Failure:
    """Describe an error answer; one without a code of Hetzner's may be anything, say a web page."""
    if not isinstance(error, ErrorAnswerError) or not error.code:
        return _nameless(status, guard)
    kind = for_effect(kind_of(error.code, status), changes_something=guard.changes_something)
    return Failure(
        kind=kind,
        code=tidy_code(error.code, status),
        message=error.message,
        http_status=status,
        retry_after_s=error.retry_after_s,
    )


def _nameless(status: int, guard: CallGuard) -> Failure:
    return Failure(
        kind=for_effect(kind_of("", status), changes_something=guard.changes_something),
        code=tidy_code(None, status),
        message=f"HTTP {status} without an error that the API documents",
        http_status=status,
    )


def _unreadable(detail: str, status: int | None, guard: CallGuard) -> Failure:
    return Failure(
        kind=guard.lost_kind(),
        code="unreadable_answer",
        message=f"the answer cannot be used: {detail}",
        http_status=status,
    )


def tidy(
    outcome: Answer | Failure, answered: Answered | None, redact: Callable[[str], str]
) -> Answer | Failure:
    """Add what the headers said, and make every foreign text short and free of the token."""
    match outcome:
        case Failure():
            wait_s = outcome.retry_after_s
            if wait_s is None and answered is not None:
                wait_s = answered.retry_after_s
            correlation_id = "" if answered is None else redact(answered.correlation_id)
            return replace(
                outcome,
                message=tidy_message(outcome.message, redact),
                code=redact(outcome.code),
                retry_after_s=wait_s if outcome.kind is FailureKind.THROTTLED else None,
                correlation_id=correlation_id,
            )
        case MutationAccepted(action=Action() as action):
            return MutationAccepted(_tidy_action(action, redact))
        case ActionsRead(actions=actions):
            return ActionsRead(tuple(_tidy_action(action, redact) for action in actions))
        case _:
            return outcome


def _tidy_action(action: Action, redact: Callable[[str], str]) -> Action:
    return replace(
        action,
        error_code=tidy_message(action.error_code, redact),
        error_message=tidy_message(action.error_message, redact),
    )

"""The Hetzner adapter in one thread, on a connection whose answers were written beforehand.

Only the socket is ours: sending, the HTTP parser, hcloud, the reading of the body, and the making
of a failure are what ships.
"""

import io
import socket
from collections.abc import Iterator
from typing import cast

from hakeeper.adapters.hetzner.attempt import Attempt
from hakeeper.adapters.hetzner.call_guard import CallGuard
from hakeeper.adapters.hetzner.cloud.api import CloudSession
from hakeeper.adapters.hetzner.cloud.client import make_client
from hakeeper.adapters.hetzner.cloud.identify import Identity
from hakeeper.adapters.hetzner.connection import Connection
from hakeeper.adapters.hetzner.listing import Page
from hakeeper.adapters.hetzner.options import HetznerOptions, parse_endpoint
from hakeeper.adapters.hetzner.outcome import failure_of, tidy
from hakeeper.adapters.hetzner.route import Route
from hakeeper.adapters.hetzner.transport import Transport
from hakeeper.adapters.hetzner.trust import FixedTrust
from hakeeper.adapters.identity import Candidate, Miss
from hakeeper.adapters.local_addresses import has_one_of
from hakeeper.adapters.redaction import Redactor
from hakeeper.core.calls import (
    ActionsRead,
    AllRead,
    Answer,
    CallResult,
    Failure,
    FailureKind,
    Identified,
    Identify,
    Mutate,
    MutationAccepted,
    OneRead,
    ReadActions,
    ReadAll,
    ReadOne,
    ReadServer,
    Request,
    ServerRead,
)
from hakeeper.core.events import StartCall
from tests.fuzz.shapes import mistyped
from tests.support.hetzner_bodies import TOKEN
from tests.support.http_server import http

ENDPOINT = "http://127.0.0.1:1/v1"
MESSAGE_LIMIT = 300
SEPARATOR = b"\n%%\n"
ANSWER_OF: dict[type[Request], type[Answer]] = {
    Identify: Identified,
    ReadAll: AllRead,
    ReadOne: OneRead,
    Mutate: MutationAccepted,
    ReadActions: ActionsRead,
    ReadServer: ServerRead,
}
_REDACT = Redactor([TOKEN]).text


class CannedSocket:
    """Takes what is sent, and gives what was prepared."""

    def __init__(self, answers: Iterator[bytes]) -> None:
        self._answers = answers
        self._answer = io.BytesIO()

    def settimeout(self, timeout_s: float) -> None:
        assert timeout_s > 0

    def sendall(self, data: bytes) -> None:
        assert data.startswith((b"GET /v1/", b"POST /v1/"))
        self._answer = io.BytesIO(next(self._answers, b""))

    def recv(self, size: int) -> bytes:
        return self._answer.read(size)


class CannedConnection(Connection):
    """A connection that is open from the start."""

    answers: Iterator[bytes] = iter(())

    def ready(self, attempt: Attempt) -> socket.socket:
        del attempt
        return cast("socket.socket", CannedSocket(self.answers))


def _local(limit_s: float) -> Iterator[Candidate | Miss]:
    assert limit_s > 0
    yield Candidate(42, "test")


_CONNECTION = CannedConnection(Route(parse_endpoint(ENDPOINT)), FixedTrust(None))
_TRANSPORT = Transport(parse_endpoint(ENDPOINT), _CONNECTION)
_CLIENT = make_client(TOKEN, HetznerOptions(endpoint=ENDPOINT), _TRANSPORT)
_SESSIONS = tuple(
    CloudSession(_CLIENT, Identity(one, _local, has_one_of)) for one in ("auto", 42, "web1")
)


def answer_bytes(block: bytes) -> bytes:
    """Turn `STATUS`, header lines, an empty line and a body into HTTP; HTTP stays as it is."""
    head, _, body = block.partition(b"\n\n")
    status, *headers = head.split(b"\n")
    if not (status.isdigit() and len(status) == len("200")):
        return block
    named = dict(line.partition(b":")[::2] for line in headers if b":" in line)
    texts = {k.decode("latin-1"): v.decode("latin-1") for k, v in named.items()}
    try:
        return http(int(status), body, texts)
    except UnicodeEncodeError:
        return block


def _whole(guard: CallGuard, identity: int) -> Answer | Failure:
    """Perform it, all pages of a list one after the other."""
    pages = [guard.page]
    while pages:
        guard.page = pages.pop(0)
        outcome = _SESSIONS[identity].perform(guard)
        if not isinstance(outcome, Page):
            return outcome
        guard.listing.take(outcome)
        pages += guard.listing.due()
    whole = guard.listing.whole()
    assert whole is not None
    return whole


def call(
    request: Request, answers: Iterator[bytes], *, identity: int = 0, number: int = 1
) -> CallResult:
    """Carry out one call on prepared answers, as a worker and the pool do."""
    guard = CallGuard(StartCall(number, request, 5.0), lambda: 0.0)
    _CONNECTION.answers = answers
    _TRANSPORT.guard = guard
    try:
        outcome = _whole(guard, identity)
    except Exception as error:  # noqa: BLE001 - as the worker does
        outcome = failure_of(error, guard)
    finally:
        _TRANSPORT.guard = None
    outcome = tidy(outcome, guard.answered, _REDACT)
    _check(request, outcome, None if guard.answered is None else guard.answered.status)
    return CallResult(
        call_id=number,
        outcome=outcome,
        sent_at_s=guard.sent_at_s,
        finished_at_s=0.0,
        quota=None if guard.answered is None else guard.answered.quota,
    )


def _check(request: Request, outcome: Answer | Failure, status: int | None) -> None:
    if not isinstance(outcome, Failure):
        assert ANSWER_OF[type(request)] is type(outcome)
        assert status is not None
        assert 200 <= status < 300
        assert [] == mistyped(outcome, type(outcome))
    else:
        assert [] == mistyped(outcome, Failure)
        _check_failure(request, outcome, status)
    if isinstance(outcome, Failure | MutationAccepted | ActionsRead):
        shown = repr(outcome)
        assert not [i for i in range(len(TOKEN) - 11) if TOKEN[i : i + 12] in shown]


def _check_failure(request: Request, failure: Failure, status: int | None) -> None:
    assert "internal_error" != failure.code, failure
    assert failure.code
    assert failure.code.isprintable()
    assert failure.message.isprintable(), failure
    assert len(failure.message) <= MESSAGE_LIMIT
    assert FailureKind.CANCELLED is not failure.kind
    if failure.retry_after_s is not None:
        assert 0 <= failure.retry_after_s <= 3600
        assert FailureKind.THROTTLED is failure.kind
    if not isinstance(request, Mutate):
        assert FailureKind.OUTCOME_UNKNOWN is not failure.kind
    elif status is None or status < 400:
        # Sent, and not refused: it may have been done.
        assert FailureKind.OUTCOME_UNKNOWN is failure.kind, failure

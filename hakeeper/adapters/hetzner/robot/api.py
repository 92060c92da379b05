"""The requests of the core, carried out as Robot wants them.

Three refused logins block the source address. So once one was refused, nothing that was asked for
before that is sent any more: the core hears of it first, and decides when to try again. What was
under way meanwhile is bounded by the pool's workers.
"""

import threading
from typing import Any, Final

from hakeeper.adapters.hetzner.call_guard import CallGuard
from hakeeper.adapters.hetzner.errors import ErrorAnswerError, LocalFailureError, Phase
from hakeeper.adapters.hetzner.listing import Page
from hakeeper.adapters.hetzner.options import HetznerOptions
from hakeeper.adapters.hetzner.robot.client import RobotClient
from hakeeper.adapters.hetzner.robot.identify import MainAddresses
from hakeeper.adapters.hetzner.session import SessionMaker
from hakeeper.adapters.hetzner.transport import Transport
from hakeeper.core.calls import (
    Answer,
    FailureKind,
    Identify,
    Mutate,
    MutationAccepted,
    OneRead,
    ReadAll,
    ReadOne,
)
from hakeeper.core.kind import HttpRequest
from hakeeper.kinds import KINDS
from hakeeper.kinds.apis import ROBOT

WORKERS: Final = ROBOT.max_parallel + 2
"""Calls at once: switches, which take a minute, and reads beside them. Until Robot has let us in,
the core asks for one thing at a time."""
_UNAUTHORIZED: Final = 401
_NOT_FOUND: Final = "not_found"


class Refusals:
    """When a login was last refused; shared by all workers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._at_s = float("-inf")

    def note(self, at_s: float) -> None:
        """A login was refused at this time (monotonic seconds)."""
        with self._lock:
            self._at_s = max(self._at_s, at_s)

    def came_after(self, started_at_s: float) -> bool:
        """Say whether one was refused since then."""
        with self._lock:
            return self._at_s >= started_at_s


def robot_sessions(options: HetznerOptions, identity: MainAddresses) -> SessionMaker:
    """Return what makes sessions of a login, `user:password`."""
    refusals = Refusals()

    def make(login: str, transport: Transport) -> RobotSession:
        return RobotSession(RobotClient(login, options, transport), identity, refusals)

    return make


class RobotSession:
    """Speaks with Robot for one worker."""

    def __init__(self, client: RobotClient, identity: MainAddresses, refusals: Refusals) -> None:
        """Send with this client."""
        self._client = client
        self._identity = identity
        self._refusals = refusals

    def perform(self, guard: CallGuard) -> Answer | Page:
        """Carry out the request of a call; lists have no pages."""
        match guard.call.request:
            case Identify():
                guard.enter(Phase.LOCAL)
                return self._identity.identify()
            case ReadAll(kind):
                request = guard.whole.listing.requests[guard.page.list]
                reading = KINDS[kind].read_list(request, self._list(request, guard))
                return Page(of=guard.page, reading=reading, following=None, last=None)
            case ReadOne(resource):
                reading_one = KINDS[resource.kind].read_request(resource)
                if reading_one is None:
                    raise ValueError(f"{KINDS[resource.kind].noun}s are not read one by one")
                return OneRead(KINDS[resource.kind].read_one(self._send(reading_one, guard)))
            case Mutate(resource, step) as mutation:
                switch = KINDS[resource.kind].request_of(mutation.resources, step)
                self._send(switch, guard)  # it is answered when the work is done
                return MutationAccepted(None)
            case _ as request:
                raise TypeError(f"Robot has nothing for {request}")

    def _list(self, request: HttpRequest, guard: CallGuard) -> Any:  # noqa: ANN401  # JSON
        """Read a list; where there is nothing to list, Robot says that it is not found."""
        try:
            return self._send(request, guard)
        except ErrorAnswerError as error:
            if error.code == _NOT_FOUND:
                return []
            raise

    def _send(self, request: HttpRequest, guard: CallGuard) -> Any:  # noqa: ANN401  # JSON
        if self._refusals.came_after(guard.whole.started_at_s):
            raise LocalFailureError(
                FailureKind.AUTH,
                "login_refused",
                "not sent: Robot has just refused the login, and blocks who tries it thrice",
            )
        try:
            return self._client.request(request)
        finally:
            if guard.answered is not None and guard.answered.status == _UNAUTHORIZED:
                self._refusals.note(guard.now_s())

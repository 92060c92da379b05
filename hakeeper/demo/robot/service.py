"""The listener of the simulated Robot, and the whole of its state under one lock."""

import contextlib
import ssl

from hakeeper.demo.cloud.engine import Engine
from hakeeper.demo.cloud.errors import ApiError
from hakeeper.demo.cloud.faults import Answer, Fault
from hakeeper.demo.cloud.service import Met, Observer, PortService
from hakeeper.demo.cloud.wire import HttpAnswer, HttpRequest, json_bytes
from hakeeper.demo.robot.access import Logins, Quotas
from hakeeper.demo.robot.api import Reply, RobotApi
from hakeeper.demo.robot.model import RobotModel
from hakeeper.demo.robot.values import RobotRules, error_body

_UNAUTHORIZED = 401
_INTERNAL = 500
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="Robot Webservice"'}


class RobotEngine(Engine):
    """The engine of the simulated Robot: its model, and who has access to it."""

    def __init__(self, rules: RobotRules) -> None:
        """Start with an empty account."""
        super().__init__()
        self.model = RobotModel(rules)
        self.logins = Logins()
        self.quotas = Quotas()
        self.api = RobotApi(self.model, self.logins, self.quotas)

    def advance(self, now: float) -> None:
        """Carry out what is due: ends of switches, changes of routes."""
        self.model.register.advance(now)

    def next_at(self) -> float:
        """Return when a switch ends or takes effect next."""
        return self.model.register.next_at()

    def changes(self) -> int:
        """Return how many routes have changed and how many switches have ended."""
        return len(self.model.changes) + self.model.register.ended

    def end_actions_of(self, fault: int, now: float) -> None:
        """Make the switches that a fault keeps running fail now."""
        self.model.end_switches_of(fault, now)


class RobotService(PortService):
    """Robot's port.

    A POST is answered when its switch has ended. If a fault takes the answer away or puts another
    one in its place, that happens at once, and the switch goes on.
    """

    def __init__(
        self,
        engine: RobotEngine,
        address: tuple[str, int],
        tls: ssl.SSLContext | None = None,
        observer: Observer | None = None,
    ) -> None:
        """Bind the address."""
        super().__init__(engine, address, tls, observer)
        self._robot = engine

    def client_of(self, request: HttpRequest) -> str:
        """Return the client of the login."""
        with self.engine.changed:
            return self._robot.logins.client_of(request.headers.get("authorization", ""))

    def decide(self, request: HttpRequest, met: Met) -> tuple[HttpAnswer, str]:
        """Call the API and wait for the end of a switch, unless a fault answers instead."""
        fault = met.fault
        if fault.handles:
            reply = self._carried_out(request, met)
        else:
            self._count(request)
            reply = _by_fault(fault)
        if fault.status is not None:
            if fault.body is not None:
                return HttpAnswer(fault.status, {}, fault.body.encode(), "text/html"), ""
            reply = _by_fault(fault)
        self.observe(request, reply.status, reply.body)
        headers = _CHALLENGE if reply.status == _UNAUTHORIZED else {}
        return HttpAnswer(reply.status, headers, json_bytes(reply.body)), reply.code

    def _carried_out(self, request: HttpRequest, met: Met) -> Reply:
        robot = self._robot
        quirk = met.fault.quirk(met.id or 0)
        begun = robot.api.begin(request, robot.now(), quirk=quirk, stale_s=met.fault.stale_s)
        if isinstance(begun, Reply):
            return begun
        if _lets_answer(met.fault):
            robot.touch()  # it has begun, which shows as `processing`
            robot.wait_until(lambda now: now >= begun.ends_s or met.connection.dropped)
        return robot.api.answer(begun, robot.now())

    def _count(self, request: HttpRequest) -> None:
        """Count a request that a fault answers: login and quota come before what fails."""
        with contextlib.suppress(ApiError):
            self._robot.api.admit(request, self._robot.now())


def _by_fault(fault: Fault) -> Reply:
    status = fault.status or _INTERNAL
    return Reply(status, error_body(status, fault.code, fault.message, fault.details))


def _lets_answer(fault: Fault) -> bool:
    """Say whether the client gets the answer of the API itself."""
    return fault.status is None and fault.answer not in {Answer.NEVER, Answer.RESET, Answer.CLOSE}

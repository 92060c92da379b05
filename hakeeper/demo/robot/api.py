"""Robot's /failover without HTTP: from a request to a reply, or to a switch that has to end first.

Pure, like the model.
"""

import ipaddress
import re
import urllib.parse
from dataclasses import dataclass
from typing import Any

from hakeeper.demo.cloud.errors import ApiError
from hakeeper.demo.cloud.project import NO_QUIRK, Quirk
from hakeeper.demo.cloud.wire import HttpRequest
from hakeeper.demo.robot.access import Logins, Quotas
from hakeeper.demo.robot.model import RobotModel, Switch
from hakeeper.demo.robot.values import (
    FAILOVER_FAILED,
    NOT_FOUND,
    STATUS,
    Kind,
    RobotError,
    invalid_input,
)

TARGET = "active_server_ip"
_ONE = re.compile(r"/failover/([^/]+)")
_OK = 200


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: an array for the list, an object for all else."""

    status: int
    body: Any

    @property
    def code(self) -> str:
        """The error code, or an empty string."""
        return "" if self.status == _OK else str(self.body["error"]["code"])


class RobotApi:
    """The account behind its API: the login first, then the quota, then the request.

    A POST and a DELETE are answered when their switch has ended: `begin` returns it, and `answer`
    is to be called then.
    """

    def __init__(self, model: RobotModel, logins: Logins, quotas: Quotas) -> None:
        """Serve this model, to these logins, within these quotas."""
        self.model = model
        self.logins = logins
        self.quotas = quotas

    def begin(
        self, request: HttpRequest, now: float, *, quirk: Quirk = NO_QUIRK, stale_s: float = 0.0
    ) -> Reply | Switch:
        """Carry out the request. `stale_s`: readings show the state as it was that long ago."""
        self.model.register.advance(now)
        try:
            kind, ip = self.admit(request, now)
            return self._route(kind, ip, request, now, quirk, stale_s)
        except ApiError as error:
            return Reply(error.status, error.body())

    def admit(self, request: HttpRequest, now: float) -> tuple[Kind, str]:
        """Check the login, count the request and return its kind; raises the API's error."""
        rules = self.model.rules
        authorization = request.headers.get("authorization", "")
        self.logins.check(authorization, request.source, now, rules)
        kind, ip = _kind(request)
        self.quotas.take(kind, now, rules.interval_s)
        return kind, ip

    def answer(self, switch: Switch, now: float) -> Reply:
        """Return the answer to a switch, which has ended unless nobody will get the answer."""
        if switch.error is not None:
            code, message = switch.error
            error = RobotError(code if code in STATUS else FAILOVER_FAILED, message)
            return Reply(error.status, error.body())
        return self._one(str(switch.resource), now)

    def _route(
        self, kind: Kind, ip: str, request: HttpRequest, now: float, quirk: Quirk, stale_s: float
    ) -> Reply | Switch:
        model = self.model
        if kind is Kind.LIST:
            if not model.failovers:
                raise RobotError(NOT_FOUND, "no failover ip found")
            shown = [model.shown(each, now - stale_s) for each in model.failovers.values()]
            return Reply(_OK, [{"failover": each} for each in shown])
        if kind is Kind.GET:
            return self._one(ip, now - stale_s)
        cause = self.logins.client_of(request.headers.get("authorization", ""))
        if kind is Kind.POST:
            model.failover(ip)
            return model.route(ip, _target(request.body), now, cause=cause, quirk=quirk)
        return model.unroute(ip, now, cause=cause, quirk=quirk) or self._one(ip, now)

    def _one(self, ip: str, as_of_s: float) -> Reply:
        return Reply(_OK, {"failover": self.model.shown(self.model.failover(ip), as_of_s)})


def _kind(request: HttpRequest) -> tuple[Kind, str]:
    """Return what is asked for, and of which address.

    That anything else gets the 404 of an unknown resource is our guess.
    """
    if (request.method, request.path) == ("GET", "/failover"):
        return Kind.LIST, ""
    one = _ONE.fullmatch(request.path)
    kinds = {"GET": Kind.GET, "POST": Kind.POST, "DELETE": Kind.DELETE}
    if one is None or request.method not in kinds:
        raise RobotError(NOT_FOUND, "Not Found")
    return kinds[request.method], urllib.parse.unquote(one[1])


def _target(body: bytes) -> str:
    form = urllib.parse.parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    given = form.get(TARGET, [""])[-1]
    if not given:
        raise invalid_input(missing=[TARGET])
    try:
        ipaddress.ip_address(given)
    except ValueError as error:
        raise invalid_input(invalid=[TARGET]) from error
    return given

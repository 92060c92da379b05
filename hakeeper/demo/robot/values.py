"""Values of the simulated Robot: its error codes, its rules, what changed.

The codes are those of Robot's documentation (robot.hetzner.com/doc/webservice/en.html).
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from hakeeper.demo.cloud.errors import ApiError
from hakeeper.demo.cloud.values import JsonObject

INVALID_INPUT = "INVALID_INPUT"
UNAUTHORIZED = "UNAUTHORIZED"
RATE_LIMIT_EXCEEDED = "RATE_LIMIT_EXCEEDED"
NOT_FOUND = "NOT_FOUND"
FAILOVER_NEW_SERVER_NOT_FOUND = "FAILOVER_NEW_SERVER_NOT_FOUND"
FAILOVER_ALREADY_ROUTED = "FAILOVER_ALREADY_ROUTED"
FAILOVER_LOCKED = "FAILOVER_LOCKED"
FAILOVER_FAILED = "FAILOVER_FAILED"
FAILOVER_NOT_COMPLETE = "FAILOVER_NOT_COMPLETE"
MAINTENANCE = "MAINTENANCE"
"""Our guess: the documentation names no code for a 503."""

STATUS: Mapping[str, int] = {
    INVALID_INPUT: 400,
    UNAUTHORIZED: 401,
    RATE_LIMIT_EXCEEDED: 403,
    NOT_FOUND: 404,
    FAILOVER_NEW_SERVER_NOT_FOUND: 404,
    FAILOVER_ALREADY_ROUTED: 409,
    FAILOVER_LOCKED: 409,
    FAILOVER_FAILED: 500,
    FAILOVER_NOT_COMPLETE: 500,
    MAINTENANCE: 503,
}
_USUAL_CODE: Mapping[int, str] = {
    400: INVALID_INPUT,
    401: UNAUTHORIZED,
    403: RATE_LIMIT_EXCEEDED,
    404: NOT_FOUND,
    409: FAILOVER_LOCKED,
    500: FAILOVER_FAILED,
    503: MAINTENANCE,
}


class RobotError(ApiError):
    """An error answer of Robot."""

    statuses: ClassVar[Mapping[str, int]] = STATUS

    def body(self) -> JsonObject:
        """Return the JSON body; what else the error says stands beside its message."""
        return error_body(self.status, self.code, self.message, self.details)


def error_body(
    status: int, code: str | None, message: str, details: JsonObject | None
) -> JsonObject:
    """Build an error body; code None: the one that the status most often carries."""
    code = code or _USUAL_CODE.get(status, "UNKNOWN_ERROR")
    return {"error": {"status": status, "code": code, "message": message} | (details or {})}


def invalid_input(
    *, missing: list[str] | None = None, invalid: list[str] | None = None
) -> RobotError:
    """Build the 400 that names the fields which are missing or invalid."""
    return RobotError(INVALID_INPUT, "invalid input", {"missing": missing, "invalid": invalid})


class Kind(enum.Enum):
    """The kinds of requests, each of which has a quota of its own."""

    LIST = "GET /failover"
    GET = "GET /failover/{ip}"
    POST = "POST /failover/{ip}"
    DELETE = "DELETE /failover/{ip}"


@dataclass(frozen=True, slots=True)
class Login:
    """A user of the webservice, and the password."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotRules:
    """How Robot behaves where its documentation leaves it open, and its times."""

    switch_s: float = 0.1
    """How long a switch runs, and so how long its POST is unanswered; in real life 40 to 60 s."""
    shows_status: bool = True
    """Whether `status` is in the answers. It is not documented."""
    interval_s: float = 3600.0
    """The window in which requests are counted."""
    failed_logins: int = 3
    """So many within `block_s` block the address that they came from."""
    block_s: float = 600.0
    """How long it is blocked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteChange:
    """A failover IP was routed to another server; None: to none."""

    at_s: float
    ip: str
    old: int | None
    """The number of the server that it was routed to."""
    new: int | None
    cause: str
    """The client whose request caused it, or OPERATOR, or CREATED."""
    late: bool = False
    """Whether a fault let it happen at another time than the end of its switch."""

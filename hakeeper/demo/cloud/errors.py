"""Hetzner's error codes and the HTTP status of each (docs.hetzner.cloud, "Errors")."""

from collections.abc import Mapping
from typing import ClassVar

from hakeeper.demo.cloud.values import JsonObject

STATUS: Mapping[str, int] = {
    "json_error": 400,
    "unauthorized": 401,
    "token_readonly": 401,
    "forbidden": 403,
    "maintenance": 403,
    "resource_limit_exceeded": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "uniqueness_error": 409,
    "conflict": 409,
    "deprecated_api_endpoint": 410,
    "resource_unavailable": 412,
    "invalid_input": 422,
    "service_error": 422,
    "unsupported_error": 422,
    "floating_ip_assigned": 422,
    "must_be_unassigned": 422,
    "ip_not_available": 422,
    "networks_overlap": 422,
    "server_already_attached": 422,
    "locked": 423,
    "protected": 423,
    "rate_limit_exceeded": 429,
    "server_error": 500,
    "bad_gateway": 502,
    "unavailable": 503,
    "timeout": 504,
}

_USUAL_CODE: Mapping[int, str] = {
    400: "json_error",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    410: "deprecated_api_endpoint",
    412: "resource_unavailable",
    422: "invalid_input",
    423: "locked",
    429: "rate_limit_exceeded",
    500: "server_error",
    502: "bad_gateway",
    503: "unavailable",
    504: "timeout",
}


def usual_code(status: int) -> str:
    """Return the code that a status most often carries."""
    return _USUAL_CODE.get(status, "unknown_error")


class ApiError(Exception):
    """An error answer of the API."""

    statuses: ClassVar[Mapping[str, int]] = STATUS
    """The HTTP status of each code."""

    def __init__(self, code: str, message: str, details: JsonObject | None = None) -> None:
        """Take one of the codes of `statuses`."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details
        self.status = self.statuses[code]

    def body(self) -> JsonObject:
        """Return the JSON body; `details` is absent if there are none, as the API allows."""
        return error_body(self.code, self.message, self.details)


def error_body(code: str, message: str, details: JsonObject | None) -> JsonObject:
    """Build an error body; details None leaves the key out."""
    error: JsonObject = {"code": code, "message": message}
    if details is not None:
        error["details"] = details
    return {"error": error}


def invalid_input(field: str, problem: str) -> ApiError:
    """Build the 422 that names a field."""
    return ApiError(
        "invalid_input",
        f"invalid input in field '{field}': {problem}",
        {"fields": [{"name": field, "messages": [problem]}]},
    )


def not_found(kind: str, resource_id: object) -> ApiError:
    """Build the 404 for a resource."""
    return ApiError("not_found", f"{kind} with ID '{resource_id}' not found", {})

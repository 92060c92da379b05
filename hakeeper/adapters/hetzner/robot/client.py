"""HTTP as Robot speaks it: a login with every request, forms to it, JSON from it.

Requests go to the transport without a session of requests, which would add cookies, redirects and
what the environment says of proxies and logins.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import requests

from hakeeper.adapters.hetzner.errors import ErrorAnswerError
from hakeeper.adapters.hetzner.options import HetznerOptions
from hakeeper.adapters.hetzner.transport import Transport
from hakeeper.adapters.login import basic_of
from hakeeper.core.kind import HttpRequest
from hakeeper.kinds.json_fields import is_integer

_FIRST_ERROR_STATUS: Final = 400
_NAMED_LIMIT: Final = 10
"""So many wrong members of a request are named."""
_LONGEST_INTERVAL_S: Final = 3600


class RobotClient:
    """Sends requests with one login, each once."""

    def __init__(self, login: str, options: HetznerOptions, transport: Transport) -> None:
        """Take the login, `user:password`; nothing is sent yet."""
        self._base = options.address.base
        self._transport = transport
        self._headers = {
            "User-Agent": f"hakeeper/{options.version}",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Authorization": f"Basic {basic_of(login)}",
        }

    def request(self, request: HttpRequest) -> Any:  # noqa: ANN401  # JSON
        """Return the decoded answer; ErrorAnswerError for what Robot refuses.

        Also raises what the transport raises, and ValueError for what is no JSON.
        """
        prepared = requests.PreparedRequest()
        prepared.prepare_method(request.method)
        prepared.prepare_url(f"{self._base}{request.path}", dict(request.query))
        prepared.prepare_headers(self._headers)
        prepared.prepare_body(None if request.body is None else dict(request.body), None)
        answer = self._transport.send(prepared)
        if answer.status_code >= _FIRST_ERROR_STATUS:
            raise _refusal(answer.content)
        return json.loads(answer.content)


def _refusal(body: bytes) -> ErrorAnswerError:
    """Read an error answer; one without Robot's form may be anything, say a web page."""
    try:
        error = json.loads(body)["error"]
        code, message = error["code"].lower(), str(error["message"])
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return ErrorAnswerError("", "")
    for which in ("missing", "invalid"):
        if names := _names(error.get(which)):
            message += f" ({which}: {', '.join(names)})"
    return ErrorAnswerError(code, message, _wait_s(error))


def _names(value: object) -> list[str]:
    """Return the members of the request that are missing or invalid: a list or an object."""
    found = list(value) if isinstance(value, list | dict) else []
    return [each for each in found if isinstance(each, str)][:_NAMED_LIMIT]


def _wait_s(error: Mapping[str, object]) -> float | None:
    """Return after how long one more request is granted, of `max_request` in `interval` s."""
    most, interval_s = error.get("max_request"), error.get("interval")
    if not (is_integer(most) and is_integer(interval_s) and most > 0 and interval_s > 0):
        return None
    return min(interval_s, _LONGEST_INTERVAL_S) / most

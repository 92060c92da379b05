"""From what went wrong to the class of failure: tables, and the few rules around them.

Codes and their meaning: https://docs.hetzner.cloud/#errors, and `hcloud/error.go` of hcloud-go
for those that the page leaves out.
"""

import enum
import re
from collections.abc import Callable, Mapping

from hakeeper.core.calls import FailureKind
from hakeeper.kinds import KINDS

MESSAGE_LIMIT = 300
"""Characters of a message that are kept."""
_READ_LIMIT = 8192
"""Characters of a message that are looked at: redaction must see more than is kept."""

AUTH = FailureKind.AUTH
LOCKED = FailureKind.LOCKED
NOT_FOUND = FailureKind.NOT_FOUND
REFUSED = FailureKind.REFUSED
THROTTLED = FailureKind.THROTTLED
TRANSIENT = FailureKind.TRANSIENT
UNKNOWN = FailureKind.OUTCOME_UNKNOWN

KIND_OF_CODE: Mapping[str, FailureKind] = {
    **{code: failure for kind in KINDS.values() for code, failure in kind.codes.items()},
    "bad_gateway": UNKNOWN,
    "conflict": LOCKED,
    "deprecated_api_endpoint": REFUSED,
    "forbidden": AUTH,
    "invalid_input": REFUSED,
    "json_error": REFUSED,
    "locked": LOCKED,
    "maintenance": TRANSIENT,
    "method_not_allowed": REFUSED,
    "not_found": NOT_FOUND,
    "protected": REFUSED,
    "rate_limit_exceeded": THROTTLED,
    "resource_limit_exceeded": REFUSED,
    "resource_locked": REFUSED,  # not the passing `locked`: only Hetzner's support can undo it
    "resource_unavailable": TRANSIENT,
    "robot_unavailable": TRANSIENT,
    "server_error": TRANSIENT,
    "service_error": TRANSIENT,
    "timeout": UNKNOWN,
    "token_readonly": AUTH,
    "unauthorized": AUTH,
    "unavailable": TRANSIENT,
    "uniqueness_error": REFUSED,
    "unsupported_error": REFUSED,
}
"""Hetzner's own error codes, and those that kinds add.

UNKNOWN becomes TRANSIENT for a request that changes nothing.

`server_error` (500) and `unavailable` (503) are the API's own word that it did not accept the
request, so they count as not done. Should that word once be wrong, the next assign names the same
server and ends in `floating_ip_assigned`, which is read again. 502 and 504 are the word of a
gateway that lost sight of the request: nobody knows.
"""

KIND_OF_STATUS: Mapping[int, FailureKind] = {
    401: AUTH,
    403: AUTH,
    404: NOT_FOUND,
    408: TRANSIENT,
    409: LOCKED,
    412: TRANSIENT,
    423: LOCKED,
    425: TRANSIENT,
    429: THROTTLED,
    500: TRANSIENT,
    501: TRANSIENT,
    503: TRANSIENT,
}
"""For answers without a code we know, such as the HTML page of a gateway."""

_CODE = re.compile(r"[a-z0-9_]{1,64}")


class Phase(enum.Enum):
    """How far a call has come; the values complete `no answer: still …`."""

    QUEUED = "waiting for a free worker"
    LOCAL = "finding out which server this machine is"
    RESOLVING = "resolving the host name"
    CONNECTING = "connecting"
    TLS = "in the TLS handshake"
    SENT = "waiting for the answer"


CODE_OF_PHASE: Mapping[Phase, str] = {
    Phase.QUEUED: "deadline",
    Phase.LOCAL: "deadline",
    Phase.RESOLVING: "dns",
    Phase.CONNECTING: "connect_timeout",
    Phase.TLS: "tls",
    Phase.SENT: "deadline",
}
"""The code of a call whose time ran out in that phase."""


class CallEndedError(Exception):
    """The call was cancelled or ran out of time: nothing more may be sent for it."""


class TransportError(Exception):
    """The connection failed; whether anything was sent, the guard of the call knows."""

    def __init__(self, code: str, message: str) -> None:
        """Keep one of our codes, and a message for people."""
        super().__init__(message)
        self.code = code


class ErrorAnswerError(Exception):
    """The API answered with an error of its own: `code` is empty where it named none.

    `retry_after_s`: when it said how long to wait, and did not say it in a header.
    """

    def __init__(self, code: str, message: str, retry_after_s: float | None = None) -> None:
        """Keep what the API said."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.retry_after_s = retry_after_s


class LocalFailureError(Exception):
    """The call failed for a reason that we found ourselves."""

    def __init__(self, kind: FailureKind, code: str, message: str) -> None:
        """Keep the class, one of our codes, and a message for people."""
        super().__init__(message)
        self.kind = kind
        self.code = code


def kind_of(code: str, status: int) -> FailureKind:
    """Classify an error answer; the code says more than the status, where we know it."""
    known = KIND_OF_CODE.get(code) or KIND_OF_STATUS.get(status)
    if known is not None:
        return known
    return UNKNOWN if status >= 500 else REFUSED  # noqa: PLR2004  # the 5xx range


def for_effect(kind: FailureKind, *, changes_something: bool) -> FailureKind:
    """Turn `outcome unknown` into `transient` for a request that only reads."""
    return TRANSIENT if kind is UNKNOWN and not changes_something else kind


def tidy_code(code: object, status: int) -> str:
    """Accept a code that looks like one; else make one of the status."""
    return code if isinstance(code, str) and _CODE.fullmatch(code) else f"http_{status}"


def tidy_message(text: str, redact: Callable[[str], str]) -> str:
    """Make a foreign text fit for one line of a log: redacted first, then cut."""
    redacted = redact(text[:_READ_LIMIT])
    line = " ".join("".join(c if c.isprintable() else " " for c in redacted).split())
    return line if len(line) <= MESSAGE_LIMIT else line[: MESSAGE_LIMIT - 1] + "…"

"""What people ask the simulated cloud and what it tells them; all of it goes through JSON.

Times are `time.monotonic()` seconds, so they compare between the processes of one machine.
"""

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any, TypeAlias

JsonObject: TypeAlias = dict[str, Any]
"""A JSON object: the one edge of this package where types end."""

UNKNOWN_CLIENT = ""
"""The client name of a request whose token nobody was ever given."""
CREATED = "created"
"""The cause of the first entry of an address's holders."""
USUAL = ""
"""A Primary IP that the simulated cloud picks by the server's id."""
OPERATOR = "operator"
"""The cause of a change made by hand (`move`), outside of the API."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedRequest:
    """One request, from the moment its last byte was read."""

    seq: int
    connection: int
    """Counts accepted connections: two requests with one number went over one connection."""
    client: str
    """Whose token it carried; revoked tokens are still known. UNKNOWN_CLIENT if none."""
    method: str
    path: str
    """With the base path, without the query."""
    query: str
    body: str
    correlation_id: str
    received_s: float
    answered_s: float | None = None
    """When the last byte of the answer was given to the kernel; None: not (yet) answered whole.

    Written down after that byte, so the client may know a moment earlier: wait for it.
    """
    status: int | None = None
    """The status decided on, even where the answer was lost; None: nothing was decided."""
    code: str = ""
    """The error code in the answer, if it was an error with one."""
    handled: bool = False
    """Whether the request was carried out (it may still have been refused), not only received."""
    fault: int | None = None
    """The fault that met it."""

    @property
    def server(self) -> int | None:
        """The target of an assign; None for everything else."""
        if not self.is_assign:
            return None
        try:
            body = json.loads(self.body)
        except ValueError:
            return None
        server = body.get("server") if isinstance(body, dict) else None
        return server if isinstance(server, int) else None

    @property
    def is_assign(self) -> bool:
        """Whether it asks for a floating IP to be assigned."""
        return self.method == "POST" and self.path.endswith("/actions/assign")

    @property
    def is_write(self) -> bool:
        """Whether it is anything but a reading."""
        return self.method != "GET"

    @property
    def floating_ip(self) -> int | None:
        """The id of the floating IP in the path, if there is one."""
        parts = self.path.split("/")
        try:
            return int(parts[parts.index("floating_ips") + 1])
        except (ValueError, IndexError):
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class HolderChange:
    """A floating IP went from one server to another; None stands for nobody."""

    at_s: float
    floating_ip: int
    old: int | None
    new: int | None
    cause: str
    """The client whose request did it, or OPERATOR, or CREATED."""
    late: bool = False
    """Whether a fault let it happen at another time than its action."""
    action: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRecord:
    """A scripted fault, past or present."""

    id: int
    fault: JsonObject
    started_s: float
    ended_s: float | None = None
    """When it was cleared or used up; None: it still waits for requests."""
    hits: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """What the listener has seen."""

    connections: int
    open_connections: int
    dropped_log_entries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How the cloud behaves where Hetzner's documents leave it open."""

    action_s: float = 0.1
    """How long an action runs; 0: it is `success` in the 201 already."""
    holder_at_accept: bool = False
    """Whether the holder changes with the 201 instead of when the action ends."""
    lock_servers: bool = False
    """Whether an action also locks its target server against others."""
    limit_per_hour: int = 3600
    """The token bucket's size and its refill in an hour."""


def to_json(value: Any) -> JsonObject:  # noqa: ANN401 - any dataclass of this package
    """Turn one of the dataclasses above into a JSON object."""
    return dataclasses.asdict(value)


@dataclass(slots=True)
class Json:
    """A JSON object from outside, read field by field with a clear error."""

    data: JsonObject = field(default_factory=dict)

    def integer(self, key: str) -> int:
        """Return an integer that must be there."""
        value = self.data.get(key)
        if not isinstance(value, int) or isinstance(value, bool):
            raise TypeError(f"{key} must be an integer, not {value!r}")
        return value

    def optional_integer(self, key: str) -> int | None:
        """Return an integer or None."""
        return None if self.data.get(key) is None else self.integer(key)

    def text(self, key: str, default: str | None = None) -> str:
        """Return a string; without a default it must be there."""
        value = self.data.get(key, default)
        if not isinstance(value, str):
            raise TypeError(f"{key} must be a string, not {value!r}")
        return value

    def optional_text(self, key: str) -> str | None:
        """Return a string or None."""
        return None if self.data.get(key) is None else self.text(key)

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of strings, empty if it is missing."""
        value = self.data.get(key) or []
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise TypeError(f"{key} must be a list of strings, not {value!r}")
        return tuple(value)

    def number(self, key: str, default: float = 0.0) -> float:
        """Return a number."""
        value = self.data.get(key, default)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise TypeError(f"{key} must be a number, not {value!r}")
        return float(value)

    def labels(self, key: str = "labels") -> dict[str, str]:
        """Return a mapping of strings, empty if it is missing."""
        value = self.data.get(key) or {}
        if not isinstance(value, dict):
            raise TypeError(f"{key} must be an object, not {value!r}")
        return {str(name): str(content) for name, content in value.items()}

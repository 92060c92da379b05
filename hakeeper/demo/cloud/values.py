"""Values of the control API, which all have a JSON form.

Times are `time.monotonic()` seconds, so they are comparable between the processes of one machine.
"""

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any, TypeAlias

JsonObject: TypeAlias = dict[str, Any]
"""A JSON object, the only untyped value of this package."""

UNKNOWN_CLIENT = ""
"""The client name of a request with an unknown token."""
CREATED = "created"
"""The cause of the first entry of an address's holders."""
USUAL = ""
"""A Primary IP that the simulated cloud derives from the server's id."""
OPERATOR = "operator"
"""The cause of a change made by hand (`move`), outside of the API."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedRequest:
    """One request, once its last byte has been read."""

    seq: int
    connection: int
    """The number of its connection: requests with the same number used the same connection."""
    client: str
    """The client of its token, even a revoked one; UNKNOWN_CLIENT if there is none."""
    source: str = ""
    """The address that it came from."""
    method: str
    path: str
    """Includes the base path, but not the query."""
    query: str
    body: str
    correlation_id: str
    received_s: float
    answered_s: float | None = None
    """When the last byte of the answer was passed to the kernel; None: no whole answer (yet).

    Recorded after that byte, so the client may know it slightly earlier: wait for it.
    """
    status: int | None = None
    """The status, even if the answer was lost; None: nothing was decided."""
    code: str = ""
    """The error code of the answer, if it has one."""
    handled: bool = False
    """Whether the request was carried out (perhaps refused), not only received."""
    fault: int | None = None
    """The fault that affected it."""

    @property
    def server(self) -> int | None:
        """The target of an assign, or whose alias IPs are written; None for everything else."""
        if self.is_alias_write:
            return self._number_after("servers")
        server = self._sent("server") if self.is_assign else None
        return server if isinstance(server, int) else None

    @property
    def network(self) -> int | None:
        """The network of a write of alias IPs."""
        network = self._sent("network") if self.is_alias_write else None
        return network if isinstance(network, int) else None

    @property
    def alias_ips(self) -> tuple[str, ...] | None:
        """The list of a write of alias IPs."""
        sent = self._sent("alias_ips") if self.is_alias_write else None
        return tuple(str(each) for each in sent) if isinstance(sent, list) else None

    @property
    def is_assign(self) -> bool:
        """Whether it is an assign."""
        return self.method == "POST" and self.path.endswith("/actions/assign")

    @property
    def is_alias_write(self) -> bool:
        """Whether it replaces the alias IPs of a server in a network."""
        return self.method == "POST" and self.path.endswith("/actions/change_alias_ips")

    @property
    def is_write(self) -> bool:
        """Whether it is not a reading."""
        return self.method != "GET"

    @property
    def floating_ip(self) -> int | None:
        """The id of the floating IP in the path, if there is one."""
        return self._number_after("floating_ips")

    def _sent(self, key: str) -> object:
        try:
            body = json.loads(self.body)
        except ValueError:
            return None
        return body.get(key) if isinstance(body, dict) else None

    def _number_after(self, word: str) -> int | None:
        parts = self.path.split("/")
        try:
            return int(parts[parts.index(word) + 1])
        except (ValueError, IndexError):
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class HolderChange:
    """A change of holder; None: no server."""

    at_s: float
    floating_ip: int
    old: int | None
    new: int | None
    cause: str
    """The client whose request caused it, or OPERATOR, or CREATED."""
    late: bool = False
    """Whether a fault let it happen at another time than the end of its action."""
    action: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasChange:
    """A server got an alias IP, or lost it; a move is two of them."""

    at_s: float
    network: int
    ip: str
    old: int | None
    new: int | None
    cause: str
    """The client whose request caused it, or OPERATOR, or CREATED."""
    late: bool = False
    """Whether a fault let it happen at another time than the end of its action."""
    action: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRecord:
    """A scripted fault, past or present."""

    id: int
    fault: JsonObject
    started_s: float
    ended_s: float | None = None
    """When it was cleared or used up; None: it is still active."""
    hits: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """The listener's counters."""

    connections: int
    open_connections: int
    dropped_log_entries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How the cloud behaves where Hetzner's documentation leaves it open."""

    action_s: float = 0.1
    """How long an action runs; 0: the 201 already reports `success`."""
    holder_at_accept: bool = False
    """Whether the holder changes with the 201 instead of when the action ends."""
    lock_servers: bool = False
    """Whether an action also locks its target server against others."""
    limit_per_hour: int = 3600
    """The token bucket's size and its refill in an hour."""
    lock_networks: bool = True
    """Whether a change of alias IPs also locks its network against others."""
    refuse_off: bool = False
    """Whether the alias IPs of a server that is off can not be changed."""
    members: bool = True
    """Whether there is GET /networks/{id}/members; there was not before 2026-09-15."""


def to_json(value: Any) -> JsonObject:  # noqa: ANN401 - any dataclass of this package
    """Turn one of the dataclasses above into a JSON object."""
    return dataclasses.asdict(value)


@dataclass(slots=True)
class Json:
    """A JSON object from outside, read field by field with clear errors."""

    data: JsonObject = field(default_factory=dict)

    def integer(self, key: str) -> int:
        """Return a required integer."""
        value = self.data.get(key)
        if not isinstance(value, int) or isinstance(value, bool):
            raise TypeError(f"{key} must be an integer, not {value!r}")
        return value

    def optional_integer(self, key: str) -> int | None:
        """Return an integer or None."""
        return None if self.data.get(key) is None else self.integer(key)

    def text(self, key: str, default: str | None = None) -> str:
        """Return a string; required without a default."""
        value = self.data.get(key, default)
        if not isinstance(value, str):
            raise TypeError(f"{key} must be a string, not {value!r}")
        return value

    def optional_text(self, key: str) -> str | None:
        """Return a string or None."""
        return None if self.data.get(key) is None else self.text(key)

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of strings; empty if the key is missing."""
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
        """Return a mapping of strings; empty if the key is missing."""
        value = self.data.get(key) or {}
        if not isinstance(value, dict):
            raise TypeError(f"{key} must be an object, not {value!r}")
        return {str(name): str(content) for name, content in value.items()}

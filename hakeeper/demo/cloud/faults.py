"""Scripted faults: which requests a fault affects, and how."""

import dataclasses
import enum
import math
import re
from dataclasses import dataclass

from hakeeper.demo.cloud.errors import error_body, usual_code
from hakeeper.demo.cloud.project import Quirk
from hakeeper.demo.cloud.values import FaultRecord, JsonObject

HTML_502 = (
    "<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>\r\n"
)


class Answer(enum.Enum):
    """What happens to the answer on its way back."""

    WHOLE = "whole"
    NEVER = "never"
    """The connection stays open and silent until the fault ends or the client leaves."""
    RESET = "reset"
    """TCP RST instead of an answer."""
    CLOSE = "close"
    """The connection is closed normally, without an answer."""
    TRUNCATED = "truncated"
    """Half of the body, then the connection is closed."""
    MALFORMED = "malformed"
    """A body that is not JSON, with the right length and type."""
    HUGE = "huge"
    """Valid JSON of many megabytes."""
    EXTRA_FIELDS = "extra fields"
    """Unknown fields in every object but `pagination`."""
    EXTRA_PAGINATION = "extra pagination"
    """An unknown field in `pagination`; separate, since hcloud 2.27 raises TypeError for it."""


class Network(enum.Enum):
    """Faults below HTTP, which affect connections instead of requests."""

    REFUSE = "refuse"
    """The port is closed: new connections are refused, existing ones reset."""
    FREEZE = "freeze"
    """Half-open: existing connections stay open, but nothing is read from or written to them.

    New connections work. With `client`, only connections that this client used. When the fault ends
    they are reset, so nothing that was sent to them is ever handled.
    """
    HANDSHAKE_HANG = "handshake hang"
    """New connections are accepted but never answered (TLS: the handshake never ends)."""
    IDLE_CLOSE = "idle close"
    """Connections are closed after `idle_s` without a request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    r"""One fault: the first five fields say whom it meets, the rest what happens.

    Fields combine. A `status`, or an answer that is lost (NEVER, RESET, CLOSE), means that the
    request is not carried out, unless `commit` says that it is.

    Examples: `Fault(status=503, body="")`, `Fault(path="/actions/assign$", status=504,
    commit=True)`, `Fault(method="POST", answer=Answer.RESET, commit=True, count=1)`,
    `Fault(network=Network.REFUSE)`.
    """

    method: str | None = None
    path: str = ""
    """A regular expression, searched in the path (base path included, no query)."""
    client: str | None = None
    skip: int = 0
    """How many matching requests are unaffected at first."""
    count: int | None = None
    """How many requests it affects before it ends; None: until it is cleared."""

    status: int | None = None
    code: str | None = None
    """Error code of the answer; None: the usual one for the status."""
    message: str = "made to fail by the simulator"
    details: JsonObject | None = None
    """None omits the key, as Hetzner sometimes does."""
    body: str | None = None
    """Raw body instead of error JSON: HTML_502, or "" for none."""
    commit: bool = False

    delay_s: float = 0.0
    """Wait before the request is handled (it is handled even if the client has left)."""
    answer_delay_s: float = 0.0
    """Wait between handling and answering."""
    answer: Answer = Answer.WHOLE
    drip_s: float = 0.0
    """Seconds between single bytes of the answer."""
    size_bytes: int = 32 * 1024 * 1024
    """The size of a HUGE body."""
    stale_s: float = 0.0
    """Readings show the state as it was this long ago."""

    late_commit_s: float | None = None
    """The holder changes this long after acceptance, whatever the answer and the action report."""
    action_s: float | None = None
    """How long the action runs; None: as the rules say."""
    action_never_ends: bool = False
    """The action runs until the fault is cleared, and fails then."""
    action_error: str | None = None
    """Error code with which the action fails after its 201; the holder does not change."""
    action_locks: bool = True

    network: Network | None = None
    idle_s: float = 0.0

    @property
    def handles(self) -> bool:
        """Whether the request is carried out."""
        lost = self.answer in {Answer.NEVER, Answer.RESET, Answer.CLOSE}
        return self.commit or (self.status is None and not lost)

    def matches(self, method: str, path: str, client: str) -> bool:
        """Say whether it affects this request, ignoring `skip` and `count`."""
        return (
            self.network is None
            and self.method in {None, method}
            and self.client in {None, client}
            and re.search(self.path, path) is not None
        )

    def quirk(self, fault_id: int) -> Quirk:
        """Return the part of it that changes the model's behaviour."""
        error = None
        if self.action_error is not None:
            error = (self.action_error, "Action failed")
        return Quirk(
            fault=fault_id,
            action_s=math.inf if self.action_never_ends else self.action_s,
            action_error=error,
            locks=self.action_locks,
            late_commit_s=self.late_commit_s,
        )

    def error_body(self) -> JsonObject:
        """Return the error JSON for its status."""
        code = self.code or usual_code(self.status or 500)
        return error_body(code, self.message, self.details)

    def to_json(self) -> JsonObject:
        """Return it as JSON, fields at their default left out."""
        changed: JsonObject = {}
        for each in dataclasses.fields(self):
            value = getattr(self, each.name)
            if value != each.default:
                changed[each.name] = value.value if isinstance(value, enum.Enum) else value
        return changed

    @classmethod
    def from_json(cls, data: JsonObject) -> "Fault":
        """Build it from JSON; raises TypeError or ValueError for invalid data."""
        values = dict(data)
        if "answer" in values:
            values["answer"] = Answer(values["answer"])
        if values.get("network") is not None:
            values["network"] = Network(values["network"])
        fault = cls(**values)
        try:
            re.compile(fault.path)
        except re.error as error:
            raise ValueError(f"path is not a regular expression: {error}") from error
        return fault


@dataclass(slots=True)
class _Entry:
    id: int
    fault: Fault
    started_s: float
    passed: int = 0
    hits: int = 0
    ended_s: float | None = None
    released: bool = False

    @property
    def used_up(self) -> bool:
        return self.fault.count is not None and self.hits >= self.fault.count


class FaultBook:
    """All faults, past and present; the oldest active one that matches affects a request."""

    def __init__(self) -> None:
        """Start without faults."""
        self._entries: dict[int, _Entry] = {}

    def add(self, fault: Fault, now: float) -> int:
        """Start a fault and return its id."""
        fault_id = len(self._entries) + 1
        self._entries[fault_id] = _Entry(fault_id, fault, now)
        return fault_id

    def clear(self, fault_id: int, now: float) -> None:
        """End a fault and release what it still holds; raises KeyError for an unknown id."""
        entry = self._entries[fault_id]
        entry.released = True
        if entry.ended_s is None:
            entry.ended_s = now

    def meet(self, method: str, path: str, client: str, now: float) -> tuple[int, Fault] | None:
        """Return the fault that affects this request, and count the request."""
        for entry in self._entries.values():
            if entry.ended_s is not None or not entry.fault.matches(method, path, client):
                continue
            if entry.passed < entry.fault.skip:
                entry.passed += 1
                continue
            entry.hits += 1
            if entry.used_up:
                entry.ended_s = now
            return entry.id, entry.fault
        return None

    def released(self, fault_id: int) -> bool:
        """Say whether a fault was cleared; one that is only used up still holds its requests."""
        return self._entries[fault_id].released

    def active(self, kind: Network) -> list[tuple[int, Fault]]:
        """Return the active network faults of a kind."""
        return [
            (entry.id, entry.fault)
            for entry in self._entries.values()
            if entry.ended_s is None and entry.fault.network is kind
        ]

    def unreleased(self) -> list[int]:
        """Return the ids of all faults that were not cleared, used up or not."""
        return [entry.id for entry in self._entries.values() if not entry.released]

    def records(self) -> list[FaultRecord]:
        """Return the records of all faults."""
        return [
            FaultRecord(
                id=entry.id,
                fault=entry.fault.to_json(),
                started_s=entry.started_s,
                ended_s=entry.ended_s,
                hits=entry.hits,
            )
            for entry in self._entries.values()
        ]

"""What an API answered, for the checks to judge by."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hakeeper.core.calls import AllRead, CallResult, Failure, ServerRead
from hakeeper.core.model import Server
from hakeeper.core.observation import Key, Observation, Reading, ResourceRef
from hakeeper.kinds import KINDS


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiFacts:
    """The results of the requests to one API, and that API's clock."""

    identified: CallResult
    listed: Mapping[str, CallResult]
    """By the name of each of its kinds that is configured."""
    may_write: CallResult | None = None
    """The result of an assign that names no real floating IP or server; None: not sent.

    Robot gets no such request: a login that may only read does not exist there.
    """
    ahead_s: float | None = None
    """How far this machine's clock is ahead of the API's `Date`; None: not known."""

    holders: Mapping[Key, CallResult] = field(default_factory=dict)
    """The servers from which a resource has to be taken before another can have it."""

    def reading(self, kind: str) -> Reading | None:
        """Return the resources of a kind that the API listed; None: it did not list them."""
        outcome = None if kind not in self.listed else self.listed[kind].outcome
        return outcome.reading if isinstance(outcome, AllRead) else None

    @property
    def readings(self) -> tuple[Reading, ...]:
        """Everything that the API listed."""
        each = (self.reading(kind) for kind in self.listed)
        return tuple(reading for reading in each if reading is not None)

    def find(self, ref: ResourceRef) -> Observation | None:
        """Find a resource of the configuration among those of the project."""
        reading = self.reading(ref.kind)
        return None if reading is None else KINDS[ref.kind].find(ref, None, reading)

    def holder(self, seen: Observation) -> Server | None:
        """Return the server that has it, if the API was asked for that one."""
        result = None if seen.server_id is None else self.holders.get(seen.server_id)
        outcome = None if result is None else result.outcome
        return outcome.server if isinstance(outcome, ServerRead) else None

    @property
    def failures(self) -> tuple[Failure, ...]:
        """How calls failed, in the order in which they were made."""
        return tuple(one.outcome for one in self.results if isinstance(one.outcome, Failure))

    @property
    def results(self) -> tuple[CallResult, ...]:
        """The results of all calls that were made."""
        each = (self.identified, *self.listed.values(), *self.holders.values(), self.may_write)
        return tuple(result for result in each if result is not None)

"""What the journal hears of claims, from their beginning to the holder read back."""

from dataclasses import dataclass

from hakeeper.core.calls import Failure
from hakeeper.core.decisions.base import OfResource
from hakeeper.core.observation import Holder, Other


@dataclass(frozen=True, slots=True)
class Phases:
    """When each phase of a claim was reached, in monotonic seconds."""

    line_s: float
    """When the line (or whatever else began it) was read."""
    sent_s: float | None = None
    accepted_s: float | None = None
    finished_s: float | None = None
    confirmed_s: float | None = None


@dataclass(frozen=True, slots=True)
class ClaimStarted(OfResource):
    """The first assign of a claim is about to go out."""

    holder: Holder
    holder_name: str
    cause: str


@dataclass(frozen=True, slots=True)
class ClaimAbandoned(OfResource):
    """Demoted, or isolated, in the middle of a claim."""

    reason: str


@dataclass(frozen=True, slots=True)
class ClaimFailed(OfResource):
    """An assign failed; once for each code of a claim. `secret_file`: see `ApiSettings`."""

    api: str
    failure: Failure
    secret_file: str = ""


@dataclass(frozen=True, slots=True)
class ClaimUnseen(OfResource):
    """The assign is done, but no read shows it; it is sent again."""

    holder: Holder
    holder_name: str


@dataclass(frozen=True, slots=True)
class ActionOverdue(OfResource):
    """The action does not end; the holder is read instead."""


@dataclass(frozen=True, slots=True)
class ResourceConfirmed(OfResource):
    """Nothing had to be done: a read says that it is ours."""

    cause: str


@dataclass(frozen=True, slots=True)
class ResourceClaimed(OfResource):
    """The action succeeded and the holder was read back as ours, after so many failures."""

    cause: str
    failures: int
    phases: Phases


@dataclass(frozen=True, slots=True)
class ResourceDrifted(OfResource):
    """We are MASTER and had it, and it is somewhere else."""

    holder: Holder
    holder_name: str


@dataclass(frozen=True, slots=True)
class ResourceHeldDown(OfResource):
    """Another server takes it again and again, and keeps it for `wait_s`."""

    holder: Other
    holder_name: str
    wait_s: float

"""What the journal hears of the APIs, and of the resources that they show."""

from dataclasses import dataclass

from hakeeper.core.calls import Failure, Request
from hakeeper.core.decisions.base import OfResource
from hakeeper.core.model import Server
from hakeeper.core.observation import Observation, ResourceId, ResourceRef


@dataclass(frozen=True, slots=True)
class ResourceResolved(OfResource):
    """What is configured was found in the project."""

    ref: ResourceRef
    resource_id: ResourceId


@dataclass(frozen=True, slots=True)
class ResourceRenamed(OfResource):
    """The resource has another name than the configuration says; its id is the same."""

    found: Observation


@dataclass(frozen=True, slots=True)
class ResourceUnresolved(OfResource):
    """What is configured names no resource, or one that another entry names."""

    why: str


@dataclass(frozen=True, slots=True)
class ResourceBlocked(OfResource):
    """Its provider has blocked it."""


@dataclass(frozen=True, slots=True)
class ZoneMismatch(OfResource):
    """It is in another network zone than this server."""

    zone: str
    server_zone: str


@dataclass(frozen=True, slots=True)
class ApiFailed:
    """A read failed; once until an answer comes. `secret_file`: see `ApiSettings`."""

    api: str
    failure: Failure
    request: Request
    secret_file: str = ""


@dataclass(frozen=True, slots=True)
class ApiRecovered:
    """The API answers again."""

    api: str
    lasted_s: float


@dataclass(frozen=True, slots=True)
class ServerIdentified:
    """We know which server this is, and from where."""

    api: str
    server: Server
    source: str


@dataclass(frozen=True, slots=True)
class ServerUnidentified:
    """We do not know which server this is, so nothing can be claimed."""

    api: str
    failure: Failure

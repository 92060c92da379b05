"""What the core decides of selectors, and of the resources that they choose; see `decision.py`."""

from dataclasses import dataclass

from hakeeper.core.choice import Owner
from hakeeper.core.decisions.base import OfResource, OfVrrp
from hakeeper.core.observation import ResourceId, ResourceRef


@dataclass(frozen=True, slots=True)
class ResourceSelected(OfResource):
    """A selector chooses it from now on."""

    ref: ResourceRef
    resource_id: ResourceId


@dataclass(frozen=True, slots=True)
class ResourceDeselected(OfResource):
    """The selector no longer chooses it, or it follows `owner` now; not `is_listed`: it is gone."""

    ref: ResourceRef
    owner: Owner | None
    is_listed: bool


@dataclass(frozen=True, slots=True)
class ResourceChosenTwice(OfResource):
    """A selector chooses it, and it follows another instance all the same."""

    ref: ResourceRef
    owner: Owner


@dataclass(frozen=True, slots=True)
class SelectorEmpty(OfVrrp):
    """A selector chooses none of so many resources."""

    ref: ResourceRef
    listed: int


@dataclass(frozen=True, slots=True)
class SelectorBroad(OfVrrp):
    """A selector chooses `count` of so many resources, which is most of them."""

    ref: ResourceRef
    count: int
    listed: int

"""What every decision says that is of an instance, or of a resource."""

from dataclasses import dataclass

from hakeeper.core.model import VrrpId


@dataclass(frozen=True, slots=True)
class OfVrrp:
    """Of one instance or group."""

    vrrp: VrrpId


@dataclass(frozen=True, slots=True)
class OfResource(OfVrrp):
    """Of one resource; `label` is what the configuration has while it is not found."""

    label: str

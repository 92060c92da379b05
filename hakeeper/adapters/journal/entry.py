"""One entry of the journal, before it is redacted and rendered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from hakeeper.core.decisions.base import OfResource, OfVrrp

Fields: TypeAlias = dict[str, str | int | float]


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the journal.

    `event` is a key of `EVENTS`; `fields` are lower-case names without the HAKEEPER_ prefix.
    """

    event: str
    message: str
    fields: Mapping[str, str | int | float] = field(default_factory=dict)


def of_vrrp(made: OfVrrp) -> Fields:
    """Return the fields that name an instance or group."""
    return {"instance": made.vrrp.name, "kind": made.vrrp.kind.value}


def of_resource(made: OfResource) -> Fields:
    """Return the fields that name a resource and its instance or group."""
    return {**of_vrrp(made), "address": made.label}

"""Which resources the selectors of the configuration choose, by one list: a pure question.

A resource follows one instance. Naming it outdoes a selector; of several selectors that choose it,
the first one in the configuration has it: so all nodes agree, whatever each has seen before.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from hakeeper.core.kind import Kind
from hakeeper.core.model import VrrpId
from hakeeper.core.observation import BY_ID, Observation, Reading, ResourceId, ResourceRef

FEW: Final = 4
"""A selector that chooses no more than these is never too broad."""


@dataclass(frozen=True, slots=True)
class Owner:
    """What a resource follows, and by which entry of the configuration."""

    vrrp: VrrpId
    ref: ResourceRef


@dataclass(frozen=True, slots=True)
class Choice:
    """What one selector chooses."""

    vrrp: VrrpId
    ref: ResourceRef
    follow: tuple[ResourceRef, ...]
    """Those that follow it, by their ids."""
    others: tuple[tuple[ResourceRef, Owner], ...]
    """Those that it chooses as well, and that follow another entry."""
    listed: int
    """How many the list has, chosen or not."""

    @property
    def count(self) -> int:
        """How many it chooses."""
        return len(self.follow) + len(self.others)

    @property
    def is_broad(self) -> bool:
        """Whether it chooses most of what there is: more likely a slip than meant so."""
        return self.count > FEW and 2 * self.count > self.listed


def by_id(resource: ResourceId) -> ResourceRef:
    """Return the reference to what was chosen."""
    return ResourceRef(resource.kind, BY_ID, str(resource.key))


def choices(
    kind: Kind,
    refs: Iterable[tuple[VrrpId, ResourceRef]],
    reading: Reading,
    known: Mapping[ResourceRef, Observation],
    keep: Mapping[ResourceRef, Collection[ResourceRef]],
) -> tuple[Choice, ...]:
    """Return what each selector chooses, in the order of the configuration.

    `refs` are all of this kind. `known`: what the named ones stood for before. `keep`: what each
    selector had chosen before, and the list cannot refute.
    """
    wanted = list(refs)
    owners: dict[ResourceRef, Owner] = {}
    for vrrp, ref in wanted:
        found = None if ref.is_selector else kind.find(ref, known.get(ref), reading)
        if found is not None:
            owners.setdefault(by_id(found.id), Owner(vrrp, ref))
    listed, made = len(reading.found), []
    for vrrp, ref in wanted:
        if ref.is_selector:
            chosen = [by_id(seen.id) for seen in kind.choose(ref, reading)]
            chosen += (each for each in keep.get(ref, ()) if each not in chosen)
            own = Owner(vrrp, ref)
            owned = [(each, owners.setdefault(each, own)) for each in chosen]
            follow = tuple(each for each, owner in owned if owner == own)
            others = tuple((each, owner) for each, owner in owned if owner != own)
            made.append(Choice(vrrp, ref, follow, others, listed))
    return tuple(made)

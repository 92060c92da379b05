"""The resources that this node cares for: those that are named, and those that selectors chose."""

from collections.abc import Iterable, Mapping

from hakeeper.core.claim.happenings import Master
from hakeeper.core.claim.resource import Resource
from hakeeper.core.model import VrrpId
from hakeeper.core.observation import ResourceRef
from hakeeper.core.state import Selection, State


def arrange(state: State, old: Mapping[ResourceRef, Resource]) -> None:
    """Make the book by the settings, in their order; what stays with its instance keeps its state.

    What a selector has chosen stays with it; only a list shows what a new one means.
    """
    selections, state.selections, state.resources = state.selections, {}, {}
    wanted = [(vrrp, ref) for vrrp, refs in state.settings.resources.items() for ref in refs]
    named = {ref for _, ref in wanted}
    for vrrp, ref in wanted:
        if not ref.is_selector:
            state.resources[ref] = _named(state, ref, vrrp, old.get(ref))
            continue
        state.selections[ref] = _selection(state, ref, vrrp, selections.get(ref))
        state.resources |= {
            key: resource
            for key, resource in old.items()
            if (resource.vrrp, resource.chosen_by) == (vrrp, ref) and key not in named
        }


def _named(state: State, ref: ResourceRef, vrrp: VrrpId, before: Resource | None) -> Resource:
    if before is None or before.vrrp != vrrp:
        return Resource(ref, vrrp, state.apis.kinds[ref.kind])
    before.chosen_by = None
    return before


def _selection(state: State, ref: ResourceRef, vrrp: VrrpId, before: Selection | None) -> Selection:
    if before is None or before.vrrp != vrrp:
        return Selection(ref, vrrp, state.apis.kinds[ref.kind])
    return before


def let_go_of_others(state: State, old: Iterable[Resource]) -> list[Resource]:
    """Stop caring for those that are no longer in the book; return them.

    Nothing is released: they stay where they are, and nothing more is sent for them.
    """
    kept = {id(resource) for resource in state.resources.values()}
    gone = [resource for resource in old if id(resource) not in kept]
    state.cancel_mutations(gone)
    state.gone_sent_s = max([state.gone_sent_s, *(each.writes.last_sent_s for each in gone)])
    return gone


def take_up(state: State, old: Iterable[Resource], cause: str, now: float) -> None:
    """Care for those that are new in the book: as MASTER, read the holder of each and claim it."""
    known = {id(resource) for resource in old}
    for resource in state.resources.values():
        if id(resource) in known:
            continue
        resource.writes.last_sent_s = state.gone_sent_s
        if state.is_master(resource.vrrp):
            state.happened(resource, Master(cause, read_first=True), now)

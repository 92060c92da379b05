"""The resources that selectors choose: they come and go with each list of all.

What a list does not show may be a fault of the list, so only a second one in a row lets go of it.
For what cannot be read, nothing changes.
"""

from collections.abc import Mapping, Sequence

from hakeeper.core.apis.states import KindState
from hakeeper.core.choice import Choice, Owner, by_id, choices
from hakeeper.core.claim.resource import Resource
from hakeeper.core.decisions.selectors import (
    ResourceChosenTwice,
    ResourceDeselected,
    SelectorBroad,
    SelectorEmpty,
)
from hakeeper.core.observation import Reading, ResourceId, ResourceRef
from hakeeper.core.settings.book import arrange, let_go_of_others, take_up
from hakeeper.core.state import Selection, State


def select(state: State, kind: KindState, reading: Reading, asked_at_s: float, now: float) -> None:
    """Take in what a list of all, begun at `asked_at_s`, says of what is chosen."""
    selections = [each for each in state.selections.values() if each.kind is kind]
    if not selections or any(asked_at_s < each.asked_at_s for each in selections):
        return
    old = state.resources
    made = _choices(state, kind, selections, reading)
    wanted = {ref: each for ref, each in old.items() if each.kind is not kind or not each.chosen_by}
    for choice in made:
        for ref in choice.follow:
            before = old.get(ref)
            stays = before is not None and before.vrrp == choice.vrrp
            resource = before if before and stays else Resource(ref, choice.vrrp, kind)
            resource.chosen_by = choice.ref
            wanted[ref] = resource
    arrange(state, wanted)
    gone = let_go_of_others(state, old.values())
    labels = {by_id(each.id): each.label for each in reading.found}
    owners = _owners(made)
    for resource in gone:
        _hand_over(state, resource, owners.get(resource.ref), is_listed=resource.ref in labels)
    for selection, choice in zip(selections, made, strict=True):
        selection.asked_at_s, selection.choice = asked_at_s, choice
        _report(state, selection, choice, labels)
    take_up(state, old.values(), "chosen by its labels", now)


def _choices(
    state: State, kind: KindState, selections: Sequence[Selection], reading: Reading
) -> tuple[Choice, ...]:
    name, ours = kind.kind.name, [each for each in state.resources.values() if each.kind is kind]
    refs = [
        (vrrp, ref)
        for vrrp, some in state.settings.resources.items()
        for ref in some
        if ref.kind == name
    ]
    known = {each.ref: each.observation for each in ours if each.observation is not None}
    seen = {by_id(each.id) for each in reading.found}
    keys = [each.key for each in reading.unreadable]
    odd = {by_id(ResourceId(name, key)) for key in keys if key is not None}
    keep: dict[ResourceRef, list[ResourceRef]] = {}
    for selection in selections:
        chosen = [each.ref for each in ours if each.chosen_by == selection.ref]
        missing = [] if None in keys else [ref for ref in chosen if ref not in seen | odd]
        shown = [ref for ref in chosen if ref in seen - odd]
        lost = {*shown, *(ref for ref in missing if ref in selection.missing)}
        keep[selection.ref] = [ref for ref in chosen if ref not in lost]
        selection.missing = frozenset(missing)
    return choices(kind.kind, refs, reading, known, keep)


def _owners(made: Sequence[Choice]) -> dict[ResourceRef, Owner]:
    """Return what each of those that are chosen follows."""
    owners: dict[ResourceRef, Owner] = {}
    for choice in made:
        owners |= dict.fromkeys(choice.follow, Owner(choice.vrrp, choice.ref))
        owners |= dict(choice.others)
    return owners


def _hand_over(state: State, gone: Resource, owner: Owner | None, *, is_listed: bool) -> None:
    """Report what a selector has lost; who has it now knows when we assigned it last."""
    heir = None if owner is None else state.resources.get(owner.ref)
    if heir is not None:
        heir.writes.last_sent_s = max(heir.writes.last_sent_s, gone.writes.last_sent_s)
    selector = gone.chosen_by or gone.ref
    state.report(ResourceDeselected(gone.vrrp, gone.label, selector, owner, is_listed=is_listed))


def _report(
    state: State, selection: Selection, choice: Choice, labels: Mapping[ResourceRef, str]
) -> None:
    """Report what is odd about a selector, once."""
    of = (selection.vrrp, selection.ref)
    if choice.count == 0 and not selection.empty_reported:
        state.report(SelectorEmpty(*of, choice.listed))
    if choice.is_broad and not selection.broad_reported:
        state.report(SelectorBroad(*of, choice.count, choice.listed))
    contested = {ref: owner for ref, owner in choice.others if owner.vrrp != selection.vrrp}
    for ref, owner in contested.items():
        if ref not in selection.contested:
            label = labels.get(ref, str(ref))
            state.report(ResourceChosenTwice(selection.vrrp, label, selection.ref, owner))
    selection.empty_reported, selection.broad_reported = choice.count == 0, choice.is_broad
    selection.contested = {
        ref: (labels.get(ref, str(ref)), owner) for ref, owner in contested.items()
    }

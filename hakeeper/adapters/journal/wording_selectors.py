"""What the journal says of selectors and of what they choose, one function a decision."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from hakeeper.adapters.journal.entry import Entry, Fields, of_resource, of_vrrp
from hakeeper.core.choice import Owner
from hakeeper.core.decisions import selectors as core
from hakeeper.kinds import KINDS


def _resource_selected(made: core.ResourceSelected) -> Entry:
    found = made.resource_id
    text = f"{made.vrrp}: {_what(made)} (id {found}) is chosen by {made.ref}"
    fields: Fields = {**_of(made), "resource_kind": found.kind, "resource_id": found.key}
    return Entry("address.selected", text, fields)


def _resource_deselected(made: core.ResourceDeselected) -> Entry:
    owner = made.owner
    if owner is not None:
        why, rest = f"it follows {_entry(owner)} now", ""
    elif made.is_listed:
        why, rest = "its labels have changed", "; it stays where it is"
    else:
        why, rest = "the project no longer has it", ""
    text = f"{made.vrrp}: {_what(made)} is no longer chosen by {made.ref}: {why}{rest}"
    return Entry("address.deselected", text, {**_of(made), "reason": why})


def _resource_chosen_twice(made: core.ResourceChosenTwice) -> Entry:
    owner = _entry(made.owner)
    text = f"{made.vrrp}: {_what(made)} is chosen by {made.ref}, and follows {owner} all the same"
    return Entry("address.chosen_twice", text, {**_of(made), "reason": f"it follows {owner}"})


def _selector_empty(made: core.SelectorEmpty) -> Entry:
    noun = KINDS[made.ref.kind].noun
    text = f"{made.vrrp}: {made.ref} chooses no {noun}; the project has {made.listed}"
    return Entry("selector.empty", text, {**_selector(made), "listed": made.listed})


def _selector_broad(made: core.SelectorBroad) -> Entry:
    nouns = f"{KINDS[made.ref.kind].noun}s"
    of_them = f"{made.count} of the project's {made.listed} {nouns}"
    text = f"{made.vrrp}: {made.ref} chooses {of_them}; is that what it is meant to choose?"
    fields: Fields = {**_selector(made), "chosen": made.count, "listed": made.listed}
    return Entry("selector.broad", text, fields)


_OfOne = core.ResourceSelected | core.ResourceDeselected | core.ResourceChosenTwice


def _what(made: _OfOne) -> str:
    return f"{KINDS[made.ref.kind].noun} {made.label}"


def _of(made: _OfOne) -> Fields:
    return {**of_resource(made), "selector": made.ref.text}


def _selector(made: core.SelectorEmpty | core.SelectorBroad) -> Fields:
    return {**of_vrrp(made), "selector": made.ref.text}


def _entry(owner: Owner) -> str:
    """Return an entry of the configuration for people."""
    return f"{owner.vrrp} as {owner.ref}"


WORDING: Final[Mapping[type[Any], Callable[[Any], Entry]]] = {
    core.ResourceSelected: _resource_selected,
    core.ResourceDeselected: _resource_deselected,
    core.ResourceChosenTwice: _resource_chosen_twice,
    core.SelectorEmpty: _selector_empty,
    core.SelectorBroad: _selector_broad,
}
"""By the kind of decision."""

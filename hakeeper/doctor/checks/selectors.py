"""Label selectors: does each choose something, and not far more than is meant?"""

from collections.abc import Iterator
from typing import Final

from hakeeper.adapters.cures import cure_of
from hakeeper.core.choice import Choice
from hakeeper.core.kind import Kind
from hakeeper.core.observation import ResourceRef
from hakeeper.doctor.facts import Facts
from hakeeper.doctor.finding import CheckResult, Finding, Passed, error, warning

_SHOWN: Final = 8
"""So many addresses are named at most."""


def selectors(facts: Facts, kind: Kind) -> Iterator[CheckResult]:
    """Say what each selector of a kind chooses, and what is odd about it."""
    for choice in facts.config.choices:
        if choice.ref.kind != kind.name:
            continue
        if choice.count == 0:
            yield _empty(facts, kind, choice)
            continue
        yield from _taken(facts, kind, choice)
        if choice.is_broad:
            yield _broad(facts, kind, choice)
        else:
            yield Passed(f"{choice.ref} chooses {_of_all(kind, choice)}: {_shown(facts, choice)}")


def _empty(facts: Facts, kind: Kind, choice: Choice) -> Finding:
    return error(
        f"{choice.vrrp}: {choice.ref} chooses none of the project's {choice.listed} {kind.noun}s",
        why="none of them moves with this selector until one gets such labels",
        cure=cure_of("selector.empty"),
        place=facts.config.address(choice.ref),
    )


def _broad(facts: Facts, kind: Kind, choice: Choice) -> Finding:
    return warning(
        f"{choice.vrrp}: {choice.ref} chooses {_of_all(kind, choice)}, most of what there is:"
        f" {_shown(facts, choice)}",
        why="a MASTER takes each of them from the server that has it, whatever it is for there",
        cure=f"{kind.config_key}: [{kind.item_example}]    # one that only those have which are to"
        " move; if it is meant so, nothing is to be done",
        place=facts.config.address(choice.ref),
    )


def _taken(facts: Facts, kind: Kind, choice: Choice) -> Iterator[Finding]:
    for ref, owner in choice.others:
        if owner.vrrp == choice.vrrp or not owner.ref.is_selector:
            continue
        yield warning(
            f"{choice.vrrp}: {choice.ref} chooses {_label(facts, ref)}, which follows {owner.vrrp}"
            f" by {owner.ref}",
            why=f"a {kind.noun} follows one instance: that of the selector that stands first",
            cure=cure_of("address.chosen_twice"),
            place=facts.config.address(choice.ref),
        )


def _of_all(kind: Kind, choice: Choice) -> str:
    return f"{choice.count} of the project's {choice.listed} {kind.noun}s"


def _shown(facts: Facts, choice: Choice) -> str:
    refs = [*choice.follow, *(ref for ref, _ in choice.others)]
    shown = ", ".join(_label(facts, ref) for ref in refs[:_SHOWN])
    return f"{shown} and {len(refs) - _SHOWN} more" if len(refs) > _SHOWN else shown


def _label(facts: Facts, ref: ResourceRef) -> str:
    return str(facts.find(ref) or ref)

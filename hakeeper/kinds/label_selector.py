"""Label selectors, as Hetzner's API and hcloud have them: which labels a resource has to have.

Syntax: https://docs.hetzner.cloud/reference/cloud#label-selector
Labels: https://docs.hetzner.cloud/reference/cloud#labels
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

EXAMPLES: Final = "`role=web`, `role!=web`, `role`, `!role`, `env in (prod,test)`"
_NAME: Final = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
_KEY: Final = re.compile(rf"(?:[A-Za-z0-9.-]{{1,253}}/)?{_NAME}")
_VALUE: Final = re.compile(rf"(?:{_NAME})?")
_SET: Final = re.compile(r"(?P<key>\S+)\s+(?P<word>in|notin)\s*\((?P<values>[^()]*)\)")
_EQUAL: Final = re.compile(r"(?P<key>[^=!\s]*)\s*(?P<sign>==|=|!=)\s*(?P<value>.*)")
_COMMA_OUTSIDE_BRACKETS: Final = re.compile(r",(?![^()]*\))")


@dataclass(frozen=True, slots=True)
class Requirement:
    """One part of a selector. `values` None: the key is there, whatever its value is.

    Not `wanted`: the opposite, so that a resource without the key has none of the values.
    """

    key: str
    values: frozenset[str] | None
    wanted: bool

    def is_met(self, labels: Mapping[str, str]) -> bool:
        """Say whether these labels meet it."""
        found = self.key in labels and (self.values is None or labels[self.key] in self.values)
        return found is self.wanted


@dataclass(frozen=True, slots=True)
class Selector:
    """All of its requirements have to be met."""

    requirements: tuple[Requirement, ...]

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Say whether a resource with these labels is chosen."""
        return all(each.is_met(labels) for each in self.requirements)


def parse(text: str) -> Selector:
    """Read a selector; ValueError says what is wrong, in a phrase that follows its text."""
    parts = [part.strip() for part in _COMMA_OUTSIDE_BRACKETS.split(text)]
    if not all(parts):
        what = "has nothing beside a comma" if any(parts) else "would choose everything"
        raise ValueError(f"{what}; a label selector is made of parts such as {EXAMPLES}")
    return Selector(tuple(map(_requirement, parts)))


def _requirement(part: str) -> Requirement:
    if found := _SET.fullmatch(part):
        values = [value.strip() for value in found["values"].split(",")]
        if not all(values):
            raise ValueError(f"has an empty value in `{part}`; write such as `env in (prod,test)`")
        wanted = found["word"] == "in"
        return Requirement(_key(found["key"]), frozenset(map(_value, values)), wanted)
    if found := _EQUAL.fullmatch(part):
        values = [_value(found["value"])]
        return Requirement(_key(found["key"]), frozenset(values), found["sign"] != "!=")
    bare = part.removeprefix("!").strip()
    return Requirement(_key(bare), None, wanted=bare == part)


def _key(text: str) -> str:
    if _KEY.fullmatch(text) is None:
        where = f"has no valid label key where it says `{text}`" if text else "lacks a label key"
        raise ValueError(f"{where}; its parts are such as {EXAMPLES}")
    return text


def _value(text: str) -> str:
    if _VALUE.fullmatch(text) is None:
        raise ValueError(
            f"has no valid label value where it says `{text}`: up to 63 letters, digits, `-`, `_`"
            " and `.`"
        )
    return text


def note_of(labels: Mapping[str, str]) -> tuple[tuple[str, ...], ...]:
    """Return labels as the note of an observation."""
    return tuple(sorted(labels.items()))


def labels_in(note: Iterable[tuple[str, ...]]) -> dict[str, str]:
    """Return the labels of such a note."""
    return {each[0]: each[1] for each in note}

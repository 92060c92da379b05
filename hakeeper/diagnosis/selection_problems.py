"""What can be wrong with selectors, and with what they choose; see `problems.py`."""

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from hakeeper.core.choice import Owner
from hakeeper.core.model import VrrpId


@dataclass(frozen=True, slots=True)
class NothingChosen:
    """A selector chooses none of so many resources."""

    code: ClassVar = "selector.empty"
    vrrp: VrrpId
    noun: str
    ref: str
    listed: int


@dataclass(frozen=True, slots=True)
class ChosenTwice:
    """A selector chooses a resource that follows another instance all the same."""

    code: ClassVar = "address.chosen_twice"
    vrrp: VrrpId
    label: str
    ref: str
    owner: Owner


SelectionTrouble: TypeAlias = NothingChosen | ChosenTwice

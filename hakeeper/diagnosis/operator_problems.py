"""What is not as it should be since an operator wants it so: a pause, a step-down, a selector."""

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from hakeeper.core.choice import Owner
from hakeeper.core.model import Pause, StepDown, VrrpId


@dataclass(frozen=True, slots=True)
class HakeeperPaused:
    """Nothing is moved to this server, whatever happens."""

    code: ClassVar = "hakeeper.paused"
    pause: Pause


@dataclass(frozen=True, slots=True)
class LeftByPause:
    """This server is MASTER, and would have it by now or soon."""

    code: ClassVar = "address.paused"
    title: str
    holder_name: str


@dataclass(frozen=True, slots=True)
class SteppedDown:
    """Its priority is lowered: this server is MASTER only if no other node is."""

    code: ClassVar = "hakeeper.stepped_down"
    step_down: StepDown


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


OperatorTrouble: TypeAlias = (
    HakeeperPaused | LeftByPause | SteppedDown | NothingChosen | ChosenTwice
)

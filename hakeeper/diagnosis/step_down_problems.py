"""What is not as it should be because of a step-down; see `problems.py`."""

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from hakeeper.core.model import StepDown
from hakeeper.diagnosis.pause_problems import PauseTrouble


@dataclass(frozen=True, slots=True)
class SteppedDown:
    """Its priority is lowered: this server is MASTER only if no other node is."""

    code: ClassVar = "hakeeper.stepped_down"
    step_down: StepDown


OperatorTrouble: TypeAlias = PauseTrouble | SteppedDown

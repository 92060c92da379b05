"""What is not as it should be because of a pause; see `problems.py`."""

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from hakeeper.core.model import Pause


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


PauseTrouble: TypeAlias = HakeeperPaused | LeftByPause

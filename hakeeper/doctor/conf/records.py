"""What reading yields: lines, what is not understood, and what keepalived leaves out."""

from dataclasses import dataclass

from hakeeper.core.model import IpAddress
from hakeeper.doctor.finding import Place


@dataclass(frozen=True, slots=True)
class Line:
    """One piece of a line, without comment, conditions and parameters; a brace is a piece."""

    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class Unread:
    """A construct that this reader does not understand: what it makes is not known."""

    place: Place
    what: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """Something that keepalived leaves out without ending: what, why, and what to write."""

    place: Place
    what: str
    why: str
    cure: str
    address: IpAddress | None = None
    """The address that is left out."""
    is_include: bool = False
    """Whether a whole file is left out, which may hold anything."""

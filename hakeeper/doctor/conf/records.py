"""Results of parsing: lines, what is not understood, and what keepalived ignores."""

from dataclasses import dataclass

from hakeeper.core.model import IpAddress
from hakeeper.doctor.finding import Place


@dataclass(frozen=True, slots=True)
class Line:
    """A line, or a part of one, without comments, conditions and parameters; braces stand alone."""

    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class Unread:
    """A construct that this parser does not understand, so that its effect is unknown."""

    place: Place
    what: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """Something that keepalived ignores without exiting: what, why, and what to write instead."""

    place: Place
    what: str
    why: str
    cure: str
    address: IpAddress | None = None
    """The address that is ignored."""
    is_include: bool = False
    """Whether a whole file is ignored, which may contain anything."""

"""What a check says: that something is right, or what is wrong, why it matters and what to do."""

import enum
from dataclasses import dataclass, replace
from typing import TypeAlias


class Severity(enum.Enum):
    """How bad a finding is."""

    ERROR = "error"
    """A failover to this server would fail, or nothing tells that it would not."""
    WARNING = "warning"
    """A failover would work; something else would not."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A line of a file, counted from 1; None: the file as a whole."""

    file: str
    line: int | None = None

    def __str__(self) -> str:
        """Return it as compilers do."""
        return self.file if self.line is None else f"{self.file}:{self.line}"


class When(enum.Flag):
    """What a finding is about."""

    NOW = enum.auto()
    """The keepalived that runs."""
    NEXT_START = enum.auto()
    """The file, which counts when keepalived starts the next time or is reloaded."""
    ALWAYS = NOW | NEXT_START


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong. `cure` is the line to write or the command to run."""

    severity: Severity
    what: str
    why: str
    cure: str
    place: Place | None = None
    when: When = When.ALWAYS


@dataclass(frozen=True, slots=True)
class Passed:
    """One thing that is right, in a few words."""

    text: str


Said: TypeAlias = Finding | Passed


def error(
    what: str, *, why: str, cure: str, place: Place | None = None, when: When = When.ALWAYS
) -> Finding:
    """Make a finding with which a failover would fail."""
    return Finding(severity=Severity.ERROR, what=what, why=why, cure=cure, place=place, when=when)


def warning(
    what: str, *, why: str, cure: str, place: Place | None = None, when: When = When.ALWAYS
) -> Finding:
    """Make a finding with which a failover would work."""
    found = error(what, why=why, cure=cure, place=place, when=when)
    return replace(found, severity=Severity.WARNING)


def not_looked_at(what: str, *, cure: str, place: Place | None = None) -> Finding:
    """Make a warning of something that this check cannot judge; that is never an error."""
    return warning(
        f"not looked at: {what}",
        why="what this check cannot read is no proof of a mistake, nor of its absence",
        cure=cure,
        place=place,
    )

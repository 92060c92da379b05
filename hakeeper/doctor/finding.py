"""The result of a check: something is right, or what is wrong, why it matters and what to do."""

import enum
from dataclasses import dataclass, replace
from typing import TypeAlias


class Severity(enum.Enum):
    """How bad a finding is."""

    ERROR = "error"
    """A failover to this server would fail, or it is unknown whether it would work."""
    WARNING = "warning"
    """A failover would work; something else would not."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A file, and a line in it, counted from 1; None: the file as a whole."""

    file: str
    line: int | None = None

    def __str__(self) -> str:
        """Return `file:line`, as compilers do."""
        return self.file if self.line is None else f"{self.file}:{self.line}"


class When(enum.Flag):
    """The time that a finding is about."""

    NOW = enum.auto()
    """The running keepalived."""
    NEXT_START = enum.auto()
    """The file, which matters at keepalived's next start or reload."""
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
    """One thing that is right."""

    text: str


CheckResult: TypeAlias = Finding | Passed


def error(
    what: str, *, why: str, cure: str, place: Place | None = None, when: When = When.ALWAYS
) -> Finding:
    """Make a finding that would make a failover fail."""
    return Finding(severity=Severity.ERROR, what=what, why=why, cure=cure, place=place, when=when)


def warning(
    what: str, *, why: str, cure: str, place: Place | None = None, when: When = When.ALWAYS
) -> Finding:
    """Make a finding that would not prevent a failover."""
    found = error(what, why=why, cure=cure, place=place, when=when)
    return replace(found, severity=Severity.WARNING)


def not_checked(what: str, *, cure: str, place: Place | None = None) -> Finding:
    """Make a warning about something that this check cannot judge."""
    return warning(
        f"not checked: {what}",
        why="this check cannot see whether there is a mistake",
        cure=cure,
        place=place,
    )

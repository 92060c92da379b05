"""Parameters of keepalived.conf: definitions (`$NAME=TEXT`) and their substitution."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from hakeeper.doctor.conf.text import BLANKS

LINE_BUFFER: Final = 1024
"""The size of keepalived's line buffer, in bytes."""
_USES_LIMIT: Final = 4 * LINE_BUFFER
"""Substitutions in one line; more mean parameters that contain each other: keepalived hangs."""
_DEFINITION: Final = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)=")
_USE: Final = re.compile(
    r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)([ 0-9]*)\}"
    r"|([A-Za-z_][A-Za-z0-9_]*)(?=[ \t,)]|\Z))"
)
RANDOM: Final = "_RANDOM"


@dataclass(slots=True)
class Definition:
    """One parameter; it has several `lines` if the definition continues after a backslash."""

    lines: list[str]
    is_long: bool = False
    compute: Callable[[], str] | None = None

    def add(self, line: str) -> bool:
        """Add a line to a multi-line definition; return whether another one follows."""
        goes_on = line.endswith("\\")
        if goes_on:
            line = line[:-1].rstrip(BLANKS)
        if line:
            self.lines.append(line)
        if not goes_on:
            self.close()
        return goes_on

    def close(self) -> None:
        """End a multi-line definition."""
        if not self.lines:
            self.lines, self.is_long = [""], False


@dataclass(frozen=True, slots=True)
class Substitution:
    """The result of a substitution in one line."""

    text: str
    more: tuple[tuple[str, ...], ...] = ()
    """Further lines, for each multi-line definition that was used."""
    is_changed: bool = False
    is_random: bool = False
    is_cut: bool = False
    """The result does not fit keepalived's buffer, or never ends; `text` is unchanged."""


@dataclass(slots=True)
class Parameters:
    """All definitions so far."""

    folder: Callable[[], str]
    config_id: str
    spend: Callable[[int], None]
    """Called with a number of bytes before they are processed; may raise OSError."""
    _all: dict[str, Definition] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Define keepalived's built-in parameters."""
        self._all["_PWD"] = Definition([""], compute=self.folder)
        self._all["_INSTANCE"] = Definition([self.config_id])
        self._all["_HASH"] = Definition(["#"])
        self._all["_BANG"] = Definition(["!"])

    def set(self, name: str, value: str) -> None:
        """Define a parameter, as `~SEQ` and `~LST` do."""
        self._all[name] = Definition([value])

    def defined_by(self, line: str) -> Definition | None:
        """Read a definition; None: not a definition. `is_long`: the next line continues it."""
        match = _DEFINITION.match(line)
        if match is None:
            return None
        value = line[match.end() :].lstrip(BLANKS)
        is_long = value.endswith("\\")
        if is_long:
            value = value[:-1].rstrip(BLANKS)
        found = Definition([value] if value or not is_long else [], is_long)
        self._all[match[1]] = found
        return found

    def substitute(self, text: str, room: int = LINE_BUFFER) -> Substitution:
        """Replace parameters, also those in replaced text; undefined ones stay."""
        more: list[tuple[str, ...]] = []
        is_changed = is_random = False
        at = uses = 0
        while (at := text.find("$", at)) >= 0:
            self.spend(len(text))
            match = _USE.match(text, at)
            lines = None if match is None else self._lines(match)
            if match is None or lines is None:
                at += 1
                continue
            is_changed = True
            is_random |= match[1] == RANDOM
            uses += 1
            # `${NAME }`: keepalived removes one character too few.
            end = match.end(1) + 1 if match[2] and match[2].isspace() else match.end()
            self.spend(len(lines[0]) + len(text))
            changed = text[:at] + lines[0] + text[end:]
            if len(changed) >= room or uses > _USES_LIMIT:
                return Substitution(text, is_random=is_random, is_cut=True)
            text = changed
            if len(lines) > 1:
                more.append(tuple(lines[1:]))
            if lines[0].lstrip(BLANKS).startswith("~"):
                break
        return Substitution(text, tuple(more), is_changed, is_random)

    def _lines(self, match: re.Match[str]) -> list[str] | None:
        """Return the lines that replace a use; None: it stays as it is."""
        name, numbers = match[1] or match[3], match[2] or ""
        if numbers.endswith(" ") and not numbers.isspace():
            return None
        found = self._all.get(name)
        if found is None:
            return [(numbers or "0").split()[0]] if name == RANDOM else None
        if numbers.strip():
            return None
        if found.compute is not None:
            return [found.compute()]
        # A multi-line parameter is only replaced at the end of a line.
        is_fitting = not found.is_long or match.end() == len(match.string)
        return (found.lines or [""]) if is_fitting else None

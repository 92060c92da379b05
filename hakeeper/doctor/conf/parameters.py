"""Definitions (`$NAME=TEXT`) and what keepalived puts where they are used."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from hakeeper.doctor.conf.text import BLANKS

ROOM: Final = 1024
"""Bytes in which keepalived holds one line."""
_USES_LIMIT: Final = 4 * ROOM
"""Of one line; more are parameters that hold each other, with which keepalived hangs."""
_DEFINITION: Final = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)=")
_USE: Final = re.compile(
    r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)([ 0-9]*)\}"
    r"|([A-Za-z_][A-Za-z0-9_]*)(?=[ \t,)]|\Z))"
)
RANDOM: Final = "_RANDOM"


@dataclass(slots=True)
class Definition:
    """One parameter; `lines` are more than one if the definition goes on behind a backslash."""

    lines: list[str]
    is_long: bool = False
    compute: Callable[[], str] | None = None

    def add(self, line: str) -> bool:
        """Add a line to a definition of several lines; return whether another one follows."""
        goes_on = line.endswith("\\")
        if goes_on:
            line = line[:-1].rstrip(BLANKS)
        if line:
            self.lines.append(line)
        if not goes_on:
            self.close()
        return goes_on

    def close(self) -> None:
        """End a definition of several lines."""
        if not self.lines:
            self.lines, self.is_long = [""], False


@dataclass(frozen=True, slots=True)
class Substitution:
    """What became of a line."""

    text: str
    more: tuple[tuple[str, ...], ...] = ()
    """Further lines, for each definition of several lines that was used."""
    is_changed: bool = False
    is_random: bool = False
    is_cut: bool = False
    """keepalived has no room for what comes out, or finds no end; the text is as it was."""


@dataclass(slots=True)
class Parameters:
    """All definitions so far."""

    folder: Callable[[], str]
    config_id: str
    spend: Callable[[int], None]
    """Told how many bytes are gone through, before they are; it may raise OSError."""
    _all: dict[str, Definition] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Define what keepalived defines."""
        self._all["_PWD"] = Definition([""], compute=self.folder)
        self._all["_INSTANCE"] = Definition([self.config_id])
        self._all["_HASH"] = Definition(["#"])
        self._all["_BANG"] = Definition(["!"])

    def set(self, name: str, value: str) -> None:
        """Define, as `~SEQ` and `~LST` do."""
        self._all[name] = Definition([value])

    def defined_by(self, line: str) -> Definition | None:
        """Take a definition; None: the line is none. `is_long`: the next line belongs to it."""
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

    def substitute(self, text: str, room: int = ROOM) -> Substitution:
        """Put texts in place of parameters, also of those within texts; undefined ones stay."""
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
            # `${NAME }`: keepalived takes one character too few away.
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
        """Return what stands for a use; None: it stays as it is."""
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
        # Several lines only fit where the line ends.
        is_fitting = not found.is_long or match.end() == len(match.string)
        return (found.lines or [""]) if is_fitting else None

"""From the files of a keepalived.conf to the lines that count, each with its place.

What keepalived.conf(5) calls includes, conditional configuration and parameter substitution is
done here. What is not done is told (`Unread`), never guessed: sequence and list blocks (`~SEQ`,
`~LST`) and `${_RANDOM}`.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final

from hakeeper.doctor.finding import Place

DEPTH_LIMIT: Final = 16
"""Of includes in includes, and of parameters in parameters."""
LINE_LIMIT: Final = 50_000
"""Also of lines that parameters make."""
TEXT_LIMIT: Final = 1 << 20
"""Characters that parameters may make of one line."""
_INCLUDES: Final = ("include", "includer", "includem", "includew", "includeb", "includea")
_DEFINITION: Final = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
_USE: Final = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*)(?=\s|$))")
_RANDOM: Final = re.compile(r"\$\{_RANDOM[ }]")
_BLOCKS: Final = re.compile(r"~(SEQx?|LST)\b")


@dataclass(frozen=True, slots=True)
class Line:
    """One line without comment, conditions and parameters."""

    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class Unread:
    """A construct that this reader does not understand: what it makes is not known."""

    place: Place
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """How files are read. Both raise OSError; texts are UTF-8, or at least look so."""

    read: Callable[[str], str]
    matching: Callable[[str], list[str]]
    """Expands a pattern with wildcards, as glob(3) does; sorted."""


@dataclass(slots=True)
class Reader:
    """Reads one configuration; `config_id` is that of `-i`, else the host's name up to a dot."""

    files: Files
    config_id: str
    unread: list[Unread] = field(default_factory=list)
    conditions: list[Place] = field(default_factory=list)
    """Where the configuration depends on `config_id`."""
    read_files: list[str] = field(default_factory=list)
    _parameters: dict[str, str] = field(default_factory=dict)
    _count: int = 0

    def lines(self, path: str) -> Iterator[Line]:
        """Yield the lines; raises OSError if the file itself cannot be read."""
        yield from self._of_file(path, 0)

    def _of_file(self, path: str, depth: int) -> Iterator[Line]:
        text = self.files.read(path)
        self.read_files.append(path)
        folder = str(PurePosixPath(path).parent)
        for line in _joined(text, path):
            self._parameters["_PWD"] = folder
            yield from self._of_line(line, folder, depth)

    def _of_line(self, line: Line, folder: str, depth: int) -> Iterator[Line]:
        self._count_one(line.place)
        word, rest = _first_word(line.text)
        # Before conditions and parameters: keepalived looks for includes first, too.
        if word in _INCLUDES:
            yield from self._included(rest.strip('"'), line.place, folder, depth)
            return
        text = self._chosen(line)
        if match := _DEFINITION.fullmatch(text):
            self._parameters[match[1]] = match[2].strip()
            return
        for one in self._substituted(text, line.place).split("\n"):
            self._count_one(line.place)
            done = self._chosen(Line(one.strip(), line.place))
            if match := _DEFINITION.fullmatch(done):  # within a definition of several lines
                self._parameters[match[1]] = match[2].strip()
            elif done and self._is_readable(done, line.place):
                yield Line(done, line.place)

    def _count_one(self, place: Place) -> None:
        self._count += 1
        if self._count > 2 * LINE_LIMIT:
            raise OSError(f"{place}: more than {LINE_LIMIT} lines")

    def _included(self, pattern: str, place: Place, folder: str, depth: int) -> Iterator[Line]:
        if depth >= DEPTH_LIMIT:
            self.unread.append(Unread(place, "includes that include each other"))
            return
        if not pattern.startswith("/"):
            pattern = f"{folder}/{pattern}"
        try:
            found = self.files.matching(pattern)
        except OSError as error:
            found = []
            self.unread.append(Unread(place, f"`include {pattern}`: {error.strerror or error}"))
        for path in found:
            try:
                yield from self._of_file(path, depth + 1)
            except OSError as error:
                self.unread.append(Unread(place, f"`include {path}`: {error.strerror or error}"))

    def _chosen(self, line: Line) -> str:
        """Return what a condition leaves of a line: `@id` and `@^id` before it."""
        text = line.text
        while text.startswith("@"):
            self.conditions.append(line.place)
            word, text = _first_word(text)
            negative = word.startswith("@^")
            wanted = word[2:] if negative else word[1:]
            if (wanted == self.config_id) is negative:
                return ""
        return text

    def _substituted(self, text: str, place: Place) -> str:
        """Replace parameters, as long as there are defined ones; undefined ones stay."""
        room = TEXT_LIMIT

        def value(match: re.Match[str]) -> str:
            nonlocal room
            found = self._value(match[1] or match[2], match[0])
            room -= len(found)
            return found if room > 0 else ""

        for _ in range(DEPTH_LIMIT):
            replaced = _USE.sub(value, text)
            if room <= 0:
                break
            if replaced == text:
                return replaced
            text = replaced
        self.unread.append(Unread(place, "parameters that hold each other, or too much"))
        return ""

    def _value(self, name: str, otherwise: str) -> str:
        match name:
            case "_INSTANCE":
                return self.config_id
            case "_HASH":
                return "#"
            case "_BANG":
                return "!"
            case _:
                return self._parameters.get(name, otherwise)

    def _is_readable(self, text: str, place: Place) -> bool:
        if match := _BLOCKS.match(text):
            self.unread.append(Unread(place, f"`~{match[1]}(…)`, which makes several lines of one"))
            return False
        if _RANDOM.search(text):
            self.unread.append(Unread(place, "`${_RANDOM}`, which is another one at each start"))
            return False
        return True


def _joined(text: str, path: str) -> Iterator[Line]:
    """Yield lines without comments; a definition goes on behind a backslash at its end."""
    held: list[str] = []
    start = 0
    for number, raw in enumerate(text.split("\n"), start=1):
        line = _without_comment(raw).strip()
        is_definition = bool(held) or line.lstrip("@^").startswith("$")
        if is_definition and line.endswith("\\"):
            start = start if held else number
            held.append(line[:-1].strip())
            continue
        if held:
            name, *body = (*held, line)
            yield Line(name + "\n".join(body), Place(path, start))
            held = []
        elif line:
            yield Line(line, Place(path, number))
    if held:
        yield Line(held[0] + "\n".join(held[1:]), Place(path, start))


def _first_word(text: str) -> tuple[str, str]:
    word, *rest = text.split(maxsplit=1)
    return word, rest[0] if rest else ""


def _without_comment(line: str) -> str:
    """Cut at the first `#` or `!` outside of double quotes; a backslash before it saves nothing."""
    quoted = False
    for at, character in enumerate(line):
        if character == '"':
            quoted = not quoted
        elif character in "#!" and not quoted:
            return line[:at]
    return line

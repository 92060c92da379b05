"""From YAML text to a tree of nodes that keep their place and their text as written.

PyYAML's own loader silently turns `no` into False, drops duplicate keys and recurses without a
limit. So only its event stream is used, up to a limited depth.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

import yaml

from hakeeper.config.errors import Position, Problems
from hakeeper.config.text import SHOWN_CHARACTERS, shown

DEPTH_LIMIT: Final = 12
"""A valid file has four levels."""
NODE_LIMIT: Final = 20_000


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value. `plain`: written without quotes, so YAML may read it as another type."""

    at: Position
    text: str
    plain: bool


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    at: Position
    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One `key: value` of a table."""

    key: Scalar
    value: "Node"


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping without duplicate keys."""

    at: Position
    entries: tuple[Entry, ...]
    is_whole: bool = True
    """Whether it has all its keys: those that are refused are left out."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A part whose error has been noted already; it causes no further errors."""

    at: Position


Node: TypeAlias = Scalar | Sequence | Table | Broken


def join(path: str, key: str) -> str:
    """Return the path of a key under `path`; a name that is not a plain word is quoted."""
    plain = len(key) <= SHOWN_CHARACTERS and key.replace("-", "").isidentifier()
    name = key if plain else shown(key).replace("`", '"')
    return f"{path}.{name}" if path else name


def read_tree(text: str, problems: Problems) -> Node | None:
    """Return the tree of the document; None for an empty text."""
    builder = _Builder(text, problems)
    try:
        return builder.document()
    except _TooMuchError as error:
        problems.add(builder.at, "", str(error))
    except yaml.MarkedYAMLError as error:
        problems.add(*_syntax_error(error, builder.at))
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        # ValueError: PyYAML passes the number of an escape such as "\UFFFFFFFF" to chr() unchecked.
        # The message may quote the file, so only the type of the exception is shown.
        problems.add(builder.at, "", f"not valid YAML from here on ({type(error).__name__})")
    return Broken(builder.at)


class _TooMuchError(Exception):
    """A limit was reached."""


class _Builder:
    def __init__(self, text: str, problems: Problems) -> None:
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=yaml.SafeLoader)
        self._problems = problems
        self._nodes = 0
        self.at = Position(1, 1)

    def document(self) -> Node | None:
        """Read the stream; a second document is an error, since its keys would be ignored."""
        root: Node | None = None
        documents = 0
        while not isinstance(event := self._next(), yaml.StreamEndEvent):
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise _TooMuchError("a second YAML document; hakeeper reads exactly one")
                root = self._node(self._next(), "", 1)
        return root

    def _next(self) -> yaml.Event:
        event = next(self._events)
        mark = event.start_mark
        if mark is not None:
            self.at = Position(mark.line + 1, mark.column + 1)
        return event

    def _node(self, event: yaml.Event, path: str, depth: int) -> Node:
        self._nodes += 1
        at = self.at
        if depth > DEPTH_LIMIT:
            raise _TooMuchError(f"nested more than {DEPTH_LIMIT} deep")
        if self._nodes > NODE_LIMIT:
            raise _TooMuchError(f"more than {NODE_LIMIT} values")
        usable = self._is_plain_data(event, path)
        match event:
            case yaml.ScalarEvent():
                node: Node = Scalar(at, event.value, not event.style)
            case yaml.SequenceStartEvent():
                node = Sequence(at, self._items(path, depth))
            case yaml.MappingStartEvent():
                before = self._problems.count
                entries = self._entries(path, depth)
                node = Table(at, entries, is_whole=self._problems.count == before)
            case _:
                node = Broken(at)
        return node if usable else Broken(at)

    def _is_plain_data(self, event: yaml.Event, path: str) -> bool:
        if isinstance(event, yaml.AliasEvent):
            self._problems.add(
                self.at, path, "aliases (`*name`) are not accepted; repeat the value"
            )
            return False
        if isinstance(event, yaml.NodeEvent) and event.anchor is not None:
            self._problems.add(self.at, path, "anchors (`&name`) are not accepted; remove it")
        if (
            isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent)
            and event.tag is not None
        ):
            self._problems.add(
                self.at, path, "tags (`!name`) are not accepted; quote the value if it is text"
            )
            return False
        return True

    def _items(self, path: str, depth: int) -> tuple[Node, ...]:
        items: list[Node] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            items.append(self._node(event, f"{path}[{len(items)}]", depth + 1))
        return tuple(items)

    def _entries(self, path: str, depth: int) -> tuple[Entry, ...]:
        entries: dict[str, Entry] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key = self._node(event, path, depth + 1)
            value_path = join(path, key.text) if isinstance(key, Scalar) else path
            value = self._node(self._next(), value_path, depth + 1)
            if isinstance(key, Scalar) and not self._is_refused_key(key, value_path, entries):
                entries[key.text] = Entry(key, value)
            elif not isinstance(key, Scalar | Broken):
                self._problems.add(
                    key.at, path, "a key must be a plain word, not a list or mapping"
                )
        return tuple(entries.values())

    def _is_refused_key(self, key: Scalar, path: str, entries: dict[str, Entry]) -> bool:
        if key.plain and key.text == "<<":
            self._problems.add(key.at, path, "merge keys (`<<`) are not accepted; repeat the keys")
            return True
        if first := entries.get(key.text):
            self._problems.add(
                key.at, path, f"duplicate key; it is already in line {first.key.at.line}"
            )
            return True
        return False


def _syntax_error(error: yaml.MarkedYAMLError, last: Position) -> tuple[Position, str, str]:
    """Return PyYAML's error of several lines as one line."""
    mark = error.problem_mark or error.context_mark
    at = Position(mark.line + 1, mark.column + 1) if mark is not None else last
    problem = error.problem or "it cannot be read"
    if "'\\t'" in problem:
        return at, "", "a tab where YAML needs spaces: indent with spaces only"
    if problem.startswith("mapping values are not allowed"):
        problem += " (is a space missing after a `:`, or a line indented differently?)"
    if error.context == "while scanning a tag":
        problem += " (put text that begins with `!` in quotes)"
    started = error.context_mark
    where = "" if started is None or started is mark else f", started in line {started.line + 1}"
    context = f" ({error.context}{where})" if error.context else ""
    return at, "", f"not valid YAML: {problem}{context}"

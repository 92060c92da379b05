"""Dataclasses as tables of keys: each field is a row with its key, type, default and help.

The parser, `check --json` and the documents work with any rows and models; only `keys.py` defines
which rows there are.
"""

import enum
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from typing import Any, ClassVar, Final, Generic, Protocol, TypeAlias, TypeVar

from hakeeper.config.nodes import Node
from hakeeper.core.model import VrrpKind

T = TypeVar("T")
_PART: Final = "part"


class Model(Protocol):
    """A dataclass whose fields are rows or further models."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


M = TypeVar("M", bound=Model)


def written(value: object) -> str:
    """Return a value as an operator would write it, without quotes."""
    plain = _plain(value)
    return "null" if plain is None else str(plain)


def _plain(value: object) -> object:
    match value:
        case None | int() | float() | str():
            return value
        case enum.Enum():
            return value.value
        case tuple():
            return [_plain(each) for each in value]
        case _:
            return str(value)


@dataclass(frozen=True, slots=True)
class Value(Generic[T]):
    """The type of a single value."""

    read: Callable[[Node], T]
    """Returns the value of a node; raises `values.Refused` if it is unusable."""
    expected: str
    """The allowed values, for the documents, such as: a duration from 1s to 1m."""
    write: Callable[[T], str] = written
    """Returns a value as an operator would write it."""


@dataclass(frozen=True, slots=True)
class Items(Generic[T]):
    """The type of a list, whose items have their own places and errors."""

    split: Callable[[Node], Sequence[tuple[str, Node]]]
    """Returns the items, each with the suffix of its path; raises `values.Refused`."""
    item: Callable[[Node], T]
    """Returns the value of one item; raises `values.Refused`."""
    each: str
    """The allowed values of one item, for messages."""
    expected: str
    noun: str = ""
    """The name of a resource that the cloud moves, such as floating IP; each may appear once."""


@dataclass(frozen=True, slots=True)
class Names:
    """The type of a mapping whose keys are names from keepalived.conf."""

    kind: VrrpKind
    keyword: str
    """keepalived's keyword of such a block."""
    model: type[Model]
    """The keys under each name."""


Reader: TypeAlias = Value[Any] | Items[Any] | Names


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One key."""

    path: str
    """Its path, such as `hetzner.timeout`; for a key under a name, relative to the name."""
    type: Reader
    default: object
    written: str
    """The default, as an operator would write it; empty if the key is required."""
    example: str
    """The value in the full example."""
    help: str
    """Sentences for operators; backquotes mark text of the file."""

    @property
    def expected(self) -> str:
        """Return the allowed values, for the documents."""
        if isinstance(self.type, Names):
            return f"a mapping from names of `{self.type.keyword}` blocks to the keys of each"
        return self.type.expected


def key(path: str, type_: Value[T], default: T, help_: str) -> T:
    """Make a row for a single value; like `dataclasses.field`, it is typed as the value itself."""
    text = type_.write(default)
    row = Row(path=path, type=type_, default=default, written=text, example=text, help=help_)
    return field(default=default, metadata={_PART: row})


def items(
    path: str, type_: Items[T], help_: str, *, written: str = "", example: str
) -> tuple[T, ...]:
    """Make a row for a list; the default is an empty list."""
    row = Row(path=path, type=type_, default=(), written=written, example=example, help=help_)
    return field(default=(), metadata={_PART: row})


def names(path: str, type_: Names, help_: str, *, example: str = "") -> Mapping[str, Any]:
    """Make a row for a mapping from names to models."""
    row = Row(
        path=path,
        type=type_,
        default={},
        written="" if example else "{}",
        example=example,
        help=help_,
    )
    return field(default_factory=dict, metadata={_PART: row})


def several(rows: Sequence[Row]) -> Mapping[str, Any]:
    """Make a field of several rows, held by their keys."""
    return field(
        default_factory=lambda: {row.path: row.default for row in rows},
        metadata={_PART: tuple(rows)},
    )


def section(model: type[M]) -> M:
    """Make a field that is a further model."""
    return field(default_factory=model, metadata={_PART: model})


def rows(model: type[Model]) -> Iterator[Row]:
    """Yield the rows of a model and of the models in it."""
    for _, part in _parts(model):
        match part:
            case Row():
                yield part
            case tuple():
                yield from part
            case _:
                yield from rows(part)


def resources(model: type[Model]) -> dict[str, Items[Any]]:
    """Return the keys that list resources that the cloud moves."""
    types = {row.path: row.type for row in rows(model)}
    return {path: each for path, each in types.items() if isinstance(each, Items) and each.noun}


def build(model: type[M], value_of: Callable[[Row], object]) -> M:
    """Make a model from the value of each row."""
    made: dict[str, Any] = {}
    for name, part in _parts(model):
        match part:
            case Row():
                made[name] = value_of(part)
            case tuple():
                made[name] = {row.path: value_of(row) for row in part}
            case _:
                made[name] = build(part, value_of)
    return model(**made)


def as_json(model: Model) -> dict[str, object]:
    """Return the values of a model by the names of its fields, without mappings of names."""
    made: dict[str, object] = {}
    for name, part in _parts(type(model)):
        value = getattr(model, name)
        if isinstance(part, tuple):
            made |= {row.path: _plain(value[row.path]) for row in part}
        elif not isinstance(part, Row):
            made[name] = as_json(value)
        elif not isinstance(part.type, Names):
            made[name] = _plain(value)
    return made


def _parts(model: type[Model]) -> Iterator[tuple[str, Row | tuple[Row, ...] | type[Model]]]:
    return ((each.name, each.metadata[_PART]) for each in fields(model))

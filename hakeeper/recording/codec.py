"""Typed values to JSON and back, for every type that the core's events and effects are made of.

A codec is built from the type itself: dataclasses field by field, closed unions by name. So a new
event or field needs nothing here, and a type that could not be read back is refused when the codec
is built, not when somebody wants to read a recording. Both ways are strict: what is written can be
read, and is the same value then, to the last bit of a float.
"""

import dataclasses
import enum
import ipaddress
import math
import types
import typing
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeAlias, TypeVar

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
"""What the json module reads and writes."""
Hide: TypeAlias = Callable[[str], str]
"""Takes secrets out of a text."""
T = TypeVar("T")

TAG = "is"
"""The key that says which member of a union an object is; no field has this name."""
_NOT_FINITE = "float"
"""JSON has no infinity: it is written as {"float": "inf"}."""
_SCALARS = (str, int, float)
_SHOWN = 60
"""Characters of what is wrong that a message quotes."""
_IP: Mapping[Any, Callable[[str], object]] = {
    ipaddress.IPv4Address: ipaddress.ip_address,
    ipaddress.IPv6Address: ipaddress.ip_address,
    ipaddress.IPv4Network: ipaddress.ip_network,
    ipaddress.IPv6Network: ipaddress.ip_network,
}
"""How each is read; both families are read the same way."""


class CodecError(ValueError):
    """This value or document is not of the type that it should be; the message says where."""


class Codec(ABC, Generic[T]):
    """Both ways for one type."""

    @abstractmethod
    def encode(self, value: T, hide: Hide) -> Json:
        """Return the JSON for a value, each text of it through `hide`; raises CodecError."""

    @abstractmethod
    def decode(self, found: Json, where: str) -> T:
        """Return the value; raises CodecError, whose message begins with `where`."""


def codec_of(annotation: Any) -> Codec[Any]:  # noqa: ANN401  # a type, or a union of types
    """Build the codec of a type; raises TypeError for one that has none."""
    codec = _of_generic(annotation) or _of_class(annotation)
    if codec is None:
        raise TypeError(f"there is no way to record a {annotation}")
    return codec


def _of_generic(annotation: Any) -> Codec[Any] | None:  # noqa: ANN401
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (types.UnionType, typing.Union):
        return _of_union(arguments)
    if origin is tuple and arguments[1:] == (Ellipsis,):
        return _Tuple(codec_of(arguments[0]))
    if origin is Mapping:
        return _Mapping(codec_of(arguments[0]), codec_of(arguments[1]))
    return None


def _of_class(annotation: Any) -> Codec[Any] | None:  # noqa: ANN401
    if annotation is float:
        return _Float()
    if annotation in (str, int, bool):
        return _Plain(annotation)
    if annotation in _IP:
        return _Ip((annotation,), _IP[annotation])
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return _Enum(annotation)
    if isinstance(annotation, type) and dataclasses.is_dataclass(annotation):
        return _Record(annotation)
    return None


def _of_union(members: tuple[Any, ...]) -> Codec[Any]:
    rest = tuple(member for member in members if member is not type(None))
    codec: Codec[Any]
    if len(rest) == 1:
        codec = codec_of(rest[0])
    elif all(dataclasses.is_dataclass(member) for member in rest):
        codec = _Tagged({member.__name__: _Record(member) for member in rest})
    elif all(member in _SCALARS for member in rest):
        codec = _Scalar(rest)
    elif len({_IP.get(member) for member in rest}) == 1 and rest[0] in _IP:
        codec = _Ip(rest, _IP[rest[0]])
    else:
        raise TypeError(f"there is no way to tell these apart in a recording: {rest}")
    return codec if len(rest) == len(members) else _Optional(codec)


def shown(found: object) -> str:
    """Return the beginning of what was found, for a message."""
    text = repr(found)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _wrong(where: str, found: object, wanted: str) -> CodecError:
    return CodecError(f"{where}: {shown(found)} is not {wanted}")


class _Plain(Codec[Any]):
    """Texts, whole numbers, truth values."""

    def __init__(self, kind: type) -> None:
        self._kind = kind

    def encode(self, value: Any, hide: Hide) -> Json:  # noqa: ANN401
        found: Json = self.decode(value, self._kind.__name__)
        return hide(found) if isinstance(found, str) else found

    def decode(self, found: Json, where: str) -> Any:  # noqa: ANN401
        if type(found) is not self._kind:
            raise _wrong(where, found, f"of type {self._kind.__name__}")
        return found


class _Float(Codec[float]):
    """A whole number may stand where a float is expected, as in Python's own typing."""

    def encode(self, value: float, hide: Hide) -> Json:
        del hide
        if type(value) not in (int, float):
            raise _wrong("float", value, "a number")
        return value if math.isfinite(value) else {_NOT_FINITE: repr(value)}

    def decode(self, found: Json, where: str) -> float:
        if isinstance(found, dict) and found.keys() == {_NOT_FINITE}:
            text = found[_NOT_FINITE]
            if text in ("inf", "-inf", "nan"):
                return float(str(text))
        if isinstance(found, bool) or not isinstance(found, int | float):
            raise _wrong(where, found, "a number")
        return found


class _Scalar(Codec[str | int | float]):
    """One of several scalars: JSON tells them apart itself. Python calls a bool an int."""

    def __init__(self, members: tuple[type, ...]) -> None:
        self._members = members
        self._float = _Float()

    def encode(self, value: str | float, hide: Hide) -> Json:
        if isinstance(value, float) and float in self._members:
            return self._float.encode(value, hide)
        found = self.decode(value, "scalar")
        return hide(found) if isinstance(found, str) else found

    def decode(self, found: Json, where: str) -> str | int | float:
        if isinstance(found, str | int | float) and type(found) in self._members:
            return found
        if float in self._members:
            return self._float.decode(found, where)
        names = " or ".join(member.__name__ for member in self._members)
        raise _wrong(where, found, f"of type {names}")


class _Enum(Codec[enum.Enum]):
    """An enum's member by its value, which is a text."""

    def __init__(self, kind: type[enum.Enum]) -> None:
        if not all(isinstance(member.value, str) for member in kind):
            raise TypeError(f"there is no way to record a {kind}: a value is not a text")
        self._kind = kind
        self._members = {str(member.value): member for member in kind}

    def encode(self, value: enum.Enum, hide: Hide) -> Json:
        del hide
        if type(value) is not self._kind:
            raise _wrong("enum", value, f"a {self._kind.__name__}")
        return str(value.value)

    def decode(self, found: Json, where: str) -> enum.Enum:
        if not isinstance(found, str) or found not in self._members:
            raise _wrong(where, found, f"a {self._kind.__name__}")
        return self._members[found]


class _Ip(Codec[Any]):
    """IP addresses or networks in their usual spelling, and in no other."""

    def __init__(self, kinds: tuple[type, ...], read: Callable[[str], object]) -> None:
        self._kinds = kinds
        self._read = read
        self._wanted = " or ".join(kind.__name__ for kind in kinds)

    def encode(self, value: Any, hide: Hide) -> Json:  # noqa: ANN401
        del hide
        if type(value) not in self._kinds:
            raise _wrong("IP", value, self._wanted)
        return str(value)

    def decode(self, found: Json, where: str) -> Any:  # noqa: ANN401
        try:
            value = self._read(found if isinstance(found, str) else "")
        except ValueError:
            raise _wrong(where, found, self._wanted) from None
        if type(value) not in self._kinds or str(value) != found:
            raise _wrong(where, found, f"{self._wanted} in its usual spelling")
        return value


class _Tuple(Codec[tuple[Any, ...]]):
    """Any number of values of one type."""

    def __init__(self, item: Codec[Any]) -> None:
        self._item = item

    def encode(self, value: tuple[Any, ...], hide: Hide) -> Json:
        if type(value) is not tuple:
            raise _wrong("tuple", value, "a tuple")
        return [self._item.encode(each, hide) for each in value]

    def decode(self, found: Json, where: str) -> tuple[Any, ...]:
        if not isinstance(found, list):
            raise _wrong(where, found, "a list")
        return tuple(self._item.decode(each, f"{where}[{i}]") for i, each in enumerate(found))


class _Mapping(Codec[Mapping[Any, Any]]):
    """A mapping as a list of pairs, in its order: keys may be of any type."""

    def __init__(self, key: Codec[Any], value: Codec[Any]) -> None:
        self._key = key
        self._value = value

    def encode(self, value: Mapping[Any, Any], hide: Hide) -> Json:
        if not isinstance(value, Mapping):
            raise _wrong("mapping", value, "a mapping")
        return [
            [self._key.encode(key, hide), self._value.encode(item, hide)]
            for key, item in value.items()
        ]

    def decode(self, found: Json, where: str) -> Mapping[Any, Any]:
        if not isinstance(found, list):
            raise _wrong(where, found, "a list of pairs")
        mapping: dict[Any, Any] = {}
        for index, pair in enumerate(found):
            inside = f"{where}[{index}]"
            if not isinstance(pair, list) or len(pair) != 2:  # noqa: PLR2004
                raise _wrong(inside, pair, "a pair")
            key = self._key.decode(pair[0], f"{inside}[0]")
            if key in mapping:
                raise CodecError(f"{inside}: this key was there before")
            mapping[key] = self._value.decode(pair[1], f"{inside}[1]")
        return mapping


class _Optional(Codec[Any]):
    """Something or nothing."""

    def __init__(self, codec: Codec[Any]) -> None:
        self._codec = codec

    def encode(self, value: Any, hide: Hide) -> Json:  # noqa: ANN401
        return None if value is None else self._codec.encode(value, hide)

    def decode(self, found: Json, where: str) -> Any:  # noqa: ANN401
        return None if found is None else self._codec.decode(found, where)


class _Record(Codec[Any]):
    """A dataclass as an object.

    All fields are written. One that is not there takes its default: a recording may be older than
    the field.
    """

    def __init__(self, kind: type) -> None:
        self.kind = kind
        hints = typing.get_type_hints(kind)
        self._fields = {field.name: codec_of(hints[field.name]) for field in _fields_of(kind)}
        self._needed = {field.name for field in _fields_of(kind) if not _has_default(field)}
        if TAG in self._fields:
            raise TypeError(f"there is no way to record a {kind}: it has a field {TAG!r}")

    def encode(self, value: Any, hide: Hide) -> dict[str, Json]:  # noqa: ANN401
        if type(value) is not self.kind:
            raise _wrong("dataclass", value, f"a {self.kind.__name__}")
        return {
            name: codec.encode(getattr(value, name), hide) for name, codec in self._fields.items()
        }

    def decode(self, found: Json, where: str) -> Any:  # noqa: ANN401
        if not isinstance(found, dict):
            raise _wrong(where, found, f"a {self.kind.__name__}")
        unknown, missing = found.keys() - self._fields.keys(), self._needed - found.keys()
        if unknown:
            raise CodecError(f"{where}: a {self.kind.__name__} has no field {min(unknown)!r}")
        if missing:
            raise CodecError(f"{where}: a {self.kind.__name__} needs the field {min(missing)!r}")
        values = {
            name: self._fields[name].decode(each, f"{where}.{name}") for name, each in found.items()
        }
        return self.kind(**values)


class _Tagged(Codec[Any]):
    """One of several dataclasses, by its name."""

    def __init__(self, records: Mapping[str, _Record]) -> None:
        self._records = records
        self._names = {record.kind: name for name, record in records.items()}

    def encode(self, value: Any, hide: Hide) -> Json:  # noqa: ANN401
        name = self._names.get(type(value))
        if name is None:
            raise _wrong("union", value, f"one of {', '.join(self._records)}")
        return {TAG: name, **self._records[name].encode(value, hide)}

    def decode(self, found: Json, where: str) -> Any:  # noqa: ANN401
        name = found.get(TAG) if isinstance(found, dict) else None
        if not isinstance(found, dict) or not isinstance(name, str) or name not in self._records:
            raise _wrong(where, found, f"one of {', '.join(self._records)}")
        return self._records[name].decode({k: v for k, v in found.items() if k != TAG}, where)


def _fields_of(kind: type) -> tuple["dataclasses.Field[Any]", ...]:
    return dataclasses.fields(kind)


def _has_default(field: "dataclasses.Field[Any]") -> bool:
    missing = dataclasses.MISSING
    return field.default is not missing or field.default_factory is not missing

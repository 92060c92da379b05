"""Does a value have the types that its annotations promise, all the way down?"""

import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from functools import cache
from typing import Any


def mistyped(value: object, wanted: object, where: str = "value") -> list[str]:
    """Return what is not as `wanted` says; bool is no int, as in JSON."""
    return list(_mistakes(value, wanted, where))


def _mistakes(value: object, wanted: Any, where: str) -> Iterator[str]:  # noqa: ANN401 - a type
    origin, arguments = typing.get_origin(wanted), typing.get_args(wanted)
    if origin in (typing.Union, types.UnionType):
        if all(mistyped(value, option) for option in arguments):
            yield f"{where}: {value!r} is none of {wanted}"
    elif not _is_a(value, origin or wanted):
        yield f"{where}: {value!r} is no {wanted}"
    else:
        for part, kind, place in _parts(value, arguments):
            yield from _mistakes(part, kind, where + place)


def _is_a(value: object, wanted: Any) -> bool:  # noqa: ANN401 - likewise
    if wanted is None:
        return value is None
    return isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool))


def _parts(value: object, arguments: tuple[Any, ...]) -> Iterator[tuple[object, Any, str]]:
    match value:
        case tuple():
            for index, item in enumerate(value):
                yield item, arguments[0], f"[{index}]"
        case Mapping():
            for key, item in value.items():
                yield key, arguments[0], f".keys({key!r})"
                yield item, arguments[1], f"[{key!r}]"
        case _ if is_dataclass(value):
            for name, kind in _hints(value.__class__).items():
                yield getattr(value, name), kind, f".{name}"


@cache
def _hints(kind: type) -> dict[str, Any]:
    """Return the fields' types; constants of a class are none of ours."""
    return typing.get_type_hints(kind)

"""Filtering, sorting and paging of lists, as the API documents it."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

from hakeeper.demo.cloud.errors import invalid_input
from hakeeper.demo.cloud.values import JsonObject

DEFAULT_PER_PAGE = 25
MAX_PER_PAGE = 50

Query = Mapping[str, Sequence[str]]
Item = TypeVar("Item")
Labelled = TypeVar("Labelled", bound="Named")
_KEY = r"[A-Za-z0-9./_-]+"
_VALUE = r"[A-Za-z0-9._-]*"
_SET = re.compile(rf"({_KEY})\s+(in|notin)\s+\(([^()]*)\)")
_EQUAL = re.compile(rf"({_KEY})\s*(==|=|!=)\s*({_VALUE})")
_EXISTS = re.compile(rf"(!?)\s*({_KEY})")
_COMMA_OUTSIDE_BRACKETS = re.compile(r",(?![^(]*\))")


def _term(term: str) -> Callable[[Mapping[str, str]], bool]:
    if match := _SET.fullmatch(term):
        key, word, listed = match.groups()
        values = {value.strip() for value in listed.split(",")}
        if word == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    if match := _EQUAL.fullmatch(term):
        key, sign, value = match.groups()
        if sign == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    if match := _EXISTS.fullmatch(term):
        absent, key = match.groups()
        return lambda labels: (key in labels) != bool(absent)
    raise invalid_input("label_selector", "is not a valid label selector")


def label_filter(selector: str) -> Callable[[Mapping[str, str]], bool]:
    """Compile a label selector; all its terms must hold."""
    if not selector.strip():
        return lambda _labels: True
    terms = [_term(term.strip()) for term in _COMMA_OUTSIDE_BRACKETS.split(selector)]
    return lambda labels: all(holds(labels) for holds in terms)


class Named(Protocol):
    """What has a name and labels, by which a list can be narrowed."""

    @property
    def name(self) -> str:
        """Return its name."""

    @property
    def labels(self) -> Mapping[str, str]:
        """Return its labels."""


def named(items: Iterable[Labelled], query: Query) -> list[Labelled]:
    """Return those with the `name` and the labels (`label_selector`) that are asked for."""
    name, wanted = one(query, "name"), label_filter(one(query, "label_selector") or "")
    return [item for item in items if name in (None, item.name) and wanted(item.labels)]


def one(query: Query, key: str) -> str | None:
    """Return the last value of a parameter."""
    values = query.get(key)
    return values[-1] if values else None


def number(query: Query, key: str, default: int) -> int:
    """Return a positive integer parameter."""
    text = one(query, key)
    if text is None:
        return default
    if not text.isdecimal() or int(text) < 1:
        raise invalid_input(key, "must be a positive integer")
    return int(text)


def numbers(query: Query, key: str) -> list[int]:
    """Return the values of a repeated integer parameter."""
    values = query.get(key, ())
    if not all(value.isdecimal() for value in values):
        raise invalid_input(key, "must be an integer")
    return [int(value) for value in values]


def choices(query: Query, key: str, allowed: set[str]) -> set[str]:
    """Return the values of a repeated parameter, which must be allowed ones."""
    values = set(query.get(key, ()))
    if not values <= allowed:
        raise invalid_input(key, f"must be one of {', '.join(sorted(allowed))}")
    return values


def sorted_by(
    items: list[Item], query: Query, keys: Mapping[str, Callable[[Item], float | str]]
) -> list[Item]:
    """Sort by the `sort` parameters, the first one being the most important; by id without any."""
    result = sorted(items, key=keys["id"])
    for order in reversed(query.get("sort", ())):
        name, _, direction = order.partition(":")
        if name not in keys or direction not in {"", "asc", "desc"}:
            raise invalid_input("sort", "is not a valid sort order")
        result = sorted(result, key=keys[name], reverse=direction == "desc")
    return result


def page(key: str, items: list[JsonObject], query: Query) -> JsonObject:
    """Return the requested page with its description; `per_page` above the maximum is lowered."""
    number_of_page = number(query, "page", 1)
    per_page = min(number(query, "per_page", DEFAULT_PER_PAGE), MAX_PER_PAGE)
    last = max(1, -(-len(items) // per_page))
    start = (number_of_page - 1) * per_page
    pagination = {
        "page": number_of_page,
        "per_page": per_page,
        "previous_page": number_of_page - 1 if number_of_page > 1 else None,
        "next_page": number_of_page + 1 if number_of_page < last else None,
        "last_page": last,
        "total_entries": len(items),
    }
    return {key: items[start : start + per_page], "meta": {"pagination": pagination}}

"""What a route's function is given, and how it reads a body."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from hakeeper.demo.cloud import query
from hakeeper.demo.cloud.errors import ApiError
from hakeeper.demo.cloud.project import Quirk
from hakeeper.demo.cloud.values import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """The arguments of a route's function."""

    ids: Sequence[int]
    query: query.Query
    body: bytes
    now: float
    as_of_s: float
    """The time that readings show."""
    client: str
    quirk: Quirk


Route: TypeAlias = Callable[[Call], JsonObject]


def json_body(body: bytes) -> JsonObject:
    """Return the object in a body; raises the API's error if there is none."""
    try:
        data = json.loads(body)
    except ValueError as error:
        raise ApiError("json_error", "invalid JSON in request body", {}) from error
    if not isinstance(data, dict):
        raise ApiError("json_error", "the request body must be an object", {})
    return data

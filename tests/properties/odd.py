"""JSON documents in which one place holds what nobody would put there."""

import copy
from collections.abc import Iterator
from typing import Any

from tests.fuzz.mutation import VALUES


def spoiled(document: Any, path: str = "") -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - JSON
    """Give each document in which one member is missing or is one of the odd values."""
    keys = list(document) if isinstance(document, dict) else range(len(document))
    for key in keys:
        here = f"{path}/{key}"
        yield f"{here} missing", _without(document, key)
        for value in VALUES:
            yield f"{here} = {value!r}", _with(document, key, value)
        if isinstance(document[key], dict | list) and document[key]:
            for what, inner in spoiled(document[key], here):
                yield what, _with(document, key, inner)


def _with(document: Any, key: Any, value: object) -> Any:  # noqa: ANN401 - JSON
    changed = copy.copy(document)
    changed[key] = value
    return changed


def _without(document: Any, key: Any) -> Any:  # noqa: ANN401 - JSON
    changed = copy.copy(document)
    del changed[key]
    return changed

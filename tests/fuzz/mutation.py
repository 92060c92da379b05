"""Changes JSON that stands somewhere in an input, so that it stays JSON.

Bytes flipped at random nearly always end in `not JSON`, and never get to the code behind.
"""

import json
from random import Random
from typing import Any

TRIES = 4
VALUES: tuple[object, ...] = (
    None, True, False, 0, -1, 1, 42, 43, 4711, 2**53, 2**64, 10**400, -(2**63), 0.5, 1e308,
    float("nan"), float("inf"), "", "x", "ä", "\ud800", "\x00\n", "42", "running", "success",
    "error", "web", "203.0.113.10", "203.0.113.10/33", "2001:db8::1%lo", "INSTANCE", "MASTER",
    [], {}, [[]], [{}], {"": None}, {"id": 1}, {"location": {"network_zone": 5}},
)  # fmt: skip
_DECODER = json.JSONDecoder()


def changed(data: bytes, rng: Random) -> bytes | None:
    """Return the input with one JSON value in it changed; None if no JSON was found."""
    text = data.decode("utf-8", "surrogateescape")
    places = [index for index, character in enumerate(text) if character in "{["]
    for _ in range(TRIES):
        if not places:
            return None
        start = rng.choice(places)
        try:
            value, end = _DECODER.raw_decode(text, start)
            inner = json.dumps(_changed(value, rng))
        except (ValueError, RecursionError):
            continue
        whole = text[:start] + inner + text[end:]
        return whole.encode("utf-8", "surrogateescape")
    return None


def _changed(value: Any, rng: Random) -> Any:  # noqa: ANN401 - JSON
    """Go down at random, and change what is there."""
    inner = (
        list(value.keys() if isinstance(value, dict) else range(len(value)))
        if isinstance(value, dict | list)
        else []
    )
    if not inner or rng.random() < 0.2:
        return _other(value, rng)
    key = rng.choice(inner)
    match rng.randrange(8):
        case 0:
            del value[key]
        case 1:
            value[key] = rng.choice([value[k] for k in inner])
        case 2 if isinstance(value, list):
            value.insert(key, json.loads(json.dumps(value[key])))
        case 2:
            value[rng.choice(["", "x", "error", "meta", "server"])] = value.pop(key)
        case _:
            value[key] = _changed(value[key], rng)
    return value


def _other(value: object, rng: Random) -> object:
    match rng.randrange(6):
        case 0:
            return [value]
        case 1:
            return {rng.choice(["id", "error", "x"]): value}
        case 2 if isinstance(value, int):
            return value + rng.choice([-1, 1, 1 << 31])
        case 2 if isinstance(value, str):
            return value[: len(value) // 2] + rng.choice(["", "\x00", "\ud83d", "é", " " * 400])
        case _:
            return rng.choice(VALUES)

"""Bugs to plant, one or more for each target, by which the fuzzer proves that it finds any.

Each comes with an input on which it shows, so that the tests can prove without atheris that the
target's own checks see it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

from hakeeper.adapters import statefile
from hakeeper.adapters.control_server import ControlServer
from hakeeper.adapters.hetzner.cloud import parse
from hakeeper.config import nodes, parser, values
from hakeeper.config.errors import Position
from hakeeper.core.apis.health import Health
from hakeeper.core.kind import UnreadableAnswer
from hakeeper.core.model import SavedState
from hakeeper.core.roles import lines as fifo_lines
from hakeeper.core.roles.lines import LineReader
from tests.fuzz.pieces import uncut

SetAttribute: TypeAlias = Callable[[Any, str, Any], None]


@dataclass(frozen=True, slots=True)
class Plant:
    """One bug in one target; `shows_on` is an input that it spoils."""

    target: str
    plant: Callable[[SetAttribute], None]
    shows_on: bytes


def _return_loses_tail(patch: SetAttribute) -> None:
    feed = LineReader.feed

    def bad(self: LineReader, data: bytes) -> list[fifo_lines.Line]:
        if data[:1] == b"\r":
            self._tail = b""
        return feed(self, data)

    patch(LineReader, "feed", bad)


def _long_tail_is_lost(patch: SetAttribute) -> None:
    feed = LineReader.feed

    def bad(self: LineReader, data: bytes) -> list[fifo_lines.Line]:
        found = feed(self, data)
        if 500 < len(self._tail) < 600:
            self._tail = b""
        return found

    patch(LineReader, "feed", bad)


def _deleted_9_raises(patch: SetAttribute) -> None:
    parse_line = fifo_lines.parse_line

    def bad(raw: bytes) -> fifo_lines.Line:
        if raw.endswith(b"DELETED 9"):
            raise KeyError(raw)
        return parse_line(raw)

    patch(fifo_lines, "parse_line", bad)


def _bad_url_escapes(patch: SetAttribute) -> None:
    text_of = values.text_of

    def bad(node: nodes.Node, expected: str) -> str:
        text = text_of(node, expected)
        return text if not expected.startswith("a URL") or urlsplit(text).port != 0 else ""

    patch(values, "text_of", bad)


def _place_is_off(patch: SetAttribute) -> None:
    position = parser._position

    def bad(text: str, index: int) -> Position:
        at = position(text, index)
        return Position(at.line + 1, at.column) if at.line > 2 else at

    patch(parser, "_position", bad)


def _bool_is_an_integer(patch: SetAttribute) -> None:
    def bad(value: object, name: str) -> int:
        if not isinstance(value, int):
            raise UnreadableAnswer(f"{name} is no integer")
        return value

    patch(parse, "integer", bad)


def _any_location(patch: SetAttribute) -> None:
    def bad(location: dict[str, object]) -> str:
        return str(location["network_zone"]) if location else ""

    patch(parse, "zone", bad)


def _limit_of_zero_divides(patch: SetAttribute) -> None:
    def bad(self: Health, now: float) -> float | None:
        if self.quota is None:
            return None
        full_in_s = 3600.0 * self.quota.remaining / self.quota.limit_per_hour
        return full_in_s + 0.0 * now

    patch(Health, "quota_left", bad)


def _null_escapes(patch: SetAttribute) -> None:
    answer_to = ControlServer._answer_to

    def bad(self: ControlServer, received: bytes, user_id: int) -> Mapping[str, object]:
        if received.startswith(b'{"command": null'):
            raise AttributeError("null has no command")
        return answer_to(self, received, user_id)

    patch(ControlServer, "_answer_to", bad)


def _second_line_decides(patch: SetAttribute) -> None:
    answer_to = ControlServer._answer_to

    def bad(self: ControlServer, received: bytes, user_id: int) -> Mapping[str, object]:
        if received.split(b"\n")[1][:1] == b"[":
            return {"health": "ok"}
        return answer_to(self, received, user_id)

    patch(ControlServer, "_answer_to", bad)


def _any_text(patch: SetAttribute) -> None:
    patch(statefile, "_text", lambda value: value)


def _two_roles_escape(patch: SetAttribute) -> None:
    decode = statefile._decode

    def bad(data: bytes) -> SavedState:
        state = decode(data)
        if len(state.roles) == 2:
            raise ArithmeticError("two roles")
        return state

    patch(statefile, "_decode", bad)


_LIMIT_0 = b'I200\nRateLimit-Limit: 0\nRateLimit-Remaining: 0\n\n{"server": 5}'
_TWO = (
    b'{"version": 2, "keepalived": null, "servers": {"cloud": 1}, "roles": ['
    b'{"kind": "GROUP", "name": "a", "role": "FAULT"},'
    b'{"kind": "GROUP", "name": "b", "role": "FAULT"}]}'
)
PLANTS: Final[Mapping[str, Plant]] = {
    "return-loses-tail": Plant("lines", _return_loses_tail, uncut(b"xxxx\r\n", 2)),
    "long-tail-is-lost": Plant("lines", _long_tail_is_lost, uncut(b"x" * 600 + b"\n", 23)),
    "deleted-9-raises": Plant("lines", _deleted_9_raises, uncut(b"DELETED 9\n")),
    "bad-url-escapes": Plant("config", _bad_url_escapes, b"hetzner: {endpoint: 'http://[x'}"),
    "place-is-off": Plant("config", _place_is_off, b"a:\n\n\n\x00"),
    "bool-is-an-integer": Plant(
        "bodies", _bool_is_an_integer, b'\x05200\n\n{"action": {"id": true, "status": "success"}}'
    ),
    "any-location": Plant(
        "bodies",
        _any_location,
        b'\x00200\n\n{"server": {"id": 1, "name": "", "status": "", "location": [1]}}',
    ),
    "limit-0-divides": Plant("story", _limit_of_zero_divides, _LIMIT_0),
    "null-escapes": Plant("control", _null_escapes, uncut(b'{"command": null}\n')),
    "second-line-decides": Plant("control", _second_line_decides, uncut(b"{}\n[")),
    "any-text": Plant("state", _any_text, _TWO.replace(b'"a"', b"5")),
    "two-roles-escape": Plant("state", _two_roles_escape, _TWO),
}

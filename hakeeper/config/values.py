"""Types of single values: from a node to a typed value, or `Refused` with what is expected."""

import enum
import ipaddress
import re
from functools import partial
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit

from hakeeper.config.nodes import Broken, Node, Scalar, Sequence, Table
from hakeeper.config.table import Value
from hakeeper.config.text import did_you_mean, shown
from hakeeper.config.yaml_surprises import is_null, meaning

E = TypeVar("E", bound=enum.Enum)

NAME_LIMIT: Final = 255
PATH_LIMIT_BYTES: Final = 4095
ID_LIMIT: Final = 2**53 - 1
"""Hetzner's ids are integers that a JavaScript number can hold."""

_DURATION: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)(ms|s|m|h)")
_LOOSE_DURATION: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*([A-Za-z]+)")
_BARE_NUMBER: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?")
_SEVERAL: Final = re.compile(r"(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,6})s)?")
_UNIT_S: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_ALIASES: Final = {
    "ms": ("ms", "msec", "msecs", "millisecond", "milliseconds"),
    "s": ("s", "sec", "secs", "second", "seconds"),
    "m": ("m", "min", "mins", "minute", "minutes"),
    "h": ("h", "hr", "hrs", "hour", "hours"),
}
_A_DURATION: Final = "a duration such as 500ms, 5s, 2m or 1h"
_ID: Final = re.compile(r"[1-9][0-9]{0,15}")
_SERVER_NAME: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_URL: Final = re.compile(r"[A-Za-z0-9:/._~%\[\]-]{1,2000}")


class Refused(Exception):  # noqa: N818 - an answer to the parser, not a failure
    """An unusable value; the message says what is expected. Empty: already reported."""


def text_of(node: Node, expected: str) -> str:
    """Return the text of a scalar that is text to every YAML parser, too."""
    text = raw_of(node, expected)
    if isinstance(node, Scalar) and node.plain:
        if is_null(text):
            raise Refused(f"has no value; expected {expected}")
        if taken := meaning(text):
            raise Refused(
                f"YAML reads the unquoted {shown(text)} as {taken}; expected {expected}"
                " (if you mean text, put it in quotes)"
            )
    return text


def raw_of(node: Node, expected: str) -> str:
    """Return the text of a scalar as it was written."""
    match node:
        case Scalar():
            return node.text
        case Sequence():
            raise Refused(f"expected {expected}, got a list")
        case Table():
            raise Refused(f"expected {expected}, got a mapping")
        case Broken():
            raise Refused("")


def duration(shortest_s: float, longest_s: float, why: str) -> Value[float]:
    """Return a type of durations, with values in seconds; `why` explains the bounds."""
    read = partial(_duration_s, shortest_s=shortest_s, longest_s=longest_s, why=why)
    expected = f"a duration from {duration_text(shortest_s)} to {duration_text(longest_s)}"
    return Value(read, expected, duration_text)


def _duration_s(node: Node, shortest_s: float, longest_s: float, why: str) -> float:
    """Return seconds; a duration without a unit is refused."""
    text = raw_of(node, _A_DURATION)
    match = _DURATION.fullmatch(text)
    if match is None:
        if _BARE_NUMBER.fullmatch(text) and meaning(text) == "a number":
            raise Refused(f"{shown(text)} has no unit; expected {_A_DURATION}: `{text}s`?")
        if not text_of(node, _A_DURATION):
            raise Refused(f"is empty; expected {_A_DURATION}")
        raise Refused(f"{shown(text)} is not {_A_DURATION}{_meant_duration(text)}")
    value_s = float(match[1]) * _UNIT_S[match[2]]
    if not shortest_s <= value_s <= longest_s:
        raise Refused(
            f"{shown(text)} is out of range; expected "
            f"{duration_text(shortest_s)} to {duration_text(longest_s)}: {why}"
        )
    return value_s


def duration_text(value_s: float) -> str:
    """Return seconds as an operator would write them."""
    for unit in ("h", "m"):
        if value_s >= _UNIT_S[unit] and value_s % _UNIT_S[unit] == 0:
            return f"{value_s / _UNIT_S[unit]:g}{unit}"
    return f"{value_s:g}s"


def _meant_duration(text: str) -> str:
    if (several := _SEVERAL.fullmatch(text)) and any(several.groups()):
        parts = zip(several.groups(default="0"), "hms", strict=True)
        value_s = sum(int(number) * _UNIT_S[unit] for number, unit in parts)
        return f"; did you mean `{duration_text(value_s)}`?"
    match = _LOOSE_DURATION.fullmatch(text.strip())
    if match is None:
        return ""
    for unit, aliases in _ALIASES.items():
        if match[2].lower() in aliases:
            return f"; did you mean `{match[1]}{unit}`?"
    return f"; {shown(match[2])} is not a unit here"


def _path(node: Node) -> Path:
    """Return an absolute path of a file: the daemon's working directory must not matter."""
    text = text_of(node, "an absolute path")
    if not text.startswith("/"):
        # Shown only if it looks like a path: it may be a token instead of the token's file, or a
        # login, `user:password`.
        what = shown(text) if "/" in text and ":" not in text else "the value"
        raise Refused(f"{what} does not begin with `/`; expected an absolute path")
    if not text.isprintable():
        raise Refused(f"{shown(text)} contains a control character; expected an absolute path")
    if text.endswith("/"):
        raise Refused(f"{shown(text)} ends with `/`; expected the path of a file, not a directory")
    if len(text.encode()) > PATH_LIMIT_BYTES:
        raise Refused(f"is longer than {PATH_LIMIT_BYTES} bytes, Linux's limit for paths")
    return Path(text)


def _optional_path(node: Node) -> Path | None:
    """Return an absolute path, or None for null."""
    return None if is_nothing(node) else _path(node)


def is_nothing(node: Node) -> bool:
    """Say whether the node is YAML's null."""
    return isinstance(node, Scalar) and node.plain and is_null(node.text)


def one_of(words: type[E]) -> Value[E]:
    """Return a type for the values of an enumeration."""
    known = {str(member.value): member for member in words}
    expected = "one of " + ", ".join(known)

    def read(node: Node) -> E:
        text = text_of(node, expected)
        if text not in known:
            meant = did_you_mean(text, known)
            raise Refused(f"{shown(text)} is unknown; expected {expected}{meant}")
        return known[text]

    return Value(read, expected)


def _server(node: Node) -> str | int:
    """Return `auto`, an id or a name; digits are an id, quoted or not."""
    expected = "auto, the id of a server or its name"
    raw = raw_of(node, expected)
    if _ID.fullmatch(raw):
        return _checked_id(raw)
    text = text_of(node, expected)
    if text.lower() == "auto" and text != "auto":
        raise Refused(f"{shown(text)}; did you mean `auto`?")
    if not _SERVER_NAME.fullmatch(text):
        raise Refused(
            f"{shown(text)} cannot be a server's name (letters, digits, `-` and `.`);"
            f" expected {expected}"
        )
    return text


def _checked_id(text: str) -> int:
    if (value := int(text)) > ID_LIMIT:
        raise Refused(f"{shown(text)} is larger than any id at Hetzner ({ID_LIMIT})")
    return value


def object_id(text: str) -> int | None:
    """Return the text as an id; None if it is not a decimal number."""
    return _checked_id(text) if _ID.fullmatch(text) else None


def name(text: str, what: str) -> str:
    """Return a name that is valid for both keepalived and Hetzner."""
    if not text:
        raise Refused(f"is empty; expected {what}")
    if bad := next((c for c in text if c == '"' or not c.isprintable()), None):
        character = 'a `"`' if bad == '"' else f"the character U+{ord(bad):04X}"
        raise Refused(f"{shown(text)} contains {character}; expected {what} without it")
    if text != text.strip():
        raise Refused(f"{shown(text)} begins or ends with a space; expected {what}")
    if len(text) > NAME_LIMIT:
        raise Refused(f"{shown(text)} is longer than {NAME_LIMIT} characters; expected {what}")
    return text


def listed(node: Node) -> list[tuple[str, Node]]:
    """Return the items of a list, each with the suffix of its path; null is an empty list."""
    match node:
        case Sequence(items=found):
            return [(f"[{index}]", item) for index, item in enumerate(found)]
        case Table():
            raise Refused("expected a list, got a mapping")
        case Scalar(text=text, plain=True) if text.startswith("-"):
            raise Refused(f"expected a list, got {shown(text)}; is a space missing after the `-`?")
        case Scalar() if not is_nothing(node):
            raise Refused(f"expected a list, got {shown(node.text)}; put it in square brackets")
        case Broken():
            raise Refused("")
    return []


def vrrp_name(node: Node, keyword: str) -> str:
    """Return the name of a block in keepalived.conf, as keepalived writes it to the FIFO."""
    what = f"the name of a {keyword} of keepalived.conf"
    return name(text_of(node, what), what)


def endpoint(usual: str, secret: str) -> Value[str]:
    """Return a type of base URLs without their final slash; `secret` is what is sent there."""
    return Value(partial(_endpoint, usual=usual, secret=secret), "an https URL")


def _endpoint(node: Node, usual: str, secret: str) -> str:
    """Return a base URL without its final slash. No message shows a password."""
    expected = f"a URL such as {usual}"
    text = text_of(node, expected)
    if "@" in text:
        raise Refused(f"contains a user name or password (`@`); expected {expected} without one")
    if not _URL.fullmatch(text):
        raise Refused(
            f"{shown(text)} contains a character that is not allowed; expected {expected}"
        )
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise Refused(f"{shown(text)} is not a URL; expected {expected}") from None
    if parts.scheme not in ("http", "https") or not host or port == 0:
        raise Refused(f"{shown(text)} is not an http or https URL with a host; expected {expected}")
    if parts.scheme == "http" and not _is_loopback(host):
        raise Refused(
            f"{shown(text)} would send the {secret} unencrypted: http:// is for loopback addresses"
            f" only (127.0.0.0/8, ::1, localhost); did you mean `https:{shown(text)[6:]}?"
        )
    known = urlsplit(usual)
    if host == known.hostname and parts.path.rstrip("/") != known.path:
        raise Refused(f"{shown(text)} is not the API; did you mean `{usual}`?")
    return text.rstrip("/")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


PATH: Final = Value(_path, "an absolute path")
OPTIONAL_PATH: Final = Value(_optional_path, "an absolute path, or null")
SERVER: Final = Value(_server, "the word auto, or the id or name of a server")

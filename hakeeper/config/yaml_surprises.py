"""Unquoted values that YAML does not read as text.

Covers YAML 1.1 (PyYAML, Ansible) and 1.2 together: a value that either version reads as another
type must be quoted, or it would mean different things to different tools. https://yaml.org/type/
lists the types of YAML 1.1.
"""

import re
from collections.abc import Callable
from typing import Final

_NULL: Final = re.compile(r"~|null|Null|NULL|")
_BOOLEAN: Final = re.compile(r"(yes|on|true)|(no|off|false)", re.IGNORECASE)
_BASE_60: Final = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?")
_OCTAL: Final = re.compile(r"[-+]?0o?[0-7_]+")
_BASED: Final = re.compile(r"[-+]?0(x[0-9a-fA-F_]+|b[01_]+)")
_DECIMAL: Final = re.compile(r"[-+]?(\.[0-9_]+|[0-9][0-9_]*\.?[0-9_]*)([eE][-+]?[0-9]+)?")
_NAMED: Final = re.compile(r"[-+]?\.(inf|nan)", re.IGNORECASE)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt \t].*)?")
_LONG: Final = 100
"""Longer text is not matched: the patterns need time in the square of the length."""
_SHORT: Final = 15
"""Longer numbers are not converted for the message."""


def meaning(text: str) -> str | None:
    """Return what YAML reads the unquoted text as; None if it is simply text."""
    if len(text) > _LONG:
        return None if text.strip("0123456789_") else "a number"
    if _NULL.fullmatch(text):
        return "nothing (null)"
    if match := _BOOLEAN.fullmatch(text):
        return "the boolean true" if match[1] else "the boolean false"
    if _DATE.fullmatch(text):
        return "a date"
    return _number(text)


def is_null(text: str) -> bool:
    """Say whether the unquoted text is YAML's null, as empty text is."""
    return _NULL.fullmatch(text) is not None


def _number(text: str) -> str | None:
    digits = text.replace("_", "").lstrip("+-")
    if _BASE_60.fullmatch(text):
        return f"{_worked_out(text, _base_60, digits)} (base 60)"
    if _OCTAL.fullmatch(text):
        return f"{_worked_out(text, _octal, digits)} (octal)"
    if _BASED.fullmatch(text):
        return _worked_out(text, _based, digits)
    if _DECIMAL.fullmatch(text) or _NAMED.fullmatch(text):
        return "a number"
    return None


def _worked_out(text: str, convert: Callable[[str], int], digits: str) -> str:
    if len(text) > _SHORT:
        return "a number"
    return f"the number {'-' if text.startswith('-') else ''}{convert(digits)}"


def _base_60(digits: str) -> int:
    value = 0
    for part in digits.split(".", maxsplit=1)[0].split(":"):
        value = value * 60 + int(part)
    return value


def _octal(digits: str) -> int:
    return int("0" + digits.replace("o", ""), 8)


def _based(digits: str) -> int:
    return int(digits, 0) if len(digits) > len("0x") else 0

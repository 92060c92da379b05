"""`~SEQ` and `~LST`: one line that is read several times, each time with other parameters."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from hakeeper.doctor.conf.text import BLANKS

LENGTH_LIMIT: Final = 10_000
"""How many lines one sequence may generate."""
_NUMBERS_BUFFER: Final = 64
"""The size of keepalived's buffer for the numbers of a `~SEQ`, in bytes."""
_SEQ: Final = re.compile(r"~SEQ(x?)[ \t]*\([ \t]*+([^ \t,)]++)[ \t]*+([^)])[ \t]*+([^)]*\))[ \t]*")
_NUMBER: Final = re.compile(
    r"[ \t\f\n\r\v]*([+-]?)(0[xX][0-9A-Fa-f]+|0[0-7]*|[1-9][0-9]*)?([ \t]*)"
)
_LST: Final = re.compile(r"~LST[ \t]*\([ \t]*")
_ITEM: Final = re.compile(r"([^ \t,}]*)[ \t]*")
_VALUE: Final = re.compile(r"([^ \t,})]*)[ \t]*")


@dataclass(slots=True)
class Sequence:
    """A line that is read repeatedly."""

    text: str
    values: Iterator[Mapping[str, str]]
    """The parameters for each repetition."""
    length: int


def sequence_numbers(line: str) -> str:
    """Return the part of a `~SEQ` line in which parameters are replaced; "" if not a `~SEQ`."""
    match = _SEQ.match(line)
    return "" if match is None else match[4]


def read_sequence(line: str, numbers: str) -> Sequence | None:
    """Parse a `~SEQ`; `numbers` are its numbers after substitution; None: it is invalid."""
    match = _SEQ.match(line)
    if match is None or len(match[4]) + 1 > _NUMBERS_BUFFER:
        return None
    bounds = _bounds(numbers)
    if bounds is None:
        return None
    start, step, end = bounds
    if match[1] and (start < 0 or end < 0):
        return None
    name, form = match[2], "x" if match[1] else "d"
    # keepalived uses the first number in any case.
    steps = range(start, end + (1 if step > 0 else -1), step) or range(start, start + 1)
    return Sequence(
        text=line[match.end() :],
        values=({name: format(number, form)} for number in steps),
        length=(end - start) // step + 1,
    )


def _bounds(numbers: str) -> tuple[int, int, int] | None:
    """Return start, step and end; start and step are optional."""
    found: list[int] = []
    at = 0
    while True:
        number, at = _number(numbers, at)
        found.append(number)
        following = numbers[at : at + 1]
        if following == ")":
            break
        if following != "," or len(found) == 3:  # noqa: PLR2004  # start, step, end
            return None
        at += 1
    match found:
        case [end]:
            return (-1 if end < 0 else 1), (-1 if end < 1 else 1), end
        case [start, end]:
            return start, (1 if start <= end else -1), end
        case _:
            start, step, end = found
            is_away = (start < end and step < 0) or (start > end and step > 0)
            return None if step == 0 or is_away else (start, step, end)


def _number(text: str, at: int) -> tuple[int, int]:
    """Parse as strtol(3) does with base 0; no digits mean 0. Numbers are limited to 64 bits."""
    match = _NUMBER.match(text, at)
    if match is None or not match[2]:
        rest = at + len(text[at:]) - len(text[at:].lstrip(BLANKS))
        return 0, rest
    digits = match[2]
    if digits[:2].lower() == "0x":
        value = int(digits, 16)
    elif digits.startswith("0"):
        value = int(digits, 8)
    else:
        value = int(digits)
    value = -value if match[1] == "-" else value
    return max(-(1 << 63), min(value, (1 << 63) - 1)), match.end()


def read_list(line: str) -> Sequence | None:
    """Parse a `~LST`; None: it is invalid."""
    match = _LST.match(line)
    if match is None:
        return None
    read = _names(line, match.end())
    if read is None:
        return None
    names, at = read
    sets: list[dict[str, str]] = []
    while True:
        values = _values(line, at, len(names))
        if values is None:
            return None
        found, at = values
        sets.append(dict(zip(names, [*found, *[""] * len(names)], strict=False)))
        if line[at : at + 1] == ")":
            break
        if line[at : at + 1] != ",":
            return None
        at = _past_blanks(line, at + 1)
    return Sequence(line[_past_blanks(line, at + 1) :], iter(sets), len(sets))


def _names(line: str, at: int) -> tuple[list[str], int] | None:
    """Parse `NAME,` or `{NAME, ...},`."""
    end = ","
    if line[at : at + 1] == "{":
        end, at = "}", _past_blanks(line, at + 1)
    names: list[str] = []
    while True:
        match = _ITEM.match(line, at)
        if match is None or match.end() == len(line):
            return None
        names.append(match[1])
        at = match.end()
        if line[at] == end:
            break
        if line[at] != ",":
            return None
        at = _past_blanks(line, at + 1)
    if line[at] == "}":
        at = _past_blanks(line, at + 1)
    return (names, _past_blanks(line, at + 1)) if line[at : at + 1] == "," else None


def _values(line: str, at: int, most: int) -> tuple[list[str], int] | None:
    """Parse `VALUE` or `{VALUE, ...}`, up to the comma or parenthesis after it."""
    end = ","
    if line[at : at + 1] == "{":
        end, at = "}", _past_blanks(line, at + 1)
    values: list[str] = []
    while True:
        match = _VALUE.match(line, at)
        if match is None or match.end() == len(line):
            return None
        values.append(match[1])
        at = match.end()
        if line[at] == end or (line[at] == ")" and end == ","):
            break
        if line[at] != "," or len(values) == most:
            return None
        at = _past_blanks(line, at + 1)
    if line[at] == "}" and end == "}":
        at = _past_blanks(line, at + 1)
    return values, at


def _past_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at] in BLANKS:
        at += 1
    return at

"""FIFO bytes to notify lines: incremental, bounded, never raises.

The grammar is what keepalived writes (lib/notify.c, vrrp_notify.c; unchanged from 2.0 to 2.4):
`INSTANCE "name" STATE priority` and `GROUP "name" STATE 0`, the name unescaped and without a
quote or newline in it. Other first words (`VS`, `RS`) belong to other readers.
"""

import enum
import re
from dataclasses import dataclass
from typing import TypeAlias

from hakeeper.core.model import VrrpId, VrrpKind

LINE_LIMIT_BYTES = 4096
"""No line of keepalived comes near; more than this without a newline is not from it."""
LINES_KNOWN = 256
"""How many different lines are known by heart: in a storm the same few come again and again."""
SHOWN_BYTES = 80
"""How much of a bad line is kept for the log."""


class LineState(enum.Enum):
    """The whole vocabulary of the state field."""

    MASTER = "MASTER"
    BACKUP = "BACKUP"
    FAULT = "FAULT"
    STOP = "STOP"
    DELETED = "DELETED"
    MASTER_RX_LOWER_PRI = "MASTER_RX_LOWER_PRI"
    MASTER_PRIORITY = "MASTER_PRIORITY"
    BACKUP_PRIORITY = "BACKUP_PRIORITY"

    @property
    def is_hint(self) -> bool:
        """Whether it tells of a priority, which is no role."""
        return self in (LineState.MASTER_PRIORITY, LineState.BACKUP_PRIORITY)


@dataclass(frozen=True, slots=True)
class NotifyLine:
    """One good line. `priority` is the effective VRRP priority, 0 for groups."""

    vrrp: VrrpId
    state: LineState
    priority: int


@dataclass(frozen=True, slots=True)
class BadLine:
    """One line we could not use: the reason, and its beginning made printable."""

    reason: str
    shown: str


@dataclass(frozen=True, slots=True)
class ForeignLine:
    """A line for another reader (VS or RS from `notify_fifo`); not an error."""


Line: TypeAlias = NotifyLine | BadLine | ForeignLine

_GRAMMAR = re.compile(r'(INSTANCE|GROUP) "([^"\n]*)" ([A-Z_]+|\{UNKNOWN\}) ([0-9]{1,3})')
_FOREIGN = re.compile(rb"(VS|RS) ")


def _bad(reason: str, raw: bytes) -> BadLine:
    shown = raw[:SHOWN_BYTES].decode("utf-8", "backslashreplace")
    printable = "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in shown
    )
    return BadLine(reason, printable + ("…" if len(raw) > SHOWN_BYTES else ""))


def parse_line(raw: bytes) -> Line:
    """Parse one line without its newline."""
    if _FOREIGN.match(raw):
        return ForeignLine()
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return _bad("is not UTF-8", raw)
    match = _GRAMMAR.fullmatch(text)
    if match is None:
        return _bad('does not read INSTANCE|GROUP "name" STATE priority', raw)
    kind, name, state, priority = match.groups()
    try:
        line_state = LineState(state)
    except ValueError:
        return _bad(f"has the unknown state {state}", raw)
    return NotifyLine(VrrpId(VrrpKind(kind), name), line_state, int(priority))


class LineReader:
    """Splits a byte stream at newlines; whatever the chunks, the same lines come out."""

    def __init__(self) -> None:
        """Start with nothing buffered."""
        self._tail = b""
        self._skipping = False
        self._known: dict[bytes, Line] = {}

    def feed(self, data: bytes) -> list[Line]:
        """Take the next bytes and return the lines that are now complete."""
        *complete, tail = (self._tail + data).split(b"\n")
        lines: list[Line] = []
        for raw in complete:
            if self._skipping:
                self._skipping = False
            elif len(raw) > LINE_LIMIT_BYTES:
                lines.append(_too_long(raw))
            elif raw:
                lines.append(self._parsed(raw))
        if self._skipping:
            tail = b""
        elif len(tail) > LINE_LIMIT_BYTES:
            lines.append(_too_long(tail))
            self._skipping = True
            tail = b""
        self._tail = tail
        return lines

    def _parsed(self, raw: bytes) -> Line:
        line = self._known.get(raw)
        if line is None:
            if len(self._known) >= LINES_KNOWN:
                self._known.clear()
            line = self._known[raw] = parse_line(raw)
        return line

    def reset(self) -> None:
        """Forget a half line: its other half will never come (overflow, other FIFO)."""
        self._tail = b""
        self._skipping = False


def _too_long(raw: bytes) -> BadLine:
    return _bad(f"is longer than {LINE_LIMIT_BYTES} bytes", raw)

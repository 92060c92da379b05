"""A small picture: the role of each instance over time, and whether it has its addresses here."""

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from hakeeper.adapters.history.reading import Kept
from hakeeper.adapters.times import age
from hakeeper.cli.history_text import SUBJECT_LIMIT, WIDTH, vrrp_of
from hakeeper.core.model import VrrpId

OFF: Final = "."
UNKNOWN: Final = "?"
MASTER: Final = "m"
HELD: Final = "M"
ROLES: Final = {"MASTER": MASTER, "BACKUP": "b", "FAULT": "f", "STOPPED": "s"}
LEGEND: Final = (
    "M MASTER, addresses here   m MASTER, an address elsewhere   b BACKUP   f FAULT",
    "s STOPPED   ? unknown   . hakeeper stopped",
)
STARTS_AND_STOPS: Final = {
    "daemon.started": UNKNOWN,
    "daemon.stopped": OFF,
    "daemon.failed": OFF,
}
HERE: Final = frozenset({"address.claimed", "address.confirmed"})
ELSEWHERE: Final = frozenset(
    {"claim.started", "claim.paused", "address.drifted", "address.held_down"}
)
DROPPED: Final = frozenset({"address.deselected"})


@dataclass(slots=True)
class _Row:
    """One instance: its state of now, and the moments at which it became another."""

    mark: str = UNKNOWN
    here: set[object] = field(default_factory=set)
    elsewhere: set[object] = field(default_factory=set)
    changes: list[tuple[float, str]] = field(default_factory=list)

    def becomes(self, mark: str, at_s: float) -> None:
        """Note another role: what is here is known only of a MASTER."""
        self.here.clear()
        self.elsewhere.clear()
        self._mark(mark, at_s)

    def moved(self, event: str, address: object, at_s: float) -> None:
        """Note that an address came or went."""
        if self.mark not in (MASTER, HELD) or event not in HERE | ELSEWHERE | DROPPED:
            return
        self.here.discard(address)
        self.elsewhere.discard(address)
        if event in HERE:
            self.here.add(address)
        elif event in ELSEWHERE:
            self.elsewhere.add(address)
        self._mark(HELD if self.here and not self.elsewhere else MASTER, at_s)

    def _mark(self, mark: str, at_s: float) -> None:
        if mark != self.mark:
            self.changes.append((at_s, mark))
            self.mark = mark


def picture(
    entries: Sequence[Kept], begin_s: float, end_s: float, instance: str | None
) -> Iterator[str]:
    """Return the lines of the picture from one moment to another, in seconds since 1970.

    All entries are needed, since what was before the beginning decides how it looks there.
    """
    rows = {vrrp: row for vrrp, row in _rows(entries).items() if instance in (None, vrrp.name)}
    if not rows or end_s <= begin_s:
        return
    names = {vrrp: str(vrrp)[:SUBJECT_LIMIT] for vrrp in rows}
    head = max(map(len, names.values())) + 2
    width = WIDTH - head
    step_s = (end_s - begin_s) / width
    yield ""
    yield " " * head + _scale(begin_s, end_s, width)
    for vrrp, row in rows.items():
        marks = _marks(row, begin_s, step_s, width)
        yield f"{names[vrrp]:<{head}}{marks}"
    yield from LEGEND
    yield f"each character: what lasted longest of {_length(step_s)}"


def _rows(entries: Sequence[Kept]) -> dict[VrrpId, _Row]:
    rows: dict[VrrpId, _Row] = {}
    daemon = _Row()  # what is known of an instance that no entry has named yet
    for entry in entries:
        vrrp = vrrp_of(entry)
        if entry.event in STARTS_AND_STOPS:
            for row in (daemon, *rows.values()):
                row.becomes(STARTS_AND_STOPS[entry.event], entry.at_s)
        elif vrrp is not None:
            row = rows.setdefault(vrrp, _Row(daemon.mark, changes=list(daemon.changes)))
            if entry.event == "role.changed":
                row.becomes(ROLES.get(str(entry.fields.get("role")), UNKNOWN), entry.at_s)
            else:
                row.moved(entry.event, entry.fields.get("address"), entry.at_s)
    return rows


def _marks(row: _Row, begin_s: float, step_s: float, width: int) -> str:
    """Return a character for each step: the state that lasted longest in it."""
    lasted: list[defaultdict[str, float]] = [defaultdict(float) for _ in range(width)]
    ends = [at_s for at_s, _ in row.changes] + [begin_s + width * step_s]
    marks = [UNKNOWN] + [mark for _, mark in row.changes]
    from_s = begin_s
    for mark, until_s in zip(marks, ends, strict=True):
        for slot in range(_slot(from_s, begin_s, step_s, width), width):
            slot_end_s = begin_s + (slot + 1) * step_s
            lasted[slot][mark] += max(0.0, min(until_s, slot_end_s) - from_s)
            from_s = max(from_s, min(until_s, slot_end_s))
            if slot_end_s >= until_s:
                break
    return "".join(max(one, key=one.__getitem__, default=UNKNOWN) for one in lasted)


def _length(duration_s: float) -> str:
    return age(duration_s) if duration_s >= 1 else f"{duration_s * 1000:.0f} ms"


def _slot(at_s: float, begin_s: float, step_s: float, width: int) -> int:
    return max(0, min(width - 1, int((at_s - begin_s) / step_s)))


def _scale(begin_s: float, end_s: float, width: int) -> str:
    begin, end = (time.localtime(at_s) for at_s in (begin_s, end_s))
    form = "%H:%M:%S" if begin[:3] == end[:3] else "%Y-%m-%d %H:%M"
    left, right = time.strftime(form, begin), time.strftime(form, end)
    return left + right.rjust(width - len(left))

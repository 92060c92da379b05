"""FIFO bytes: in chunks as in one piece, each line by its grammar, and then the roles."""

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

from hakeeper.adapters.journal.wording import entry_of
from hakeeper.adapters.status import document
from hakeeper.core.core import Core
from hakeeper.core.events import FifoChanged, LinesRead, Report, StartCall, Started
from hakeeper.core.model import FifoState, Role, Settings, VrrpId, VrrpKind
from hakeeper.core.roles.book import RoleBook
from hakeeper.core.roles.lines import (
    LINE_LIMIT_BYTES,
    SHOWN_BYTES,
    BadLine,
    ForeignLine,
    Line,
    LineReader,
    LineState,
    NotifyLine,
    parse_line,
)
from hakeeper.diagnosis.snapshot import snapshot_of
from hakeeper.kinds import KINDS
from tests.fuzz.pieces import cut, uncut
from tests.support.resources import by_id, by_name

CAPTURES = Path(__file__).parents[1] / "data" / "captures"
NAMES = (
    VrrpId(VrrpKind.INSTANCE, "VI_1"),
    VrrpId(VrrpKind.INSTANCE, "VI ä"),
    VrrpId(VrrpKind.GROUP, "VG_1"),
)
SETTINGS = Settings(resources={NAMES[0]: (by_name("web"),), NAMES[2]: (by_id(4711),)})
_ROLE_OF_WORD = {
    LineState.MASTER: Role.MASTER,
    LineState.MASTER_RX_LOWER_PRI: Role.MASTER,
    LineState.BACKUP: Role.BACKUP,
    LineState.FAULT: Role.FAULT,
    LineState.STOP: Role.STOPPED,
    LineState.DELETED: Role.STOPPED,
}


def seeds() -> Iterator[bytes]:
    """Give what keepalived wrote, whole and cut, and lines of every length that matters."""
    for path in sorted(CAPTURES.glob("*.fifo.txt")):
        yield uncut(path.read_bytes())
    everything = b"".join(f'GROUP "VG_1" {word.value} 0\n'.encode() for word in LineState)
    yield uncut(everything + everything.replace(b'GROUP "VG_1"', b'INSTANCE "VI_1"'), 3, 5, 1, 9)
    yield uncut('INSTANCE "VI ä" MASTER 150\n'.encode(), 3, 1, 1, 1)
    for excess in (0, 1, 1000):
        name = b"n" * (LINE_LIMIT_BYTES - len('INSTANCE "" MASTER 150') + excess)
        yield uncut(b'INSTANCE "' + name + b'" MASTER 150\nVS [::1]:80 UP\n\n', 60, 24)
    yield uncut(b"\xff\x00rubbish\nRS [1.2.3.4]:80 DOWN\nhalf", 2)


def run(data: bytes) -> None:
    """Read the bytes both ways, and tell a core."""
    chunks = cut(data)
    stream = b"".join(chunks)
    lines = _read(chunks)
    assert list(_expected(stream)) == lines
    assert LineReader().feed(stream) == lines
    good = tuple(line for line in lines if isinstance(line, NotifyLine))
    _check_roles(good)
    _feed_core(good, tuple(line for line in lines if isinstance(line, BadLine)))


def _read(chunks: tuple[bytes, ...]) -> list[Line]:
    reader = LineReader()
    lines: list[Line] = []
    for chunk in chunks:
        lines += reader.feed(chunk)
        assert len(reader._tail) <= LINE_LIMIT_BYTES
    return lines


def _expected(stream: bytes) -> Iterator[Line]:
    """Read without any memory: this is what the reader's buffer must not change."""
    *complete, tail = stream.split(b"\n")
    for raw in complete:
        if 0 < len(raw) <= LINE_LIMIT_BYTES:
            yield _checked(raw)
        elif raw:
            yield _too_long(raw)
    if len(tail) > LINE_LIMIT_BYTES:
        yield _too_long(tail)


def _too_long(raw: bytes) -> BadLine:
    [line] = LineReader().feed(raw[: LINE_LIMIT_BYTES + 1])
    assert isinstance(line, BadLine)
    assert "is longer than" in line.reason
    return line


def _checked(raw: bytes) -> Line:
    line = parse_line(raw)
    match line:
        case NotifyLine(vrrp, state, priority):
            head, _, digits = raw.rpartition(b" ")
            assert head == f'{vrrp.kind.value} "{vrrp.name}" {state.value}'.encode()
            assert digits.isdigit()
            assert priority == int(digits)
        case BadLine(reason, shown):
            assert reason.isprintable()
            assert shown.isprintable()
            assert len(shown) <= SHOWN_BYTES * len("\\U0010ffff") + 1
        case ForeignLine():
            assert raw.startswith((b"VS ", b"RS "))
    return line


def _check_roles(lines: tuple[NotifyLine, ...]) -> None:
    """All at once and one by one must end in the same role: that of docs/dev/design.md's table."""
    at_once, singly = RoleBook(NAMES, 0.0), RoleBook(NAMES, 0.0)
    changes = at_once.hear(lines, 1.0, live=True)
    expected = dict.fromkeys(NAMES, Role.UNKNOWN)
    for line in lines:
        singly.hear([line], 1.0, live=True)
        if line.vrrp in expected:
            expected[line.vrrp] = _ROLE_OF_WORD.get(line.state, expected[line.vrrp])
    assert expected == at_once.roles()
    assert expected == singly.roles()
    assert at_once.role_states == singly.role_states
    assert all(expected[change.vrrp] is change.after for change in changes)


def _feed_core(lines: tuple[NotifyLine, ...], bad: tuple[BadLine, ...]) -> None:
    core = Core(SETTINGS, KINDS, Random(1), 0.0)  # noqa: S311 - not for secrets
    core.handle([Started(saved=None, keepalived=None), FifoChanged(FifoState.OPEN, "opened")], 0.0)
    effects = core.handle([LinesRead(lines, bad)], 1.0)
    assert not any("Mutate" in repr(e.request) for e in effects if isinstance(e, StartCall))
    for report in (effect for effect in effects if isinstance(effect, Report)):
        entry_of(report).message.encode()
    json.dumps(document(snapshot_of(core, 1.0), 1.0))

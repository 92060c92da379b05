"""Bytes of the FIFO to lines: the grammar, the chunks and the garbage."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hakeeper.core.model import VrrpId, VrrpKind
from hakeeper.core.roles.lines import (
    LINE_LIMIT_BYTES,
    LINES_KNOWN,
    BadLine,
    ForeignLine,
    Line,
    LineReader,
    LineState,
    NotifyLine,
    parse_line,
)

GOOD = b'INSTANCE "VI_1" MASTER 150'


def line(kind: str, name: str, state: str, priority: int) -> NotifyLine:
    return NotifyLine(VrrpId(VrrpKind(kind), name), LineState(state), priority)


def read(data: bytes, *cuts: int) -> list[Line]:
    reader = LineReader()
    edges = [0, *sorted(cuts), len(data)]
    lines: list[Line] = []
    for first, last in pairwise(edges):
        lines.extend(reader.feed(data[first:last]))
    return lines


@pytest.mark.parametrize("state", [state.value for state in LineState])
def test_every_word_of_keepalived_is_understood(state: str) -> None:
    parsed = parse_line(f'INSTANCE "VI_1" {state} 150'.encode())
    assert line("INSTANCE", "VI_1", state, 150) == parsed


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b'INSTANCE "VI 1" MASTER 150', "VI 1"),
        (b'INSTANCE "it\'s" MASTER 150', "it's"),
        (b'INSTANCE "VI_\xc3\xa4" MASTER 150', "VI_ä"),
        (b'INSTANCE "VI\\t1" MASTER 150', "VI\\t1"),
        (b'INSTANCE "" MASTER 150', ""),
        (b'INSTANCE "a MASTER 1" MASTER 150', "a MASTER 1"),
    ],
)
def test_a_name_is_what_stands_between_the_quotes(raw: bytes, name: str) -> None:
    assert line("INSTANCE", name, "MASTER", 150) == parse_line(raw)


def test_a_group_is_not_an_instance_of_the_same_name() -> None:
    assert line("GROUP", "VI_1", "MASTER", 0) == parse_line(b'GROUP "VI_1" MASTER 0')
    assert parse_line(b'GROUP "VI_1" MASTER 150') != parse_line(GOOD)


@pytest.mark.parametrize("raw", [b"VS [10.99.0.100]:tcp:80 UP", b"RS [1.2.3.4]:tcp:8080 FWM 10 UP"])
def test_lines_for_other_readers_are_no_errors(raw: bytes) -> None:
    assert ForeignLine() == parse_line(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"MASTER",
        b"INSTANCE VI_1 MASTER 150",
        b'INSTANCE "VI_1" MASTER',
        b'INSTANCE "VI_1" MASTER 1500',
        b'INSTANCE "VI_1" MASTER -1',
        b'INSTANCE "VI_1" MASTER 150 ',
        b' INSTANCE "VI_1" MASTER 150',
        b'INSTANCE "VI_1" MASTER 150\r',
        b'INSTANCE  "VI_1" MASTER 150',
        b'INSTANCE "VI"1" MASTER 150',
        b'instance "VI_1" MASTER 150',
        b'INSTANCE "VI_1" master 150',
        b'INSTANCE "VI_1" MASTER \xd9\xa1\xd9\xa5\xd9\xa0',
        b'TRACK "VI_1" MASTER 150',
        b"VSX",
        b"\x00\x01\x02",
    ],
)
def test_a_line_off_the_grammar_is_bad_and_says_so(raw: bytes) -> None:
    parsed = parse_line(raw)
    assert isinstance(parsed, BadLine)
    assert "does not read" in parsed.reason


@pytest.mark.parametrize("word", ["PROMOTED", "{UNKNOWN}", "_", "DEAD"])
def test_an_unknown_word_is_bad_by_name(word: str) -> None:
    parsed = parse_line(f'INSTANCE "VI_1" {word} 150'.encode())
    assert isinstance(parsed, BadLine)
    assert f"has the unknown state {word}" == parsed.reason


def test_a_line_that_is_not_utf_8_is_shown_printable() -> None:
    parsed = parse_line(b'INSTANCE "\xff\x1b[31m" MASTER 1')
    assert BadLine("is not UTF-8", 'INSTANCE "\\xff\\x1b[31m" MASTER 1') == parsed


def test_a_bad_line_is_shown_by_its_beginning() -> None:
    parsed = parse_line(b"x" * 500)
    assert isinstance(parsed, BadLine)
    assert "x" * 80 + "…" == parsed.shown


def test_an_empty_line_is_nothing() -> None:
    assert [] == read(b"\n\n\n")


def test_half_a_line_waits_for_its_other_half() -> None:
    reader = LineReader()
    assert [] == reader.feed(GOOD[:10])
    assert [line("INSTANCE", "VI_1", "MASTER", 150)] == reader.feed(GOOD[10:] + b"\n")


def test_half_a_line_is_forgotten_at_a_reset() -> None:
    reader = LineReader()
    reader.feed(GOOD[:10])
    reader.reset()
    assert [line("INSTANCE", "VI_1", "MASTER", 150)] == reader.feed(GOOD + b"\n")


def test_the_rest_of_an_endless_line_is_not_skipped_after_a_reset() -> None:
    reader = LineReader()
    reader.feed(b"x" * 5000)
    reader.reset()
    assert [line("INSTANCE", "VI_1", "MASTER", 150)] == reader.feed(GOOD + b"\n")


def test_a_megabyte_without_a_newline_is_one_bad_line_and_little_memory() -> None:
    reader = LineReader()
    lines: list[Line] = []
    for _ in range(256):
        lines += reader.feed(b"x" * 4096)
        assert len(reader._tail) <= LINE_LIMIT_BYTES
    lines += reader.feed(b"\n" + GOOD + b"\n")
    bad, good = lines
    assert isinstance(bad, BadLine)
    assert "longer than 4096 bytes" in bad.reason
    assert line("INSTANCE", "VI_1", "MASTER", 150) == good


@pytest.mark.parametrize("excess", [0, 1])
def test_the_longest_line_is_4096_bytes(excess: int) -> None:
    name = "n" * (LINE_LIMIT_BYTES - len('INSTANCE "" MASTER 150') + excess)
    [parsed] = read(f'INSTANCE "{name}" MASTER 150\n'.encode())
    assert (NotifyLine, BadLine)[excess] is type(parsed)


def test_the_longest_line_may_come_before_its_newline() -> None:
    name = "n" * (LINE_LIMIT_BYTES - len('INSTANCE "" MASTER 150'))
    reader = LineReader()
    assert [] == reader.feed(f'INSTANCE "{name}" MASTER 150'.encode())
    assert [line("INSTANCE", name, "MASTER", 150)] == reader.feed(b"\n")


PIECES = st.sampled_from(
    [
        GOOD + b"\n",
        b'GROUP "VG 1" BACKUP 0\n',
        b"VS [::1]:tcp:80 UP\n",
        b"\n",
        b"rubbish\n",
        b"\xff\xfe\x00\n",
        b"x" * 4097 + b"\n",
        b"y" * 9000,
        b"half",
    ]
)


@given(pieces=st.lists(st.one_of(PIECES, st.binary(max_size=30)), max_size=12), data=st.data())
def test_whatever_the_chunks_the_same_lines_come_out(
    pieces: list[bytes], data: st.DataObject
) -> None:
    stream = b"".join(pieces)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=20))
    assert read(stream) == read(stream, *cuts)


@given(raw=st.binary(max_size=300))
def test_no_bytes_raise_and_what_is_shown_is_printable(raw: bytes) -> None:
    parsed = parse_line(raw.replace(b"\n", b""))
    if isinstance(parsed, BadLine):
        assert parsed.shown.isprintable()
        assert len(parsed.shown) <= 81 * 10


def test_a_line_that_came_before_is_read_alike_and_not_parsed_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parsed: list[bytes] = []

    def parse(raw: bytes) -> Line:
        parsed.append(raw)
        return parse_line(raw)

    monkeypatch.setattr("hakeeper.core.roles.lines.parse_line", parse)
    reader = LineReader()
    once = b'INSTANCE "VI_1" MASTER 100\nnonsense\n'
    assert reader.feed(once) == reader.feed(once)
    assert [b'INSTANCE "VI_1" MASTER 100', b"nonsense"] == parsed


def test_no_more_lines_are_remembered_than_the_limit() -> None:
    reader = LineReader()
    for number in range(3 * LINES_KNOWN):
        assert [parse_line(b"x%d" % number)] == reader.feed(b"x%d\n" % number)
        assert len(reader._known) <= LINES_KNOWN

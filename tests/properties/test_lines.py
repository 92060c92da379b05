"""Lines of the FIFO: what keepalived wrote comes out, whatever stands around it."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hakeeper.core.model import VrrpId, VrrpKind
from hakeeper.core.roles.lines import (
    LINE_LIMIT_BYTES,
    LineReader,
    LineState,
    NotifyLine,
    parse_line,
)
from tests.properties.steady import steady

NAMES = st.text(st.characters(codec="utf-8", exclude_characters='"\n'), max_size=40)
LINES = st.builds(
    NotifyLine,
    st.builds(VrrpId, st.sampled_from(VrrpKind), NAMES),
    st.sampled_from(LineState),
    st.integers(0, 999),
)
# No newline and no good line among it: what a broken writer leaves.
GARBAGE = st.one_of(
    st.binary(max_size=60),
    st.binary(min_size=1, max_size=3).map(lambda some: (some * 5000)[:9000]),
).map(lambda raw: b"%" + raw.replace(b"\n", b"."))


def written(line: NotifyLine) -> bytes:
    """Write a line as keepalived does."""
    return f'{line.vrrp.kind.value} "{line.vrrp.name}" {line.state.value} {line.priority}'.encode()


def fed(reader: LineReader, data: bytes, cuts: list[int]) -> list[NotifyLine]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    good: list[NotifyLine] = []
    for first, last in pairwise(edges):
        good += (x for x in reader.feed(data[first:last]) if isinstance(x, NotifyLine))
        assert len(reader._tail) <= LINE_LIMIT_BYTES
    return good


@steady(300)
@given(LINES)
def test_every_line_of_keepalived_is_read_as_it_was_meant(line: NotifyLine) -> None:
    assert line == parse_line(written(line))


@steady(200)
@given(st.lists(LINES | GARBAGE, max_size=12), st.lists(st.integers(0, 1 << 17), max_size=12))
def test_good_lines_come_out_whole_and_in_order_from_among_garbage(
    parts: list[NotifyLine | bytes], cuts: list[int]
) -> None:
    raw = [part if isinstance(part, bytes) else written(part) for part in parts]
    good = [part for part in parts if isinstance(part, NotifyLine)]
    assert good == fed(LineReader(), b"".join(some + b"\n" for some in raw), cuts)


@steady()
@given(st.binary(max_size=9000), st.lists(st.integers(0, 1 << 14), max_size=8), LINES)
def test_after_a_newline_nothing_that_came_before_matters(
    before: bytes, cuts: list[int], line: NotifyLine
) -> None:
    reader = LineReader()
    fed(reader, before, cuts)
    fed(reader, b"\n", [])
    assert [line] == fed(reader, written(line) + b"\n", cuts)


@steady()
@given(st.integers(LINE_LIMIT_BYTES + 1, 3 * LINE_LIMIT_BYTES), LINES, st.lists(st.integers(0, 60)))
def test_no_line_is_found_at_the_end_of_an_endless_one(
    length: int, line: NotifyLine, cuts: list[int]
) -> None:
    """However it is cut: what is behind the limit is still the same line."""
    reader = LineReader()
    assert [] == fed(reader, b"x" * length, cuts)
    assert [] == fed(reader, written(line), cuts)
    assert [line] == fed(reader, b"\n" + written(line) + b"\n", cuts)

"""The history: whatever its file holds is read, and shown in 80 columns, without a traceback."""

import argparse
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hakeeper.adapters.history.reading import History, Kept, decode
from hakeeper.cli.history_picture import picture
from hakeeper.cli.history_text import lines, occurrences
from hakeeper.cli.moments import moment
from hakeeper.printable import printable
from tests.properties.steady import steady

NAMES = st.sampled_from(["VI_1", "VI_2", "", "a" * 90, "größer \ud800\x1b", 7])
EVENTS = st.sampled_from(
    [
        "role.changed",
        "claim.started",
        "claim.failed",
        "address.claimed",
        "address.drifted",
        "address.held_down",
        "api.failed",
        "api.recovered",
        "daemon.started",
        "daemon.stopped",
        "history.lost",
        "newer.event",
        "",
        ".",
    ]
)
TIMES = st.integers(0, 99).map(
    lambda number: f"2026-11-{number % 30 + 1:02}T08:00:{number % 60:02}Z"
)
ODD: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just([])
)
JSON = st.recursive(
    ODD, lambda one: st.lists(one) | st.dictionaries(st.text(max_size=4), one), max_leaves=5
)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "instance": NAMES,
        "kind": st.sampled_from(["INSTANCE", "GROUP"]) | ODD,
        "address": st.sampled_from(["203.0.113.10", "web"]) | ODD,
        "role": st.sampled_from(["MASTER", "BACKUP", "FAULT", "STOPPED", "UNKNOWN"]) | ODD,
        "api": st.sampled_from(["cloud", "robot", "newer"]) | ODD,
        "duration_s": st.floats(0, 1e9) | ODD,
    },
)
LINES = st.fixed_dictionaries(
    {"v": st.integers(0, 3) | ODD, "time": TIMES, "event": EVENTS, "message": st.text()},
    optional={"fields": FIELDS, "more": ODD},
)


def shown(entries: tuple[Kept, ...], begin_s: float, end_s: float) -> list[str]:
    folded = occurrences(entries)
    return [*lines(folded), *picture(entries, begin_s, end_s, None)] if folded else []


@steady(300)
@given(st.binary(), st.binary())
def test_any_bytes_are_read(before: bytes, after: bytes) -> None:
    good = b'{"time": "2026-11-30T08:00:00Z", "event": "a.b", "message": "c"}'
    found = decode(before + b"\n" + good + b"\n" + after)
    assert "a.b" in [entry.event for entry in found.entries]
    rows = [row for row in (before + b"\n" + after).split(b"\n") if row.strip()]
    assert len(rows) + 1 == len(found.entries) + found.unreadable


@pytest.mark.parametrize("line", [b"[" * 100_000, b'{"a":' * 100_000, b"9" * 5_000])
def test_json_that_no_parser_takes_is_left_out(line: bytes) -> None:
    assert decode(line) == History((), 1)


@steady(100)
@given(st.lists(JSON, max_size=4))
def test_any_json_is_read(documents: list[Any]) -> None:
    found = decode("\n".join(map(json.dumps, documents)).encode())
    assert len(documents) == len(found.entries) + found.unreadable


@steady(400)
@given(st.lists(LINES, max_size=30), st.floats(-1e10, 1e11), st.floats(0, 1e11))
def test_whatever_happened_is_shown_in_80_columns(
    documents: list[dict[str, Any]], begin_s: float, length_s: float
) -> None:
    found = decode("\n".join(map(json.dumps, documents)).encode())
    for begin in (begin_s, min([entry.at_s for entry in found.entries], default=0.0)):
        for line in shown(found.entries, begin, begin + length_s):
            assert len(line) <= 80
            assert "\x1b" not in printable(line)
    for entry in found.entries:
        assert json.loads(json.dumps(entry.line, allow_nan=False)) == entry.line


@steady(300)
@given(st.text() | st.from_regex(r"\d{1,12} ?(s|min|h|d|w)", fullmatch=True))
def test_any_text_is_a_moment_or_refused_with_the_forms(text: str) -> None:
    try:
        found = moment(text)
    except argparse.ArgumentTypeError as refused:
        told = str(refused)
    else:
        time.localtime(found)
        return
    assert repr(text) in told
    assert "2026-11-30 08:00" in told

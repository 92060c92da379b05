"""The picture, the table, the journal and what a terminal can show, from known histories."""

import io
import re
from dataclasses import replace

import pytest

from hakeeper.demo.history import Span
from hakeeper.demo.picture import picture
from hakeeper.demo.screen import Screen, can_show, wants_colours
from hakeeper.demo.summary import document, failovers, journal, journal_line, show
from tests.demo.histories import ZERO_S, good, holder, without_acts


def test_the_picture_shows_who_had_it_who_was_dead_and_when_the_api_was_down() -> None:
    # Two characters a second.
    assert [
        "master  ···aaaaa·bbbbbbbbbaaaaaa·bbbbbbbbbbbbbbb",
        "web-a   ····████░░·········█████░░░░░░░░░░······",
        "web-b   ··········█████████···············██████",
        "nobody  ████····································",
        "API     ························!!!!!!!!········",
        "        │─────────│─────────│─────────│─────────",
        "        0 s       5         10        15",
    ] == picture(good(), 48)


def test_an_holder_of_an_instant_is_still_seen_in_the_picture() -> None:
    history = good()
    moves = (*history.holder_changes, holder(18.0, "b", "a"), holder(18.01, "a", "b"))
    rows = picture(replace(history, holder_changes=moves), 48)
    assert "░" == rows[1][8 + 36]


def test_a_picture_of_an_empty_history_is_no_crash() -> None:
    empty = replace(
        good(),
        span=Span(ZERO_S, ZERO_S),
        acts=(),
        roles=(),
        holder_changes=(),
        requests=(),
        said=(),
        power_cuts=(),
        outages=(),
    )
    assert ["master", "web-a", "web-b", "nobody", "API"] == [
        row.split()[0] for row in picture(empty, 48)[:5]
    ]


def test_the_address_led_to_a_dead_server_for_as_long_as_its_holder_was_dead() -> None:
    assert 6.0 == pytest.approx(good().dark_s())  # 4 to 5, and 12 to 17


def test_a_failover_is_told_from_the_time_stamps_of_its_parts() -> None:
    figures = [
        (one.master_ms, one.assign_ms, one.moved_ms, one.confirmed_ms, one.tries)
        for one in failovers(good())
    ]
    assert [
        (700.0, 700.0, 1000.0, 1500.0, 0),
        (600.0, 600.0, 1000.0, 1500.0, 0),
        (1000.0, 1000.0, 1400.0, 1900.0, 0),
        (600.0, 4700.0, 5000.0, 5500.0, 2),
    ] == figures


def test_a_failover_that_did_not_happen_has_no_figures() -> None:
    history = good()
    broken = replace(
        history,
        holder_changes=history.holder_changes[:4],
        requests=history.requests[:5],
        said=history.said[:4],
    )
    last = failovers(broken)[-1]
    assert (600.0, None, None, None) == (
        last.master_ms,
        last.assign_ms,
        last.moved_ms,
        last.confirmed_ms,
    )
    assert {} == last.phases_ms


def test_the_journal_lines_are_the_heirs_of_the_last_act_as_journalctl_writes_them() -> None:
    lines = [journal_line(each) for each in journal(good())]
    assert ["claim.failed was so", "address.claimed was so"] == [
        line.partition(" web-b hakeeper[42]: ")[2] for line in lines
    ]
    assert [] == list(journal(without_acts(good(), 4)))


def test_the_end_of_the_demo_fits_80_columns_and_says_right_or_wrong() -> None:
    for history, right in ((good(), True), (without_acts(good(), 1), False)):
        out = io.StringIO()
        screen = Screen(out, colours=False, unicode=True, width=79)
        assert right == show(history, screen, replayed=False)
        text = out.getvalue()
        assert max(len(line) for line in text.splitlines()) < 80
        assert right == ("Every holder was right." in text)
        assert right != ("WRONG" in text)
        assert right == document(history, mode="real", reason=None)["ok"]


def test_ascii_is_enough_if_it_has_to_be() -> None:
    out = io.StringIO()
    show(good(), Screen(out, colours=False, unicode=False, width=79), replayed=True)
    assert out.getvalue().isascii()
    assert re.search(r"web-a   \.+#+x+\.+#+x+\.+\n", out.getvalue())


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environ", "wanted"),
    [
        (Terminal(), {"TERM": "xterm"}, True),
        (Terminal(), {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (Terminal(), {"TERM": "xterm", "NO_COLOR": ""}, True),
        (Terminal(), {"TERM": "dumb"}, False),
        (io.StringIO(), {"TERM": "xterm"}, False),
    ],
)
def test_colours_are_for_terminals_that_want_them(
    stream: io.StringIO, environ: dict[str, str], *, wanted: bool
) -> None:
    assert wanted == wants_colours(stream, environ)


@pytest.mark.parametrize(
    ("encoding", "environ", "wanted"),
    [
        ("utf-8", {"LANG": "de_DE.UTF-8"}, True),
        ("utf-8", {}, True),
        ("utf-8", {"LANG": "C", "LC_CTYPE": "C.UTF-8"}, False),
        ("utf-8", {"LC_ALL": "POSIX", "LANG": "de_DE.UTF-8"}, False),
        ("utf-8", {"LC_CTYPE": "de_DE.UTF-8", "LANG": "C"}, True),
        ("latin-1", {"LANG": "de_DE"}, False),
        ("ascii", {}, False),
        (None, {}, False),
        ("no such thing", {}, False),
    ],
)
def test_drawing_characters_are_for_encodings_that_have_them(
    encoding: str | None, environ: dict[str, str], *, wanted: bool
) -> None:
    assert wanted == can_show(encoding, environ)


def test_colours_do_not_move_the_columns() -> None:
    plain, coloured = io.StringIO(), io.StringIO()
    for out, colours in ((plain, False), (coloured, True)):
        screen = Screen(out, colours=colours, unicode=True, width=79)
        screen.columns((("  1.00", 8, "dim"), ("web-a", 7, "a")), "word " * 40, "good")
    uncoloured = coloured.getvalue()
    for code in ("2", "36", "32", "0"):
        uncoloured = uncoloured.replace(f"\x1b[{code}m", "")
    assert plain.getvalue() == uncoloured
    assert plain.getvalue() != coloured.getvalue()

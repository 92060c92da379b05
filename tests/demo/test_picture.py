"""The picture, the table, the journal and what a terminal can show, from known histories."""

import io
import re
from dataclasses import replace

import pytest

from hakeeper.demo.history import ADDRESS, ALIAS, Span
from hakeeper.demo.picture import picture
from hakeeper.demo.screen import Screen, can_show, wants_colours
from hakeeper.demo.summary import Move, document, failovers, journal, journal_line, show
from tests.demo.histories import ZERO_S, good, holder, without_acts


def test_the_picture_shows_who_had_it_who_was_dead_and_when_the_api_was_down() -> None:
    # Two characters a second.
    assert [
        "master  ···aaaaa·bbbbbbbbbaaaaaa·bbbbbbbbbbbbbbb",
        "API     ························!!!!!!!!········",
        "203.0.113.10",
        "web-a   ····████░░·········█████░░░░░░░░░░······",
        "web-b   ··········█████████···············██████",
        "nobody  ████····································",
        "10.99.0.100",
        "web-a   ····████░░··········████░░░░░░░░░░······",
        "web-b   ···········████████················█████",
        "nobody  ████······█········█··············█·····",
        "        │─────────│─────────│─────────│─────────",
        "        0 s       5         10        15",
    ] == picture(good(), 48)


def test_an_holder_of_an_instant_is_still_seen_in_the_picture() -> None:
    history = good()
    moves = (*history.holder_changes, holder(18.0, "b", "a"), holder(18.01, "a", "b"))
    rows = picture(replace(history, holder_changes=moves), 48)
    assert "░" == rows[3][8 + 36]


def test_a_picture_of_an_empty_history_is_no_crash() -> None:
    empty = replace(
        good(),
        span=Span(ZERO_S, ZERO_S),
        acts=(),
        roles=(),
        holder_changes=(),
        alias_changes=(),
        requests=(),
        said=(),
        power_cuts=(),
        outages=(),
    )
    holders = ["web-a", "web-b", "nobody"]
    assert ["master", "API", ADDRESS, *holders, ALIAS, *holders] == [
        row.split()[0] for row in picture(empty, 48)[:10]
    ]


def test_the_address_led_to_a_dead_server_for_as_long_as_its_holder_was_dead() -> None:
    assert 6.0 == pytest.approx(good().dark_s(ADDRESS))  # 4 to 5, and 12 to 17
    assert 6.2 == pytest.approx(good().dark_s(ALIAS))  # until its release


def figures_of(move: Move) -> tuple[object, ...]:
    figures = (move.call_ms, move.moved_ms, move.nobody_ms, move.confirmed_ms)
    return (move.old, move.new, *figures)


def test_a_failover_is_told_from_the_time_stamps_of_its_parts() -> None:
    told = failovers(good())
    assert [(700.0, 0), (600.0, 0), (1000.0, 0), (600.0, 2)] == [
        (one.master_ms, one.tries) for one in told
    ]
    floating, alias_ip = [
        list(map(figures_of, moves)) for moves in zip(*(one.moves for one in told), strict=True)
    ]
    assert [
        (None, "web-a", 700.0, 1000.0, 0.0, 1500.0),
        ("web-a", "web-b", 600.0, 1000.0, 0.0, 1500.0),
        ("web-b", "web-a", 1000.0, 1400.0, 0.0, 1900.0),
        ("web-a", "web-b", 4700.0, 5000.0, 0.0, 5500.0),
    ] == floating
    assert [
        (None, "web-a", 800.0, 1100.0, 0.0, 1600.0),
        ("web-a", "web-b", 700.0, 1600.0, 500.0, 2000.0),
        ("web-b", "web-a", 1100.0, 2000.0, 500.0, 2400.0),
        ("web-a", "web-b", 4800.0, 5600.0, 500.0, 6000.0),
    ] == alias_ip


def test_a_failover_that_did_not_happen_has_no_figures() -> None:
    history = good()
    broken = replace(
        history,
        holder_changes=history.holder_changes[:4],
        alias_changes=history.alias_changes[:7],
        requests=history.requests[:5],
        said=history.said[:4],
    )
    last = failovers(broken)[-1]
    assert 600.0 == last.master_ms
    for move in last.moves:
        assert ("web-a", "web-a", None, None, 0.0, None) == figures_of(move)
        assert {} == move.phases_ms


def test_a_release_without_a_take_is_no_move_and_the_table_says_where_it_ended() -> None:
    history = good()
    last = failovers(replace(history, alias_changes=history.alias_changes[:-1]))[-1].moves[1]
    assert ("web-a", None, None, 2900.0) == (last.old, last.new, last.moved_ms, last.nobody_ms)


def test_the_summary_says_of_both_from_where_to_where_and_how_long() -> None:
    out = io.StringIO()
    show(good(), Screen(out, colours=False, unicode=True, width=79), replayed=False)
    text = out.getvalue()
    assert "  203.0.113.10  web-b → web-a               1000     1400        -       1900" in text
    assert "  10.99.0.100   web-b → web-a               1100     2000      500       2400" in text
    assert "2 power cut                          600\n" in text
    told = " ".join(text.split())
    assert "203.0.113.10 led to a dead server for 6.0 s; 10.99.0.100 did for 6.2 s" in told
    assert "and was with nobody for 1.5 s." in told


def test_the_journal_lines_are_the_heirs_of_the_last_act_as_journalctl_writes_them() -> None:
    lines = [journal_line(each) for each in journal(good())]
    assert ["claim.failed was so", *["address.claimed was so"] * 2] == [
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
    lines = out.getvalue().splitlines()
    title = next(index for index, line in enumerate(lines) if line.startswith("ms since the"))
    rows = [line for line in lines[title:] if line.startswith(("ms since", "  203.", "  10.99."))]
    assert [len(rows[0])] * 9 == [len(row) for row in rows], "the columns end where they should"


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

"""What the pictures are made with: a screen, and its drawing; and that the pages have them."""

import xml.etree.ElementTree as ET

import pytest

from tests.pictures.__main__ import DOCS, IN_DOCS
from tests.pictures.draw import svg
from tests.pictures.terminal import Screen, show


def test_a_screen_shows_what_was_written_last() -> None:
    screen = Screen(10)
    screen.feed("first\r\nsecond\r\nthird\x1b[H\x1b[1;32mnew\x1b[0m\x1b[K\r\n\x1b[J")
    assert screen.texts() == ["new", ""]
    assert {cell.style for cell in screen.lines[0]} == {(1, 32)}
    assert screen.wrapped == []


def test_a_line_that_is_too_long_is_told_unless_it_is_to_be_cut() -> None:
    screen = Screen(4)
    screen.feed("12345\r\n\x1b[?7l12345\r\n\x1b[?7h1234")
    assert screen.texts() == ["1234", "5", "1234", "1234"]
    assert screen.wrapped == ["1234"]


@pytest.mark.parametrize("text", ["\x1b[2A", "\x1b]0;title\x07"])
def test_what_it_does_not_know_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="does not know"):
        Screen(80).feed(text)


def test_a_program_has_a_terminal_of_the_width() -> None:
    told = show(["sh", "-c", "stty size <&1; printf '\\303\\251\\033[31mred'"], {}, 72)
    assert told.texts() == ["400 72", "éred"]
    assert [cell.style for cell in told.lines[1]] == [(), (31,), (31,), (31,)]


def test_a_drawing_has_the_text_and_its_colours_for_light_and_dark() -> None:
    screen = Screen(20)
    screen.feed("\x1b[1;31ma < b\x1b[0m & c")
    drawn = svg(screen, "hakeeper status")
    root = ET.fromstring(drawn)  # noqa: S314  # our own
    texts = ["".join(one.itertext()) for one in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts == ["$ hakeeper status", "a < b & c"]
    assert '<tspan class="red bold">a &lt; b</tspan>' in drawn
    assert "prefers-color-scheme: dark" in drawn


@pytest.mark.parametrize("name", IN_DOCS.values())
def test_a_picture_is_there_and_on_a_page(name: str) -> None:
    assert ET.fromstring((DOCS / name).read_text()).tag.endswith("svg")  # noqa: S314  # our own
    pages = [DOCS.parent / "README.md", *DOCS.glob("*.md")]
    assert any(f"{name})" in page.read_text() for page in pages)

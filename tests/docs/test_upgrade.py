"""What machines carry out at night only: the pages still have it, in lines that can be typed."""

import re
import shlex

import pytest

from hakeeper.cli.main import full_parser
from tests.e2e.book import DOCS, typed

SECTIONS = {
    ("upgrade.md", "Upgrade"): 5,
    ("upgrade.md", "Roll back"): 5,
    ("upgrade.md", "With the apt repository"): 4,
    ("operate.md", "Planned work on a server"): 3,
    ("operate.md", "Pause hakeeper for maintenance"): 2,
    ("step-down.md", ""): 1,
    ("step-down.md", "Drill"): 1,
}
"""How many lines there are to type in what `tests/e2e/test_operator.py` carries out."""
LINES = [line for page, heading in SECTIONS for line in typed(page, heading)]


@pytest.mark.parametrize(("page", "heading"), SECTIONS, ids=" ".join)
def test_each_section_has_the_lines_that_are_carried_out(page: str, heading: str) -> None:
    assert len(typed(page, heading)) == SECTIONS[page, heading]


@pytest.mark.parametrize("line", LINES)
def test_each_command_is_one(line: str) -> None:
    """Those of hakeeper are understood, or SystemExit is raised; the others are of few programs."""
    program, *words = shlex.split(line)
    if program == "hakeeper":
        full_parser().parse_args(words)
    else:
        assert program in {"apt", "apt-mark", "cp", "systemctl"}


def test_no_section_of_the_page_is_left_out() -> None:
    headings = re.findall(r"^## (.*)$", (DOCS / "upgrade.md").read_text(), re.MULTILINE)
    with_lines = {heading for heading in headings if typed("upgrade.md", heading)}
    assert with_lines == {heading for page, heading in SECTIONS if page == "upgrade.md"}

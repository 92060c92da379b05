"""The design page shows what the code does."""

import os
from pathlib import Path

from hakeeper.core.machine import as_markdown

PAGE = Path(__file__).parents[2] / "docs" / "dev" / "design.md"
BEGIN, END = "<!-- role table -->\n", "<!-- /role table -->\n"


def test_the_role_table_of_the_design_page_is_the_one_in_the_code() -> None:
    before, rest = PAGE.read_text().split(BEGIN)
    shown, after = rest.split(END)
    if os.environ.get("HAKEEPER_REWRITE_DOCS"):
        PAGE.write_text(before + BEGIN + as_markdown() + END + after)

    assert as_markdown() == shown, "run the test with HAKEEPER_REWRITE_DOCS=1 to rewrite the page"

"""The design page shows what the code does."""

from pathlib import Path

from hakeeper.core.machine import as_markdown
from tests.support.generated_docs import check_section

PAGE = Path(__file__).parents[2] / "docs" / "dev" / "design.md"


def test_the_role_table_of_the_design_page_is_the_one_in_the_code() -> None:
    check_section(PAGE, "role table", as_markdown())

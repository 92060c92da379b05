"""The page about the status shows the troubles and the keys that the code has."""

import re
from pathlib import Path

from hakeeper.adapters import legend
from hakeeper.adapters.cures import as_markdown
from hakeeper.adapters.status import document
from tests.adapters.test_status import WALL_S, picture, troubled
from tests.support.generated_docs import check_section

PAGE = Path(__file__).parents[2] / "docs" / "status.md"


def test_the_table_of_troubles_is_the_one_in_the_code() -> None:
    check_section(PAGE, "troubles", as_markdown())


def test_the_words_of_the_page_are_those_of_the_legend() -> None:
    check_section(PAGE, "legend", legend.as_markdown())


def test_every_key_of_the_json_is_named() -> None:
    plain = document(picture(troubled()), WALL_S)
    [role] = plain["roles"]
    tables = (plain, plain["problems"][0], role, role["addresses"][0])
    keys = {key for table in tables for key in table}
    named = set(re.findall(r"`(\w+)`", PAGE.read_text().split("## For programs")[1]))
    assert set() == keys - named

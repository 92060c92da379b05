"""The design page shows what the code does."""

import re
import tomllib
from pathlib import Path

import pytest

from hakeeper.core.limits.patience import USUAL
from hakeeper.kinds.apis import ROBOT
from tests.support import core_tables
from tests.support.diagrams import check_diagram, claim_stages
from tests.support.generated_docs import check_section

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "dev" / "design.md"
CORE = ROOT / "hakeeper" / "core"
READ_IN_AN_HOUR = 3000
"""Lines: fifty a minute, docstrings and imports among them."""
TABLES = {
    "role table": core_tables.role_table(),
    "stages": core_tables.stages(),
    "claim table": core_tables.claim_table(),
    "failures": core_tables.failures({"Hetzner Cloud": USUAL, "Robot": ROBOT.patience}),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_the_design_page_is_the_one_in_the_code(name: str) -> None:
    check_section(PAGE, name, TABLES[name])


def test_the_diagram_of_a_claim_is_drawn_from_the_table() -> None:
    check_diagram(PAGE.parents[1] / "claim-stages.svg", claim_stages())


def layers() -> list[set[str]]:
    """The rooms of the core from top to bottom, by the contract that the lint enforces."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = project["tool"]["importlinter"]["contracts"]
    [found] = [each for each in contracts if each.get("containers") == ["hakeeper.core"]]
    return [set(layer.split(" | ")) for layer in found["layers"]]


def test_the_rooms_on_the_page_are_those_of_the_contract() -> None:
    table = PAGE.read_text().split("<!-- rooms -->")[1].split("<!-- /rooms -->")[0]
    rows = [line.split(" | ")[0] for line in table.splitlines() if line.startswith("| `")]
    shown = [re.findall(r"`(\w+)(?:\.py|/)`", row) for row in rows]
    assert layers() == [set(rooms) for rooms in shown]
    named = re.findall(r"^\| (.*?) \|", table, re.MULTILINE)
    places = [place for row in named for place in re.findall(r"`([\w./]+)`", row)]
    assert [] == [place for place in places if not (CORE / place).exists()]


def test_what_is_to_be_read_in_an_hour_is_there_and_is_no_more_than_that() -> None:
    guide = PAGE.read_text().split("### Read the core in an hour\n")[1].split("\nThe rest")[0]
    files = re.findall(r"`([\w./]+\.py)`", guide)
    assert len(files) == len(set(files)) > 10
    lines = sum(len((CORE / file).read_text().splitlines()) for file in files)
    assert lines <= READ_IN_AN_HOUR

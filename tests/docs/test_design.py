"""The design page shows what the code does."""

from pathlib import Path

import pytest

from hakeeper.core.apis import failure_table
from hakeeper.core.claim import table as claim_table
from hakeeper.core.limits.patience import USUAL
from hakeeper.core.roles import table as role_table
from hakeeper.kinds.apis import ROBOT
from tests.support.diagrams import check_diagram, claim_stages
from tests.support.generated_docs import check_section

PAGE = Path(__file__).parents[2] / "docs" / "dev" / "design.md"
TABLES = {
    "role table": role_table.as_markdown(),
    "stages": claim_table.stages_as_markdown(),
    "claim table": claim_table.as_markdown(),
    "failures": failure_table.as_markdown({"Hetzner Cloud": USUAL, "Robot": ROBOT.patience}),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_the_design_page_is_the_one_in_the_code(name: str) -> None:
    check_section(PAGE, name, TABLES[name])


def test_the_diagram_of_a_claim_is_drawn_from_the_table() -> None:
    check_diagram(PAGE.parents[1] / "claim-stages.svg", claim_stages())

"""The tables of claims and failures are whole: no row is missing, and nothing is in vain."""

import ast
from pathlib import Path

import pytest

import hakeeper.core
from hakeeper.core.apis.failure_table import RESPONSES
from hakeeper.core.calls import FailureKind
from hakeeper.core.claim.happenings import Happening
from hakeeper.core.claim.stages import Stage
from hakeeper.core.claim.table import (
    HAPPENINGS,
    STAGES,
    TABLE,
    Cell,
)
from hakeeper.core.limits.patience import USUAL
from tests.core.claim.test_moves import MOVES
from tests.support import core_tables

CORE = Path(hakeeper.core.__file__).parent
CELLS = [
    pytest.param(what, stage, cell, id=f"{what.__name__}-{stage.__name__}")
    for what, row in TABLE.items()
    for stage, cell in row.items()
]


def test_each_thing_that_can_happen_has_a_row() -> None:
    assert HAPPENINGS == tuple(TABLE)
    assert all(TABLE.values()), "a row without a cell"


@pytest.mark.parametrize(("what", "stage", "cell"), CELLS)
def test_a_cell_leads_to_all_stages_that_it_declares_and_to_no_other(
    what: type[Happening], stage: type[Stage], cell: Cell
) -> None:
    """All moves are made in test_moves.py."""
    here = (m for m in MOVES if (type(m.what), type(m.stage)) == (what, stage))
    assert set(cell.to) == {type(move.to) for move in here}
    assert len(cell.to) == len(set(cell.to))


def test_each_stage_is_entered_and_left() -> None:
    moves = [
        (stage, to)
        for row in TABLE.values()
        for stage, cell in row.items()
        for to in cell.to
        if to is not stage
    ]
    assert set(STAGES) == {stage for stage, _ in moves} == {to for _, to in moves}


def test_the_table_for_people_has_a_row_for_each_rule_of_each_thing_that_happens() -> None:
    rows = core_tables.claim_table().splitlines()[2:]
    rules = [(what, rule) for what, row in TABLE.items() for rule in {c.rule for c in row.values()}]
    assert len(rules) == len(rows)
    assert {what.__name__ for what in HAPPENINGS} == {row.split(" | ")[0][2:] for row in rows}
    assert all(rule.__doc__ for _, rule in rules), "a rule without a sentence"


def test_the_stages_for_people_are_all_of_them_with_a_sentence_each() -> None:
    rows = [row.strip("| ").split(" | ") for row in core_tables.stages().splitlines()[2:]]
    assert [(stage.__name__, stage.label) for stage in STAGES] == [(a, b) for a, b, _ in rows]
    assert all(sentence.endswith(".") for _, _, sentence in rows)


def test_each_class_of_failure_has_a_response() -> None:
    assert set(FailureKind) == set(RESPONSES)


def test_the_failures_for_people_have_a_row_for_each_class() -> None:
    rows = core_tables.failures({"one": USUAL}).splitlines()[2:]
    assert [kind.value for kind in RESPONSES] == [row.split(" | ")[0][2:] for row in rows]
    assert sum(row.endswith("| yes |") for row in rows) == sum(
        response.needs_operator for response in RESPONSES.values()
    )


def _sets_stage(node: ast.AST) -> bool:
    """Say whether a statement or call sets an attribute of this name."""
    match node:
        case ast.Attribute(attr="stage", ctx=ast.Store() | ast.Del()):
            return True
        case ast.Call(ast.Name("setattr") | ast.Attribute(attr="__setattr__"), arguments):
            return any(
                isinstance(each, ast.Constant) and each.value == "stage" for each in arguments
            )
        case _:
            return False


def test_only_the_table_sets_a_stage() -> None:
    found = [
        (str(path.relative_to(CORE)), function.name)
        for path in sorted(CORE.rglob("*.py"))
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if _sets_stage(node)
    ]
    assert [("claim/table.py", "take")] == found

"""Each rule of the claim table, at each of its edges: the whole of what it leaves, as a value."""

import pytest

from hakeeper.core.claim.stages import Stage
from hakeeper.core.claim.table import TABLE
from tests.core.claim import (
    moves_action,
    moves_held,
    moves_hold_down,
    moves_read,
    moves_said,
    moves_sent,
)
from tests.core.claim.moves import EVERY_STAGE, Move

MOVES: tuple[Move, ...] = (
    *moves_said.MOVES,
    *moves_read.MOVES,
    *moves_held.MOVES,
    *moves_hold_down.MOVES,
    *moves_sent.MOVES,
    *moves_action.MOVES,
)
"""All of them."""


@pytest.mark.parametrize("move", MOVES, ids=str)
def test_a_move_leads_to_its_stage_and_changes_nothing_else(move: Move) -> None:
    address, says = move.made()
    assert move.to == address.stage
    assert move.said == says
    assert move.expected() == address


@pytest.mark.parametrize("stage", EVERY_STAGE, ids=lambda stage: type(stage).__name__)
def test_what_has_no_cell_changes_nothing(stage: Stage) -> None:
    things = {type(move.what): move.what for move in MOVES}
    for what in (one for kind, one in things.items() if type(stage) not in TABLE[kind]):
        move = Move("no cell", stage, what, stage)
        assert (move.expected(), ()) == move.made(), move

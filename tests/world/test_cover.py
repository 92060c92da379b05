"""What must happen in the worlds of `make worlds` and does not is named; rare ones are clean."""

from hakeeper.adapters.journal.events import EVENTS
from hakeeper.core.claim.table import TABLE as CLAIM_TABLE
from hakeeper.core.model import Role
from hakeeper.core.roles.table import EVENT_OF_LINE, TABLE, RoleEvent
from hakeeper.simulate.faults.kinds import Kind
from tests.world.coverage import (
    NOT_IN_A_WORLD,
    NOT_MADE,
    OF_TWO_STEPS,
    not_moved,
    not_reported,
    not_taken,
    out_of_reach,
)
from tests.world.many import missing, run_plans
from tests.world.rare import RARE
from tests.world.rules import RULES
from tests.world.tally import Tally


def test_the_rare_worlds_show_what_they_are_made_for_and_no_rule_is_broken() -> None:
    total = run_plans(RARE)
    assert [] == total.failed
    shown = total.tally.transitions
    assert shown[RoleEvent.REPLACED.value, Role.FAULT.value]
    assert shown[RoleEvent.REPLACED.value, Role.MASTER.value]
    assert shown[RoleEvent.LINE_DELETED.value, Role.UNKNOWN.value]
    assert shown[RoleEvent.ANSWER_FAULT.value, Role.STOPPED.value]
    assert shown[RoleEvent.LOST.value, Role.STOPPED.value]
    for word in EVENT_OF_LINE.values():
        assert shown[word.value, Role.FAULT.value]
        assert shown[word.value, Role.STOPPED.value]
    moves = total.tally.claim_moves
    assert moves["Accepted", "MutateSent", "Verify"]
    assert moves["Accepted", "MutateSent", "MutateDue"]
    assert moves["LostTrack", "MutateDue", "Verify"]
    assert moves["HolderDown", "HoldDown", "MutateDue"]
    assert moves["Seen", "HoldDown", "MutateDue"]
    assert moves["Returned", "Idle", "HoldDown"]
    assert moves["NotFound", "Recheck", "Recheck"]
    terms = {stage for what, stage, _ in moves if what == "Master"}
    assert {"MutateDue", "MutateSent", "ActionRunning", "ReadBack", "Recheck", "HoldDown"} <= terms


def test_what_never_happened_is_named() -> None:
    lacking = missing(Tally())
    assert f"fault {Kind.FLAP.value} was never injected" in lacking
    assert f"fault {Kind.LOST_ANSWER.value} never struck a call" in lacking
    assert f"rule {RULES[0]} was never evaluated" in lacking
    assert "line MASTER was never heard as BACKUP" in lacking
    assert "claim.started was never reported" in lacking
    assert "Sending never happened in MutateDue" in lacking
    assert "Failed in MutateSent or MutateDue never led to Verify" in lacking


def test_what_happened_once_is_not_missing() -> None:
    tally = Tally()
    tally.transitions[RoleEvent.LINE_MASTER.value, Role.BACKUP.value] = 1
    tally.reports["claim.started"] = 1
    assert "line MASTER was never heard as BACKUP" not in list(not_taken(tally.transitions))
    assert "claim.started was never reported" not in list(not_reported(tally.reports))


def test_each_cell_of_the_role_table_must_be_taken_or_is_out_of_reach_for_a_reason() -> None:
    cells = sum(len(row) for row in TABLE.values())
    exempt = sum(out_of_reach(event, role) is not None for event in TABLE for role in Role)
    assert (95, 22) == (cells, exempt)
    assert cells - exempt == len(list(not_taken({})))


def test_each_line_of_the_claim_table_must_be_used_or_is_too_rare_for_a_reason() -> None:
    cells = [
        (what.__name__, stage.__name__, to.__name__)
        for what, row in CLAIM_TABLE.items()
        for stage, cell in row.items()
        for to in cell.to
    ]
    ways = {(what, "in", stage) for what, stage, _ in cells}
    ways |= {(what, "to", to) for what, _, to in cells}
    assert set() == {*NOT_MADE, *OF_TWO_STEPS} - ways
    assert [] == list(not_moved(dict.fromkeys(cells, 1)))
    assert list(not_moved({}))


def test_every_event_that_no_world_can_report_exists() -> None:
    assert set() == set(NOT_IN_A_WORLD) - set(EVENTS)

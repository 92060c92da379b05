"""Somebody moves the address away from the node that is MASTER."""

import pytest

from hakeeper.core.calls import FailureKind, Mutate, ReadAll, ReadOne
from tests.core.driver import WEB, Node, World, one_node
from tests.core.faults import failure

BACK_WITHIN_S = 15.0


def held() -> tuple[World, Node]:
    world, node = one_node()
    node.warm()
    node.line("VI_1", "MASTER")
    world.run_for(300.0)
    assert node.stage() == "held"
    return world, node


@pytest.mark.parametrize("wait_s", [0.0, 0.1, 3.3, 9.9, 700.0])
@pytest.mark.parametrize("thief", [2, 99, None])
def test_an_address_taken_from_the_master_is_back_within_15_s(
    thief: int | None, wait_s: float
) -> None:
    world, node = held()
    world.run_for(wait_s)
    sent = len(node.assigns)
    world.cloud.move(WEB, thief)
    world.run_while(lambda: world.cloud.holder(WEB) != 1, BACK_WITHIN_S)
    world.run_for(1.0)
    [drifted] = node.reports("address.drifted")
    assert ("nobody" if thief is None else str(thief)) == drifted.fields["holder"]
    assert sent + 1 == len(node.assigns)
    assert node.stage() == "held"


def test_a_single_read_that_is_out_of_date_moves_nothing_and_says_nothing() -> None:
    world, node = held()
    reported = len(node.reported)
    world.cloud.move(WEB, 2)
    world.run_while(lambda: node.stage() == "held", 15.0)
    world.cloud.move(WEB, 1)
    world.run_for(60.0)
    assert 1 == len(node.assigns)
    assert reported == len(node.reported)
    assert node.stage() == "held"


@pytest.mark.parametrize("word", ["MASTER_RX_LOWER_PRI", "MASTER"])
def test_a_hint_that_repeats_ten_times_a_second_is_heeded_at_most_each_ten_seconds(
    word: str,
) -> None:
    world, node = held()
    reported = len(node.reported)
    before = len(node.asked(ReadOne))
    for _ in range(6000):
        node.line("VI_1", word)
        world.run_for(0.1)
    assert 55 <= len(node.asked(ReadOne)) - before <= 64
    assert 1 == len(node.assigns)
    assert reported == len(node.reported)


def test_a_hint_after_a_quiet_minute_is_heeded_at_once_again() -> None:
    world, node = held()
    for _ in range(100):
        node.line("VI_1", "MASTER_RX_LOWER_PRI")
        world.run_for(1.0)
    world.run_for(61.0)
    before = len(node.asked(ReadOne))
    node.line("VI_1", "MASTER_RX_LOWER_PRI")
    assert before + 1 == len(node.asked(ReadOne))


def test_a_hint_in_the_middle_of_a_claim_changes_nothing() -> None:
    world, node = one_node()
    node.warm()
    world.run_for(30.0)
    node.holding = (Mutate,)
    node.line("VI_1", "MASTER")
    calls = len(node.calls)
    node.line("VI_1", "MASTER_RX_LOWER_PRI")
    assert calls == len(node.calls)


def test_a_drift_while_the_api_fails_is_found_when_it_is_back() -> None:
    world, _node = held()
    world.cloud.fail(failure(FailureKind.TRANSIENT))
    world.cloud.move(WEB, 2)
    world.run_for(2000.0)
    world.cloud.heal()
    world.run_while(lambda: world.cloud.holder(WEB) != 1, BACK_WITHIN_S)


def test_a_read_that_was_overtaken_by_a_newer_one_is_not_believed() -> None:
    world, node = held()
    node.holding = (ReadAll,)
    world.run_while(lambda: not node.open_calls(ReadAll), 15.0)
    [old] = node.open_calls(ReadAll)
    node.holding = ()
    world.cloud.move(WEB, 2)
    answer = world.cloud.answer(old.request, 1)
    world.cloud.move(WEB, 1)
    world.run_for(1.0)
    node.line("VI_1", "MASTER_RX_LOWER_PRI")
    world.run_for(1.0)
    node.answer(old, answer)
    assert node.stage() == "held"

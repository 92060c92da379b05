"""Two or more nodes that all believe they are MASTER, for hours."""

from dataclasses import replace
from itertools import pairwise

import pytest

from hakeeper.core.calls import FailureKind, Mutate, ReadServer
from hakeeper.core.claim.stages import HoldDown
from hakeeper.core.limits.backoff import RETRY, SLOW, Backoff
from hakeeper.core.limits.splitbrain import FREE_CLAIMS, SplitBrain
from tests.core.driver import WEB, Node, World, chance, one_node, settings
from tests.core.faults import failure

TEN_MINUTES_S = 600.0
CONTESTED = "hold-down"
MAIL = 4712
PARTS = 4
SEEDS = range(200)


def split(seed: int, nodes: int = 2, apart_s: float = 5.0) -> tuple[World, list[Node], float]:
    """Node 1 is MASTER and holds the address; then the others become MASTER as well."""
    world = World()
    rng = chance(seed)
    world.cloud.nature.latency_s = 0.05
    world.cloud.nature.action_s = rng.choice((0.0, 0.4, 2.0))
    world.cloud.add_ip(WEB, "web", "203.0.113.10/32", None)
    made = [world.add_node(n + 1, seed=1000 * seed + n) for n in range(nodes)]
    for node in made:
        node.warm()
    made[0].line("VI_1", "MASTER")
    world.run_for(rng.choice((10.0, 300.0)))
    begun_s = world.now
    for node in made[1:]:
        world.run_for(rng.uniform(0.0, apart_s))
        node.line("VI_1", "MASTER")
    return world, made, begun_s


def moves(world: World, begun_s: float) -> list[float]:
    return [move.at_s - begun_s for move in world.cloud.moves if move.at_s >= begun_s]


def assert_bounded(world: World, begun_s: float) -> None:
    """At most eight moves in the first ten minutes, then one in any ten minutes."""
    at_s = moves(world, begun_s)
    assert len([s for s in at_s if s <= TEN_MINUTES_S]) <= 8, at_s
    later = [s for s in at_s if s > TEN_MINUTES_S]
    gaps = [b - a for a, b in pairwise(later)]
    assert all(gap > TEN_MINUTES_S for gap in gaps), at_s


@pytest.mark.parametrize("part", range(PARTS))
def test_a_split_brain_of_two_for_two_hours_moves_the_address_eight_times_and_then_hardly(
    part: int,
) -> None:
    for seed in SEEDS[part::PARTS]:
        world, made, begun_s = split(seed)
        world.run_for(7200.0 if seed % 4 == 0 else 1500.0)
        assert_bounded(world, begun_s)
        for node in made:
            assert 1 == len(node.reports("address.held_down"))


def test_a_split_brain_with_every_answer_lost_is_bounded_as_well() -> None:
    for seed in range(10):
        world, _, begun_s = split(seed)
        world.cloud.fail(failure(FailureKind.OUTCOME_UNKNOWN), Mutate, commits=True)
        world.run_for(7200.0)
        assert_bounded(world, begun_s)


def test_a_split_brain_of_three_moves_the_address_twelve_times_in_ten_minutes() -> None:
    for seed in range(40):
        world, made, begun_s = split(seed, nodes=3)
        world.run_for(7200.0)
        at_s = moves(world, begun_s)
        assert len([s for s in at_s if s <= TEN_MINUTES_S]) <= 12, at_s
        for start_s in at_s:
            crowded = [s for s in at_s if start_s <= s <= start_s + TEN_MINUTES_S]
            assert len(crowded) <= (4 if start_s > TEN_MINUTES_S else 12), at_s
        reported = [len(node.reports("address.held_down")) for node in made]
        assert max(reported) == 1
        assert sum(reported) >= 2


def note_better_master(world: World, *better: Node, seconds: int) -> None:
    """The line that keepalived writes with each advert it hears from a lesser master."""
    for _ in range(seconds):
        for node in better:
            node.line("VI_1", "MASTER_RX_LOWER_PRI")
        world.run_for(1.0)


def test_under_an_asymmetric_cut_the_better_master_keeps_the_address_nearly_always() -> None:
    for seed in range(10):
        world, (better, lesser), begun_s = split(seed)
        note_better_master(world, better, seconds=7200)
        at_s = moves(world, begun_s)
        assert len([s for s in at_s if s <= TEN_MINUTES_S]) <= 8, at_s
        assert len(at_s) <= 8 + 2 * 7200 / TEN_MINUTES_S, at_s
        note_better_master(
            world, better, seconds=15
        )  # the lesser one may have had its turn in this very second
        assert world.cloud.holder(WEB) == better.server_id
        assert [] == better.reports("address.held_down")
        assert 1 == len(lesser.reports("address.held_down"))
        assert better.snapshot().roles[0].addresses[0].stage == "held"


@pytest.mark.parametrize("winner", [0, 1])
def test_two_that_are_both_told_to_be_the_better_one_slow_down_and_heal_in_time(
    winner: int,
) -> None:
    """As where both hear a third, lesser master that hears neither, nor they each other."""
    for seed in range(3):
        fight(seed, winner)


def fight(seed: int, winner: int) -> None:
    world, made, begun_s = split(seed)
    note_better_master(world, *made, seconds=1000)
    at_s = moves(world, begun_s)
    # Each: its edge, its answer to the first loss, and then what the pulses allow.
    assert len([s for s in at_s if s <= TEN_MINUTES_S]) <= 2 * (2 + FREE_CLAIMS + 60), at_s
    assert len([s for s in at_s if s > TEN_MINUTES_S]) <= 2 * (1 + 40), at_s
    made[1 - winner].line("VI_1", "BACKUP")
    # The fight has used up what may be spent on it: each call waits until one flows in.
    world.run_while(lambda: world.cloud.holder(WEB) != winner + 1, 30.0)
    note_better_master(world, made[winner], seconds=60)
    assert made[winner].stage() == "held"
    assert [] == made[winner].reports("address.held_down")


@pytest.mark.parametrize("winner", [0, 1])
def test_a_healed_split_gives_the_address_to_the_winner_within_seconds(winner: int) -> None:
    for seed in range(20):
        heal(seed, winner)


def heal(seed: int, winner: int) -> None:
    world, made, _ = split(seed)
    world.run_for(chance(seed).uniform(60.0, 7000.0))
    made[1 - winner].line("VI_1", "BACKUP")
    made[winner].line("VI_1", "MASTER_RX_LOWER_PRI")
    world.run_while(lambda: world.cloud.holder(WEB) != winner + 1, 5.0)
    world.run_for(120.0)
    assert made[winner].stage() == "held"
    assert made[1 - winner].stage() == "idle"


# --- one node, and somebody who takes the address again and again ------------------------------


def contested() -> tuple[World, Node]:
    world, node = one_node()
    node.warm()
    node.line("VI_1", "MASTER")
    for _ in range(2):
        world.run_while(lambda: node.stage() != "held", 15.0)
        world.run_for(2.5)
        world.cloud.move(WEB, 2)
        world.run_while(lambda: node.stage() == "held", 15.0)
    world.run_while(lambda: node.stage() != CONTESTED, 15.0)
    return world, node


def test_an_address_taken_once_a_while_is_taken_back_each_time() -> None:
    world, node = one_node()
    node.warm()
    node.line("VI_1", "MASTER")
    for _ in range(20):
        world.run_for(75.0)
        world.cloud.move(WEB, 2)
        world.run_while(lambda: world.cloud.holder(WEB) != 1, 15.0)
    assert [] == node.reports("address.held_down")


def test_a_contested_address_is_claimed_when_its_holders_server_is_deleted() -> None:
    world, _node = contested()
    world.run_for(5.0)
    del world.cloud.servers[2]
    world.run_while(lambda: world.cloud.holder(WEB) != 1, 35.0)


def long_contested() -> tuple[World, Node]:
    """Contested for the third time: the hold-down is a long one."""
    world, node = contested()
    for _ in range(2):
        world.run_while(lambda: node.stage() != "held", 300.0)
        world.run_for(2.5)
        world.cloud.move(WEB, 2)
        world.run_while(lambda: node.stage() != CONTESTED, 15.0)
    return world, node


def test_the_holders_server_is_looked_at_twice_a_minute_and_it_running_changes_nothing() -> None:
    world, node = long_contested()
    before = len(node.asked(ReadServer))
    world.run_for(150.0)
    assert 5 == len(node.asked(ReadServer)) - before
    assert node.stage() == CONTESTED


def test_a_failing_look_at_the_holders_server_changes_nothing() -> None:
    world, node = long_contested()
    world.cloud.fail(failure(FailureKind.TRANSIENT), ReadServer)
    world.run_for(100.0)
    assert node.stage() == CONTESTED


def test_a_late_look_at_the_holders_server_means_nothing_for_another_holder() -> None:
    world, node = contested()
    world.run_for(5.0)
    node.holding = (ReadServer,)
    world.run_while(lambda: not node.open_calls(ReadServer), 35.0)
    [call] = node.open_calls(ReadServer)
    world.cloud.add_server(2, "off")
    world.cloud.add_server(3)
    world.cloud.move(WEB, 3)
    world.run_for(11.0)
    node.release(call)
    world.run_for(1.0)
    assert node.stage() == CONTESTED


def test_a_fresh_master_edge_claims_a_contested_address_at_once() -> None:
    world, node = contested()
    world.run_for(5.0)
    sent = len(node.assigns)
    node.lines(("VI_1", "BACKUP"), ("VI_1", "MASTER"))
    assert sent + 1 == len(node.assigns)


def test_a_split_brain_is_reported_again_after_hours_of_peace() -> None:
    world, node = contested()
    world.run_for(20000.0)
    assert node.stage() == "held"
    for _ in range(2):
        world.run_for(2.5)
        world.cloud.move(WEB, 2)
        world.run_for(8.0)
    world.cloud.move(WEB, 2)
    world.run_for(30.0)
    assert 2 == len(node.reports("address.held_down"))


@pytest.mark.parametrize("stale_s", [0.5, 2.0, 20.0])
def test_reads_that_lag_are_no_loss(stale_s: float) -> None:
    world, node = one_node()
    node.warm()
    world.run_for(60.0)
    world.cloud.nature.latency_s = 0.05
    world.cloud.faults.stale_s = [stale_s]
    node.line("VI_1", "MASTER")
    world.run_for(stale_s + 10.0)
    assert node.stage() == "held"
    assert [] == [*node.reports("address.drifted"), *node.reports("address.held_down")]
    assert len(node.assigns) <= 1 + stale_s / 2.0


@pytest.mark.parametrize("action_s", [0.0, 1.2, 6.0])
def test_a_read_of_before_our_assign_that_comes_after_one_that_says_ours_is_no_loss(
    action_s: float,
) -> None:
    world, node = one_node()
    node.warm()
    world.run_for(60.0)
    world.cloud.nature.action_s = action_s
    node.line("VI_1", "MASTER")
    world.run_while(lambda: node.stage() != "held", action_s + 2.0)
    world.cloud.faults.stale_s = [2.5]
    world.run_for(30.0)
    assert [] == node.reports("address.drifted")
    assert 1 == len(node.assigns)


@pytest.mark.parametrize("lost_for_s", [4.0, 60.0, 600.0])
def test_writes_that_are_lost_are_no_loss_and_soon_repeated(lost_for_s: float) -> None:
    world, node = one_node()
    node.warm()
    world.run_for(60.0)
    world.cloud.nature.latency_s = 0.05
    world.cloud.faults.lost_writes = 1
    node.line("VI_1", "MASTER")
    world.run_for(lost_for_s)
    assert len(node.assigns) <= 2 + lost_for_s / 5.5
    world.cloud.faults.lost_writes = 0
    world.run_while(lambda: node.stage() != "held", 15.0)
    assert [] == [*node.reports("address.drifted"), *node.reports("address.held_down")]
    assert len(node.reports("claim.unknown")) <= 1


def test_two_unrelated_moves_cost_a_sole_master_half_a_minute() -> None:
    world, node = one_node()
    node.warm()
    node.line("VI_1", "MASTER")
    world.run_for(30.0)
    world.cloud.move(WEB, 2)
    world.run_while(lambda: world.cloud.holder(WEB) != 1, 15.0)
    world.run_for(30.0)
    world.cloud.move(WEB, 2)
    away_s = world.run_while(lambda: world.cloud.holder(WEB) != 1, 60.0)
    assert 30.0 <= away_s <= 60.0


def test_hold_downs_double_from_half_a_minute_to_a_quarter_of_an_hour() -> None:
    world, node = contested()
    waits_s = []
    for _ in range(5):
        waits_s.append(world.run_while(lambda: node.stage() != "held", 901.0))
        world.run_for(2.5)
        world.cloud.move(WEB, 2)
        world.run_while(lambda: node.stage() != CONTESTED, 15.0)
    least_s, most_s = (30.0, 120.0, 630.0, 630.0, 630.0), (43.0, 172.0, 900.1, 900.1, 900.1)
    for wait_s, least, most in zip(waits_s, least_s, most_s, strict=True):
        assert least <= wait_s <= most
    assert 1 == len(node.reports("address.held_down"))


def two_contested(second_holder: int) -> tuple[World, Node]:
    world, node = one_node(config=settings({"VI_1": ("web", "mail")}))
    world.cloud.add_server(3)
    world.cloud.add_ip(MAIL, "mail", "203.0.113.11/32", second_holder)
    node.warm()
    node.line("VI_1", "MASTER")
    for _ in range(2):
        world.run_for(4.0)
        world.cloud.move(WEB, 2)
        world.cloud.move(MAIL, second_holder)
    world.run_for(10.0)
    assert (CONTESTED, CONTESTED) == (node.stage(0), node.stage(1))
    return world, node


def test_one_look_at_a_server_serves_all_addresses_that_it_holds() -> None:
    world, node = two_contested(second_holder=2)
    before = len(node.asked(ReadServer))
    world.run_for(30.0)
    assert 1 == len(node.asked(ReadServer)) - before
    world.cloud.add_server(2, "off")
    world.run_for(35.0)
    assert (1, 1) == (world.cloud.holder(WEB), world.cloud.holder(MAIL))


@pytest.mark.parametrize("deleted", [True, False])
def test_a_holder_that_does_not_run_frees_only_what_it_holds(
    deleted: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    world, node = two_contested(second_holder=3)
    for address in node.core.state.resources.values():
        assert isinstance(address.stage, HoldDown)
        address.stage = replace(address.stage, until_s=world.now + 300.0)
    if deleted:
        del world.cloud.servers[3]
    else:
        world.cloud.add_server(3, "off")
    world.run_for(35.0)
    assert (2, 1) == (world.cloud.holder(WEB), world.cloud.holder(MAIL))
    assert CONTESTED == node.stage(0)


def test_a_turn_is_given_up_if_yet_another_server_took_its_own_just_before() -> None:
    world, node = contested()
    world.cloud.add_server(3)
    sent = len(node.assigns)
    [(_, hold_down)] = node.core.state.in_stage(HoldDown)
    world.run_until_s(hold_down.until_s - 0.01)
    world.cloud.move(WEB, 3)
    world.run_for(55.0)
    assert sent == len(node.assigns)
    assert node.stage() == CONTESTED


# --- the figures -------------------------------------------------------------------------------


def test_an_old_fight_is_forgotten() -> None:
    split_brain = SplitBrain()
    split_brain.claimed(0.0)
    assert not split_brain.lost(10.0, 5.0)
    split_brain.claimed(8000.0)
    assert not split_brain.lost(8010.0, 8005.0)
    assert 2 == split_brain.moves


def test_among_three_the_late_write_of_the_old_master_is_taken_back_at_once() -> None:
    world = World()
    world.cloud.add_ip(WEB, "web", "203.0.113.10/32", None)
    made = [world.add_node(server_id) for server_id in (1, 2, 3)]
    old, new = made[0], made[2]
    for node in made:
        node.warm()
    world.cloud.move(WEB, 2)
    world.run_for(120.0)
    new.line("VI_1", "MASTER")
    world.run_for(5.0)
    world.cloud.move(WEB, old.server_id)
    world.run_for(15.0)

    assert world.cloud.holder(WEB) == new.server_id
    assert [] == new.reports("address.held_down")


@pytest.mark.parametrize("backoff", [RETRY, SLOW])
def test_a_backoff_grows_to_its_cap_and_stays_there_for_ever(backoff: Backoff) -> None:
    rng = chance(1)
    for attempt in (0, 1, 5, 30, 10_000, 10**12):
        delay_s = backoff.delay_s(attempt, rng)
        full_s = min(backoff.cap_s, backoff.base_s * 2.0 ** min(attempt, 30))
        assert full_s * backoff.floor <= delay_s <= full_s

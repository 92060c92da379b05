"""Hundreds of addresses at once, locks, the quota, and the price of idleness."""

from dataclasses import replace

import pytest

from hakeeper.core.calls import FailureKind, Mutate, Quota, ReadActions, ReadAll, ReadOne
from hakeeper.diagnosis.snapshot import snapshot_of
from tests.core.cloud import Ending
from tests.core.driver import WEB, Node, World, one_node, settings
from tests.core.faults import failure
from tests.core.standing import cloud_of
from tests.support.resources import LIST, assign, read

MANY = 300


def many(count: int = MANY) -> tuple[World, Node]:
    world = World()
    world.cloud.nature.latency_s = 0.08
    world.cloud.add_server(2)
    for n in range(count):
        world.cloud.add_ip(n + 1, f"ip{n}", f"203.0.{n // 256}.{n % 256}/32", 2)
    node = world.add_node(1, settings({"VI_1": tuple(f"ip{n}" for n in range(count))}))
    node.start()
    node.line("VI_1", "BACKUP")
    world.run_for(30.0)
    return world, node


def mine(world: World) -> int:
    return sum(world.cloud.holder(i) == 1 for i in world.cloud.resources)


def held(node: Node) -> int:
    return sum(a.stage == "held" for a in node.snapshot().roles[0].addresses)


def test_three_hundred_addresses_are_claimed_in_parallel_for_hardly_more_calls() -> None:
    world, node = many()
    begun_s = world.now
    node.line("VI_1", "MASTER")
    assert 8 == len(node.assigns)
    took_s = world.run_while(lambda: held(node) < MANY, 60.0)
    calls = [c for c in node.calls if c.at_s >= begun_s]
    assert MANY == mine(world)
    assert MANY == len(node.assigns)
    assert len(calls) <= 1.2 * MANY
    assert took_s < 10.0


def test_the_actions_of_many_are_read_25_at_a_time() -> None:
    world, node = many()
    world.cloud.nature.action_s = 30.0
    node.line("VI_1", "MASTER")
    world.run_for(8.0)
    sizes = [len(c.request.action_ids) for c in node.asked(ReadActions)]  # type: ignore[union-attr]
    assert max(sizes) == 25
    world.run_for(60.0)
    assert MANY == held(node)


def test_a_lone_claim_among_settled_ones_is_confirmed_by_a_read_of_its_own() -> None:
    world, node = one_node(config=settings({"VI_1": ("web",), "VI_2": ("mail",)}))
    world.cloud.add_ip(4712, "mail", "203.0.113.11/32", 2)
    node.warm()
    node.line("VI_1", "MASTER")
    world.run_for(60.0)
    begun_s = world.now
    node.line("VI_2", "MASTER")
    world.run_for(1.0)
    assert [read(4712)] == [c.request for c in node.asked(ReadOne)][-1:]
    assert begun_s == node.asked(ReadOne)[-1].at_s


def test_where_a_running_action_locks_the_server_fewer_are_sent_at_once_and_all_arrive() -> None:
    world, node = many(30)
    world.cloud.nature.action_s = 0.3
    world.cloud.nature.lock_servers = True
    node.line("VI_1", "MASTER")
    took_s = world.run_while(lambda: held(node) < 30, 180.0)
    assert len(node.assigns) <= 30 * 6
    assert took_s < 60.0


def test_claims_that_lock_each_other_out_go_one_by_one_without_a_word_of_failure() -> None:
    world, node = many(30)
    world.cloud.nature.action_s = 1.0
    world.cloud.nature.lock_servers = True
    node.line("VI_1", "MASTER")
    world.run_while(lambda: held(node) < 30, 180.0)
    assert 30 == held(node)
    assert len(node.assigns) <= 30 + 20
    assert [] == node.reports("claim.failed")


def test_a_lock_that_lasts_costs_a_call_now_and_then_however_many_addresses_wait() -> None:
    world, node = many(100)
    world.cloud.fail(failure(FailureKind.LOCKED, "locked"), Mutate)
    node.line("VI_1", "MASTER")
    world.run_for(60.0)
    before = len(node.calls)
    world.run_for(600.0)
    assert len(node.calls) - before <= 600
    world.cloud.heal()
    world.run_while(lambda: held(node) < 100, 60.0)
    assert 100 == held(node)


def test_a_new_term_as_master_waits_for_no_lock_that_an_older_one_has_met() -> None:
    world, node = many(2)
    world.cloud.fail(failure(FailureKind.LOCKED, "locked"), Mutate)
    node.line("VI_1", "MASTER")
    world.run_for(60.0)
    assert cloud_of(node.core.state).health.assigns_from_s > world.now
    node.line("VI_1", "BACKUP")
    world.run_for(2.0)
    begun_s = world.now
    node.line("VI_1", "MASTER")
    assert begun_s == node.assigns[-1]


def many_of_which_are_locked(count: int, locked: int) -> tuple[World, Node]:
    """Make many, the first of which are just being assigned to another server, without end."""
    world, node = many(count)
    world.cloud.add_server(3)
    world.cloud.ending = Ending.NEVER
    for number in range(1, locked + 1):
        world.cloud.answer(assign(number, 3), 3)
    world.cloud.ending = Ending.SUCCESS
    return world, node


@pytest.mark.parametrize(("action_s", "took_at_most_s"), [(0.0, 3.0), (0.5, 4.0), (1.2, 8.0)])
def test_the_first_8_of_40_being_locked_do_not_keep_the_other_32_from_being_claimed(
    action_s: float, took_at_most_s: float
) -> None:
    world, node = many_of_which_are_locked(40, 8)
    world.cloud.nature.action_s = action_s
    node.line("VI_1", "MASTER")
    took_s = world.run_while(lambda: held(node) < 32, 15.0)
    assert (32, 32) == (mine(world), held(node))
    assert took_s <= took_at_most_s
    world.run_for(1800.0)
    assert 32 == held(node)
    taken = range(20, 28)
    for number in taken:
        world.cloud.move(number, 2)
    world.run_for(15.0)
    assert {1} == {world.cloud.holder(number) for number in taken}


@pytest.mark.parametrize(("locked", "took_at_most_s"), [(24, 18.0), (32, 27.0)])
def test_of_40_those_that_are_free_wait_about_a_second_for_each_that_is_locked(
    locked: int, took_at_most_s: float
) -> None:
    world, node = many_of_which_are_locked(40, locked)
    node.line("VI_1", "MASTER")
    took_s = world.run_while(lambda: held(node) < 40 - locked, 120.0)
    assert took_s <= took_at_most_s
    assert len(node.calls) <= 40 + 60


# --- the price of idleness -------------------------------------------------------------------


def lists_in_an_hour(role: str, fault: FailureKind | None) -> int:
    world, node = one_node(holder=1)
    node.warm()
    node.line("VI_1", role)
    world.run_for(100.0)
    if fault is not None:
        world.cloud.fail(failure(fault))
    begun_s = world.now
    world.run_for(3600.0)
    others = [c for c in node.calls if c.at_s >= begun_s and c.request != LIST]
    assert [] == others
    return len(node.asked(ReadAll, since_s=begun_s))


@pytest.mark.parametrize(("role", "hourly"), [("MASTER", 360), ("BACKUP", 60)])
@pytest.mark.parametrize(
    "fault",
    [k for k in FailureKind if k not in (FailureKind.THROTTLED, FailureKind.CANCELLED)],
)
def test_idle_reading_costs_the_same_in_good_and_bad_times(
    role: str, hourly: int, fault: FailureKind
) -> None:
    good, bad = lists_in_an_hour(role, None), lists_in_an_hour(role, fault)
    assert abs(good - hourly) <= 1
    assert abs(bad - good) <= 1


def test_a_scarce_quota_slows_the_idle_reading_of_a_master_and_spares_the_rest() -> None:
    world, node = one_node(holder=1)
    node.warm()
    node.line("VI_1", "MASTER")
    world.run_for(100.0)
    node.quota = Quota(limit_per_hour=3600, remaining=20)
    begun_s = world.now
    world.run_for(600.0)
    assert len(node.asked(ReadAll, since_s=begun_s)) <= 12
    node.quota = Quota(limit_per_hour=3600, remaining=3000)
    world.run_for(60.0)
    begun_s = world.now
    world.run_for(600.0)
    assert len(node.asked(ReadAll, since_s=begun_s)) >= 59


def test_the_quota_is_thought_to_refill_by_its_hourly_limit_and_no_further() -> None:
    world, node = one_node()
    node.quota = Quota(limit_per_hour=3600, remaining=20)
    node.warm()
    world.run_for(10.0)
    assert 30 == node.snapshot().quota_left
    world.run_for(20.0)
    assert 50 == node.snapshot().quota_left
    assert 3600 == snapshot_of(node.core, world.now + 1e6).quota_left


def test_a_blocked_address_and_one_of_another_zone_are_reported() -> None:
    world, node = one_node()
    plain = world.cloud.resources[WEB]
    world.cloud.resources[WEB] = replace(
        plain,
        blocked=True,
        zone="us-east",
    )
    world.cloud.add_server(1, zone="eu-central")
    node.warm()
    world.run_for(600.0)
    assert 1 == len(node.reports("address.blocked"))
    [far] = node.reports("address.zone_mismatch")
    assert "us-east" in far.message
    assert "eu-central" in far.message

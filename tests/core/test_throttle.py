"""The bound on the journal: whatever happens, so many entries of one kind about one thing."""

import itertools
from dataclasses import replace

import pytest

from hakeeper.core.decisions.claims import ClaimAbandoned
from hakeeper.core.decisions.decision import Decision
from hakeeper.core.decisions.keepalived import (
    FifoOpened,
    RoleChanged,
    RoleUnverified,
    UnknownInstance,
)
from hakeeper.core.events import Report
from hakeeper.core.model import Role, VrrpId, VrrpKind
from hakeeper.core.throttle import BURST, EVERY_S, KEYS_LIMIT, Throttle
from tests.core.driver import instance, one_node, settings


def change(number: int, name: str = "VI_1") -> RoleChanged:
    return RoleChanged(instance(name), Role.BACKUP, Role.MASTER, "a reason", number)


def reports(*decisions: Decision) -> list[Report]:
    return [Report(decision) for decision in decisions]


def test_a_burst_passes_and_then_the_newest_of_each_while_with_the_number_before_it() -> None:
    throttle = Throttle()
    changes = [change(number) for number in range(BURST + 20)]
    assert reports(*changes[:BURST]) == throttle.passed(changes, 100.0)
    assert 100.0 + EVERY_S == throttle.next_at_s()
    assert [] == throttle.passed([], 100.0 + EVERY_S - 0.1)
    assert [Report(change(BURST + 19), held_back=19)] == throttle.passed([], 100.0 + EVERY_S)
    assert float("inf") == throttle.next_at_s()


def test_one_that_was_held_back_alone_is_told_as_it_is() -> None:
    throttle = Throttle()
    throttle.passed([change(number) for number in range(BURST)], 0.0)
    assert [] == throttle.passed([change(7)], 1.0)
    assert reports(change(7)) == throttle.passed([], EVERY_S)


def test_the_next_one_that_passes_tells_of_those_before_it() -> None:
    throttle = Throttle()
    throttle.passed([change(number) for number in range(BURST + 2)], 0.0)
    throttle.passed([change(1, "VI_2")], 1.0)
    assert [Report(change(BURST + 1), held_back=1)] == throttle.passed([change(99)], EVERY_S)
    assert reports(change(99)) == throttle.passed([], 2 * EVERY_S)


@pytest.mark.parametrize(
    "other",
    [
        change(1, "VI_2"),
        replace(change(1), vrrp=VrrpId(VrrpKind.GROUP, "VI_1")),
        UnknownInstance(instance("VI_1")),
        ClaimAbandoned(instance("VI_1"), "203.0.113.10", "a reason"),
        RoleUnverified(),
    ],
)
def test_kinds_and_things_are_counted_apart(other: Decision) -> None:
    throttle = Throttle()
    throttle.passed([change(number) for number in range(BURST + 1)], 0.0)
    assert reports(other) == throttle.passed([other], 0.0)


def test_two_addresses_of_an_instance_are_two_things() -> None:
    throttle = Throttle()
    one = ClaimAbandoned(instance("VI_1"), "203.0.113.10", "a reason")
    throttle.passed([one] * (BURST + 1), 0.0)
    two = replace(one, label="203.0.113.11")
    assert reports(two) == throttle.passed([two], 0.0)


def test_what_is_about_nothing_in_particular_is_bounded_by_its_kind() -> None:
    throttle = Throttle()
    assert reports(*[FifoOpened("x")] * 60) == throttle.passed([FifoOpened("x")] * 60, 0.0)
    assert [] == throttle.passed([FifoOpened("y")], 0.0)


def test_two_that_wait_are_reported_each_in_its_time() -> None:
    throttle = Throttle()
    for at_s, name in ((0.0, "VI_1"), (1.0, "VI_2")):
        throttle.passed([change(number, name) for number in range(BURST + 1)], at_s)
    assert reports(change(BURST, "VI_1")) == throttle.passed([], EVERY_S)
    assert 1.0 + EVERY_S == throttle.next_at_s()
    assert reports(change(BURST, "VI_2")) == throttle.passed([], 1.0 + EVERY_S)


def test_things_without_end_take_no_room_without_end() -> None:
    throttle = Throttle()
    for number in range(3 * KEYS_LIMIT):
        throttle.passed([change(1, f"VI_{number}")], number * EVERY_S)
    assert len(throttle._buckets) <= KEYS_LIMIT  # nothing else shows it


# --- all that keepalived and its pipe can do to the journal and the API --------------------------


@pytest.mark.parametrize("per_s", [2, 20])
def test_a_fifo_that_overflows_for_an_hour_leaves_the_journal_and_the_api_alone(
    per_s: int,
) -> None:
    world, node = one_node(holder=1, config=settings(can_query=True))
    node.dbus = {"VI_1": Role.MASTER}
    node.start()
    world.run_for(60.0)
    reported, asked = len(node.reported), len(node.calls)
    for _ in range(600 * per_s):
        node.lose_lines()
        world.run_for(1.0 / per_s)
    assert len(node.reported) - reported <= 1500, "ten minutes"
    assert len(node.calls) - asked <= 200
    world.run_for(60.0)
    assert ("MASTER", "held") == (node.role(), node.stage())


def test_a_role_that_flaps_is_followed_and_told_within_the_bound() -> None:
    world, node = one_node()
    node.warm()
    reported = len(node.reported)
    for word in itertools.islice(itertools.cycle(["MASTER", "BACKUP"]), 6000):
        node.line("VI_1", word)
        assert word == node.role()
        world.run_for(0.05)
    assert len(node.reported) - reported <= 8 * (BURST + 300 / EVERY_S), "five minutes"
    world.run_for(30.0)
    [*_, last] = node.reports("role.changed")
    assert "to BACKUP" in last.message
    assert instance("VI_1").name == last.fields["instance"]

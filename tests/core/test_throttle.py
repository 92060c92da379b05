"""The bound on the journal: whatever happens, so many entries of one kind about one thing."""

import itertools

import pytest

from hakeeper.core.events import Report
from hakeeper.core.model import Role
from hakeeper.core.throttle import BURST, EVERY_S, KEYS_LIMIT, Throttle
from tests.core.driver import instance, one_node, settings


def said(number: int, name: str = "VI_1") -> Report:
    return Report("role.changed", f"change {number}", {"instance": name})


def test_a_burst_passes_and_then_the_newest_of_each_while_with_the_number_before_it() -> None:
    throttle = Throttle()
    reports = [said(number) for number in range(BURST + 20)]
    assert reports[:BURST] == throttle.passed(reports, 100.0)
    assert 100.0 + EVERY_S == throttle.next_at_s()
    assert [] == throttle.passed([], 100.0 + EVERY_S - 0.1)
    [reported] = throttle.passed([], 100.0 + EVERY_S)
    assert f"change {BURST + 19} (and 19 before it were held back)" == reported.message
    assert float("inf") == throttle.next_at_s()


def test_one_that_was_held_back_alone_is_told_as_it_is() -> None:
    throttle = Throttle()
    throttle.passed([said(number) for number in range(BURST)], 0.0)
    assert [] == throttle.passed([said(7)], 1.0)
    assert [said(7)] == throttle.passed([], EVERY_S)


def test_the_next_one_that_passes_tells_of_those_before_it() -> None:
    throttle = Throttle()
    throttle.passed([said(number) for number in range(BURST + 2)], 0.0)
    throttle.passed([said(1, "VI_2")], 1.0)
    assert [f"change {BURST + 1} (and 1 before it were held back)"] == [
        one.message for one in throttle.passed([said(99)], EVERY_S)
    ]
    assert ["change 99"] == [one.message for one in throttle.passed([], 2 * EVERY_S)]


def test_kinds_and_things_are_counted_apart() -> None:
    throttle = Throttle()
    throttle.passed([said(number) for number in range(BURST + 1)], 0.0)
    assert [said(1, "VI_2")] == throttle.passed([said(1, "VI_2")], 0.0)
    other = Report("claim.started", "x", {"instance": "VI_1", "address": "203.0.113.10"})
    assert [other] == throttle.passed([other], 0.0)


def test_two_that_wait_are_reported_each_in_its_time() -> None:
    throttle = Throttle()
    for at_s, name in ((0.0, "VI_1"), (1.0, "VI_2")):
        throttle.passed([said(number, name) for number in range(BURST + 1)], at_s)
    assert [said(BURST, "VI_1")] == throttle.passed([], EVERY_S)
    assert 1.0 + EVERY_S == throttle.next_at_s()
    assert [said(BURST, "VI_2")] == throttle.passed([], 1.0 + EVERY_S)


def test_things_without_end_take_no_room_without_end() -> None:
    throttle = Throttle()
    for number in range(3 * KEYS_LIMIT):
        throttle.passed([said(1, f"VI_{number}")], number * EVERY_S)
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

"""Machines that go off and come back, in order and out of order."""

import time

import pytest

from tests.e2e.pair import Pair


@pytest.mark.cold
def test_cold_boot_with_the_preferred_machine_first(pair: Pair) -> None:
    pair.switch_on(pair.a)
    pair.settle(pair.a)
    pair.switch_on(pair.b)
    pair.settle(pair.a)

    assert pair.moves() == ["web-a"]
    pair.a.wait_for_event("address.claimed")
    pair.b.wait_for_event("role.changed", where=lambda entry: entry["HAKEEPER_ROLE"] == "BACKUP")
    assert pair.b.events("claim.started") == []


@pytest.mark.cold
def test_cold_boot_with_the_other_machine_first(pair: Pair) -> None:
    pair.switch_on(pair.b)
    pair.settle(pair.b)
    pair.switch_on(pair.a)
    pair.settle(pair.a)

    assert pair.moves() == ["web-b", "web-a"]
    pair.b.wait_for_event("address.claimed")
    pair.a.wait_for_event("address.claimed")


def test_reboot_of_the_master(pair: Pair) -> None:
    mark = time.time()

    pair.a.reboot(while_off=lambda: pair.wait_for_master(pair.b))
    pair.settle(pair.a)

    assert pair.moves() == ["web-b", "web-a"]
    pair.b.wait_for_event("address.claimed", mark)
    pair.b.wait_for_event(
        "role.changed", mark, where=lambda entry: entry["HAKEEPER_ROLE"] == "BACKUP"
    )
    assert len(pair.a.events("daemon.started")) == 2, "the journal outlived the reboot"
    assert len(pair.a.events("daemon.stopped")) == 1
    assert len(pair.a.events("address.claimed")) == 2


def test_power_cut_of_the_master(pair: Pair) -> None:
    mark = time.time()

    pair.cut_power(pair.a)
    pair.settle(pair.b)
    pair.b.wait_for_event("address.claimed", mark)
    assert pair.moves() == ["web-b"]

    pair.switch_on(pair.a)
    pair.settle(pair.a)
    assert pair.moves() == ["web-b", "web-a"]
    assert len(pair.a.events("daemon.started")) == 2
    assert pair.a.events("daemon.stopped") == [], "the power was cut: there was no time for words"


def test_power_cut_of_the_backup_moves_nothing(pair: Pair) -> None:
    mark = time.time()

    pair.cut_power(pair.b)
    pair.switch_on(pair.b)
    pair.settle(pair.a)

    assert pair.moves() == []
    assert pair.a.events("role.changed", mark) == []
    assert pair.a.events("claim.started", mark) == []

"""What an operator does to the two services, on machines that are at work."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from hakeeper.core.model import Role
from hakeeper.demo.lab import wait_until
from tests.e2e import package
from tests.e2e.machine import PATIENCE_S, PUBLIC, Machine
from tests.e2e.pair import FLOATING_IP, Pair
from tests.e2e.visitors import visiting

BOTH = pytest.mark.parametrize("name", ["web-a", "web-b"])


@BOTH
@pytest.mark.parametrize("verb", ["restart", "reload"])
def test_hakeeper_restarted_or_reloaded_moves_no_address(pair: Pair, name: str, verb: str) -> None:
    machine = pair.machine(name)
    mark = time.time()
    pid = machine.main_pid("hakeeper")

    machine.systemctl(verb, "hakeeper")
    if verb == "restart":
        machine.wait_for_event("daemon.stopped", mark)
        machine.wait_for_event("daemon.started", mark)
        assert machine.main_pid("hakeeper") != pid
    else:
        machine.wait_for_event("config.reloaded", mark)
        assert machine.main_pid("hakeeper") == pid
    pair.settle(pair.a)

    assert pair.moves() == []
    assert machine.events("claim.started", mark) == []
    assert machine.is_active("hakeeper")


def test_hakeeper_stopped_on_the_master_moves_nothing_and_is_right_when_started(pair: Pair) -> None:
    mark = time.time()

    pair.a.systemctl("stop", "hakeeper")
    pair.a.wait_for_event("daemon.stopped", mark)
    pair.cloud.move(pair.floating_ip, None)  # somebody takes it away meanwhile
    assert pair.moves() == [None]

    pair.a.systemctl("start", "hakeeper")
    pair.settle(pair.a)
    assert pair.moves() == [None, "web-a"]
    pair.a.wait_for_event("address.claimed", mark)


def test_keepalived_stopped_on_the_master(pair: Pair) -> None:
    mark = time.time()

    pair.a.systemctl("stop", "keepalived")
    pair.settle(pair.b)
    assert pair.moves() == ["web-b"]
    pair.a.wait_for_event("role.changed", mark, where=lambda one: one["HAKEEPER_ROLE"] == "STOPPED")
    pair.a.wait_for_event("keepalived.stopped", mark)
    pair.b.wait_for_event("address.claimed", mark)

    pair.a.systemctl("start", "keepalived")
    pair.settle(pair.a)
    assert pair.moves() == ["web-b", "web-a"]
    pair.a.wait_for_event("keepalived.seen", mark)
    pair.a.wait_for_event("address.claimed", mark)


@BOTH
def test_keepalived_restarted(pair: Pair, name: str) -> None:
    machine = pair.machine(name)
    mark = time.time()

    machine.systemctl("restart", "keepalived")
    machine.wait_for_event("keepalived.seen", mark)
    pair.settle(pair.a)

    assert pair.roles()[pair.b.name] is Role.BACKUP
    machine.wait_for_event(
        "role.changed", mark, where=lambda one: one["HAKEEPER_ROLE"] == "STOPPED"
    )


@BOTH
def test_keepalived_reloaded_moves_no_address(pair: Pair, name: str) -> None:
    machine = pair.machine(name)
    mark = time.time()
    fifo = machine.run("stat", "-c", "%i", "/run/hakeeper/notify.fifo")

    machine.systemctl("reload", "keepalived")
    pair.settle(pair.a)

    assert pair.moves() == []
    assert machine.run("stat", "-c", "%i", "/run/hakeeper/notify.fifo") == fifo
    assert machine.events("claim.started", mark) == []
    # It still hears: a failover after the reload works.
    pair.a.systemctl("stop", "keepalived")
    pair.settle(pair.b)
    pair.b.wait_for_event("address.claimed", mark)


@BOTH
def test_upgrade_at_work_moves_no_address(pair: Pair, name: str, tmp_path: Path) -> None:
    machine = pair.machine(name)
    deb, version = package.newer(package.find(), tmp_path)
    mark = time.time()
    pid = machine.main_pid("hakeeper")
    config, token = (
        machine.run("sha256sum", f"/etc/hakeeper/{file}") for file in ("hakeeper.yaml", "token")
    )

    machine.write(f"/root/{deb.name}", deb.read_bytes())
    machine.shell(f"apt-get install --yes /root/{deb.name}")
    started = machine.wait_for_event("daemon.started", mark)
    assert version in str(started["MESSAGE"])
    assert machine.main_pid("hakeeper") not in {0, pid}
    pair.settle(pair.a)

    assert pair.moves() == []
    assert machine.events("claim.started", mark) == []
    assert machine.run("sha256sum", "/etc/hakeeper/hakeeper.yaml") == config
    assert machine.run("sha256sum", "/etc/hakeeper/token") == token


def test_frozen_daemon_is_restarted_by_the_watchdog(pair: Pair) -> None:
    mark = time.time()
    pid = pair.a.main_pid("hakeeper")

    pair.a.run("kill", "-STOP", str(pid))
    pair.cloud.move(pair.floating_ip, None)  # it could not repair this
    pair.a.wait_for_event("daemon.started", mark)
    assert pair.a.main_pid("hakeeper") not in {0, pid}
    pair.settle(pair.a)

    assert pair.moves() == [None, "web-a"]
    told = pair.a.journal("--unit=hakeeper.service", "_PID=1")
    assert any("Watchdog timeout" in str(one["MESSAGE"]) for one in told), "systemd's own word"
    pair.a.wait_for_event("address.claimed", mark)


RESTART = "systemctl restart systemd-networkd"
NETWORKD_ANEW = pytest.mark.parametrize(
    "command", [RESTART, f"networkctl reconfigure {PUBLIC}"], ids=["restart", "reconfigure"]
)
"""After an upgrade of systemd, and by `netplan apply`. docs/check.md says what visitors saw."""


@pytest.mark.nightly
@NETWORKD_ANEW
def test_keepalived_does_not_notice_a_networkd_that_keeps_its_address(
    pair: Pair, tmp_path: Path, command: str
) -> None:
    """On both, networkd manages the interface to which keepalived adds the address."""
    for machine in pair.machines:
        _follow_the_check(machine)
    pair.settle(pair.a)
    pair.begin()
    before = len(pair.witness.heard())

    with visiting(pair, tmp_path) as visits:
        for machine in pair.machines:
            _run_and_wait(machine, command)
            assert _has_address(pair.a)
            assert not _has_address(pair.b)
        seen = visits.end()
    pair.settle(pair.a)
    assert pair.moves() == []
    assert pair.writes() == []
    assert pair.witness.heard()[before:] == ()
    _print_what_was_seen(command, seen)
    # Once two were lost when networkd 252 reconfigured, probably for want of its own route.
    assert seen["lost"] == [] or command != RESTART


@pytest.mark.nightly
@NETWORKD_ANEW
def test_all_ends_right_with_a_networkd_that_keeps_nothing(
    pair: Pair, tmp_path: Path, command: str
) -> None:
    before = len(pair.witness.heard())
    with visiting(pair, tmp_path) as visits:
        _run_and_wait(pair.a, command)
        pair.settle(pair.a)
        wait_until(
            lambda: _has_address(pair.a), timeout_s=PATIENCE_S, what="keepalived's address again"
        )
        seen = visits.end()
    heard = [f"{one.node} {one.line.state.value}" for one in pair.witness.heard()[before:]]
    _print_what_was_seen(f"{command}: {heard}, {pair.moves()}", seen)
    assert not _has_address(pair.b)


def _print_what_was_seen(what: str, seen: Mapping[str, Any]) -> None:
    """For docs/check.md; `-rP` shows it."""
    assert seen["asked"]
    print(f"{what}: {len(seen['lost'])} of {seen['asked']} lost")  # noqa: T201


def _follow_the_check(machine: Machine) -> None:
    """Do what `hakeeper check --online` says of systemd-networkd."""
    told = json.loads(machine.run("hakeeper", "check", "--online", "--json", check=False))["online"]
    [cure] = [each["cure"] for each in told["findings"] if each["check"] == "networkd"]
    machine.shell(cure)


def _run_and_wait(machine: Machine, command: str) -> None:
    """Run a command that sets networkd to work, and wait until its work is done."""
    machine.shell(command)
    wait_until(
        lambda: " routable configured" in _networkd_says(machine),
        timeout_s=PATIENCE_S,
        what=lambda: f"networkd to have configured {PUBLIC}: {_networkd_says(machine)}",
    )


def _networkd_says(machine: Machine) -> str:
    return " ".join(machine.try_run("networkctl", "list", "--no-legend", PUBLIC).split())


def _has_address(machine: Machine) -> bool:
    return f" {FLOATING_IP}/32" in machine.run("ip", "-brief", "address", "show", PUBLIC)
